"""The order in which training sees images: seeded, exact over epochs, and a function of one integer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import integer

_STREAM = 1 << 30
"""The first stream number of `generator` that belongs to data order."""


class Shuffler(Iterator[Array]):
    """Batches of image numbers without end: each epoch is a fresh permutation, each batch is full.

    Epoch e is the permutation π_e of 0…count−1 that `generator(seed, 2³⁰, e)` draws, and batch b is the entries
    b·batch_size to (b+1)·batch_size − 1 of π_0 π_1 π_2 … written one after the other. So batches may span epochs, every
    image comes exactly once an epoch, and a set smaller than a batch goes round several times within it.

    count: images in the set, at least 1.
    batch_size: at least 1.
    seed: of the order; same seed, same order.
    part: which rows of a batch a source reads here; the others are read by other processes. All by default.

    Each item is int64 (batch_size,). `position`, the number of batches drawn so far, is the whole state: `seek`
    restores it in the time of drawing one permutation.

    >>> order = Shuffler(3, 2, seed=0)
    >>> first = [next(order) for _ in range(3)]
    >>> sorted(int(i) for batch in first for i in batch)
    [0, 0, 1, 1, 2, 2]
    >>> order.position
    3
    """

    def __init__(self, count: int, batch_size: int, seed: int = 0) -> None:
        self.count = integer("count", count, 1)
        self.batch_size = integer("batch_size", batch_size, 1)
        self.seed = integer("seed", seed, 0)
        self.part = slice(None)
        self._position = 0
        self._drawn: tuple[int, Array] | None = None

    @property
    def position(self) -> int:
        """Return how many batches have been drawn."""
        return self._position

    @property
    def epoch(self) -> int:
        """Return how many epochs are complete."""
        return self._position * self.batch_size // self.count

    def seek(self, position: int) -> None:
        """Go where a Shuffler is that has drawn `position` batches."""
        self._position = integer("position", position, 0)

    def at(self, position: int) -> Shuffler:
        """Another Shuffler of the same order, at `position`."""
        other = Shuffler(self.count, self.batch_size, self.seed)
        other.part = self.part
        other.seek(position)
        return other

    def __next__(self) -> Array:
        first = self._position * self.batch_size
        parts, missing = [], self.batch_size
        epoch, start = divmod(first, self.count)
        while missing:
            part = self._permutation(epoch)[start : start + missing]
            parts.append(part)
            missing -= len(part)
            epoch, start = epoch + 1, 0
        self._position += 1
        return np.concatenate(parts)

    def _permutation(self, epoch: int) -> Array:
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = epoch, generator(self.seed, _STREAM, epoch).permutation(self.count)
        return self._drawn[1]

    def __repr__(self) -> str:
        return (
            f"Shuffler(count={self.count}, batch_size={self.batch_size}, seed={self.seed}) at position {self._position}"
        )
