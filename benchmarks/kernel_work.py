"""What one call of a kernel's method does: operations and bytes, counted from shapes.

A multiplication and an addition are two operations. Taps of a convolution that fall on padding are not counted, and bytes
are those of every array that the method must read or write, once: a kernel can do more of both, not less. Methods that
multiply less than the direct sum (`SAVING`) have operations of their own.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.kernels import Case, Geometry
from gan_np.kernels.cpu.toom_cook import Matrix, matrices
from gan_np.kernels.cuda.normalisation import FROM_Y

FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = "forward", "input gradient", "weight gradient"


class Amount(NamedTuple):
    """Of one call."""

    direct: float
    """Operations of the direct sum; 0 where they are not counted because memory is what takes the time."""
    done: float
    """Operations that this kernel does: fewer than `direct` in a fast algorithm."""
    bytes: float
    """Of the arrays that must be read or written."""

    @property
    def saves(self) -> bool:
        """Whether the method does less arithmetic than the direct sum."""
        return self.done < self.direct


def direct_operations(geometry: Geometry) -> float:
    """Operations of one contraction, without taps on padding: 2·N·C_a·C_b·(pairs of row and tap)·(pairs of column and
    tap)."""
    pairs = [_pairs(geometry, axis) for axis in (0, 1)]
    channels = geometry.large[2] // geometry.groups * geometry.small[2]
    return 2.0 * geometry.batch * channels * pairs[0] * pairs[1]


def _pairs(geometry: Geometry, axis: int) -> int:
    places = np.arange(geometry.small[axis])[:, None] * geometry.stride[axis] - geometry.padding[axis]
    rows = places + np.arange(geometry.kernel[axis])
    return int(((rows >= 0) & (rows < geometry.large[axis])).sum())


def winograd_operations(geometry: Geometry, method: str) -> float:
    """Products at 25 points, and the transforms of what the method reads and gives (`docs/cpu-kernels.md`).

    The weights are transformed once here; a kernel that does so for each block of tiles does more.
    """
    taps = -(-geometry.kernel[0] // geometry.stride[0])
    found = matrices(6 - taps, taps)
    points = found.points**2
    tiles = geometry.batch * math.prod(-(-size // found.outputs) for size in geometry.small[:2])
    depth = geometry.stride[0] * geometry.stride[1] * geometry.large[2]
    breadth = geometry.small[2]
    large = tiles * depth * _transform(found.bt)
    small = tiles * breadth * _transform(found.a)
    weights = depth * breadth * _transform(found.g)
    del method  # each contraction touches all three: two are transformed and the third is transformed back
    return 2.0 * points * tiles * depth * breadth + large + small + weights


def _transform(matrix: Matrix) -> float:
    """Operations of M·X·Mᵀ for one X: entries that are 0 cost nothing, those that are ±1 an addition."""
    counted = sum(0 if entry == 0 else 1 if abs(entry) == 1 else 2 for row in matrix for entry in row)
    return float(counted * (len(matrix[0]) + len(matrix)))


SAVING = {("conv2d", "winograd"): winograd_operations}
"""(operation, kernel) → operations of one call of a method, for those that multiply less than the direct sum."""


def convolution(case: Case, kernel: str, method: str, dtype: np.dtype[Any]) -> Amount:
    """One contraction: two of the three arrays are read and the third written."""
    geometry = case.geometry
    assert geometry is not None
    direct = direct_operations(geometry)
    saving = SAVING.get(("conv2d", kernel))
    done = direct if saving is None else min(direct, saving(geometry, method))
    shapes = geometry.large_shape, geometry.small_shape, geometry.weight_shape
    return Amount(direct, done, float(dtype.itemsize * sum(map(math.prod, shapes))))


def products(case: Case, method: str, arrays: list[Array]) -> float:
    """Operations of a method of "dense" or "dense_layer", whose first arrays are x and W; 0 for other operations."""
    if case.operation not in ("dense", "dense_layer"):
        return 0.0
    one = 2.0 * arrays[0].shape[0] * math.prod(arrays[1].shape)
    return 2 * one if (case.operation, method) == ("dense_layer", "backward") else one


UNREAD = {
    ("batch_norm", "backward"): ("y",),
    ("bias_activation", "backward"): ("y",),
    ("dense_layer", "backward"): ("y",),
}
"""(operation, method) → arrays that are handed in but need not be read, as the derivative of some activations does not
ask."""


def unread(operation: str, method: str, activation: str) -> tuple[str, ...]:
    """The arguments of a method that this activation's derivative does not read."""
    if operation == "batch_norm":
        return () if activation in FROM_Y else UNREAD.get((operation, method), ())
    return UNREAD.get((operation, method), ()) if activation == "linear" else ()
