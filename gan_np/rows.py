"""Random numbers for a part of a batch: what one generator draws for the whole batch, of which each rank takes its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np.arrays import Array


class RowsOfBatch(np.random.Generator):
    """A generator that draws for the examples of all ranks, and gives those of one.

    An array that is asked for has its examples along its first axis: of n rows asked for, N·n are drawn, and rank r is given
    the rows r·n to (r+1)·n − 1. So the state after a draw is that of one process, and so are the numbers. A single number
    (size None) is one for the whole batch. Draws whose rows depend on each other (`permutation`, `choice`, …) are refused.

    >>> import gan_np as gn
    >>> whole = gn.arrays.generator(0).random(6)
    >>> part = RowsOfBatch(gn.arrays.generator(0).bit_generator, 1, 3).random(2)
    >>> bool((part == whole[2:4]).all())
    True
    """

    def __init__(self, bit_generator: np.random.BitGenerator, rank: int, size: int) -> None:
        super().__init__(bit_generator)
        self.rank, self.size = rank, size

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """As NumPy's, U[0, 1)."""
        _refuse_out(out)
        return self._rows(lambda whole: super(RowsOfBatch, self).random(whole, dtype), size)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """As NumPy's."""
        return self._rows(lambda whole: super(RowsOfBatch, self).uniform(low, high, whole), size)

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """As NumPy's."""
        _refuse_out(out)
        return self._rows(lambda whole: super(RowsOfBatch, self).standard_normal(whole, dtype), size)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """As NumPy's."""
        return self._rows(lambda whole: super(RowsOfBatch, self).normal(loc, scale, whole), size)

    def integers(
        self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64, endpoint: bool = False
    ) -> Any:
        """As NumPy's."""
        return self._rows(lambda whole: super(RowsOfBatch, self).integers(low, high, whole, dtype, endpoint), size)

    def _rows(self, draw: Callable[[Any], Any], size: Any) -> Any:
        if size is None:
            return draw(None)
        count, *others = (size,) if isinstance(size, int | np.integer) else size
        whole: Array = draw((count * self.size, *others))
        return whole[self.rank * count : (self.rank + 1) * count]

    def __reduce__(self) -> Any:
        return RowsOfBatch, (self.bit_generator, self.rank, self.size)


def _refuse_out(out: Any) -> None:
    if out is not None:
        raise ValueError("out: with several ranks numbers are drawn for the whole batch; expected None")


_DRAWN_BY_ROW = ("random", "uniform", "standard_normal", "normal", "integers", "bit_generator", "spawn")


def _refusing(name: str) -> Callable[..., Any]:
    def refused(self: RowsOfBatch, *arguments: Any, **named: Any) -> Any:
        raise NotImplementedError(
            f"rng.{name}: with {self.size} ranks each is given its rows of what is drawn for the whole batch, which is "
            "written for random, uniform, standard_normal, normal and integers; draw from one of these"
        )

    return refused


for _name in dir(np.random.Generator):
    if not _name.startswith("_") and _name not in _DRAWN_BY_ROW:
        setattr(RowsOfBatch, _name, _refusing(_name))
