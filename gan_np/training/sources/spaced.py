"""A digest of a few examples of a data set, evenly spaced, the first and the last included."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from gan_np.arrays import Array

SPACED = 8


def spaced(count: int) -> Array:
    """Return the numbers of the examples, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(SPACED, count)).astype(np.int64))


def digest_of(examples: Sequence[Array]) -> str:
    """BLAKE2b over dtype, shape and numbers of each."""
    hasher = hashlib.blake2b(digest_size=16)
    for example in examples:
        hasher.update(f"{example.dtype.str}{example.shape}".encode())
        hasher.update(np.ascontiguousarray(example).data)
    return hasher.hexdigest()


def named(count: int, digest: str) -> str:
    """The fingerprint of a data set of so many items."""
    return f"items:{count}:{digest}"


def spaced_digest(count: int, read: Callable[[Array], Sequence[Array]]) -> str:
    """The fingerprint of `count` examples of which `read` gives those with certain numbers."""
    return named(count, digest_of(read(spaced(count))))
