"""Features that any network in an ONNX file makes of images.

What such figures are is said by the file's name and the output's: "Fréchet distance on features of net.onnx:pool3". It is
the FID of the literature only if the file is the literature's Inception, with its preprocessing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, shown
from gan_np.data.extent import check_unit
from gan_np.data.images import RANGES
from gan_np.files import regular
from gan_np.metrics.distances import finite

from .preprocessing import Preprocessing

BATCH = 32
"""Images that a network is shown at once, the last ones filled up: what it says of one does not depend on their number."""
PATIENCE = 60.0
"""Seconds that a network may take for the first image."""
_SPEC = re.compile(r"(?P<file>.+?\.onnx)(?::(?P<output>.+))?", re.I | re.S)
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}


def named_network(text: str) -> tuple[str, str | None] | None:
    """(file, output or None) of "net.onnx" or "net.onnx:output"; None for another text.

    >>> named_network("nets/inception.onnx:pool_3:0")
    ('nets/inception.onnx', 'pool_3:0')
    """
    found = _SPEC.fullmatch(text)
    return None if found is None else (found["file"], found["output"])


class OnnxFeatures:
    """A network of an ONNX file as a maker of features.

    file: the network. It has one input, images, and is run on the CPU.
    output: the name of what it is asked for, of its outputs or of anything inside: one vector for each image, (N, F) or
        (N, F, 1, 1). None: its only output.
    preprocessing: what the images go through first.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not an ONNX network, a damaged one, one with operators that are not known, another output name, or inputs
            and outputs of other kinds.
        ModuleNotFoundError: the packages that read it are not installed.
    """

    def __init__(self, file: str | Path, output: str | None = None, preprocessing: Preprocessing | None = None) -> None:
        self.file = Path(file)
        onnx, runtime = _packages()
        if not self.file.exists():
            raise FileNotFoundError(f"features: there is no file {self.file}")
        data = regular(self.file).read_bytes()
        self.digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        try:
            model = onnx.load_from_string(data)
            _check(onnx, model)
            self.output = _chosen(model, output)
            if self.output not in {one.name for one in model.graph.output}:
                model.graph.output.append(onnx.helper.make_empty_tensor_value_info(self.output))
                data = model.SerializeToString()
            options = runtime.SessionOptions()
            options.log_severity_level = 4
            self._session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            self._runtime = runtime
            self.preprocessing = self._completed(model, preprocessing or Preprocessing())
        except Exception as error:  # protobuf, onnx and onnxruntime have errors of their own
            raise _refused(self.file, error) from error
        self.name = f"{self.file.name}:{self.output}"
        self._tried = False

    @property
    def features_called(self) -> str:
        """The words by which figures name what they are on: "features of net.onnx:pool3"."""
        return f"features of {self.name}"

    @property
    def facts(self) -> dict[str, str]:
        """The lines of a report that say which network, output and preprocessing these are."""
        return {
            "features": self.name,
            "network file": f"{self.file} (BLAKE2b {self.digest})",
            "network input": self.preprocessing.said(self._channels),
        }

    def extract(self, images: Array) -> tuple[Array, None]:
        """float32 (N, F) of images (N, H, W, C), and no probabilities.

        Raises:
            ShapeError, ValueError: images that it cannot take, or an output that is not one finite vector for each.
        """
        if images.ndim != 4:
            raise ShapeError(f"features: {self.name} reads images (N, height, width, channels), got {images.shape}")
        check_unit(images, "images")
        channels = self._channels or (3 if images.shape[3] in (3, 4) else 1)
        parts = []
        size = self._batch or BATCH
        for start in range(0, len(images), size):
            part = images[start : start + size]
            x = self.preprocessing.applied(part, channels)
            if not self._tried:
                self._run(x[:1] if self._batch is None else _filled(x, size), patience=PATIENCE)
                self._tried = True
            parts.append(self._run(_filled(x, size))[: len(part)])
        return finite(f"features of {self.name}", np.concatenate(parts)), None

    def _run(self, x: Array, patience: float | None = None) -> Array:
        """Features of one batch. patience: seconds after which it is stopped."""
        options = self._runtime.RunOptions()
        options.log_severity_level = 4
        timer = None
        if patience is not None:
            timer = threading.Timer(patience, lambda: setattr(options, "terminate", True))
            timer.start()
        given = np.clip(np.rint(x), 0, 255) if self._dtype == np.uint8 else x
        try:
            (found,) = self._session.run([self.output], {self._input: given.astype(self._dtype)}, options)
        except Exception as error:
            late = f" (stopped after {patience:g} s)" if options.terminate else ""
            raise ValueError(
                f"features: {self.file} cannot read images of {'×'.join(map(str, x.shape[1:]))}: {_line(error)}{late}"
            ) from error
        finally:
            if timer is not None:
                timer.cancel()
        if not isinstance(found, np.ndarray) or found.dtype.kind != "f":
            raise ValueError(f"features: {self.name} gives {shown(found)}, expected floats")
        if found.ndim == 4 and found.shape[0] == len(x) and 1 in (found.shape[1], found.shape[2]):
            flat = found.reshape(len(found), -1)
            if flat.shape[1] == max(found.shape[1:]):
                found = flat
        if found.ndim != 2 or found.shape[0] != len(x) or not found.size:
            raise ShapeError(
                f"features: {self.name} gives {found.shape} for {len(x)} images, expected one vector for each, (N, F); name "
                f"another output, {self.file.name}:OUTPUT, of {_listed(self._known)}"
            )
        features: Array = found.astype(np.float32)
        return features

    def _completed(self, model: Any, asked: Preprocessing) -> Preprocessing:
        """With what the network itself says, where nothing was asked for."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise ValueError(f"expected one input, it has {_listed([one.name for one in inputs])}")
        (given,) = inputs
        self._input, self._known = given.name, _names(model)
        if given.type not in _TYPES:
            raise ValueError(f"its input {given.name!r} is {given.type}, expected one of {', '.join(_TYPES)}")
        self._dtype = np.dtype(_TYPES[given.type])
        if len(given.shape) != 4:
            raise ValueError(
                f"its input {given.name!r} has {len(given.shape)} axes, {_sizes(given.shape)}; expected images with four, "
                "(N, channels, height, width) or (N, height, width, channels)"
            )
        said = {entry.key: entry.value for entry in model.metadata_props}
        layout = asked.layout or _layout(given.shape)
        batch, *rest = given.shape
        channels, height, width = rest if layout == "nchw" else (rest[2], rest[0], rest[1])
        self._batch = batch if isinstance(batch, int) else None
        self._channels = channels if isinstance(channels, int) else None
        if self._channels not in (None, 1, 3, 4):
            raise ValueError(
                f"its input {given.name!r} is {_sizes(given.shape)}, taken as {layout.upper()}: {channels} channels, "
                "expected 1, 3 or 4; is the layout another (input_layout)?"
            )
        size, fixed = asked.size, isinstance(height, int) and isinstance(width, int)
        if fixed and size not in (None, (height, width)):
            raise ValueError(f"it takes images of {height}×{width} alone, input_size asks for {size[0]}×{size[1]}")
        if fixed:
            size = height, width
        usual = "0..255" if self._dtype == np.uint8 else said.get("range", "0..1")
        value_range = asked.value_range or (usual if usual == "0..255" or usual in RANGES else "0..1")
        return dataclasses.replace(asked, size=size, value_range=value_range, layout=layout)


def _packages() -> tuple[Any, Any]:
    try:
        return importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'features: an ONNX network needs the packages onnx and onnxruntime: python -m pip install "gan_np[onnx]"'
        ) from error


def _check(onnx: Any, model: Any) -> None:
    """Refuse what is no whole network that the runtime knows."""
    if not len(model.graph.node):
        raise ValueError("it has no operators: another file, or an empty one")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise ValueError("it keeps its weights in other files; save it as one (onnx.save of the loaded model)")
    own = {(function.domain, function.name) for function in model.functions}
    unknown = {
        f"{node.domain}.{node.op_type}".lstrip(".")
        for node in model.graph.node
        if node.domain in ("", "ai.onnx") and not onnx.defs.has(node.op_type)
    } | {
        f"{node.domain}.{node.op_type}"
        for node in model.graph.node
        if node.domain not in ("", "ai.onnx", "ai.onnx.ml", "com.microsoft") and (node.domain, node.op_type) not in own
    }
    if unknown:
        raise ValueError(f"it has operators that are not known: {_listed(sorted(unknown))}")
    onnx.checker.check_model(model)


def _names(model: Any) -> list[str]:
    """Everything that may be asked for: outputs first, then what is inside, the last computed first."""
    outputs = [one.name for one in model.graph.output]
    inside = [name for node in reversed(model.graph.node) for name in node.output if name]
    return list(dict.fromkeys([*outputs, *inside]))


def _chosen(model: Any, output: str | None) -> str:
    outputs = [one.name for one in model.graph.output]
    if output is None:
        if len(outputs) == 1:
            return str(outputs[0])
        raise ValueError(f"it has several outputs, {_listed(outputs)}; name one, FILE.onnx:OUTPUT")
    known = _names(model)
    if output not in known:
        inside = [name for name in known if name not in outputs]
        more = f"; inside it there are {_listed(inside)}" if inside else ""
        raise ValueError(f"it has no output {shown(output)}; there are {_listed(outputs)}{more}")
    return output


def _layout(shape: Any) -> str:
    """The layout, "nchw" or "nhwc", judged by the sizes that are fixed."""
    _, second, _, last = shape
    return "nhwc" if last in (1, 3, 4) and second not in (1, 3, 4) else "nchw"


def _filled(x: Array, count: int) -> Array:
    """A batch of `count`, the last ones repeated."""
    if len(x) == count:
        return x
    return np.concatenate([x, np.repeat(x[-1:], count - len(x), axis=0)])


def _sizes(shape: Any) -> str:
    return f"({', '.join(str(side) if isinstance(side, int) else '?' for side in shape)})"


def _listed(names: list[str], most: int = 8) -> str:
    return ", ".join(map(repr, names[:most])) + (", …" if len(names) > most else "")


def _line(error: BaseException) -> str:
    """The message of a foreign error, in one line of a length that can be read."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:297]}…"


def _refused(file: Path, error: Exception) -> Exception:
    own = type(error) in (ValueError, ShapeError)
    text = (
        _line(error)
        if own
        else f"not an ONNX network that can be read (another file, or a damaged one): {_line(error)}"
    )
    return ValueError(f"features: {file}: {text}")
