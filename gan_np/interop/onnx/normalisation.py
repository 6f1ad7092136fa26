"""Normalisations: of batches by the running statistics, of each example by its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array, to_host
from gan_np.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, MinibatchStandardDeviation, Variables

from .graph import Graph, Value, exports
from .pointwise import activated


@exports(BatchNorm)
def batch_norm(graph: Graph, layer: BatchNorm, variables: Variables, x: Value) -> Value:
    """BatchNormalization with the running statistics."""
    state = variables.state
    channels = state["running_mean"].shape
    scale, bias = variables.get("scale"), variables.get("bias")
    numbers = {
        "scale": np.ones(channels) if scale is None else scale,
        "bias": np.zeros(channels) if bias is None else bias,
        "running_mean": state["running_mean"],
        "running_variance": state["running_variance"],
    }
    names = [graph.constant(values, name) for name, values in numbers.items()]
    return activated(graph, graph.node("BatchNormalization", x, *names, epsilon=layer.epsilon), layer.activation)


@exports(LayerNorm)
def layer_norm(graph: Graph, layer: LayerNorm, variables: Variables, x: Value) -> Value:
    """Over all features of an example."""
    y = _standardised(graph, x, list(range(1, x.rank)), layer.epsilon)
    return activated(graph, _scaled(graph, y, variables, lambda one: np.moveaxis(one, -1, 0)), layer.activation)


@exports(GroupNorm, InstanceNorm)
def group_norm(graph: Graph, layer: Any, variables: Variables, x: Value) -> Value:
    """Over the pixels of neighbouring channels; instance normalisation has one channel in a group."""
    groups = layer.groups if isinstance(layer, GroupNorm) else x.shape[-1]
    grouped = graph.reshape(x, (groups, int(np.prod(x.shape)) // groups))
    even = _standardised(graph, grouped, [2], layer.epsilon)
    y = graph.reshape(even, (x.shape[-1], *x.places), x.shape)
    along = (-1, *(1,) * len(x.places))
    return activated(graph, _scaled(graph, y, variables, lambda one: one.reshape(along)), layer.activation)


@exports(MinibatchStandardDeviation)
def minibatch_deviation(graph: Graph, layer: MinibatchStandardDeviation, variables: Variables, x: Value) -> Value:
    """One more channel: the mean of the deviations over the batch."""
    centred = graph.node("Sub", x, graph.node("ReduceMean", x, axes=[0], keepdims=1))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), axes=[0], keepdims=1)
    deviation = graph.node("Sqrt", graph.node("Add", variance, graph.constant(layer.epsilon, "epsilon")))
    mean = graph.node("ReduceMean", deviation, axes=list(range(x.rank)), keepdims=1)
    plane = graph.node("Expand", mean, graph.batch_and(x, (1, *x.places)), shape=(*x.places, 1))
    return graph.node("Concat", x, plane, shape=(*x.places, x.shape[-1] + 1), axis=1)


def _standardised(graph: Graph, x: Value, axes: list[int], epsilon: float) -> Value:
    """(x − μ)/√(σ² + ε) along axes of the graph."""
    centred = graph.node("Sub", x, graph.node("ReduceMean", x, axes=axes, keepdims=1))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), axes=axes, keepdims=1)
    deviation = graph.node("Sqrt", graph.node("Add", variance, graph.constant(epsilon, "epsilon")))
    return graph.node("Div", centred, deviation)


def _scaled(graph: Graph, x: Value, variables: Variables, placed: Any) -> Value:
    """γ·x + β, as far as the layer has them; `placed` brings them to the graph's order of axes."""
    for name, operator in (("scale", "Mul"), ("bias", "Add")):
        values: Array | None = variables.get(name)
        if values is not None:
            x = graph.node(operator, x, graph.constant(placed(to_host(values)), name))
    return x
