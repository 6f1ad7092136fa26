"""Activations, maxout, and layers that do nothing in evaluation."""

from __future__ import annotations

from typing import Any

from gan_np import ops
from gan_np.layers import (
    DiffAugment,
    Dropout,
    LeakyReLU,
    Maxout,
    ReLU,
    Sigmoid,
    Softplus,
    Tanh,
    Variables,
)  # fmt: skip
from gan_np.networks import Identity

from .graph import Graph, Value, Values, exports

OPERATORS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def activated(graph: Graph, x: Value, activation: Any) -> Value:
    """f(x) for an activation as layers have it: a name, an `Activation` or None."""
    chosen = ops.activation(activation)
    if chosen.kind == "linear":
        return x
    if chosen.kind == "leaky_relu":
        return graph.node("LeakyRelu", x, alpha=float(chosen.slope))
    return graph.node(OPERATORS[chosen.kind], x)


@exports(ReLU, Tanh, Sigmoid)
def pointwise(graph: Graph, layer: Any, variables: Variables, x: Value) -> Value:
    """The operator of the activation's name."""
    return activated(graph, x, {ReLU: "relu", Tanh: "tanh", Sigmoid: "sigmoid"}[type(layer)])


@exports(LeakyReLU)
def leaky_relu(graph: Graph, layer: LeakyReLU, variables: Variables, x: Value) -> Value:
    """LeakyRelu, whose alpha is the slope."""
    return activated(graph, x, ops.Activation("leaky_relu", layer.slope))


@exports(Softplus)
def softplus(graph: Graph, layer: Softplus, variables: Variables, x: Value) -> Value:
    """log(1 + eˣ)."""
    return graph.node("Softplus", x)


@exports(Maxout)
def maxout(graph: Graph, layer: Maxout, variables: Variables, x: Value) -> Value:
    """The largest of `pieces` neighbouring channels."""
    shape = variables.declaration.output_shape
    grouped = graph.reshape(x, (shape[-1], layer.pieces, *x.places))
    return graph.node("ReduceMax", grouped, shape=shape, axes=[2], keepdims=0)


@exports(Dropout, DiffAugment, Identity)
def nothing(graph: Graph, layer: Any, variables: Variables, x: Values) -> Values:
    """In evaluation these give out their input."""
    return x
