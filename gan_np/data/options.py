"""What a caller of `open` may ask for besides the source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from gan_np.checks import choice

from .cache import cache_folder
from .parts import PART_NAMES, part_of
from .ranges import Range, checked
from .resize import FITS, Size, size_of

ALL = "all"
SPLITS = (*PART_NAMES, ALL)
DTYPES = ("uint8", "float32")
LAYOUTS = ("NHWC", "NCHW")


class NoSuchPart(ValueError):
    """A source that is not divided, or has not the part that was asked for."""


class AskedOfAll(TypedDict, total=False):
    """The arguments of `open` beside the source and its part, for type checkers; see there."""

    image_size: int | tuple[int, int] | str | None
    channels: int | None
    value_range: tuple[float, float] | str | None
    fit: str
    dtype: str
    layout: str | None
    labels: str | os.PathLike[str] | None
    skip_broken: bool
    cache_dir: str | os.PathLike[str] | None


class Asked(AskedOfAll, total=False):
    """All arguments of `open` beside the source."""

    split: str


@dataclass(frozen=True)
class Options:
    """Checked arguments of `open`.

    argument: what the caller calls the source. Messages name it so, and advise flags of the command line unless it is
        "source", the argument of `open`.
    flags: of these arguments the command has flags, for messages; None means of all.
    """

    split: str = "train"
    image_size: Size | None = None
    channels: int | None = None
    value_range: Range | None = None
    skip_broken: bool = False
    cache_dir: str | os.PathLike[str] | None = None
    argument: str = "source"
    fit: str = "crop"
    dtype: str = "uint8"
    layout: str | None = None
    labels: Path | None = None
    flags: tuple[str, ...] | None = None

    @staticmethod
    def checked(
        *,
        split: Any = "train",
        image_size: Any = None,
        channels: Any = None,
        value_range: Any = None,
        skip_broken: Any = False,
        cache_dir: Any = None,
        argument: str = "source",
        fit: Any = "crop",
        dtype: Any = "uint8",
        layout: Any = None,
        labels: Any = None,
        flags: tuple[str, ...] | None = None,
    ) -> Options:
        """Raises TypeError or ValueError that names the argument, what it was and what was expected."""
        if channels is not None and (isinstance(channels, bool) or channels not in (1, 3, 4)):
            raise ValueError(f"channels: expected 1 (grey), 3 (RGB), 4 (RGBA) or None, got {channels!r}")
        if not isinstance(skip_broken, bool):
            raise TypeError(f"skip_broken: expected True or False, got {skip_broken!r}")
        if cache_dir is not None and not isinstance(cache_dir, str | os.PathLike):
            raise TypeError(f"cache_dir: expected a path or None, got {cache_dir!r}")
        return Options(
            (part_of(split) if isinstance(split, str) else None) or choice("split", split, SPLITS),
            None if image_size is None else size_of("image_size", image_size),
            None if channels is None else int(channels),
            checked("value_range", value_range),
            skip_broken,
            cache_dir,
            argument,
            choice("fit", fit, FITS),
            choice("dtype", dtype if isinstance(dtype, str) else str(np.dtype(dtype)), DTYPES),
            None if layout is None else choice("layout", layout, LAYOUTS),
            _file("labels", labels),
            flags,
        )

    @staticmethod
    def asked(function: str, given: Mapping[str, Any], leaving_out: str = "") -> Options:
        """The checked options that a caller gave a function by name.

        Raises:
            TypeError: the function has no such argument. TypeError, ValueError: as `checked`.
        """
        known = Asked.__annotations__.keys() | AskedOfAll.__annotations__.keys()
        for name in given:
            if name not in known or name == leaving_out:
                raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
        return Options.checked(**given)

    def of_vectors(self, what: str) -> None:
        """Refuse what only images have, for a source that holds vectors."""
        usual = Options()
        for name in ("image_size", "channels", "value_range", "layout"):
            if getattr(self, name) != getattr(usual, name):
                raise ValueError(f"{name}: is for images, and {what} holds vectors")

    def unusual(self) -> tuple[str, ...]:
        """What tells decoded images from those of the usual fit, dtype and layout, for the cache."""
        usual = Options()
        names = ("fit", "dtype", "layout")
        return tuple(f"{name} {getattr(self, name)}" for name in names if getattr(self, name) != getattr(usual, name))

    def cache(self) -> Path:
        """The cache folder, made if it is missing."""
        return cache_folder(self.cache_dir)

    def only_part(self, what: str) -> None:
        """Refuse any split but "train" and "all" for a source that is not divided."""
        if self.split not in ("train", ALL):
            raise NoSuchPart(
                f"split: {what} has no parts, so only 'train' (all of it) can be asked for, got {self.split!r}"
            )

    def one_part(self, what: str) -> None:
        """Refuse "all" for a source whose parts are not folders."""
        if self.split == ALL:
            raise ValueError(f"split: {what} has parts and they are never joined; expected one of them, got 'all'")

    def advise(self, **asked: Any) -> str:
        """How the caller asks for something else: `skip_broken=True`, or on the command line `--skip-broken`; where the
        command has no such flag, in Python `gan_np.data.open(…, split='all')`."""
        ((name, value),) = asked.items()
        if self.argument == "source":
            return f"{name}={value!r}"
        if self.flags is not None and name not in self.flags:
            return f"gan_np.data.open(…, {name}={value!r}) in Python"
        flag = f"--{name.replace('_', '-')}"
        return flag if value is True else f"{flag} {value}"

    def advise_range(self) -> str:
        """How the caller names a range of values."""
        return f"name it with {self.advise(value_range='LOW..HIGH')}"


def _file(name: str, value: Any) -> Path | None:
    """The path of a file that the caller names, or None."""
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name}: expected the path of a file or None, got {type(value).__name__}")
    if not os.fspath(value):
        raise ValueError(f"{name}: expected the path of a file, got an empty text")
    try:
        return Path(value).expanduser()
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{name}: {os.fspath(value)!r} is not a path: {error}") from error
