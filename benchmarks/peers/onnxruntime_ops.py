"""Single operations as an ONNX graph of one node, run by onnxruntime: forward alone, as it does not train."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from gan_np.arrays import Array
from gan_np.kernels import Case

from . import installed

Made = dict[str, tuple[Callable[[], Any], Callable[[Any], list[Array]]]]
OPSET, IR_VERSION = 17, 8


def methods(case: Case, arrays: list[Array], threads: int) -> dict[str, Made]:
    """The case's forward; empty where there is no such node, in float64, or without the package onnx, which makes graphs."""
    if not installed("onnx") or any(array.dtype == np.float64 for array in arrays):
        return {}
    if case.operation == "conv2d":
        return {"onnxruntime": {"forward": (_convolution(case, arrays, threads), _images)}}
    if case.operation == "dense":
        x, weight, _ = arrays
        run = _session("MatMul", {"x": x}, {"w": weight}, {}, threads)
        return {"onnxruntime": {"forward": (run, lambda z: [z])}}
    if case.operation == "softplus":
        (s,) = arrays
        return {"onnxruntime": {"forward": (_session("Softplus", {"x": s}, {}, {}, threads), lambda y: [y])}}
    return {}


def _images(value: Array) -> list[Array]:
    return [np.ascontiguousarray(value.transpose(0, 2, 3, 1))]


def _convolution(case: Case, arrays: list[Array], threads: int) -> Callable[[], Any]:
    geometry, (weight, large, _) = case.geometry, arrays
    assert geometry is not None
    options = {
        "kernel_shape": list(geometry.kernel),
        "strides": list(geometry.stride),
        "pads": [*geometry.padding, *geometry.padding],
        "group": geometry.groups,
    }
    x = np.ascontiguousarray(large.transpose(0, 3, 1, 2))
    return _session("Conv", {"x": x}, {"w": np.ascontiguousarray(weight.transpose(3, 2, 0, 1))}, options, threads)


def _session(
    node: str, inputs: dict[str, Array], constants: dict[str, Array], options: dict[str, Any], threads: int
) -> Callable[[], Any]:
    """One node, its weights inside the graph as in a model that is served."""
    from onnx import TensorProto, helper, numpy_helper

    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in inputs.items()]
    kept = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    made = helper.make_node(node, [*inputs, *constants], ["y"], **options)
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([made], "one", given, [out], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    # Threads that spin between runs would take time from the candidates that follow.
    settings.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, inputs)[0]
