"""Dense layers and convolutions, with the weights that spectral normalisation makes of them."""

from __future__ import annotations

from typing import Any

from gan_np.arrays import to_host
from gan_np.layers import Conv2d, ConvTranspose2d, Dense, SpectralNorm, Variables

from ..spectral import normalised_weight
from .graph import Graph, Value, exports
from .pointwise import activated


@exports(Dense)
def dense(graph: Graph, layer: Dense, variables: Variables, x: Value) -> Value:
    """Write a dense layer as ONNX's Gemm, x·W + b."""
    inputs: list[Value | str] = [x, graph.constant(variables["weight"], "weight"), *_bias(graph, variables)]
    return activated(graph, graph.node("Gemm", *inputs, shape=(layer.out_features,)), layer.activation)


@exports(Conv2d)
def convolution(graph: Graph, layer: Conv2d, variables: Variables, x: Value) -> Value:
    """Conv, whose weight is (out, in/groups, kernel_height, kernel_width)."""
    weight = graph.constant(to_host(variables["weight"]).transpose(3, 2, 0, 1), "weight")
    return _convolved(graph, "Conv", layer, variables, x, weight)


@exports(ConvTranspose2d)
def transposed_convolution(graph: Graph, layer: ConvTranspose2d, variables: Variables, x: Value) -> Value:
    """ConvTranspose, whose weight is (in, out/groups, kernel_height, kernel_width)."""
    weight = graph.constant(to_host(variables["weight"]).transpose(3, 2, 0, 1), "weight")
    return _convolved(graph, "ConvTranspose", layer, variables, x, weight, output_padding=list(layer.output_padding))


@exports(SpectralNorm)
def spectral_norm(graph: Graph, layer: SpectralNorm, variables: Variables, x: Value) -> Any:
    """The layer inside, with the normalised weight."""
    weight = normalised_weight(layer, variables)
    return graph.apply(layer.layer, variables.with_parameter(layer.parameter, weight, variables.gradient), x)


def _convolved(
    graph: Graph, operator: str, layer: Any, variables: Variables, x: Value, weight: str, **more: Any
) -> Value:
    y = graph.node(
        operator,
        x,
        weight,
        *_bias(graph, variables),
        shape=variables.declaration.output_shape,
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.stride),
        pads=[*layer.padding, *layer.padding],
        **({"group": layer.groups} if layer.groups != 1 else {}),
        **more,
    )
    return activated(graph, y, layer.activation)


def _bias(graph: Graph, variables: Variables) -> list[str]:
    bias = variables.get("bias")
    return [] if bias is None else [graph.constant(bias, "bias")]
