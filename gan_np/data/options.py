"""What a caller of `open` may ask for besides the source."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_np.checks import choice, pair

from .cache import cache_folder
from .resize import Size

SPLITS = ("train", "test")


class NoSuchPart(ValueError):
    """A source that is not divided, or has not the part that was asked for."""


@dataclass(frozen=True)
class Options:
    """Checked arguments of `open`."""

    split: str = "train"
    image_size: Size | None = None
    channels: int | None = None
    skip_broken: bool = False
    cache_dir: str | os.PathLike[str] | None = None

    @staticmethod
    def checked(split: Any, image_size: Any, channels: Any, skip_broken: Any, cache_dir: Any) -> Options:
        """Raises TypeError or ValueError that names the argument, what it was and what was expected."""
        if channels is not None and (isinstance(channels, bool) or channels not in (1, 3, 4)):
            raise ValueError(f"channels: expected 1 (grey), 3 (RGB), 4 (RGBA) or None, got {channels!r}")
        if not isinstance(skip_broken, bool):
            raise TypeError(f"skip_broken: expected True or False, got {skip_broken!r}")
        if cache_dir is not None and not isinstance(cache_dir, str | os.PathLike):
            raise TypeError(f"cache_dir: expected a path or None, got {cache_dir!r}")
        return Options(
            choice("split", split, SPLITS),
            None if image_size is None else pair("image_size", image_size, 1),
            None if channels is None else int(channels),
            skip_broken,
            cache_dir,
        )

    def cache(self) -> Path:
        """The cache folder, made if it is missing."""
        return cache_folder(self.cache_dir)

    def only_part(self, what: str) -> None:
        """Refuse any split but "train" for a source that is not divided."""
        if self.split != "train":
            raise NoSuchPart(
                f"split: {what} has no parts, so only 'train' (all of it) can be asked for, got {self.split!r}"
            )
