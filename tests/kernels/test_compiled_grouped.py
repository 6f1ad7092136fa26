"""Compiled grouped convolution: images read where they lie or copied, what lies outside of them, bias and activation."""

import numpy as np
import pytest

from gan_np import kernels
from gan_np.kernels import Activation, threads
from gan_np.kernels.cases import convolution_geometry
from gan_np.kernels.cpu import heap, workspace
from gan_np.kernels.cpu.grouped import plan as grouped_plan

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
TOLERANCE = {FLOAT32: 1e-5, FLOAT64: 1e-12}
GEOMETRIES = {
    "two groups in a line": convolution_geometry(3, (7, 7, 48), 48, (3, 3), (1, 1), (1, 1), 6),
    "a group in a line, bands": convolution_geometry(1, (30, 34, 32), 32, (3, 3), (1, 1), (1, 1), 2),
    "a group in two lines, stride 2": convolution_geometry(2, (9, 8, 64), 64, (4, 4), (2, 2), (1, 1), 2),
    "depthwise, bands": convolution_geometry(1, (33, 20, 32), 32, (3, 3), (1, 1), (1, 1), 32),
    "depthwise to one pixel": convolution_geometry(5, (4, 4, 32), 32, (4, 4), (1, 1), (0, 0), 32),
    "more taps than a mask's number has bits": convolution_geometry(1, (6, 7, 32), 32, (9, 9), (1, 1), (4, 4), 2),
    "pixels that no tap reaches": convolution_geometry(2, (7, 9, 32), 32, (1, 1), (2, 2), (0, 0), 2),
    "lanes without a channel": convolution_geometry(2, (5, 6, 9), 18, (3, 3), (2, 2), (1, 1), 3),
}
LEAKY = Activation("leaky_relu", 0.2)
ACTIVATIONS = [Activation(), LEAKY, *map(Activation, ("relu", "tanh", "sigmoid"))]


def placed(array, behind):
    """The same numbers so many bytes behind a cache line, NaN before and after them."""
    room = 4096 // array.itemsize
    memory = workspace.aligned(array.size + 2 * room, array.dtype)
    memory[:] = np.nan
    start = room + behind // array.itemsize
    found = memory[start : start + array.size].reshape(array.shape)
    found[...] = array
    return found


def drawn(geometry, dtype, rng):
    """w, a and b."""
    shapes = geometry.weight_shape, geometry.large_shape, geometry.small_shape
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def plan_of(name, geometry):
    return kernels.entry("conv2d", name).implementation.plan(geometry)


def sums(plan, w, a, b):
    """All three of a plan."""
    weight, large, small = plan.prepare_weight(w), plan.prepare_large(a), plan.prepare_small(b)
    return plan.to_small(weight, large), plan.to_large(weight, small), plan.to_weight(large, small)


def differences(found, expected):
    return [np.abs(one - other).max() / np.abs(other).max() for one, other in zip(found, expected, strict=True)]


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("label", GEOMETRIES)
def test_in_place_and_copied_have_the_same_bits(label, dtype, rng):
    geometry = GEOMETRIES[label]
    w, a, b = drawn(geometry, dtype, rng)
    expected = sums(plan_of("reference", geometry), *(array.astype(np.float64) for array in (w, a, b)))
    plan = plan_of("grouped", geometry)
    in_place, copied = (sums(plan, w, placed(a, behind), placed(b, behind)) for behind in (0, 16))
    assert max(differences(in_place, expected)) < TOLERANCE[dtype]
    for one, other in zip(in_place, copied, strict=True):
        np.testing.assert_array_equal(one, other)
    with threads.held_to(3):
        for one, other in zip(sums(plan, w, placed(a, 0), placed(b, 0)), in_place, strict=True):
            np.testing.assert_array_equal(one, other)


def test_which_images_are_read_in_place():
    """Else the test above would compare a way with itself."""
    straight = {
        label: grouped_plan._to_small(geometry, FLOAT32, (True, True))[0].blocks.straight
        for label, geometry in GEOMETRIES.items()
    }
    assert straight.pop("lanes without a channel") == (False, False)
    assert set(straight.values()) == {(True, True)}
    (work,) = grouped_plan._to_small(GEOMETRIES["depthwise, bands"], FLOAT32, (False, True))
    assert work.blocks.straight == (False, True)
    assert work.blocks.bands > 2


@pytest.mark.parametrize("label", ["two groups in a line", "depthwise, bands"])
def test_a_wrong_mask_is_noticed(label, rng, monkeypatch):
    """With one tap of one pixel left out, all three differ from the reference."""
    geometry = GEOMETRIES[label]
    arrays = drawn(geometry, FLOAT64, rng)
    w, a, b = arrays[0], placed(arrays[1], 0), placed(arrays[2], 0)
    expected = sums(plan_of("reference", geometry), *arrays)
    tables = grouped_plan._tables

    def spoiled(*given):
        found = tables(*given)
        masks = found.masks.copy()
        masks[5] ^= 1 << 4
        return found._replace(masks=grouped_plan._table(masks))

    for make in (grouped_plan._to_small, grouped_plan._to_large):
        make.cache_clear()
    try:
        monkeypatch.setattr(grouped_plan, "_tables", spoiled)
        found = sums(plan_of("grouped", geometry), w, a, b)
    finally:
        for make in (grouped_plan._to_small, grouped_plan._to_large):
            make.cache_clear()
    assert min(differences(found, expected)) > TOLERANCE[FLOAT64]


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("label", GEOMETRIES)
def test_bias_and_activation_the_same_as_in_two_steps(label, dtype, rng):
    geometry = GEOMETRIES[label]
    w, a, b = drawn(geometry, dtype, rng)
    plan, epilogue = plan_of("grouped", geometry), kernels.entry("bias_activation", "numba").implementation
    weight = plan.prepare_weight(w)
    for way, fused, image, channels in (
        (plan.to_small, plan.to_small_with_epilogue, a, geometry.small[2]),
        (plan.to_large, plan.to_large_with_epilogue, b, geometry.large[2]),
    ):
        bias = rng.standard_normal(channels).astype(dtype)
        for activation in ACTIVATIONS:
            for given in (bias, None):
                np.testing.assert_array_equal(
                    fused(weight, image, given, activation), epilogue.forward(way(weight, image), given, activation)
                )


def test_the_ends_of_the_number_line():
    """ReLU makes 0 of −∞, and NaN stays."""
    geometry = GEOMETRIES["two groups in a line"]
    w, a = np.zeros(geometry.weight_shape, np.float32), np.zeros(geometry.large_shape, np.float32)
    plan = plan_of("grouped", geometry)
    bias = np.zeros(48, np.float32)
    bias[:3] = -np.inf, np.nan, np.inf
    weight = plan.prepare_weight(w)
    y = plan.to_small_with_epilogue(weight, a, bias, Activation("relu"))
    np.testing.assert_array_equal(y[0, 3, 3, :4], np.array([0, np.nan, np.inf, 0], np.float32))
    y = plan.to_small_with_epilogue(weight, a, bias, LEAKY)
    np.testing.assert_array_equal(y[0, 3, 3, :4], np.array([-np.inf, np.nan, np.inf, 0], np.float32))


def test_results_begin_on_a_cache_line(rng):
    for geometry in (GEOMETRIES["depthwise, bands"], convolution_geometry(1, (9, 9, 16), 16, (1, 1), (1, 1), (0, 0))):
        name = "grouped" if geometry.groups > 1 else "pointwise"
        y, dx, _ = sums(plan_of(name, geometry), *drawn(geometry, FLOAT32, rng))
        assert heap.on_a_line(y)
        assert heap.on_a_line(dx)
    activation = kernels.entry("bias_activation", "numba").implementation
    assert heap.on_a_line(activation.backward(y, y, LEAKY, True)[0])
    assert not heap.on_a_line(placed(y, 16))
