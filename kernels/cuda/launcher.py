"""Launching a kernel of a .cu source on CuPy arrays: the only place where arguments become what the driver reads.

A module is compiled by NVRTC when one of its kernels is first used, once for each dtype and set of definitions; CuPy keeps
the result on disk. Everything checked here is known on the host, so that nothing waits for the device.

The array library is the one that holds the arrays (`array_module`); CuPy is never imported here by name.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array, array_module

from ..interfaces import Into
from ..reference.placing import place
from .grids import LARGEST
from .source import read_source

STATIC_LIMIT = 48 << 10
"""Bytes of shared memory that a kernel gets without being asked for more."""
OPTIONS = ("-std=c++17",)
NULL = np.uint64(0)


class Cell(NamedTuple):
    """One number in device memory, of its own dtype: what changes between replays of a captured graph."""

    array: Array


class Large(NamedTuple):
    """An array that its kernel indexes with 64 bits: it may be longer than others."""

    array: Array


Argument = Array | Cell | Large | np.generic | int | float | None


def launch(
    source: str,
    name: str,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    arguments: Sequence[Argument],
    *,
    dtype: np.dtype[Any],
    definitions: Mapping[str, int] | None = None,
    shared: int = 0,
) -> None:
    """Run kernel `name` of `source`, compiled for `dtype`, on the device where its arrays lie.

    arguments: arrays (C-contiguous, all on one device, of `dtype` or of integers); numbers of NumPy's types, as they are;
        Python ints and bools (int), floats (real), and None (a null pointer).
    definitions: macros that choose a variant of the source.
    shared: bytes of shared memory.

    Raises:
        TypeError, ValueError: an array of another library, device, dtype or layout, or too long; the message says which.
        RuntimeError: the source does not compile; the compiler's log is in the message.
    """
    first: Any = next(a for a in arguments if hasattr(a, "dtype") and not isinstance(a, np.generic))
    xp: Any = array_module(first)
    device: Any = first.device
    what = f"{source}: {name}"
    values = [checked(f"{what}: argument {place}", given, first, dtype) for place, given in enumerate(arguments)]
    chosen = tuple(sorted((definitions or {}).items()))
    if device.id == xp.cuda.runtime.getDevice():
        _run(_function(xp, source, name, dtype, chosen, device.id), grid, block, values, shared)
    else:
        with device:
            _run(_function(xp, source, name, dtype, chosen, device.id), grid, block, values, shared)


def new(like: Array, shape: tuple[int, ...], dtype: Any = None) -> Array:
    """Return an uninitialised array on `like`'s device, of its dtype unless another is given."""
    xp: Any = array_module(like)
    device: Any = like.device
    wanted = like.dtype if dtype is None else dtype
    if device.id == xp.cuda.runtime.getDevice():
        return xp.empty(shape, wanted)  # type: ignore[no-any-return]
    with device:
        return xp.empty(shape, wanted)  # type: ignore[no-any-return]


class Destination(NamedTuple):
    """The array that a kernel writes a gradient to: one that the caller gave, or a new one."""

    array: Array
    """What the kernel gets: the place itself where it is contiguous, else a new array."""
    add: bool
    """Whether the kernel adds to what is there."""
    into: Into | None
    """The place that the array has still to be written to."""

    @classmethod
    def of(cls, into: Into | None, like: Array, shape: tuple[int, ...], dtype: Any = None) -> Destination:
        """Choose where a gradient of `shape` goes: on `like`'s device and of its dtype unless another is given."""
        if into is None or not into.array.flags.c_contiguous:
            return cls(new(like, shape, dtype), False, into)
        return cls(into.array, into.add, None)

    def written(self) -> Array:
        """The gradient in its place, once the kernel has been launched."""
        return place(self.array, self.into)


def contiguous(array: Array) -> Array:
    """Return `array` itself if it is in C order, otherwise a copy that is."""
    if array.flags.c_contiguous:
        return array
    xp: Any = array_module(array)
    with array.device:  # type: ignore[attr-defined]
        return xp.ascontiguousarray(array)  # type: ignore[no-any-return]


def compute_capability(array: Array) -> str:
    """Return that of the array's device; "90" is Hopper."""
    xp: Any = array_module(array)
    return _capability(xp, array.device.id)  # type: ignore[attr-defined]


def checked(place: str, argument: Any, first: Any, dtype: np.dtype[Any]) -> Any:
    """An argument as a kernel takes it: an array as it is, a number in the kernel's type, a null pointer for None.

    Raises:
        TypeError, ValueError: as `launch`; the message begins with `place`.
    """
    if argument is None:
        return NULL
    if isinstance(argument, np.generic):
        return argument  # already of the kernel's type
    if isinstance(argument, bool | int):
        if not -(2**31) <= argument < 2**31:
            raise ValueError(f"{place}: {argument} does not fit in 32 bits")
        return np.int32(argument)
    if isinstance(argument, float):
        return dtype.type(argument)
    wanted = argument.array.dtype if isinstance(argument, Cell) else dtype
    longest = np.inf if isinstance(argument, Large) else LARGEST
    argument = argument.array if isinstance(argument, Cell | Large) else argument
    if type(argument) is not type(first):
        raise TypeError(f"{place}: expected an array as the first one, {type(first).__name__}, got {type(argument)}")
    if argument.dtype != wanted and argument.dtype.kind not in "iu":
        raise TypeError(f"{place}: expected an array of {wanted}, got {argument.dtype}")
    if not argument.flags.c_contiguous:
        raise ValueError(f"{place}: expected a C-contiguous array, got strides {argument.strides}")
    if argument.size > longest:
        raise ValueError(f"{place}: {argument.size} numbers are more than kernels can index, {LARGEST}")
    if argument.device.id != first.device.id:
        raise TypeError(f"{place}: lies on cuda:{argument.device.id}, the first array on cuda:{first.device.id}")
    return argument


def _run(function: Any, grid: tuple[int, ...], block: tuple[int, ...], values: list[Any], shared: int) -> None:
    if shared > STATIC_LIMIT and function.max_dynamic_shared_size_bytes < shared:
        function.max_dynamic_shared_size_bytes = shared
    function(grid, block, tuple(values), shared_mem=shared)


@functools.cache
def _capability(xp: Any, device: int) -> str:
    return str(xp.cuda.Device(device).compute_capability)


@functools.cache
def _module(xp: Any, source: str, dtype: np.dtype[Any], definitions: tuple[tuple[str, int], ...]) -> Any:
    real = {"float32": "float", "float64": "double"}[dtype.name]
    # CuPy's own option names the plain target; of two, the compiler takes this one.
    target = ("-arch=sm_90a",) if ("HOPPER", 1) in definitions else ()
    options = (*OPTIONS, *target, f"-DREAL={real}", *(f"-D{key}={value}" for key, value in definitions))
    return xp.RawModule(code=read_source(source), options=options, backend="nvrtc")


@functools.cache
def _function(
    xp: Any, source: str, name: str, dtype: np.dtype[Any], definitions: tuple[tuple[str, int], ...], device: int
) -> Any:
    """A kernel on one device: what was set for it (its limit of shared memory) holds for that device alone."""
    try:
        return _module(xp, source, dtype, definitions).get_function(name)
    except Exception as error:
        if type(error).__name__ != "CompileException":
            raise
        variant = " ".join(f"{key}={value}" for key, value in definitions)
        raise RuntimeError(f"{source} for {dtype} {variant} does not compile here:\n{error}") from error
