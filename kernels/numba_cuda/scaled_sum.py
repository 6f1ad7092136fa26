"""Sums of two arrays, and over all examples, with a factor for each example."""

from __future__ import annotations

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import contiguous, new
from ..interfaces import Into
from .columns import sum_columns, value
from .compiled import cuda, kernel
from .launcher import launch


@kernel
def add_numbers(x: Array, y: Array, z: Array, count: int) -> None:
    """A kernel: z = x + y."""
    for i in range(cuda.grid(1), count, cuda.gridsize(1)):
        z[i] = x[i] + y[i]


@kernel
def add_scaled(x: Array, y: Array, scale: Array, z: Array, count: int, size: int) -> None:
    """A kernel: z = x + s ⊙ y; `size` numbers are an example's."""
    for i in range(cuda.grid(1), count, cuda.gridsize(1)):
        z[i] = x[i] + scale[i // size] * y[i]


@kernel
def scale_examples(x: Array, scale: Array, z: Array, count: int, size: int) -> None:
    """A kernel: z = s ⊙ x; `size` numbers are an example's."""
    for i in range(cuda.grid(1), count, cuda.gridsize(1)):
        z[i] = scale[i // size] * x[i]


class ScaledSum:
    """Sums in which example n, the n-th entry of the first axis, counts s[n] times."""

    def add(self, x: Array, y: Array, scale: Array | None) -> Array:
        """Return x + s ⊙ y, or x + y without s."""
        x, y = contiguous(x), contiguous(y)
        z, count = new(x, x.shape), x.size
        if scale is None:
            launch(add_numbers, *over(count), (x, y, z, count))
        else:
            launch(add_scaled, *over(count), (x, y, contiguous(scale), z, count, count // len(x)))
        return z

    def total(self, x: Array, scale: Array, into: Into | None = None) -> Array:
        """Return Σ s ⊙ x over all axes but the last, from a scaled copy of x."""
        x = contiguous(x)
        scaled = new(x, x.shape)
        launch(scale_examples, *over(x.size), (x, contiguous(scale), scaled, x.size, x.size // len(x)))
        return sum_columns(value, scaled, into=into)
