"""Sums of two arrays, and over all examples, with a factor for each example, on the GPU (`sources/scaled_sum.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Into
from .activation import add_partial_sums
from .alignment import is_aligned, long_rows, pack_of
from .grids import alone, over, sums_down
from .launcher import Destination, contiguous, launch, new

SOURCE = "scaled_sum.cu"


class ScaledSum:
    """Sums in which example n, the n-th entry of the first axis, counts s[n] times."""

    def add(self, x: Array, y: Array, scale: Array | None) -> Array:
        """Return x + s ⊙ y, or x + y without s, from one pass; 16 bytes at a time where examples consist of such chunks."""
        x, y = contiguous(x), contiguous(y)
        factors = None if scale is None else contiguous(scale)
        z = new(x, x.shape)
        size = x.size if scale is None else x.size // len(x)
        aligned = is_aligned(x, size) & is_aligned(y, size)
        launch(SOURCE, "add", *over(x.size), (x, y, factors, z, x.size, size, aligned), dtype=x.dtype)
        return z

    def total(self, x: Array, scale: Array, into: Into | None = None) -> Array:
        """Return Σ s ⊙ x over all axes but the last: partial sums and then their sum, or one launch where rows are few."""
        given, factors = contiguous(x), contiguous(scale)
        channels = x.shape[-1]
        destination = Destination.of(into, given, (channels,))
        total, add = destination.array, destination.add
        examples, rows, columns = len(x), x.size // channels // len(x), channels
        if alone(examples * rows, 1):
            pack = pack_of(columns, given)
        else:  # several rows of one example as a long one
            rows, columns, pack = long_rows(rows, columns, given)
        sums = sums_down(examples * rows, columns, pack, 1, x.itemsize)
        count = sums.partials * columns // channels
        partial = new(given, (sums.partials, columns)) if count > 1 else None
        arguments = (given, factors, partial, examples * rows, columns, rows, pack > 1, add, total)
        launch(SOURCE, "total", sums.grid, sums.block, arguments, dtype=x.dtype)
        if partial is not None:
            add_partial_sums(partial, count, channels, total, add=add)
        return destination.written()
