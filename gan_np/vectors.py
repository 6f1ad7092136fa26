"""Parameters as one vector θ, its gradient as another, state as a third: contiguous arrays with named segments.

So an optimiser is one pass, averaging is one line, a checkpoint is a few vectors and an all-reduce is one call.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gan_np import devices
from gan_np.arrays import Array, DType, Shape, array_module, device_of, on_host, zeros
from gan_np.checks import NonFiniteError, ShapeError, as_array
from gan_np.kernels import Into
from gan_np.kernels.cpu import heap


@dataclass(frozen=True, slots=True)
class Segment:
    """One named array inside a vector."""

    name: str
    shape: Shape
    tag: str
    """"weight", "bias", "scale" for parameters (decay and clipping are not uniform); "state" for state."""
    start: int

    @property
    def size(self) -> int:
        """Return the number of values."""
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        """Return the index at which the next segment starts."""
        return self.start + self.size


class Layout:
    """Which segment lies where in a vector; shared by θ, its gradient, its moments and its averages."""

    def __init__(self, arrays: Sequence[tuple[str, Shape, str]]) -> None:
        segments, start = [], 0
        for name, shape, tag in arrays:
            segments.append(Segment(name, shape, tag, start))
            start = segments[-1].stop
        self.segments = tuple(segments)
        self.size = start
        self._by_name = {segment.name: segment for segment in segments}

    def __getitem__(self, name: str) -> Segment:
        if name not in self._by_name:
            raise KeyError(f"no segment {name!r}; there are {', '.join(self._by_name) or 'none'}")
        return self._by_name[name]

    def view(self, vector: Array, name: str) -> Array:
        """The part of `vector` that belongs to `name`, in its own shape; no copy."""
        segment = self[name]
        return vector[segment.start : segment.stop].reshape(segment.shape)

    def ranges(self, tag: str) -> list[tuple[int, int]]:
        """(start, stop) of all segments with this tag, neighbours joined."""
        found: list[tuple[int, int]] = []
        for segment in self.segments:
            if segment.tag != tag:
                continue
            if found and found[-1][1] == segment.start:
                found[-1] = (found[-1][0], segment.stop)
            else:
                found.append((segment.start, segment.stop))
        return found


def all_finite(values: Array) -> bool:
    """Return whether all values are finite.

    A sum of squares is one cheap pass; only where it is not finite are the values looked at one by one.
    """
    xp = array_module(values)
    # What overflows is the question here, not an accident.
    with devices.scope(device_of(values)), np.errstate(over="ignore", invalid="ignore"):
        flat = values.reshape(-1)
        return bool(xp.isfinite(xp.dot(flat, flat))) or bool(xp.isfinite(flat).all())


def not_finite(layout: Layout, values: Array) -> str | None:
    """The first segment with values that are NaN or infinite, and how many, in words; None where all are finite."""
    if all_finite(values):
        return None
    xp = array_module(values)
    with devices.scope(device_of(values)):
        for segment in layout.segments:
            bad = int((~xp.isfinite(values[segment.start : segment.stop])).sum())
            if bad:
                return f"{segment.name} {segment.shape}: {bad} of {segment.size} values are NaN or infinite"
    return None


def vector_of_zeros(size: int, dtype: DType, device: str = "cpu") -> Array:
    """A vector of zeros for θ or what an optimiser remembers: on the host in huge pages where it is large.

    Each row of a weight's panel would lie on a small page of its own.
    """
    if device != devices.CPU:
        return zeros(size, dtype, device)
    vector: Array = heap.empty(size, dtype)
    vector.fill(0)
    return vector


class Vector:
    """A vector that is read-only outside `edit()` and counts its edits.

    `values` is read-only (on the CPU NumPy enforces it; CuPy has no such flag). Every `edit()` moves `version`, by which
    old pullbacks are refused and caches are keyed.
    """

    def __init__(self, layout: Layout, dtype: DType, device: str = "cpu") -> None:
        self.layout = layout
        self._memory = vector_of_zeros(layout.size, dtype, device)
        self.values: Array = self._memory.view()
        if on_host(self.values):
            self.values.flags.writeable = False
        self.version = 0
        self._open = False
        self._finite: int | None = None

    @property
    def editing(self) -> bool:
        """Whether an `edit()` is open: the values are between two versions."""
        return self._open

    def __getitem__(self, name: str) -> Array:
        """A read-only view of one segment; `assign_segment` overwrites one, `edit` changes values where they are."""
        return self.layout.view(self.values, name)

    def __len__(self) -> int:
        return self.layout.size

    def check_finite(self, name: str) -> None:
        """Refuse values that are NaN or infinite; they are looked at once for each version.

        Raises:
            NonFiniteError: there are some; the message begins with `name` and says in which layer.
        """
        if self._finite == self.version:
            return
        if found := not_finite(self.layout, self.values):
            raise NonFiniteError(f"{name} in layer {found}")
        self._finite = self.version

    @contextlib.contextmanager
    def edit(self) -> Iterator[Array]:
        """The vector, writable inside the `with` block; afterwards its version has moved."""
        if self._open:
            raise RuntimeError("edit() is already open on this vector: finish one before the next")
        self._open = True
        try:
            yield self._memory
        finally:
            self._open = False
            self.version += 1

    def touch(self) -> None:
        """Move the version: the values were changed by other means than `edit()`, by a replayed CUDA graph."""
        self.version += 1

    def assign(self, values: Array) -> None:
        """Overwrite all values.

        Raises:
            ShapeError, TypeError: another length, dtype or device.
        """
        if values.shape != self.values.shape:
            raise ShapeError(f"values: expected shape {self.values.shape}, got {values.shape}")
        if values.dtype != self.values.dtype:
            raise TypeError(f"values: expected {self.values.dtype}, got {values.dtype}; convert explicitly")
        if device_of(values) != device_of(self.values):
            raise TypeError(
                f"values: lie on {device_of(values)} but the vector on {device_of(self.values)}; move them explicitly"
            )
        with devices.scope(device_of(self.values)), self.edit() as memory:
            memory[...] = values

    def assign_segment(self, name: str, values: Array) -> None:
        """Overwrite one segment (same shape and dtype): `network.parameters.assign_segment("0.weight", w)`.

        Raises:
            KeyError: there is no segment of that name. ShapeError, TypeError: another shape or dtype.
        """
        segment, values = self.layout[name], as_array(name, values)
        if values.shape != segment.shape:
            raise ShapeError(f"{name}: expected shape {segment.shape}, got {values.shape}")
        if values.dtype != self.values.dtype:
            raise TypeError(f"{name}: expected {self.values.dtype}, got {values.dtype}; convert explicitly")
        with self.edit() as memory:
            self.layout.view(memory, name)[...] = values


class Gradient:
    """The gradient of θ: the first write of a step to a segment overwrites it, later ones add.

    An optimiser marks the gradient spent after its step, so nobody has to zero it; a segment that nothing wrote to counts
    as zero.
    """

    def __init__(self, layout: Layout, dtype: DType, device: str = "cpu") -> None:
        self.layout = layout
        self._dtype, self._device = dtype, device
        self._memory: Array | None = None  # sampling never needs it
        self._views: dict[str, Array] = {}
        self._written = dict.fromkeys((segment.name for segment in layout.segments), False)
        self._started = False
        self._watcher: Callable[[str], None] | None = None

    @contextlib.contextmanager
    def watched(self, watcher: Callable[[str], None]) -> Iterator[None]:
        """Inside the block watcher(name) is called before each write to a segment."""
        self._watcher = watcher
        try:
            yield
        finally:
            self._watcher = None

    def slot(self, name: str) -> Into:
        """Where the next contribution to `name` goes, and whether it adds. Whoever asks must write."""
        if self._watcher is not None:
            self._watcher(name)
        view = self._views.get(name)
        if view is None:
            view = self._views[name] = self.layout.view(self._allocate(), name)
        into = Into(view, self._written[name])
        self._written[name] = self._started = True
        return into

    @property
    def started(self) -> bool:
        """Whether anything was written since the gradient was last spent."""
        return self._started

    @property
    def values(self) -> Array:
        """The whole gradient. Segments that nothing wrote to are 0."""
        return self.settled(0)

    def settled(self, start: int) -> Array:
        """The whole memory, in which segments from `start` on that nothing wrote to are 0."""
        memory = self._allocate()
        for segment in self.layout.segments:
            if segment.start >= start and not self._written[segment.name]:
                memory[segment.start : segment.stop] = 0
                self._written[segment.name] = True
        return memory

    @property
    def spent(self) -> Array | None:
        """The values that the last update used, until the next write; None before the first, and after `release`."""
        return self._memory

    def __getitem__(self, name: str) -> Array:
        """A view of one segment."""
        return self.layout.view(self.values, name)

    def spend(self) -> None:
        """The gradient was used: the next writes start anew."""
        self._written = dict.fromkeys(self._written, False)
        self._started = False

    def release(self) -> None:
        """Let go of the memory of a gradient that was spent; the next write takes other memory.

        Who holds `values` keeps them as they are. Nothing is done while something is written that was not spent.
        """
        if not self._started:
            self._memory = None
            self._views.clear()

    def _allocate(self) -> Array:
        if self._memory is None:
            size, dtype = self.layout.size, self._dtype
            # On the processor from the memory that other arrays of a step have at other times; nothing is read unwritten.
            self._memory = heap.empty(size, dtype) if self._device == devices.CPU else zeros(size, dtype, self._device)
        return self._memory
