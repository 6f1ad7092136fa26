"""Networks as ONNX files, a few nodes each, whose features are known by hand."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(
    path: Path,
    nodes: list[onnx.NodeProto],
    shape: list[int | str],
    outputs: dict[str, list[int | str]],
    *,
    kind: int = TensorProto.FLOAT,
    weights: dict[str, np.ndarray] | None = None,
) -> Path:
    """A network with the input "x" of this shape."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name, sides in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def means(path: Path, *, batch: int | str = "N", channels: int = 3, sides: tuple[int, int] = (4, 4)) -> Path:
    """The mean of each channel, of images with channels first: outputs "mean" (N, C), inside it "pooled" (N, C, 1, 1)."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["mean"]),
    ]
    return write(path, nodes, [batch, channels, *sides], {"mean": [batch, channels]})


def rows(path: Path, kind: int = TensorProto.FLOAT) -> Path:
    """All numbers of images with channels last, 2×2×3, as floats."""
    nodes = [helper.make_node("Cast", ["x"], ["floats"], to=1), helper.make_node("Flatten", ["floats"], ["flat"])]
    return write(path, nodes, ["N", 2, 2, 3], {"flat": ["N", 12]}, kind=kind)
