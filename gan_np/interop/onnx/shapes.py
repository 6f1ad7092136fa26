"""Layers that rearrange, join, spread, multiply and resample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import to_host
from gan_np.layers import (
    Add,
    AveragePool2d,
    Basis,
    BlurDownsample2d,
    BlurUpsample2d,
    Concatenate,
    Flatten,
    InnerProduct,
    Planes,
    Reshape,
    Upsample2d,
    Variables,
    WeightedSum,
)  # fmt: skip

from .graph import Graph, Value, exports


@exports(Reshape, Flatten)
def reshape(graph: Graph, layer: Reshape | Flatten, variables: Variables, x: Value) -> Value:
    """The numbers of an example in the library's order, channels last, in another shape."""
    shape = variables.declaration.output_shape
    if shape == x.shape:
        return x
    if len(shape) == 1 and _orders_agree(x.shape):
        return graph.reshape(x, shape)
    if len(x.shape) == 1 and _orders_agree(shape):
        return graph.reshape(x, (shape[-1], *shape[:-1]), shape)
    return graph.channels_first(graph.reshape(graph.channels_last(x), shape), shape)


def _orders_agree(shape: tuple[int, ...]) -> bool:
    """Whether the numbers of an example lie in the same order with channels first."""
    return len(shape) == 1 or shape[-1] == 1 or math.prod(shape[:-1]) == 1


@exports(Add)
def add(graph: Graph, layer: Add, variables: Variables, x: tuple[Value, ...]) -> Value:
    """Write the sum of all inputs."""
    total, *others = x
    for other in others:
        total = graph.node("Add", total, other)
    return total


@exports(Concatenate)
def concatenate(graph: Graph, layer: Concatenate, variables: Variables, x: tuple[Value, ...]) -> Value:
    """Along the channels, which stand second in the graph."""
    return graph.node("Concat", *x, shape=variables.declaration.output_shape, axis=1)


@exports(Planes)
def planes(graph: Graph, layer: Planes, variables: Variables, x: Value) -> Value:
    """Features repeated over height and width."""
    return spread(graph, x, layer.height, layer.width)


def spread(graph: Graph, x: Value, height: int, width: int) -> Value:
    """(N, K) as K constant planes."""
    (features,) = x.shape
    points = graph.reshape(x, (features, 1, 1), (1, 1, features))
    return graph.node("Expand", points, graph.batch_and(x, (features, height, width)), shape=(height, width, features))


@exports(Upsample2d)
def upsample(graph: Graph, layer: Upsample2d, variables: Variables, x: Value) -> Value:
    """Resize by whole factors."""
    return enlarged(graph, x, layer.factor, layer.mode)


def enlarged(graph: Graph, x: Value, factor: tuple[int, int], mode: str) -> Value:
    """Each pixel repeated ("nearest"), or linear interpolation between pixel centres ("bilinear")."""
    height, width, channels = x.shape
    scales = graph.constant([1.0, 1.0, *map(float, factor)], "scales", "float32")
    settings = (
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        if mode == "nearest"
        else {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    )
    return graph.node("Resize", x, "", scales, shape=(height * factor[0], width * factor[1], channels), **settings)


@exports(AveragePool2d)
def average_pool(graph: Graph, layer: AveragePool2d, variables: Variables, x: Value) -> Value:
    """The mean over disjoint windows."""
    window = list(layer.window)
    return graph.node("AveragePool", x, shape=variables.declaration.output_shape, kernel_shape=window, strides=window)


@exports(BlurUpsample2d)
def blur_upsample(graph: Graph, layer: BlurUpsample2d, variables: Variables, x: Value) -> Value:
    """The transposed convolution of each channel with the low-pass, whose sum is 4."""
    odd = [int(one) for one in layer.odd]
    return _blurred(graph, "ConvTranspose", variables, x, 4.0, output_padding=odd)


@exports(BlurDownsample2d)
def blur_downsample(graph: Graph, layer: BlurDownsample2d, variables: Variables, x: Value) -> Value:
    """The convolution of each channel with the low-pass, whose sum is 1."""
    return _blurred(graph, "Conv", variables, x, 1.0)


def _blurred(graph: Graph, operator: str, variables: Variables, x: Value, total: float, **more: Any) -> Value:
    channels, taps = x.shape[-1], np.array([1.0, 3.0, 3.0, 1.0]) / 8
    weight = np.tile(total * np.outer(taps, taps), (channels, 1, 1, 1))
    shape = variables.declaration.output_shape
    options: dict[str, Any] = {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1], "group": channels}
    return graph.node(operator, x, graph.constant(weight, "low-pass"), shape=shape, **options, **more)


@exports(Basis)
def basis(graph: Graph, layer: Basis, variables: Variables, x: Value) -> Value:
    """Features times maps."""
    (features,) = x.shape
    points = graph.reshape(x, (features, 1, 1), (1, 1, features))
    maps = graph.constant(to_host(variables["weight"]).transpose(2, 0, 1), "weight")
    return graph.node("Mul", points, maps, shape=variables.declaration.output_shape)


@exports(WeightedSum)
def weighted_sum(graph: Graph, layer: WeightedSum, variables: Variables, x: Value) -> Value:
    """A convolution of each channel alone, to one pixel."""
    height, width, channels = x.shape
    weight = graph.constant(to_host(variables["weight"]).transpose(2, 0, 1)[:, None], "weight")
    pixel = graph.node("Conv", x, weight, shape=(1, 1, channels), kernel_shape=[height, width], group=channels)
    return graph.reshape(pixel, (channels,))


@exports(InnerProduct)
def inner_product(graph: Graph, layer: InnerProduct, variables: Variables, x: tuple[Value, ...]) -> Value:
    """A product and its sum."""
    axes = graph.constant(np.array([1], np.int64), "axes")
    return graph.node("ReduceSum", graph.node("Mul", *x), axes, shape=(1,), keepdims=1)
