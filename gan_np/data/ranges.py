"""Which values of a data set are black and which are white.

Bytes are 0…255. Floats and wider integers say no such thing, so it is decided from the least and the greatest value of the
whole data set (all its files, and all its parts, so that its held-out part is read as the training part is), by one rule:

    floats      0..1 if nothing is below 0 and nothing above 1, else −1..1, both with room for overshoot
    integers    the fewest of 8, 10, 12, 14 and 16 bits that hold the greatest value: 0..255, 0..1023, 0..4095, …

Filters that sharpen (bicubic, Lanczos) overshoot at edges, so a little below 0 is no sign of −1..1: up to a quarter of what
lies above it, and values up to a quarter beyond an end, are taken as overshoot and cut. Anything else is refused, and
`value_range` says it instead of the rule.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from typing import Any

import numpy as np

from gan_np.arrays import Array, DType
from gan_np.checks import number

from .extent import ROUNDING, Extent
from .images import scaled_to_bytes

OVERSHOOT = 0.25
BITS = (8, 10, 12, 14, 16)
NARROW = 0.25
"""Less than this part of the range in use, and a warning says so: of 256 levels fewer than 64 are left."""
_CORE = 0.999
_LOOKED_AT = 1 << 22
_NUMBER = r"\s*([-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*"
_FORM = re.compile(rf"{_NUMBER}\.\.{_NUMBER}")

Range = tuple[float, float]
"""(value of black, value of white)"""


@dataclasses.dataclass
class Scale:
    """How values become bytes: `range` as 0…255, rounded, what lies outside cut.

    kind: "f" for floats, "i" for integers. seen: the least and the greatest value. asked: whether the caller named the
    range. doubtful: whether it could well be another. cut, values: how many values lay outside, of how many.
    """

    kind: str
    range: Range
    seen: Extent
    asked: bool = False
    doubtful: bool = False
    cut: int = 0
    values: int = 0

    def __post_init__(self) -> None:
        self.range, self.seen = (self.range[0], self.range[1]), Extent(*self.seen)
        self._counting = threading.Lock()

    def to_bytes(self, values: Array) -> Array:
        """Values as uint8, those outside counted. May be called from several threads."""
        self._count(values)
        # half precision has 11 bits, too few to scale in; longer floats than double gain nothing
        exact = np.float32 if values.dtype.kind == "f" and values.dtype.itemsize <= 4 else np.float64
        return scaled_to_bytes(values.astype(exact), *self.range)

    def to_unit(self, values: Array) -> Array:
        """Values as float32 from 0 to 1, those outside counted and cut. May be called from several threads."""
        self._count(values)
        low, high = self.range
        unit: Array = np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0).astype(np.float32)
        return unit

    def scaled(self, values: Array, dtype: str) -> Array:
        """Return the images scaled, by `to_bytes` or `to_unit`."""
        return self.to_bytes(values) if dtype == "uint8" else self.to_unit(values)

    def _count(self, values: Array) -> None:
        """How many of these lie outside, added to what was counted before."""
        low, high = self.range
        if self.seen.least < low or self.seen.greatest > high:
            room = ROUNDING * (high - low)
            cut = int(np.count_nonzero((values < low - room) | (values > high + room)))
            with self._counting:
                self.cut, self.values = self.cut + cut, self.values + values.size

    def said(self, name: str, advice: str) -> str:
        """What was decided, as a sentence; `advice` says how to name another range."""
        kind = "floats" if self.kind == "f" else "integers"
        text = f"{name}: {kind} from {self.seen} are read as {shown(self.range)}"
        if self.asked:
            text += ", as asked for"
        elif self.kind == "i":
            text += f" ({int(self.range[1]).bit_length()} bits)"
        if self.cut:
            text += f"; {self.cut:,} of {self.values:,} values ({self.cut / self.values:.2%}) lie outside and are cut"
        return text if self.asked or not (self.doubtful or self.cut) else f"{text}; if the range is another, {advice}"


def checked(name: str, value: Any) -> Range | None:
    """A pair of numbers or a text like "0..4095" as two floats, the first less than the second; None stays.

    Raises:
        TypeError, ValueError: it is neither, or names no range.
    """
    if value is None:
        return None
    if isinstance(value, str):
        found = _FORM.fullmatch(value)
        if found is None:
            raise ValueError(f"{name}: expected LOW..HIGH, as in 0..4095 or -1..1, got {value!r}")
        low, high = map(float, found.groups())
    elif isinstance(value, tuple | list) and len(value) == 2:
        low, high = number(f"{name}[0]", value[0]), number(f"{name}[1]", value[1])
    else:
        raise TypeError(f'{name}: expected (low, high), a text like "0..4095" or None, got {value!r}')
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"{name}: expected finite numbers, the first less than the second, got {value!r}")
    return low, high


def shown(found: Range) -> str:
    """A range as it is written: 0..4095."""
    return f"{found[0]:.10g}..{found[1]:.10g}"


def decide(name: str, kind: str, seen: Extent, advice: str) -> Scale:
    """The rule: `kind` "f" or "i", of values that go from least to greatest. `advice` says how to name a range.

    Raises:
        ValueError: values that fit none.
    """
    low, high = seen
    if kind == "f":
        if low >= -max(ROUNDING, OVERSHOOT * high) and high <= 1 + OVERSHOOT:
            return Scale(kind, (0.0, 1.0), seen)
        if low >= -1 - OVERSHOOT and high <= 1 + OVERSHOOT:
            return Scale(kind, (-1.0, 1.0), seen, doubtful=low > -0.5)
        usual = " (bytes have 0..255)" if low >= 0 and high <= 255 else ""
        raise ValueError(
            f"{name}: expected floats in [0, 1] or [−1, 1], got {seen}; if they have another range, {advice}{usual}"
        )
    bits = next((bits for bits in BITS if high < 2**bits), None)
    if low < 0 or bits is None:
        raise ValueError(f"{name}: expected integers in 0…65535, got {seen}; if they have another range, {advice}")
    return Scale(kind, (0.0, 2.0**bits - 1), seen, doubtful=bits not in (8, 16))


def kind_of(dtype: DType) -> str:
    """ "f" for floats, "i" for integers of any kind."""
    return "f" if dtype.kind == "f" else "i"


def narrow(name: str, images: Array, scales: list[Scale], advice: str) -> str | None:
    """What to warn of if images, uint8 or floats from 0 to 1, use a narrow band of their range, else None.

    scales: how values became these bytes; none of bytes as they were. The band is that of all but one value in a
    thousand, so that a few stray ones do not hide it. Constant images say nothing of their range, and alpha is not
    looked at. Of many images evenly spaced ones are.
    """
    colours = images[..., :-1] if images.shape[-1] in (2, 4) else images
    step = max(1, int(colours.size) // _LOOKED_AT)
    counts = np.zeros(256, np.int64)
    for image in colours[::step]:
        levels_of = image if image.dtype == np.uint8 else scaled_to_bytes(image, 0.0, 1.0)
        counts += np.bincount(levels_of.reshape(-1), minlength=256)
    levels = np.flatnonzero(counts)
    low, high = scales[0].range if len(scales) == 1 else (0.0, 255.0)
    width = (high - low) / 255
    seen = scales[0].seen if len(scales) == 1 else Extent(low + levels[0] * width, low + levels[-1] * width)
    if seen.least == seen.greatest:
        return None
    total, share = np.cumsum(counts), (1 - _CORE) / 2
    ends = (low + width * int(np.searchsorted(total, total[-1] * part)) for part in (share, 1 - share))
    core = Extent(*(min(max(end, seen.least), seen.greatest) for end in ends))
    part = (core.greatest - core.least) / (high - low)
    if part >= NARROW:
        return None
    return (
        f"{name}: the values go from {seen}, 99.9 % of them from {core}: they use {part:.1%} of the range "
        f"{shown((low, high))}, so the images have little contrast; if their range is another, {advice}"
    )
