"""What a pullback keeps alive: with weak references inside the network, and with tracemalloc."""

import tracemalloc
import weakref

import numpy as np
import pytest

import gan_np as gn
from gan_np.layers import ALL, INPUTS, NOTHING, PARAMETERS

needs_numba = pytest.mark.skipif(
    "numba" not in [entry.name for entry in gn.kernels.entries("batch_norm")], reason="needs Numba"
)


class Witness(gn.Layer):
    """Identity that remembers, weakly, what passed."""

    def __init__(self):
        self.seen = []

    def forward(self, variables, x, run):
        self.seen.append(weakref.ref(x))
        return x, lambda dy, wrt: dy

    def alive(self):
        return [reference() is not None for reference in self.seen]


def chain(*layers):
    """The layers with a witness of each input before it."""
    witnesses = [Witness() for _ in layers]
    pairs = [part for pair in zip(witnesses, layers, strict=True) for part in pair]
    return gn.Sequential(*pairs), witnesses


GENERATOR = (
    lambda: gn.Dense(32),
    lambda: gn.Reshape(4, 4, 2),
    lambda: gn.BatchNorm(activation="relu"),
    lambda: gn.ConvTranspose2d(2, 4, stride=2, padding=1, activation="relu"),
    lambda: gn.Upsample2d(2),
    lambda: gn.Conv2d(1, 3, padding=1, activation="tanh"),
    lambda: gn.GroupNorm(1, activation="tanh"),
    lambda: gn.LayerNorm(),
)


@pytest.mark.parametrize("training", [False, True])
def test_sampling_keeps_nothing(training, rng):
    structure, witnesses = chain(*(make() for make in GENERATOR))
    network = gn.Network(structure, (5,))
    y, pullback = network.forward(rng.standard_normal((3, 5)).astype(np.float32), training=training, wrt=NOTHING)
    assert [witness.alive() for witness in witnesses] == [[False]] * len(witnesses)
    del y, pullback


def test_training_keeps_what_backward_reads(rng):
    """So that the test above shows something: with everything asked, inputs of weights live on."""
    structure, witnesses = chain(gn.Dense(4), gn.Tanh(), gn.Dense(3))
    network = gn.Network(structure, (5,))
    y, pullback = network.forward(rng.standard_normal((3, 5)).astype(np.float32), wrt=ALL)
    assert [witness.alive() for witness in witnesses] == [[True], [False], [True]]
    del y, pullback


def test_inputs_are_not_kept_when_weight_gradients_are_not_asked(rng):
    """D in G's step: linear layers keep nothing, activations their output."""
    structure, witnesses = chain(gn.Conv2d(2, 3), gn.Conv2d(2, 3), gn.Flatten(), gn.Dense(3), gn.Dense(1))
    network = gn.Network(structure, (8, 8, 1))
    network(np.zeros((1, 8, 8, 1), np.float32))  # compiles kernels, which may hold frames until cycles are collected
    for witness in witnesses:
        witness.seen.clear()
    logits, pullback = network.forward(rng.standard_normal((3, 8, 8, 1)).astype(np.float32), training=True, wrt=INPUTS)
    assert [witness.alive() for witness in witnesses] == [[False]] * 5
    assert pullback(logits).shape == (3, 8, 8, 1)


def test_layers_before_the_first_parameters_keep_nothing(rng):
    structure, witnesses = chain(gn.Tanh(), gn.LeakyReLU(), gn.Dense(2))
    network = gn.Network(structure, (5,))
    y, pullback = network.forward(rng.standard_normal((3, 5)).astype(np.float32), wrt=PARAMETERS)
    assert [witness.alive() for witness in witnesses] == [[False], [False], [True]]
    pullback(y)


def test_a_used_pullback_frees_what_it_held(rng):
    structure, witnesses = chain(gn.Dense(4), gn.Dense(3))
    network = gn.Network(structure, (5,))
    x = rng.standard_normal((3, 5)).astype(np.float32)
    y, pullback = network.forward(x)
    del x
    pullback(y, keep=True)
    assert [witness.alive() for witness in witnesses] == [[True], [True]]
    pullback(y)
    assert [witness.alive() for witness in witnesses] == [[False], [False]]


def test_memory_is_freed_while_going_backwards(rng):
    """When a layer's turn comes, what later layers held is gone."""
    freed = []

    class Look(gn.Layer):
        def forward(self, variables, x, run):
            def pullback(dy, wrt):
                freed.append(witnesses[-1].alive())
                return dy

            return x, pullback

    structure, witnesses = chain(gn.Dense(4), Look(), gn.Dense(3))
    network = gn.Network(structure, (5,))
    y, pullback = network.forward(rng.standard_normal((3, 5)).astype(np.float32))
    pullback(y)
    assert freed == [[False]]


def _held(network, x, **options):
    """Bytes that live on after a forward, beside its output."""
    network.forward(x, **options)  # warm up what is computed once
    tracemalloc.start()
    y, pullback = network.forward(x, **options)
    held = tracemalloc.get_traced_memory()[0] - y.nbytes
    tracemalloc.stop()
    assert pullback is not None
    return held


def test_bytes_held_after_a_forward(rng):
    structure = gn.Sequential(
        gn.Dense(4 * 4 * 16),
        gn.Reshape(4, 4, 16),
        gn.BatchNorm(activation="relu"),
        gn.ConvTranspose2d(8, 4, stride=2, padding=1),
        gn.BatchNorm(activation="relu"),
        gn.ConvTranspose2d(1, 4, stride=2, padding=1, activation="tanh"),
    )
    network = gn.Network(structure, (8,))
    z = rng.standard_normal((32, 8)).astype(np.float32)
    activations = 32 * 4 * (4 * 4 * 16 + 8 * 8 * 8)
    assert _held(network, z, training=True, wrt=NOTHING) < 0.1 * activations
    assert _held(network, z, wrt=NOTHING) < 0.1 * activations
    assert _held(network, z, training=True, wrt=ALL) > activations


NORMALISED = (
    lambda: gn.Dense(4 * 4 * 16),
    lambda: gn.Reshape(4, 4, 16),
    lambda: gn.BatchNorm(activation="relu"),
    lambda: gn.ConvTranspose2d(8, 4, stride=2, padding=1),
    lambda: gn.BatchNorm(activation="leaky_relu"),
    lambda: gn.Conv2d(4, 4, stride=2, padding=1),
)


@needs_numba
def test_the_output_of_batch_normalisation_is_not_kept(rng):
    """It is as large as the input, which is; both layers around it used to hold it."""
    z = rng.standard_normal((64, 8)).astype(np.float32)
    inputs = 64 * 4 * (4 * 4 * 16 + 8 * 8 * 8)
    held = {}
    for name in ("numba", "reference"):
        network = gn.Network(gn.Sequential(*(make() for make in NORMALISED)), (8,))
        with gn.use_kernels(batch_norm=name):
            held[name] = _held(network, z, training=True, wrt=ALL)
    assert inputs < held["numba"] < 1.25 * inputs
    assert 2 * inputs < held["reference"], "the reference does not promise the same bits, so both are kept"


class Holder(gn.Layer):
    """Identity that keeps what passed, so that nothing need be computed again."""

    def __init__(self):
        self.seen = []

    def forward(self, variables, x, run):
        self.seen.append(x)
        return x, lambda dy, wrt: dy


def _gradient(layers, z, *, times=1):
    network = gn.Network(gn.Sequential(*layers), (8,), seed=3)
    y, pullback = network.forward(z, training=True)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    for left in reversed(range(times)):
        dz = pullback(dy, keep=left > 0)
    return network.gradient.values.copy(), dz


def test_what_is_computed_again_has_the_same_bits(rng):
    z = rng.standard_normal((5, 8)).astype(np.float32)
    plain = [make() for make in NORMALISED]
    held = [layer for pair in ((make(), Holder()) for make in NORMALISED) for layer in pair]
    for one, two in zip(_gradient(plain, z), _gradient(held, z), strict=True):
        np.testing.assert_array_equal(one, two)


def test_it_is_computed_again_as_often_as_a_pullback_is_used(rng):
    z = rng.standard_normal((5, 8)).astype(np.float32)
    once, twice = (_gradient([make() for make in NORMALISED], z, times=times)[0] for times in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, atol=1e-5 * abs(once).max())


class Halved(gn.Layer):
    """A layer applied to half of the input, with the run that was meant for the input."""

    def __init__(self, inner):
        self.inner = inner

    def declare(self, input_shape):
        inner = self.inner.build(input_shape)
        return gn.layers.Declaration(inner.output_shape, children={"inner": inner})

    def forward(self, variables, x, run):
        y, pullback = self.inner.apply(variables.children["inner"], x / 2, run)
        return y, lambda dy, wrt: pullback(dy, wrt) / 2


def test_only_the_very_array_is_computed_again():
    """A layer of somebody's own may hand its run on with another array than the one that the layer before gave out."""
    gn.testing.check_gradients(
        gn.Sequential(gn.BatchNorm(activation="tanh"), Halved(gn.Conv2d(2, 3))), input_shape=(4, 4, 2)
    )


def test_the_gradient_is_allocated_when_first_written(rng):
    network = gn.Network(gn.Dense(500), (500,))
    x = rng.standard_normal((2, 500)).astype(np.float32)
    gn.Network(gn.Dense(500), (500,))(x)  # compiles the kernel, which takes memory too
    tracemalloc.start()
    network(x)
    assert tracemalloc.get_traced_memory()[0] < network.parameters.values.nbytes / 2
    tracemalloc.stop()


class Shifted(gn.layers.Layer):
    """Somebody's own layer around another: it changes the inner layer's output in place and hands on its pullback."""

    def __init__(self, inner):
        self.inner = inner

    def build(self, shape):
        return self.inner.build(shape)

    def forward(self, variables, x, run):
        y, pullback = self.inner.forward(variables, x, run)
        y += 1
        return y, pullback


def test_the_output_of_a_layer_around_a_batch_normalisation_is_kept():
    gn.testing.check_gradients(
        gn.Sequential(Shifted(gn.BatchNorm()), gn.Conv2d(2, 3, padding=1)), input_shape=(4, 4, 2)
    )
