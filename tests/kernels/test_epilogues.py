"""Plans that do bias and activation on their way: the same numbers as two steps, and never in place of a forced kernel."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.kernels import Activation, threads
from gan_np.kernels.cases import convolution_geometry

GEOMETRIES = {
    "some channels at a time": convolution_geometry(1, (8, 6, 48), 20, (4, 4), (2, 2), (1, 1)),
    "the same in bands": convolution_geometry(1, (72, 72, 32), 5, (4, 4), (2, 2), (1, 1)),
    "bands of rows": convolution_geometry(1, (33, 14, 3), 17, (5, 5), (2, 2), (2, 2)),
    "bands, stride 1": convolution_geometry(2, (32, 8, 2), 9, (3, 3), (1, 1), (1, 1)),
    "bands, stride 3": convolution_geometry(1, (34, 9, 1), 6, (2, 2), (3, 3), (0, 0)),
    "whole images": convolution_geometry(9, (6, 7, 5), 11, (4, 4), (2, 2), (1, 1)),
}
ACTIVATIONS = [Activation(), *map(Activation, ("relu", "tanh", "sigmoid")), Activation("leaky_relu", 0.2)]


def plan_of(name, geometry):
    return kernels.entry("conv2d", name).implementation.plan(geometry)


FEW = [label for label, geometry in GEOMETRIES.items() if geometry.large[2] <= 4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "label"), [*(("direct", label) for label in GEOMETRIES), *(("few_channels", label) for label in FEW)]
)
def test_the_same_as_in_two_steps(name, label, dtype, rng):
    geometry = GEOMETRIES[label]
    weight, large, small = (
        rng.standard_normal(shape).astype(dtype)
        for shape in (geometry.weight_shape, geometry.large_shape, geometry.small_shape)
    )
    reference, plan = plan_of("reference", geometry), plan_of(name, geometry)
    wide, prepared = reference.prepare_weight(weight.astype(np.float64)), plan.prepare_weight(weight)
    ways = [(plan.to_large_with_epilogue, small, reference.to_large(wide, small.astype(np.float64)))]
    if name == "few_channels":
        ways.append((plan.to_small_with_epilogue, large, reference.to_small(wide, large.astype(np.float64))))
    epilogue = kernels.entry("bias_activation", "reference").implementation
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    for way, image, sums in ways:
        bias = rng.standard_normal(sums.shape[3]).astype(dtype)
        for activation in ACTIVATIONS:
            for given in (bias, None):
                expected = epilogue.forward(
                    sums.copy(), None if given is None else given.astype(np.float64), activation
                )
                for number in (1, 2, 3):
                    with threads.held_to(number):
                        found = way(prepared, image, given, activation)
                    assert found.dtype == dtype
                    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max(), (activation, number)


POINTWISE = {
    "a few pixels": convolution_geometry(2, (3, 5, 20), 37, (1, 1), (1, 1), (0, 0)),
    "many pixels": convolution_geometry(3, (14, 15, 9), 33, (1, 1), (1, 1), (0, 0)),
    "several blocks of channels": convolution_geometry(1, (3, 3, 300), 270, (1, 1), (1, 1), (0, 0)),
    "few channels": convolution_geometry(1, (3, 3, 3), 5, (1, 1), (1, 1), (0, 0)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("label", POINTWISE)
def test_one_tap_the_same_as_in_two_steps(label, dtype, rng):
    geometry = POINTWISE[label]
    channels = min(geometry.weight_shape[2:])  # sums of about 1, so that tanh does not enlarge how they are rounded
    weight = (rng.standard_normal(geometry.weight_shape) / channels**0.5).astype(dtype)
    plan, epilogue = plan_of("pointwise", geometry), kernels.entry("bias_activation", "reference").implementation
    prepared, tolerance = plan.prepare_weight(weight), 1e-5 if dtype == np.float32 else 1e-12
    matrix = weight[0, 0].astype(np.float64)
    for way, shape, factor in (
        (plan.to_small_with_epilogue, geometry.large_shape, matrix),
        (plan.to_large_with_epilogue, geometry.small_shape, matrix.T),
    ):
        image, bias = rng.standard_normal(shape).astype(dtype), rng.standard_normal(factor.shape[1]).astype(dtype)
        for activation in ACTIVATIONS:
            for given in (bias, None):
                wide = None if given is None else given.astype(np.float64)
                expected = epilogue.forward(image.astype(np.float64) @ factor, wide, activation)
                for number in (1, 3):
                    with threads.held_to(number):
                        found = way(prepared, image, given, activation)
                    assert found.dtype == dtype
                    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max(), (activation, number)


def test_bands_and_channels_are_what_the_labels_say():
    """Else the cases above would not be those that they are named after."""
    found = {label: plan_of("direct", geometry) for label, geometry in GEOMETRIES.items()}
    divided = {label: (plan.bands > 1, plan.width < plan.channels) for label, plan in found.items()}
    assert divided == {
        "some channels at a time": (False, True),
        "the same in bands": (True, True),
        "bands of rows": (True, False),
        "bands, stride 1": (True, False),
        "bands, stride 3": (True, False),
        "whole images": (False, False),
    }


def methods_of(**forced):
    """What a transposed convolution with an activation calls."""
    x, weight, bias = np.ones((1, 4, 4, 8), np.float32), np.ones((4, 4, 3, 8), np.float32), np.zeros(3, np.float32)
    with kernels.profile() as total, gn.use_kernels(conv2d="direct", **forced):
        gn.ops.conv_transpose2d(x, weight, bias, stride=2, padding=1, activation=Activation("tanh"))
    return {work.method for work in total.calls if work.method != "plan"}


def test_a_forced_kernel_is_not_passed_by():
    assert "to_large_with_epilogue" in methods_of()
    assert "forward" not in methods_of()
    assert "to_large_with_epilogue" not in methods_of(bias_activation="numba")
    assert "forward" in methods_of(bias_activation="numba")
