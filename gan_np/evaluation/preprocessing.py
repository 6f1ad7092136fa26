"""What a foreign network is shown: images of its size, in its range, order and layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import choice, number
from gan_np.data import ranges
from gan_np.data.channels import to_channels
from gan_np.data.images import to_float
from gan_np.data.resize import FILTERS, resize_floats, size_of

ORDERS, LAYOUTS = ("rgb", "bgr"), ("nchw", "nhwc")


@dataclass(frozen=True)
class Preprocessing:
    """How images become the input of a network: x = (low + (high − low)·v − mean) / std, v from 0 (black) to 1 (white).

    size: (height, width), or a side, that images are brought to, without regard to their proportions. None: the size that
        the network takes, or that of the images where it takes any.
    value_range: low and high, as "0..1", "-1..1" or "0..255". None: 0..255 of a network that reads bytes; what the file says
        of itself, if this library wrote it; 0..1 otherwise.
    mean, std: for each channel, or one for all; in the units of value_range, subtracted and divided by after it.
    order: "rgb" or "bgr", of three channels.
    layout: "nchw" (N, channels, height, width) or "nhwc". None: by where the network has its 1, 3 or 4 channels.
    filter: of Pillow, "bicubic", "bilinear", "lanczos" or "box", each antialiased (`gan_np.data.resize.resize_floats`).

    >>> Preprocessing(size=4, value_range="0..255").applied(np.full((1, 8, 8, 1), 51, np.uint8), 3).shape
    (1, 3, 4, 4)

    Raises:
        TypeError, ValueError: one of them is something else.
    """

    size: Any = None
    value_range: Any = None
    mean: Any = None
    std: Any = None
    order: str = "rgb"
    layout: str | None = None
    filter: str = "bicubic"

    def __post_init__(self) -> None:
        if self.size is not None:
            object.__setattr__(self, "size", size_of("input_size", self.size))
        if self.value_range is not None:
            object.__setattr__(self, "value_range", ranges.shown(_checked_range(self.value_range)))
        for name in ("mean", "std"):
            object.__setattr__(self, name, _numbers(f"input_{name}", getattr(self, name), positive=name == "std"))
        choice("input_order", self.order, ORDERS)
        if self.layout is not None:
            choice("input_layout", self.layout, LAYOUTS)
        choice("input_filter", self.filter, FILTERS)

    def applied(self, images: Array, channels: int) -> Array:
        """Images (N, H, W, C), uint8 or floats from 0 to 1, as float32 with so many channels.

        Raises:
            ValueError: mean or std of another number of channels; channels that cannot be converted.
        """
        floats = to_channels(to_float(np.ascontiguousarray(images), "0..1", np.dtype(np.float32)), channels)
        if self.size is not None and floats.shape[1:3] != self.size:
            floats = resize_floats(floats, self.size, self.filter)
        if channels == 3 and self.order == "bgr":
            floats = floats[..., ::-1]
        low, high = _checked_range(self.value_range or "0..1")
        x = floats * np.float32(high - low) + np.float32(low)
        for name, operation in (("mean", np.subtract), ("std", np.divide)):
            values = getattr(self, name)
            if values is None:
                continue
            if len(values) not in (1, channels):
                raise ValueError(
                    f"input_{name}: expected 1 number or {channels}, one for each channel, got {len(values)}"
                )
            x = operation(x, np.array(values, np.float32))
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2) if self.layout in (None, "nchw") else x)

    def said(self, channels: int | None = None) -> str:
        """In words, for reports."""
        size = "their own size" if self.size is None else f"{self.size[0]}×{self.size[1]} (antialiased {self.filter})"
        kind = {None: "", 1: ", grey", 3: f", {self.order.upper()}", 4: ", RGBA"}.get(
            channels, f", {channels} channels"
        )
        parts = [f"{size}{kind}", f"values {self.value_range or '0..1'}"]
        for name in ("mean", "std"):
            if getattr(self, name) is not None:
                parts.append(f"{name} {', '.join(f'{value:g}' for value in getattr(self, name))}")
        return "; ".join([*parts, (self.layout or "nchw").upper()])


def _checked_range(value: Any) -> tuple[float, float]:
    found = ranges.checked("input_range", value)
    assert found is not None
    low, high = found
    return float(low), float(high)


def _numbers(name: str, value: Any, *, positive: bool) -> tuple[float, ...] | None:
    """Numbers of a text with commas, of a sequence, or one number."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            parts: Sequence[Any] = [float(part) for part in value.split(",")]
        except ValueError:
            raise ValueError(f"{name}: expected numbers with commas between them, got {value!r}") from None
    else:
        parts = list(value) if isinstance(value, Sequence | np.ndarray) else [value]
    if not parts:
        raise ValueError(f"{name}: expected a number for each channel, got none")
    return tuple(number(name, part, above=0.0 if positive else None) for part in parts)
