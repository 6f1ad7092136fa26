"""No more work than `wrt` asks for: counted by kernels that count."""

import numpy as np
import pytest
from counting import CountingConvolution, CountingDense

import gan_np as gn
from gan_np.layers import ALL, INPUTS, NOTHING, PARAMETERS


@pytest.fixture
def counts(plant):
    """(what, (channels of the large image, of the small)) → times, for convolutions; and the same for dense layers."""
    convolution, dense = CountingConvolution(), CountingDense()
    with gn.use_kernels(conv2d=plant("conv2d", convolution), dense=plant("dense", dense)):
        yield convolution.counts, dense.counts


@pytest.fixture
def discriminator():
    structure = gn.Sequential(
        gn.LeakyReLU(),
        gn.Conv2d(2, 4, stride=2, padding=1, activation="leaky_relu"),
        gn.Conv2d(3, 4, stride=2, padding=1),
        gn.BatchNorm(activation="leaky_relu"),
        gn.Flatten(),
        gn.Dense(1),
    )
    return gn.Network(structure, (8, 8, 1))


@pytest.fixture
def generator():
    structure = gn.Sequential(
        gn.Dense(12),
        gn.Reshape(2, 2, 3),
        gn.BatchNorm(activation="relu"),
        gn.ConvTranspose2d(2, 4, stride=2, padding=1, activation="relu"),
        gn.ConvTranspose2d(1, 4, stride=2, padding=1, activation="tanh"),
    )
    return gn.Network(structure, (5,))


def images(rng):
    return rng.standard_normal((4, 8, 8, 1)).astype(np.float32)


FIRST, SECOND = (1, 2), (2, 3)


def test_in_its_own_step_the_first_layer_with_parameters_computes_no_input_gradient(counts, discriminator, rng):
    convolutions, dense = counts
    logits, pullback = discriminator.forward(images(rng), training=True, wrt=PARAMETERS)
    assert pullback(logits) is None
    assert convolutions["to_small", FIRST] == convolutions["to_small", SECOND] == 1
    assert convolutions["to_weight", FIRST] == convolutions["to_weight", SECOND] == 1
    assert convolutions["to_large", SECOND] == 1
    assert convolutions["to_large", FIRST] == 0
    assert dense["input_gradient", (12, 1)] == 1


def test_in_the_generators_step_the_discriminator_computes_no_weight_gradients(counts, discriminator, rng):
    convolutions, dense = counts
    logits, pullback = discriminator.forward(images(rng), training=True, wrt=INPUTS)
    assert pullback(logits).shape == (4, 8, 8, 1)
    assert {what for what, _ in convolutions} == {"prepare_weight", "to_small", "to_large"}
    assert {what for what, _ in dense} == {"forward", "input_gradient"}


def test_narrowing_a_kept_pullback_saves_the_same_work(counts, discriminator, rng):
    convolutions, dense = counts
    logits, pullback = discriminator.forward(images(rng), training=True, wrt=ALL)
    pullback(logits, inputs=False, keep=True)
    assert convolutions["to_large", FIRST] == 0
    assert convolutions["to_weight", FIRST] == 1
    pullback(logits, parameters=False)
    assert convolutions["to_large", FIRST] == 1
    assert convolutions["to_weight", FIRST] == 1
    assert sum(times for (what, _), times in dense.items() if what == "weight_gradient") == 1


def test_the_generators_own_first_layer_computes_no_input_gradient(counts, generator, rng):
    convolutions, dense = counts
    z = rng.standard_normal((4, 5)).astype(np.float32)
    fake, pullback = generator.forward(z, training=True, wrt=PARAMETERS)
    pullback(fake)
    assert {what for what, _ in dense} == {"forward", "weight_gradient"}
    # Transposed: forward is ∂T/∂a, the input gradient ∂T/∂b.
    assert {what for what, _ in convolutions} == {"prepare_weight", "to_large", "to_small", "to_weight"}


def test_sampling_computes_the_forward_only(counts, generator, rng):
    convolutions, dense = counts
    generator(rng.standard_normal((4, 5)).astype(np.float32))
    assert {what for what, _ in convolutions} == {"prepare_weight", "to_large"}
    assert {what for what, _ in dense} == {"forward"}


def test_weights_are_prepared_once_while_they_stay(counts, discriminator, rng):
    convolutions, _ = counts
    x = images(rng)
    for _ in range(3):
        logits, pullback = discriminator.forward(x, training=True)
        pullback(logits)
    assert convolutions["prepare_weight", FIRST] == 1
    gn.SGD(0.1).step(discriminator.parameters, discriminator.gradient)
    discriminator.forward(x, wrt=NOTHING)
    assert convolutions["prepare_weight", FIRST] == 2


def test_prepared_weights_are_not_shared_with_a_copy(counts, discriminator, rng):
    convolutions, _ = counts
    x = images(rng)
    discriminator(x)
    copy = discriminator.sharing()
    copy(x)
    assert convolutions["prepare_weight", FIRST] == 2


def test_prepared_weights_are_not_those_of_an_earlier_kernel_of_the_name(rng):
    """A kernel taken out, changed and registered again under its name: θ has not moved, but the kernel has."""

    def kernel(factor):
        class Plan(gn.kernels.reference.conv2d.DirectPlan):
            def prepare_weight(self, weight):
                return factor * weight

        class Kernel:
            def plan(self, geometry):
                return Plan(geometry)

        return Kernel

    network = gn.Network(gn.Conv2d(2, 3, bias=False), (5, 5, 1))
    x = rng.standard_normal((2, 5, 5, 1)).astype(np.float32)
    found = []
    for factor in (1, 2):
        gn.register_kernel("conv2d", "changing", kernel(factor), features=gn.kernels.FEATURES)
        try:
            with gn.use_kernels(conv2d="changing"):
                found.append(network(x))
        finally:
            gn.unregister_kernel("conv2d", "changing")
    np.testing.assert_array_equal(found[1], 2 * found[0])


def test_a_loop_prepares_its_weights_once(counts, rng):
    convolutions, _ = counts
    network = gn.Network(gn.Loop(gn.Conv2d(2, 3, padding=1), 4), (5, 5, 2))
    network(rng.standard_normal((2, 5, 5, 2)).astype(np.float32))
    assert convolutions["to_small", (2, 2)] == 4
    assert convolutions["prepare_weight", (2, 2)] == 1


def test_a_parallel_branch_that_is_not_asked_does_nothing(counts, rng):
    _, dense = counts
    network = gn.Network(gn.Sequential(gn.Parallel(gn.Dense(3), gn.Dense(2)), gn.Concatenate()), ((4,), (5,)))
    x = rng.standard_normal((3, 4)).astype(np.float32), rng.standard_normal((3, 5)).astype(np.float32)
    y, pullback = network.forward(x, wrt=gn.Wrt((False, True), False))
    pullback(y)
    assert dense["input_gradient", (4, 3)] == 0
    assert dense["input_gradient", (5, 2)] == 1


def test_prepared_pictures_and_gradients_are_used_twice(plant, rng):
    """Forward's prepared image serves the weight gradient; the prepared dy serves both gradients."""
    prepared = []

    class Plan(gn.kernels.reference.conv2d.DirectPlan):
        keeps_large = True

        def prepare_large(self, large):
            prepared.append("large")
            return large

        def prepare_small(self, small):
            prepared.append("small")
            return small

    class Kernel:
        def plan(self, geometry):
            return Plan(geometry)

    with gn.use_kernels(conv2d=plant("conv2d", Kernel())):
        network = gn.Network(gn.Conv2d(2, 3), (6, 6, 1))
        y, pullback = network.forward(rng.standard_normal((2, 6, 6, 1)).astype(np.float32))
        pullback(y)
    assert prepared == ["large", "small"]
