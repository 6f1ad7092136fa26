"""Structures: chains, branches, loops, and the steps in which a GRAN draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.layers import Variables
from gan_np.models.gran import DrawStep, EmptyCanvas, FinishedCanvas
from gan_np.models.lapgan import AddDetail
from gan_np.networks import Fork, Loop, Parallel, Residual, Sequential

from .graph import Graph, Value, Values, exports
from .pointwise import activated


@exports(Sequential)
def sequential(graph: Graph, layer: Sequential, variables: Variables, x: Values) -> Values:
    """Write the layers of a chain one after the other."""
    for name, each in enumerate(layer.layers):
        x = graph.apply(each, variables.children[str(name)], x, str(name))
    return x


@exports(Fork)
def fork(graph: Graph, layer: Fork, variables: Variables, x: Values) -> tuple[Values, ...]:
    """Write all branches of a fork on one input."""
    return tuple(
        graph.apply(each, variables.children[str(name)], x, str(name)) for name, each in enumerate(layer.layers)
    )


@exports(Parallel)
def parallel(graph: Graph, layer: Parallel, variables: Variables, x: tuple[Values, ...]) -> tuple[Values, ...]:
    """Each on its own input."""
    branches = enumerate(zip(layer.layers, x, strict=True))
    return tuple(graph.apply(each, variables.children[str(name)], part, str(name)) for name, (each, part) in branches)


@exports(Residual)
def residual(graph: Graph, layer: Residual, variables: Variables, x: Value) -> Value:
    """The sum of both paths; the network names them 0.0 and 0.1."""
    children = variables.children["0"].children
    inner = graph.apply(layer.layer, children["0"], x, "0.0")
    beside = x if layer.shortcut is None else graph.apply(layer.shortcut, children["1"], x, "0.1")
    return graph.node("Add", inner, beside)


@exports(Loop)
def loop(graph: Graph, layer: Loop, variables: Variables, x: Values) -> Values:
    """Unrolled: every step has its own statistics, and all have the same weights, which are written once."""
    shared = variables.children["shared"]
    for step in range(layer.steps):
        name = f"step{step}"
        x = graph.apply(layer.layer, shared.with_state_of(variables.children[name]), x, name)
    return x


@exports(EmptyCanvas)
def empty_canvas(graph: Graph, layer: EmptyCanvas, variables: Variables, x: Value) -> tuple[Value, ...]:
    """h_z, and zeros for the code and the canvas."""
    height, width, channels = layer.image_shape
    return (
        x,
        _zeros(graph, x, (layer.code,), (layer.code,)),
        _zeros(graph, x, (channels, height, width), layer.image_shape),
    )


def _zeros(graph: Graph, x: Value, sizes: tuple[int, ...], shape: tuple[int, ...]) -> Value:
    nothing = graph.constant(np.zeros((1,) * (len(sizes) + 1)), "zero")
    return graph.node("Expand", nothing, graph.batch_and(x, sizes), shape=shape)


@exports(DrawStep)
def draw_step(graph: Graph, layer: DrawStep, variables: Variables, x: tuple[Value, ...]) -> tuple[Any, ...]:
    """One addition to the canvas. The last step's code is read by nobody, so it is left out of the file."""
    h_z, h_c, canvas = x
    drawn = graph.apply(layer.decoder, variables.children["decoder"], (h_z, h_c), "decoder")
    code = graph.apply(layer.encoder, variables.children["encoder"], drawn, "encoder")
    return h_z, code, graph.node("Add", canvas, drawn)


@exports(FinishedCanvas)
def finished_canvas(graph: Graph, layer: FinishedCanvas, variables: Variables, x: tuple[Value, ...]) -> Value:
    """The canvas through its activation."""
    return activated(graph, x[2], layer.activation)


@exports(AddDetail)
def add_detail(graph: Graph, layer: AddDetail, variables: Variables, x: tuple[Value, Value]) -> Value:
    """The detail added to the first channels of its context."""
    detail, context = x
    more = context.shape[-1] - detail.shape[-1]
    if not more:
        return graph.node("Add", context, detail)
    pads = graph.constant(np.array([0, 0, 0, 0, 0, more, 0, 0], np.int64), "pads")
    return graph.node("Add", context, graph.node("Pad", detail, pads, shape=context.shape))
