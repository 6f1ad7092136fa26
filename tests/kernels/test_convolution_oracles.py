"""Convolution against programs that share nothing with it: loops over the formula, and scipy.signal.correlate."""

import functools
import itertools

import numpy as np
import pytest
from scipy import signal

from gan_np import kernels, ops

NAMES = [entry.name for entry in kernels.entries("conv2d")]
GEOMETRIES = [case.geometry for case in kernels.list_cases("conv2d")]
FLOAT64 = np.dtype(np.float64)


def supported():
    for name, case in itertools.product(NAMES, kernels.list_cases("conv2d")):
        if kernels.entry("conv2d", name).supports(case.problem(FLOAT64)) is None:
            yield pytest.param(name, case.geometry, id=f"{name} {case.label}")


@functools.cache
def arrays_of(geometry):
    """Weight, large and small image: the same for every kernel, so that what is expected of them is computed once."""
    rng = np.random.default_rng(1 + GEOMETRIES.index(geometry))
    return [rng.standard_normal(shape) for shape in (geometry.weight_shape, geometry.large_shape, geometry.small_shape)]


@functools.cache
def loops(geometry):
    """∂T/∂b, ∂T/∂a and ∂T/∂w of T = Σ w[u, v, c, d]·a[n, i·sh + u − ph, j·sw + v − pw, c]·b[n, i, j, d].

    Term by term over all but the channels c; with groups c counts the channels of a in the group of d.
    """
    weight, large, small = arrays_of(geometry)
    to_small, to_large, to_weight = np.zeros_like(small), np.zeros_like(large), np.zeros_like(weight)
    height, width = large.shape[1:3]
    for n, i, j, d in np.ndindex(small.shape):
        first = d * geometry.groups // small.shape[3] * weight.shape[2]
        channels = slice(first, first + weight.shape[2])
        for u, v in np.ndindex(weight.shape[:2]):
            row = i * geometry.stride[0] + u - geometry.padding[0]
            column = j * geometry.stride[1] + v - geometry.padding[1]
            if 0 <= row < height and 0 <= column < width:
                w, a, b = weight[u, v, :, d], large[n, row, column, channels], small[n, i, j, d]
                to_small[n, i, j, d] += (w * a).sum()
                to_large[n, row, column, channels] += w * b
                to_weight[u, v, :, d] += a * b
    return to_small, to_large, to_weight


@pytest.mark.parametrize(("name", "geometry"), list(supported()))
def test_against_loops(name, geometry):
    weight, large, small = arrays_of(geometry)
    plan = kernels.entry("conv2d", name).implementation.plan(geometry)
    w, a, b = plan.prepare_weight(weight), plan.prepare_large(large), plan.prepare_small(small)
    found = plan.to_small(w, a), plan.to_large(w, b), plan.to_weight(a, b)
    for left, right in zip(found, loops(geometry), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-10)


def correlate(x, weight, stride, padding, groups=1):
    (ph, pw), (sh, sw) = padding, stride
    padded = np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    channels, features = weight.shape[2:]
    images = [
        [
            sum(
                signal.correlate(image[:, :, d * groups // features * channels + c], weight[:, :, c, d], mode="valid")
                for c in range(channels)
            )[::sh, ::sw]
            for d in range(features)
        ]
        for image in padded
    ]
    return np.array(images).transpose(0, 2, 3, 1)


@functools.cache
def correlated(geometry):
    weight, x, _ = arrays_of(geometry)
    return correlate(x, weight, geometry.stride, geometry.padding, geometry.groups)


@pytest.mark.parametrize(("name", "geometry"), list(supported()))
def test_conv2d_against_scipy(name, geometry, rng):
    weight, x, _ = arrays_of(geometry)
    bias = rng.standard_normal(geometry.small[2])
    with kernels.use_kernels(conv2d=name):
        y, _ = ops.conv2d(x, weight, bias, stride=geometry.stride, padding=geometry.padding, groups=geometry.groups)
    expected = correlated(geometry) + bias
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("size", "stride", "padding", "extra"),
    [((4, 4), (2, 2), (1, 1), (0, 0)), ((3, 3), (2, 2), (1, 1), (1, 1)), ((2, 3), (3, 2), (0, 1), (2, 0))],
)
def test_conv_transpose2d_against_scipy(name, size, stride, padding, extra, rng):
    """Zeros between the pixels, then a full convolution: the textbook's image of a fractional stride."""
    x, weight = rng.standard_normal((2, 3, 4, 3)), rng.standard_normal((*size, 2, 3))
    problem_shape = tuple(kernels.large_size(x.shape[1 + k], size[k], stride[k], padding[k], extra[k]) for k in (0, 1))
    geometry = kernels.Geometry(2, (*problem_shape, 2), (3, 4, 3), size, stride, padding)
    if kernels.entry("conv2d", name).supports(kernels.Problem("cpu", FLOAT64, x.shape, geometry)) is not None:
        pytest.skip(f"{name} does not do this geometry")
    with kernels.use_kernels(conv2d=name):
        y, _ = ops.conv_transpose2d(x, weight, stride=stride, padding=padding, output_padding=extra)
    spread = np.zeros((2, *((n - 1) * s + 1 for n, s in zip(x.shape[1:3], stride, strict=True)), 3))
    spread[:, :: stride[0], :: stride[1]] = x
    full = np.array(
        [
            [sum(signal.convolve(image[:, :, d], weight[:, :, c, d], mode="full") for d in range(3)) for c in range(2)]
            for image in spread
        ]
    ).transpose(0, 2, 3, 1)
    full = np.pad(full, ((0, 0), (0, extra[0]), (0, extra[1]), (0, 0)))
    height, width = y.shape[1:3]
    expected = full[:, padding[0] : padding[0] + height, padding[1] : padding[1] + width]
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-10)


def test_oracle_geometries_are_varied():
    """Stride above the kernel, padding above what is needed, remainders, and one channel are among the cases."""
    assert any(g.stride[0] > g.kernel[0] for g in GEOMETRIES)
    assert any(g.padding[0] >= g.kernel[0] for g in GEOMETRIES)
    assert any((g.large[0] + 2 * g.padding[0] - g.kernel[0]) % g.stride[0] for g in GEOMETRIES)
    assert any(g.large[2] == 1 for g in GEOMETRIES)
    assert any(g.kernel[0] != g.kernel[1] for g in GEOMETRIES)
