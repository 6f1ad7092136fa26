"""How much a processor's caches hold: from Linux's sysfs, elsewhere an assumption that is stated as such."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

from .machine import cores

FOLDER = Path("/sys/devices/system/cpu/cpu0/cache")
LEVELS = ("L1", "L2", "L3")
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Cache(NamedTuple):
    """One cache of one core."""

    size: int
    """Bytes."""
    shared: int
    """Cores that share it."""


class Caches(NamedTuple):
    """The data caches by level, those nearest to the core first; a level that the processor does not have is left out."""

    levels: dict[str, Cache]
    source: str
    """Where the sizes come from: "sysfs" or "assumed"."""

    def capacity(self, level: str, threads: int) -> int:
        """Bytes that so many threads, each on a core of its own, have at one level together."""
        cache = self.levels[level]
        return cache.size * -(-threads // cache.shared)

    def numbers(self) -> dict[str, object]:
        """For JSON."""
        return {"source": self.source, **{name: cache._asdict() for name, cache in self.levels.items()}}

    def described(self) -> str:
        """For the foot of a table."""
        sizes = ", ".join(f"{name} {_short(cache.size)}" for name, cache in self.levels.items())
        return f"caches {sizes}{'' if self.source == 'sysfs' else f' ({self.source})'}"


ASSUMED = {"L1": Cache(32 << 10, 1), "L2": Cache(1 << 20, 1)}
"""Where the system says nothing; a third level of 16 MiB is shared by all cores."""


def find(folder: Path = FOLDER) -> Caches:
    """The caches of this machine's first core.

    folder: as /sys/devices/system/cpu/cpu0/cache, a folder index0, index1, … for each cache with `level`, `type`, `size`
    ("32K")
        and `shared_cpu_list` ("0-3,8") in it.
    """
    levels: dict[str, Cache] = {}
    for place in sorted(folder.glob("index*")) if folder.is_dir() else ():
        with contextlib.suppress(OSError, ValueError, KeyError):
            if _text(place, "type") in ("Data", "Unified"):
                levels[f"L{int(_text(place, 'level'))}"] = Cache(_size(_text(place, "size")), _shared(place))
    levels = {name: levels[name] for name in LEVELS if name in levels}
    if "L1" in levels:
        return Caches(levels, "sysfs")
    return Caches({**ASSUMED, "L3": Cache(16 << 20, cores())}, "assumed")


def _text(place: Path, name: str) -> str:
    return (place / name).read_text(encoding="ascii").strip()


def _size(text: str) -> int:
    size = int(text[:-1]) * UNITS[text[-1]] if text[-1:] in UNITS else int(text)
    if size < 1:
        raise ValueError(f"size: expected at least 1 byte, got {text!r}")
    return size


def _shared(place: Path) -> int:
    try:
        text = _text(place, "shared_cpu_list")
    except OSError:
        return 1
    count = 0
    for part in text.split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return max(1, count)


def _short(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"
