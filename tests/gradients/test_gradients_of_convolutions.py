"""Convolution and transposed convolution over a grid: kernels, strides (above the kernel too), paddings, channels."""

import itertools

import numpy as np
import pytest

import gan_np as gn
from gan_np.kernels import large_size

KERNELS = (1, 3, (2, 3), (4, 4), (5, 1))
STRIDES = (1, 2, (2, 1), (3, 2))
PADDINGS = (0, 1, (1, 2), (3, 3))
CHANNELS = ((1, 1), (3, 5), (5, 3), (1, 17), (17, 1), (5, 17), (3, 3))
IMAGES = ((6, 5), (3, 8), (1, 1))


def _pair(value):
    return value if isinstance(value, tuple) else (value, value)


def _grid():
    """Channels and batch sizes take turns, so that each meets many geometries."""
    channels, batches = itertools.cycle(CHANNELS), itertools.cycle((1, 2, 3))
    for kernel, stride, padding in itertools.product(KERNELS, STRIDES, PADDINGS):
        yield kernel, stride, padding, *next(channels), next(batches)


def _sizes(shape, kernel, stride, padding, extra=(0, 0)):
    pairs = zip(shape, _pair(kernel), _pair(stride), _pair(padding), extra, strict=True)
    return [(size - 1) * s - 2 * p + k + e for size, k, s, p, e in pairs]


def _transposed():
    for image, out in (((3, 4), 0), ((4, 3), 1), ((1, 1), 2)):
        for kernel, stride, padding, channels, features, batch in _grid():
            extra = tuple(min(out, s - 1) for s in _pair(stride))
            if out and extra == (0, 0):
                continue
            if min(_sizes(image, kernel, stride, padding, extra)) >= 1:
                yield image, kernel, stride, padding, extra, channels, features, batch


def _convolutions():
    """Every image with every geometry in which at least one place of the kernel fits."""
    for image in IMAGES:
        for kernel, stride, padding, channels, features, batch in _grid():
            room = zip(image, _pair(kernel), _pair(padding), strict=True)
            if all(size + 2 * p >= k for size, k, p in room):
                yield image, kernel, stride, padding, channels, features, batch


@pytest.mark.parametrize(
    ("image", "kernel", "stride", "padding", "channels", "features", "batch"), list(_convolutions())
)
def test_conv2d(image, kernel, stride, padding, channels, features, batch):
    layer = gn.Conv2d(features, kernel, stride=stride, padding=padding)
    gn.testing.check_gradients(layer, (*image, channels), batch=batch, training=False, directions=2)


@pytest.mark.parametrize(
    ("image", "kernel", "stride", "padding", "extra", "channels", "features", "batch"), list(_transposed())
)
def test_conv_transpose2d(image, kernel, stride, padding, extra, channels, features, batch):
    layer = gn.ConvTranspose2d(features, kernel, stride=stride, padding=padding, output_padding=extra)
    gn.testing.check_gradients(layer, (*image, channels), batch=batch, training=False, directions=2)


GROUPED = [(2, 4, 6), (3, 3, 9), (5, 5, 5), (4, 16, 8), (17, 17, 17)]
"""Groups, channels, features."""


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("groups", "channels", "features"), GROUPED)
def test_groups(kernel, groups, channels, features):
    """Each with other strides and paddings, both ways."""
    stride, padding = STRIDES[groups % 4], PADDINGS[groups % 3]
    options = {"stride": stride, "padding": padding, "groups": groups}
    down = gn.Conv2d(features, kernel, **options)
    gn.testing.check_gradients(down, (6, 5, channels), batch=2, training=False, directions=2)
    up = gn.ConvTranspose2d(channels, kernel, **options)
    gn.testing.check_gradients(up, (4, 5, features), batch=2, training=False, directions=2)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("batch", [1, 4])
def test_dcgan_block(channels, batch):
    """4×4, stride 2, padding 1 both ways, as in DCGAN, at several channel counts."""
    before, after = channels
    down = gn.Conv2d(after, 4, stride=2, padding=1, activation="leaky_relu")
    up = gn.ConvTranspose2d(before, 4, stride=2, padding=1, activation="relu")
    gn.testing.check_gradients(gn.Sequential(down, up), (6, 4, before), batch=batch, training=False, directions=2)


def _table():
    """Each kernel of the table with each geometry that it does in float64: whatever the cost model would choose."""
    for case in gn.kernels.list_cases("conv2d"):
        for entry in gn.kernels.available("conv2d", case.problem(np.dtype(np.float64))):
            yield pytest.param(entry.name, case.geometry, id=f"{entry.name} {case.label}")


@pytest.mark.parametrize(("kernel", "geometry"), list(_table()))
def test_with_each_kernel(kernel, geometry, rng):
    options = {"stride": geometry.stride, "padding": geometry.padding, "groups": geometry.groups}
    extra = tuple(
        size - large_size(small, k, s, p, 0)
        for size, small, k, s, p in zip(
            geometry.large[:2], geometry.small[:2], geometry.kernel, geometry.stride, geometry.padding, strict=True
        )
    )
    weight = rng.standard_normal(geometry.weight_shape)
    large, small = rng.standard_normal(geometry.large_shape), rng.standard_normal(geometry.small_shape)

    def conv2d(x, w):
        return gn.ops.conv2d(x, w, **options)

    def conv_transpose2d(x, w):
        return gn.ops.conv_transpose2d(x, w, output_padding=extra, **options)

    with gn.use_kernels(conv2d=kernel):
        gn.testing.check_operation(conv2d, large, weight, directions=2)
        gn.testing.check_operation(conv_transpose2d, small, weight, directions=2)
