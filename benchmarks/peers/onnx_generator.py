"""A generator as an ONNX graph, run by onnxruntime.

The layouts are PyTorch's (see `torch_layers.py`): images (N, C, H, W), transposed weights (in, out, kh, kw).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import gan_np as gn
from gan_np.arrays import Array
from gan_np.ops import activation

from .orders import image_order

OPSET, IR_VERSION = 17, 8
"""Old enough for every onnxruntime of the last years."""

ACTIVATIONS = {"relu": "Relu", "leaky_relu": "LeakyRelu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def session(network: gn.Network, threads: int) -> onnxruntime.InferenceSession:
    """`network` ready to run: `session.run(None, {"z": z})[0]` are its images (N, C, H, W) for z (N, latent_dim)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin between runs would take time from the candidates that follow.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    model = export(network).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def export(network: gn.Network) -> onnx.ModelProto:
    """The graph of a Sequential in evaluation mode, from rows to images.

    Raises:
        TypeError: a layer without a counterpart here.
    """
    graph = _Graph(network)
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", *network.input_shape])
    height, width, channels = network.output_shape
    out = helper.make_tensor_value_info(graph.current, TensorProto.FLOAT, ["batch", channels, height, width])
    made = helper.make_graph(graph.nodes, "generator", [z], [out], graph.initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


class _Graph:
    """Nodes and constants, one after the other."""

    def __init__(self, network: gn.Network) -> None:
        structure = network.structure
        if not isinstance(structure, gn.Sequential):
            raise TypeError(f"network: expected a Sequential, got {structure!r}")
        self.network, self.current = network, "z"
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        for index, layer in enumerate(structure.layers):
            following = structure.layers[index + 1] if index + 1 < len(structure.layers) else None
            self._layer(f"{index}.", layer, following)
            kind, slope = activation(getattr(layer, "activation", None))
            if kind != "linear":
                options = {"alpha": float(slope)} if kind == "leaky_relu" else {}
                self._node(ACTIVATIONS[kind], [], **options)

    def _layer(self, path: str, layer: gn.Layer, following: gn.Layer | None) -> None:
        theta, state = self.network.parameters, self.network.state
        if isinstance(layer, gn.Dense):
            order = image_order(following.sizes) if isinstance(following, gn.Reshape) else None
            columns = slice(None) if order is None else order
            inputs = [theta[path + "weight"][:, columns]]
            inputs += [theta[path + "bias"][columns]] if layer.bias else []
            self._node("Gemm", inputs)
        elif isinstance(layer, gn.Reshape):
            height, width, channels = layer.sizes
            self._node("Reshape", [np.array([-1, channels, height, width], np.int64)])
        elif isinstance(layer, gn.Conv2d | gn.ConvTranspose2d):
            self._convolution(path, layer)
        elif isinstance(layer, gn.BatchNorm) and layer.affine and layer.scale and layer.bias:
            constants = [theta[path + "scale"], theta[path + "bias"]]
            constants += [state[path + "running_mean"], state[path + "running_variance"]]
            self._node("BatchNormalization", constants, epsilon=layer.epsilon)
        else:
            raise TypeError(f"{layer!r} has no counterpart in ONNX here")

    def _convolution(self, path: str, layer: gn.Conv2d | gn.ConvTranspose2d) -> None:
        theta = self.network.parameters
        kernel, stride, padding = (_pair(value) for value in (layer.kernel_size, layer.stride, layer.padding))
        options: dict[str, Any] = {"kernel_shape": kernel, "strides": stride, "pads": [*padding, *padding]}
        options |= {"group": layer.groups}
        inputs = [theta[path + "weight"].transpose(3, 2, 0, 1)]
        inputs += [theta[path + "bias"]] if layer.bias else []
        if isinstance(layer, gn.Conv2d):
            self._node("Conv", inputs, **options)
        else:
            self._node("ConvTranspose", inputs, output_padding=_pair(layer.output_padding), **options)

    def _node(self, kind: str, constants: list[Array], **options: Any) -> None:
        number = len(self.nodes)
        names = [f"{kind}{number}.{place}" for place in range(len(constants))]
        for name, constant in zip(names, constants, strict=True):
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(constant), name))
        output = f"{kind}{number}"
        self.nodes.append(helper.make_node(kind, [self.current, *names], [output], **options))
        self.current = output


def _pair(value: int | tuple[int, int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
