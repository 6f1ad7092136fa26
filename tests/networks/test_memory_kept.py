"""What a pullback keeps alive: with weak references inside the network, and with tracemalloc."""

import tracemalloc
import weakref

import numpy as np
import pytest

import gan_np as gn
from gan_np.layers import ALL, INPUTS, NOTHING, PARAMETERS


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


def test_the_gradient_is_allocated_when_first_written(rng):
    network = gn.Network(gn.Dense(500), (500,))
    x = rng.standard_normal((2, 500)).astype(np.float32)
    gn.Network(gn.Dense(500), (500,))(x)  # compiles the kernel, which takes memory too
    tracemalloc.start()
    network(x)
    assert tracemalloc.get_traced_memory()[0] < network.parameters.values.nbytes / 2
    tracemalloc.stop()
