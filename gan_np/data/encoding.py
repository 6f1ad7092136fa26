"""How data become the floats that both players see, and how what the generator makes becomes data again."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from gan_np.arrays import Array, DType, array_module, device_of, to_device
from gan_np.checks import ShapeError, choice
from gan_np.registry import Registry

from .extent import check_unit
from .images import RANGES, to_bytes, to_float

ENCODINGS = Registry("encoding")
FLOATS = ("float32", "float64")
_NAMED_AT_MOST = 8


def check_finite(vectors: Array, name: str, *, lines: int | None = None) -> None:
    """Refuse vectors (N, m) with values that are NaN or infinite.

    lines: of a table as text, how many lines stand before the first row; rows and columns are then counted from 1.

    Raises:
        ValueError: there is such a value; the message has its place.
    """
    finite = np.isfinite(vectors)
    if finite.all():
        return
    row, column = np.argwhere(~finite)[0]
    where = f"row {row}, column {column}" if lines is None else f"row {row + 1} below line {lines}, column {column + 1}"
    raise ValueError(f"{name}: {where} is {vectors[row, column]}; expected finite numbers")


class Encoding(Protocol):
    """How a GAN's data become the floats that its players see, and how samples become data again."""

    @property
    def dtype(self) -> str:
        """Return the dtype of the data, which samples have too."""
        ...

    @property
    def columns(self) -> Sequence[str] | None:
        """What the columns of vectors are called, if that is known."""
        ...

    def encode(self, data: Array, dtype: DType, *, index: Array | None = None, mirrored: Array | None = None) -> Array:
        """Data as the players see them, floats of `dtype` on the device where the data are.

        index: the numbers (n,) of those that are wanted; None: all. mirrored (n,): not 0 for images to mirror.
        """
        ...

    def decode(self, floats: Array) -> Array:
        """Return what the generator made as data: of their dtype, in their own units."""
        ...

    def learned(self, data: Array, *, fit: bool = True) -> Encoding:
        """Return this encoding after a look at the data that a training begins with.

        Raises:
            TypeError, ValueError: the data have numbers of another kind.
        """
        ...


@ENCODINGS.register("images")
@dataclass(frozen=True)
class ImageEncoding:
    """Images: bytes 0…255, or floats from 0 to 1, of which the players see low…high of `pixel_range`.

    dtype: "uint8", or "float32" or "float64" for images that are kept as floats. Samples have it too.
    """

    pixel_range: str
    dtype: str = "uint8"
    columns: ClassVar[None] = None
    """Images have none."""

    def __post_init__(self) -> None:
        choice("pixel_range", self.pixel_range, RANGES)
        choice("dtype", self.dtype, ("uint8", *FLOATS))

    def encode(self, data: Array, dtype: DType, *, index: Array | None = None, mirrored: Array | None = None) -> Array:
        """x = low + (high − low)·v, with v = byte/255 for bytes (`to_float`)."""
        return to_float(data, self.pixel_range, dtype, index=index, mirrored=mirrored)

    def decode(self, floats: Array) -> Array:
        """The inverse; values outside the range are cut to it, those of bytes are rounded."""
        if self.dtype == "uint8":
            return to_bytes(floats, self.pixel_range)
        low, high = RANGES[self.pixel_range]
        unit = (floats.astype(self.dtype) - low) / (high - low)
        return array_module(floats).clip(unit, 0.0, 1.0)

    def learned(self, data: Array, *, fit: bool = True) -> ImageEncoding:
        """Return this encoding with the dtype of these images.

        Raises:
            TypeError: neither uint8 nor float32 nor float64. ValueError: floats outside [0, 1].
        """
        if data.dtype != np.uint8:
            if str(data.dtype) not in FLOATS:
                raise TypeError(
                    f"images: expected uint8, float32 or float64, got {data.dtype}; gan_np.data.load(array) makes bytes of "
                    "other numbers and says which value is black and which is white (dtype='float32' keeps floats)"
                )
            check_unit(data, "images")
        return dataclasses.replace(self, dtype=str(data.dtype))


@ENCODINGS.register("vectors")
@dataclass(frozen=True)
class VectorEncoding:
    """Vectors of `size` numbers, of which the players see (x − mean) / deviation, column by column.

    mean, deviation: of each column; None until a training has seen data, or where it was asked not to standardise: then the
    players see the numbers as they are. A column that never changes is only shifted. dtype: "float32" or "float64".
    columns: what the columns are called, if that is known.
    """

    size: int
    mean: Sequence[float] | None = None
    deviation: Sequence[float] | None = None
    dtype: str = "float32"
    columns: Sequence[str] | None = None

    def __post_init__(self) -> None:
        choice("dtype", self.dtype, FLOATS)
        for name, kind in (("mean", float), ("deviation", float), ("columns", str)):
            values = getattr(self, name)
            if values is None:
                continue
            if len(values) != self.size:
                raise ShapeError(f"{name}: expected {self.size}, one for each column, got {len(values)}")
            object.__setattr__(self, name, tuple(kind(value) for value in values))
        if (self.mean is None) != (self.deviation is None):
            raise ValueError("mean, deviation: expected both or neither")
        if self.mean is not None and self.deviation is not None:
            numbers = np.array([*self.mean, *self.deviation])
            if not np.isfinite(numbers).all() or min(self.deviation) <= 0:
                raise ValueError("mean, deviation: expected finite numbers, deviations above 0")
        object.__setattr__(self, "_on", {})

    def encode(self, data: Array, dtype: DType, *, index: Array | None = None, mirrored: Array | None = None) -> Array:
        """(x − mean) / deviation, in float64 before it is rounded to `dtype`: a column of large numbers loses nothing."""
        if mirrored is not None:
            raise ValueError("flip: only images have a left and a right, these are vectors")
        wanted = data if index is None else data[index]
        if self.mean is None:
            return wanted.astype(dtype)
        mean, deviation = self._moments(device_of(data))
        return ((wanted - mean) / deviation).astype(dtype)

    def decode(self, floats: Array) -> Array:
        """mean + deviation·x, of the data's dtype."""
        if self.mean is None:
            return floats.astype(self.dtype)
        mean, deviation = self._moments(device_of(floats))
        return (floats * deviation + mean).astype(self.dtype)

    def named(self, columns: Sequence[str]) -> VectorEncoding:
        """Return this encoding with the names of the columns."""
        return dataclasses.replace(self, columns=tuple(columns))

    def learned(self, data: Array, *, fit: bool = True) -> VectorEncoding:
        """Return this encoding with the mean and deviation of these vectors; those it has already stay as they are.

        Raises:
            TypeError: neither float32 nor float64. ValueError: values that are NaN or infinite.
        """
        if str(data.dtype) not in FLOATS:
            raise TypeError(
                f"images: expected vectors of float32 or float64, got {data.dtype}; give data.astype('float32')"
            )
        known = dataclasses.replace(self, dtype=str(data.dtype))
        check_finite(data, "images")
        if self.mean is not None or not fit:
            return known
        if len(data) < 2:
            raise ValueError("images: one row has no mean and deviation to speak of; expected at least 2 rows")
        mean, deviation = data.mean(axis=0, dtype=np.float64), data.std(axis=0, dtype=np.float64)
        constant = deviation <= 1e-12 * (np.abs(mean) + deviation)
        deviation[constant] = 1.0
        if constant.any():
            warnings.warn(
                f"{self._constant(np.flatnonzero(constant))}; leave it out, or expect noise in it", stacklevel=2
            )
        return dataclasses.replace(known, mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()))

    def _constant(self, found: Array) -> str:
        """What is said of columns whose deviation is 0."""
        names = [repr(self.columns[index]) if self.columns else str(index) for index in found[:_NAMED_AT_MOST]]
        more = f" and {len(found) - len(names):,} more" if len(found) > len(names) else ""
        which = f"column {names[0]}" if len(found) == 1 else f"columns {', '.join(names)}{more}"
        return (
            f"images: {which} of {self.size} never changes: its deviation is 0, so it is only shifted to 0, not scaled"
        )

    def _moments(self, device: str) -> tuple[Array, Array]:
        """Mean and deviation as arrays on a device, sent there once."""
        kept: dict[str, Any] = self._on  # type: ignore[attr-defined]
        if device not in kept:
            arrays = (np.asarray(self.mean, np.float64), np.asarray(self.deviation, np.float64))
            kept[device] = tuple(to_device(array, device) for array in arrays)
        mean, deviation = kept[device]
        return mean, deviation


def encoding_of(data_shape: tuple[int, ...], pixel_range: str | None) -> Encoding:
    """Return the encoding that follows from the shape of the data, and for images the range of floats that G draws."""
    if len(data_shape) == 1:
        return VectorEncoding(data_shape[0])
    assert pixel_range is not None
    return ImageEncoding(pixel_range)
