"""An ONNX graph while it is being written: values, nodes, constants.

Images are (N, H, W, C) in this library and (N, C, H, W) in the graph, as ONNX's convolutions read them: of every value the
last axis of the library's stands second.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from gan_np.arrays import Shape, to_host
from gan_np.checks import ShapeError
from gan_np.layers import Layer, Variables
from gan_np.layers.layer import Shapes

from ..table import Exporters

OPSET, IR_VERSION = 17, 8
"""The versions of ONNX's operators and of its file that are written."""

EXPORTERS: Exporters[Any] = Exporters("ONNX", "gan_np.interop.onnx")
"""How each class of layer is written to ONNX; `gan_np.interop.onnx.exports` adds one."""
exports = EXPORTERS.register


def package() -> Any:
    """The package `onnx`, which only an export needs.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        return importlib.import_module("onnx")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'to: writing ONNX needs the package onnx: python -m pip install "gan_np[onnx]"'
        ) from error


@dataclass(frozen=True, slots=True)
class Value:
    """A value in the graph.

    name: its name there. shape: of one example in this library's order (height, width, channels); in the graph the last of
    these axes is the first after the batch.
    """

    name: str
    shape: Shape

    @property
    def rank(self) -> int:
        """Return the number of axes, the batch's among them."""
        return len(self.shape) + 1

    @property
    def places(self) -> Shape:
        """What follows the channels in the graph: (height, width) of an image."""
        return self.shape[:-1]


Values: TypeAlias = Any
"""A value, or a tuple of values (nested where structures are)."""


class Graph:
    """A graph of one model.

    dtype: what it computes in, "float32" or "float16". Its inputs and outputs are float32 also where that is float16.

    A function that exports a layer is given the graph, the layer, its variables and the value of its input, adds nodes and
    returns the value of its output:

    >>> import gan_np as gn
    >>> class Square(gn.Layer):
    ...     def forward(self, variables, x, run):
    ...         return x * x, lambda dy, wrt: 2 * x * dy
    >>> @gn.interop.onnx.exports(Square)
    ... def square(graph, layer, variables, x):
    ...     return graph.node("Mul", x, x)
    """

    def __init__(self, dtype: str = "float32") -> None:
        self.dtype = np.dtype(dtype)
        self._onnx = package()
        self._nodes: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._known: dict[bytes, str] = {}
        self._names: set[str] = set()
        self._path: list[str] = []

    def node(
        self, operator: str, *inputs: Value | str, shape: Shape | None = None, name: str = "", **attributes: Any
    ) -> Value:
        """The output of a new node.

        operator: one of ONNX's operators (version 17 of them). inputs: values, or names of constants; "" for one that is
        left out. shape: of the output's examples, if it is not that of the first input. attributes: of the operator.
        """
        first = next((one for one in inputs if isinstance(one, Value)), None)
        if shape is None:
            assert first is not None, "the shape of a node without a value before it must be given"
            shape = first.shape
        own = self._unique(name or ".".join([*self._path, operator]))
        sources = [one.name if isinstance(one, Value) else one for one in inputs]
        self._nodes.append(self._onnx.helper.make_node(operator, sources, [own], name=own, **attributes))
        return Value(own, shape)

    def constant(self, array: Any, name: str = "constant", dtype: Any = None) -> str:
        """The name of a constant; equal ones are kept once, so weights that are used again are not written again.

        dtype: None: integers stay as they are, other numbers have the graph's dtype.
        """
        found = np.asarray(to_host(array) if hasattr(array, "dtype") else array)
        wanted = dtype or (found.dtype if found.dtype.kind == "i" else self.dtype)
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(found, dtype=wanted).reshape(found.shape)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(f"dtype: {'.'.join([*self._path, name])} has numbers that {values.dtype} cannot hold")
        key = hashlib.blake2b(f"{values.dtype} {values.shape} ".encode() + values.tobytes()).digest()
        if key not in self._known:
            own = self._known[key] = self._unique(".".join([*self._path, name]))
            self._constants[own] = self._onnx.numpy_helper.from_array(values, own)
        return self._known[key]

    def apply(self, layer: Layer, variables: Variables, x: Values, name: str = "") -> Values:
        """What a layer makes of a value, by the function that exports its class.

        Raises:
            TypeError: none is known. ShapeError: it gave a value of another shape than the layer declares.
        """
        with self.inside(name):
            function = EXPORTERS.of(layer, ".".join(self._path))
            y = function(self, layer, variables, x)
        if (found := _shapes(y)) != (declared := variables.declaration.output_shape):
            raise ShapeError(f"{layer!r}: its export gives {found}, the layer gives {declared}")
        return y

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """What is made here has names that begin with this one."""
        before = self._path
        self._path = [*before, name] if name else before
        try:
            yield
        finally:
            self._path = before

    def input(self, name: str, shape: Shape, *, dtype: Any = np.float32, channels_last: bool = False) -> Value:
        """An input of the model, (N, *shape); images are (N, channels, height, width) unless `channels_last`."""
        self._names.add(name)
        outside = shape if channels_last else _channels_first(shape)
        self._inputs.append(self._described(name, outside, dtype))
        value = Value(name, shape)
        if channels_last and len(shape) > 1:
            value = self.channels_first(value, shape)
        return value

    def output(self, value: Value, name: str, *, dtype: Any = np.float32, channels_last: bool = False) -> None:
        """An output of the model."""
        outside = value.shape if channels_last else _channels_first(value.shape)
        if channels_last and len(value.shape) > 1:
            value = self.channels_last(value)
        value = self._renamed(value, name)
        self._outputs.append(self._described(name, outside, dtype))

    def cast(self, value: Value, dtype: Any) -> Value:
        """The same numbers in another dtype."""
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.node("Cast", value, to=kind)

    def channels_last(self, value: Value) -> Value:
        """In the library's order of axes; its shape stays what it is called."""
        if value.rank < 3:
            return value
        return self.node("Transpose", value, perm=[0, *range(2, value.rank), 1])

    def channels_first(self, value: Value, shape: Shape) -> Value:
        """The inverse, as a value whose examples have this shape."""
        if len(shape) < 2:
            return Value(value.name, shape)
        return self.node("Transpose", value, shape=shape, perm=[0, len(shape), *range(1, len(shape))])

    def reshape(self, value: Value, sizes: Shape, shape: Shape | None = None) -> Value:
        """(N, *sizes), in the graph's order of axes."""
        return self.node(
            "Reshape", value, self.constant(np.array([0, *sizes], np.int64), "sizes"), shape=shape or sizes
        )

    def batch_and(self, value: Value, sizes: Shape) -> Value:
        """The vector [N, *sizes] of integers, N the batch of a value."""
        count = self.node("Shape", value, shape=(1,), start=0, end=1)
        return self.node("Concat", count, self.constant(np.array(sizes, np.int64), "sizes"), shape=(1,), axis=0)

    def model(self, name: str, version: str, metadata: dict[str, str]) -> Any:
        """The whole as ONNX's ModelProto, checked."""
        helper = self._onnx.helper
        nodes, read = self._that_are_read()
        constants = [values for own, values in self._constants.items() if own in read]
        graph = helper.make_graph(nodes, name, self._inputs, self._outputs, initializer=constants)
        made = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="gan_np",
            producer_version=version,
        )
        helper.set_model_props(made, metadata)
        self._onnx.checker.check_model(made, full_check=True)
        return made

    def _that_are_read(self) -> tuple[list[Any], set[str]]:
        """The nodes that an output depends on, in order, and the names of all that is read."""
        read, nodes = {one.name for one in self._outputs}, []
        for node in reversed(self._nodes):
            if read.intersection(node.output):
                nodes.append(node)
                read.update(node.input)
        return nodes[::-1], read

    def _described(self, name: str, shape: Shape, dtype: Any) -> Any:
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self._onnx.helper.make_tensor_value_info(name, kind, ["N", *shape])

    def _renamed(self, value: Value, name: str) -> Value:
        """The value under this name."""
        fixed = {one.name for one in (*self._inputs, *self._outputs)}
        if value.name in fixed or value.name in self._constants:
            return self.node("Identity", value, name=name)
        self._names.add(name)
        for node in self._nodes:
            for names in (node.input, node.output):
                for place, old in enumerate(names):
                    if old == value.name:
                        names[place] = name
        return Value(name, value.shape)

    def _unique(self, name: str) -> str:
        own, count = name, 1
        while own in self._names:
            count += 1
            own = f"{name}_{count}"
        self._names.add(own)
        return own


def _channels_first(shape: Shape) -> Shape:
    return (shape[-1], *shape[:-1]) if len(shape) > 1 else shape


def _shapes(value: Values) -> Shapes:
    return tuple(map(_shapes, value)) if isinstance(value, tuple) else value.shape
