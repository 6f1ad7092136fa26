"""Bias and pointwise activation on the GPU (`sources/activation.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from ..reference.placing import place
from .grids import columns_of, over
from .launcher import contiguous, launch, new, whole

SOURCE = "activation.cu"
KINDS = {"linear": 0, "relu": 1, "leaky_relu": 2, "tanh": 3, "sigmoid": 4}
"""As in pointwise.cuh."""


def function(activation: Activation) -> tuple[int, float]:
    """What kernels take for an activation."""
    return KINDS[activation.kind], float(activation.slope)


class BiasActivation:
    """y = f(z + b)."""

    def forward(self, z: Array, bias: Array | None, activation: Activation, in_place: bool = False) -> Array:
        """One pass; in place where z is contiguous, else copied back."""
        given = contiguous(z)
        y = given if in_place else new(z, z.shape)
        channels = z.shape[-1]
        aligned = whole(given, channels)
        bias = None if bias is None else contiguous(bias)
        launch(
            SOURCE, "forward", *over(z.size), (given, bias, y, z.size, channels, aligned, *function(activation)),
            dtype=z.dtype,
        )  # fmt: skip
        if in_place and given is not z:
            z[...] = y
            return z
        return y

    def backward(
        self, dy: Array, y: Array, activation: Activation, need_bias: bool, into: Into | None = None
    ) -> tuple[Array, Array | None]:
        """dz, and with it in the same pass the partial sums of db."""
        linear = activation.kind == "linear"
        if linear and not need_bias:
            return dy, None
        given, output = contiguous(dy), contiguous(y)
        dz = None if linear else new(dy, dy.shape)
        if not need_bias:
            assert dz is not None
            aligned = whole(given, dy.size) & whole(output, dy.size)
            arguments = (given, output, dz, dy.size, aligned, *function(activation))
            launch(SOURCE, "backward", *over(dy.size), arguments, dtype=dy.dtype)
            return dz, None
        columns = dy.shape[-1]
        rows = dy.size // columns
        grid = columns_of(rows, columns)
        parts = new(dy, (grid.parts, columns))
        launch(
            SOURCE, "backward_with_sums", grid.grid, grid.block,
            (given, output, dz, parts, rows, columns, grid.run, *function(activation)), dtype=dy.dtype,
        )  # fmt: skip
        direct = into is not None and into.array.flags.c_contiguous
        dbias = into.array if into is not None and direct else new(dy, (columns,))
        add = into is not None and direct and into.add
        merged = (parts, grid.parts, columns, add, dbias)
        launch(SOURCE, "bias_gradient", grid.merge_grid, grid.block, merged, dtype=dy.dtype)
        return dy if dz is None else dz, dbias if into is None or direct else place(dbias, into)
