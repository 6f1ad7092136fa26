"""Layers that rearrange, join, spread and resample."""

from __future__ import annotations

import math

from gan_np.layers import Add, AveragePool2d, Concatenate, Flatten, Planes, Reshape, Upsample2d, Variables

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
