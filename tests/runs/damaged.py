"""Files as a disk, an editor or an enemy may leave them, for the campaigns."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from gan_np.runs import checkpoint

ODD: list[Any] = [
    None, -1, 0, 1, 10**4, 10**9, -(10**9), 2**53, 2**63, 2**70, 10**400, -1e308, 1e308, 5e-324, float("inf"), float("nan"),
    "x", "", "é" * 100, "9" * 5000, [], {}, [[]], {"": 1}, True, "../../etc/passwd",
]  # fmt: skip

PIECES = [
    b"9" * 12,
    b"9" * 5000,
    b"[" * 3000,
    b"null",
    b"-1",
    b'""',
    b"1e999",
    b"\0",
    b"\xff\xfe",
    b"\n",
    b"{}",
    b"nan",
]


def numbers_in(place: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every number inside parsed JSON."""
    if isinstance(place, dict | list):
        for key, inner in place.items() if isinstance(place, dict) else enumerate(place):
            yield from numbers_in(inner, (*path, key))
    elif isinstance(place, int | float) and not isinstance(place, bool):
        yield path


def changed(description: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a path."""
    copy = json.loads(json.dumps(description))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


def one_change(description: Any, rng: np.random.Generator) -> Any:
    """A copy in which something anywhere is another value, or gone."""
    copy = json.loads(json.dumps(description))
    place = copy
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[int(rng.integers(0, len(keys)))]
        inner = place[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
            place = inner
        elif rng.random() < 0.2:
            del place[key]
            return copy
        else:
            place[key] = ODD[int(rng.integers(0, len(ODD)))]
            return copy


def signed(path: Path, tensors: dict[str, np.ndarray], description: Any) -> Path:
    """A file with a digest that agrees, whatever its description says."""
    text = json.dumps(description)
    save_file(tensors, path, {"gan_np": text, "digest": checkpoint.digest(text, tensors)})
    return path


def mutant(data: bytes, rng: np.random.Generator, reach: int | None = None) -> bytes:
    """One to three changes, most of them among the first `reach` bytes: flipped, overwritten, cut out, doubled, put in."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        limit = len(changed) if reach is None or rng.random() < 0.2 else min(reach, len(changed))
        at, size = int(rng.integers(0, max(limit, 1))), int(rng.integers(1, 17))
        kind = rng.integers(0, 6)
        if kind == 0 and changed:
            changed[min(at, len(changed) - 1)] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            changed[at : at + size] = rng.bytes(size)
        elif kind == 2:
            del changed[at : at + size]
        elif kind == 3:
            changed[at:at] = changed[at : at + 4 * size]
        elif kind == 4:
            del changed[at:]
        else:
            changed[at : at + size] = PIECES[int(rng.integers(0, len(PIECES)))]
    return bytes(changed)
