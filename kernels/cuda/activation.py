"""Bias and pointwise activation on the GPU (`sources/activation.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from .alignment import is_aligned, long_rows, pack_of
from .grids import alone, merge_of, over, rows_over, sums_down
from .launcher import Destination, contiguous, launch, new

SOURCE = "activation.cu"
KINDS = {"linear": 0, "relu": 1, "leaky_relu": 2, "tanh": 3, "sigmoid": 4}
"""The numbers of the functions, as pointwise.cuh has them."""


def function(activation: Activation) -> tuple[int, float]:
    """Return what kernels take for an activation: the number of its kind, and its slope."""
    return KINDS[activation.kind], float(activation.slope)


def add_partial_sums(partial: Array, count: int, channels: int, to: Array, *, add: bool) -> None:
    """Write the total of `count` partial sums of each channel to `to`, or add it to what is there: the second stage."""
    merged = (partial, count, channels, add, to)
    launch(SOURCE, "bias_gradient", *merge_of(count, channels), merged, dtype=partial.dtype)


class BiasActivation:
    """The end of a layer, y = f(z + b), and its derivative."""

    def forward(self, z: Array, bias: Array | None, activation: Activation, in_place: bool = False) -> Array:
        """Return y from one pass; z's memory is used where it may be and is contiguous, otherwise y is copied back there."""
        given = contiguous(z)
        y = given if in_place else new(z, z.shape)
        channels = z.shape[-1]
        rows, columns, pack = long_rows(z.size // channels, channels, given, y)
        bias = None if bias is None else contiguous(bias)
        arguments = (given, bias, y, rows, columns, channels, pack > 1, *function(activation))
        launch(SOURCE, "forward", *rows_over(rows, columns, pack), arguments, dtype=z.dtype)
        if in_place and given is not z:
            z[...] = y
            return z
        return y

    def backward(
        self, dy: Array, y: Array, activation: Activation, need_bias: bool, into: Into | None = None
    ) -> tuple[Array, Array | None]:
        """Return dz and db. The pass that makes dz makes partial sums of db too, or db itself where rows are few."""
        linear = activation.kind == "linear"
        if linear and not need_bias:
            return dy, None
        given, output = contiguous(dy), contiguous(y)
        dz = None if linear else new(dy, dy.shape)
        if not need_bias:
            assert dz is not None
            aligned = is_aligned(given, dy.size) & is_aligned(output, dy.size)
            arguments = (given, output, dz, dy.size, aligned, *function(activation))
            launch(SOURCE, "backward", *over(dy.size), arguments, dtype=dy.dtype)
            return dz, None
        channels = dy.shape[-1]
        destination = Destination.of(into, dy, (channels,))
        dbias, add = destination.array, destination.add
        rows, columns, arrays = dy.size // channels, channels, 1 if linear else 3
        if alone(rows, arrays):
            pack = pack_of(columns, given, output)
        else:
            rows, columns, pack = long_rows(rows, columns, given, output)
        sums = sums_down(rows, columns, pack, arrays, dy.itemsize)
        count = sums.partials * columns // channels
        partial = new(dy, (sums.partials, columns)) if count > 1 else None
        summed = (given, output, dz, partial, rows, columns, pack > 1, *function(activation), add, dbias)
        launch(SOURCE, "backward_with_sums", sums.grid, sums.block, summed, dtype=dy.dtype)
        if partial is not None:
            add_partial_sums(partial, count, channels, dbias, add=add)
        return dy if dz is None else dz, destination.written()
