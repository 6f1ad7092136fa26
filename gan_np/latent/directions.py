"""A direction of z, and a place for those that a user has named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer


@dataclass(frozen=True, eq=False)
class Direction:
    """A unit vector u of z; moving by t means z + t·u.

    name: what it is called. vector: float64 (k,), brought to norm 1. source: where it comes from, for people. strength:
    how much it does by the measure of its source (a share of variance, a singular value, …), comparable within one
    source only.

    >>> import numpy as np, gan_np as gn
    >>> smile = gn.latent.Direction("smile", np.array([3.0, 4.0]))
    >>> gn.latent.moved(np.zeros((1, 2), np.float32), smile, 2.0)
    array([[1.2, 1.6]], dtype=float32)

    Raises:
        ShapeError, ValueError: not a vector, or one without a direction (0, NaN, infinite).
    """

    name: str
    vector: Array
    source: str = ""
    strength: float | None = None

    def __post_init__(self) -> None:
        vector = np.asarray(self.vector, np.float64)
        if vector.ndim != 1 or not len(vector):
            raise ShapeError(f"vector: expected (k,), got {vector.shape}")
        norm = float(np.linalg.norm(vector))
        if not 0 < norm < np.inf:
            raise ValueError(f"vector: {self.name!r} has no direction, its norm is {norm}")
        object.__setattr__(self, "vector", vector / norm)

    @property
    def dim(self) -> int:
        """Return k, the dimension of z."""
        return len(self.vector)


def moved(z: Array, direction: Direction, by: float | Array) -> Array:
    """z + by·u for points z (N, k), in z's dtype; by: one number, or one for each point."""
    if z.ndim != 2 or z.shape[1] != direction.dim:
        raise ShapeError(f"z: expected (N, {direction.dim}) for direction {direction.name!r}, got {z.shape}")
    steps = np.broadcast_to(np.asarray(by, np.float64), (len(z),))
    return (z + steps[:, None] * direction.vector).astype(z.dtype)


def axis(index: int, dim: int) -> Direction:
    """The axis of one coordinate of z (k = dim)."""
    vector = np.zeros(integer("dim", dim, 1))
    vector[integer("index", index, 0, dim - 1)] = 1
    return Direction(f"axis:{index}", vector, f"coordinate {index} of z")


def without(direction: Direction, others: Iterable[Direction]) -> Direction:
    """A direction minus its projection on the span of others: it then leaves them as they are, to first order.

    Shen et al. (2020) call moving along the rest a conditional manipulation.

    Raises:
        ValueError: nothing is left.
    """
    rest = list(others)
    if not rest:
        return direction
    # By singular values, so that others that depend on each other do no harm.
    vectors, sizes, _ = np.linalg.svd(np.stack([other.vector for other in rest], axis=1), full_matrices=False)
    basis = vectors[:, sizes > 1e-6 * sizes[0]]
    left = direction.vector - basis @ (basis.T @ direction.vector)
    if np.linalg.norm(left) < 1e-6:
        raise ValueError(f"others: span {direction.name!r}, so nothing of it is left")
    names = ", ".join(other.name for other in rest)
    return Direction(direction.name, left, f"{direction.source or direction.name}, without {names}", direction.strength)
