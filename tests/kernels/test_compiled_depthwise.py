"""Compiled depthwise convolution: edges, phases, registers that overlap, bias and activation, and what it is chosen for."""

import numpy as np
import pytest

from gan_np import kernels
from gan_np.kernels import Activation, Into, threads
from gan_np.kernels.cases import convolution_geometry

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
TOLERANCE = {FLOAT32: 1e-5, FLOAT64: 1e-12}
GEOMETRIES = {
    "edges, strips and registers that overlap": convolution_geometry(2, (11, 21, 19), 19, (3, 3), (1, 1), (1, 1), 19),
    "stride 2, phases of two kinds": convolution_geometry(2, (9, 8, 16), 16, (3, 3), (2, 2), (1, 1), 16),
    "pixels that no tap reaches": convolution_geometry(2, (7, 9, 16), 16, (1, 1), (3, 3), (0, 0), 16),
    "to one pixel": convolution_geometry(5, (4, 4, 32), 32, (4, 4), (1, 1), (0, 0), 32),
    "more padding than taps": convolution_geometry(1, (2, 3, 16), 16, (5, 3), (1, 1), (6, 4), 16),
}
ACTIVATIONS = [Activation(), Activation("leaky_relu", 0.2), *map(Activation, ("relu", "tanh", "sigmoid"))]


def walled(array):
    """The same numbers with NaN before and after them: a read outside of the array would be seen."""
    memory = np.full(array.size + 2048, np.nan, array.dtype)
    found = memory[1024:-1024].reshape(array.shape)
    found[...] = array
    return found


def plan_of(name, geometry):
    return kernels.entry("conv2d", name).implementation.plan(geometry)


def drawn(geometry, dtype, rng):
    shapes = geometry.weight_shape, geometry.large_shape, geometry.small_shape
    return [walled(rng.standard_normal(shape).astype(dtype)) for shape in shapes]


def sums(plan, w, a, b):
    weight, large, small = plan.prepare_weight(w), plan.prepare_large(a), plan.prepare_small(b)
    return plan.to_small(weight, large), plan.to_large(weight, small), plan.to_weight(large, small)


@pytest.mark.parametrize(
    ("label", "dtype"), [*((label, FLOAT32) for label in GEOMETRIES), (next(iter(GEOMETRIES)), FLOAT64)]
)
def test_all_three_agree_with_the_reference(label, dtype, rng):
    geometry = GEOMETRIES[label]
    w, a, b = drawn(geometry, dtype, rng)
    plan = plan_of("depthwise", geometry)
    found = sums(plan, w, a, b)
    expected = sums(plan_of("reference", geometry), *(array.astype(np.float64) for array in (w, a, b)))
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one - other).max() < TOLERANCE[dtype] * np.abs(other).max()
    with threads.held_to(3):
        for one, other in zip(sums(plan, w, a, b), found, strict=True):
            np.testing.assert_array_equal(one, other)
    # ⟨∂T/∂b, b⟩ = ⟨∂T/∂a, a⟩ = ⟨∂T/∂w, w⟩
    forms = [np.vdot(one.astype(np.float64), other) for one, other in zip(found, (b, a, w), strict=True)]
    scale = np.linalg.norm(found[0]) * np.linalg.norm(b)
    assert max(forms) - min(forms) < TOLERANCE[dtype] * scale


@pytest.mark.parametrize("label", ["edges, strips and registers that overlap", "to one pixel"])
def test_the_weights_gradient_is_added_where_it_is_asked_for(label, rng):
    geometry = GEOMETRIES[label]
    w, a, b = drawn(geometry, FLOAT32, rng)
    plan = plan_of("depthwise", geometry)
    total = plan.to_weight(a, b)
    into = w.copy()
    plan.to_weight(a, b, Into(into, add=True))
    np.testing.assert_allclose(into, w + total, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("label", ["edges, strips and registers that overlap", "stride 2, phases of two kinds"])
def test_bias_and_activation_the_same_as_in_two_steps(label, rng):
    geometry = GEOMETRIES[label]
    w, a, b = drawn(geometry, FLOAT32, rng)
    plan, epilogue = plan_of("depthwise", geometry), kernels.entry("bias_activation", "numba").implementation
    bias = rng.standard_normal(geometry.large[2]).astype(np.float32)
    bias[:3] = -np.inf, np.nan, np.inf
    for way, fused, image in (
        (plan.to_small, plan.to_small_with_epilogue, a),
        (plan.to_large, plan.to_large_with_epilogue, b),
    ):
        for activation in ACTIVATIONS:
            for given in (bias, None):
                expected = epilogue.forward(way(w, image), given, activation)
                np.testing.assert_array_equal(fused(w, image, given, activation), expected)


@pytest.mark.parametrize("label", GEOMETRIES)
def test_it_is_chosen_for_depthwise_convolutions(label):
    geometry = GEOMETRIES[label]
    assert kernels.choose("conv2d", kernels.Problem("cpu", FLOAT32, geometry.large_shape, geometry)).name == "depthwise"


@pytest.mark.parametrize(
    ("channels", "out", "groups", "reason"),
    [(8, 8, 8, "needed at least 16"), (32, 64, 32, "a group for each"), (32, 32, 4, "a group for each")],
)
def test_others_are_left_to_convolution_in_groups(channels, out, groups, reason):
    geometry = convolution_geometry(2, (6, 6, channels), out, (3, 3), (1, 1), (1, 1), groups)
    problem = kernels.Problem("cpu", FLOAT32, geometry.large_shape, geometry)
    assert reason in kernels.entry("conv2d", "depthwise").supports(problem)
    assert kernels.choose("conv2d", problem).name == "grouped"
