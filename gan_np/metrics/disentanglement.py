"""How much one direction of z changes its factor, and how little the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, number

from .distances import finite
from .factors import columns_of_factors


@dataclass(frozen=True)
class Effects:
    """What moving along each direction does to each factor, as `effects` measures it.

    sizes (directions, factors): 0 leaves the factor alone, 1 changes it as much as taking another sample does.
    shifts (directions, factors): the mean change in deviations, with its sign; NaN for a factor of several columns.
    """

    directions: tuple[str, ...]
    factors: tuple[str, ...]
    sizes: Array
    shifts: Array

    def selectivity(self, direction: str, factor: str) -> float:
        """The size for this factor over the largest for any other: above 1 where the direction is this factor's
        most."""
        row = self.sizes[self.directions.index(direction)]
        own = self.factors.index(factor)
        largest = float(np.delete(row, own).max())
        return float(row[own]) / largest if largest > 0 else float("inf")

    def table(self) -> str:
        """Rows of directions, columns of factors: sizes."""
        wide = max(map(len, self.directions))
        head = " " * wide + "".join(f"  {name:>11}" for name in self.factors)
        rows = [
            f"{name:<{wide}}" + "".join(f"  {size:11.2f}" for size in row)
            for name, row in zip(self.directions, self.sizes, strict=True)
        ]
        return "\n".join([head, *rows])


def effects(
    decode: Callable[[Array], Array],
    z: Array,
    directions: Mapping[str, Array],
    read: Callable[[Array], Array],
    factors: Sequence[str],
    *,
    step: float = 2.0,
) -> Effects:
    """For every direction u and factor f, over points z (N, k), with r the factors read from an image:

        size  = √( E‖r_f(G(z + s·u)) − r_f(G(z − s·u))‖² / (2·E‖r_f(G(z)) − r̄_f‖²) ),   s = step
        shift = E[r_f(G(z + s·u)) − r_f(G(z − s·u))] / deviation of r_f(G(z))

    Two independent samples differ by 2·Var in the mean square, so size 1 is what another sample does. decode: z →
    images.
    directions: name → unit vector (k,). read: images → (N, columns). factors: the columns' names; "hair=long" and
    "hair=curly" are columns of one factor, hair.

    The ruler has errors of its own: the size along a direction of pure noise is not 0 but what the reader's errors make
    of it. A factor that is the same in every sample has size and shift 0 where it stays the same, infinite ones elsewhere.

    Raises:
        ShapeError: sizes that do not meet. ValueError: factors that are NaN or infinite.
    """
    number("step", step, above=0.0)
    middle = finite("read", read(decode(z)))
    if middle.shape != (len(z), len(factors)):
        raise ShapeError(f"factors: expected a name for each column read, {middle.shape[1:]}, got {len(factors)}")
    columns = columns_of_factors(factors)
    spread = [middle[:, part].var(axis=0).sum() for part in columns.values()]
    sizes, shifts = np.zeros((len(directions), len(columns))), np.full((len(directions), len(columns)), np.nan)
    for row, vector in enumerate(directions.values()):
        if vector.shape != z.shape[1:]:
            raise ShapeError(f"directions: expected vectors {z.shape[1:]}, got {vector.shape}")
        move = (step * vector).astype(z.dtype)
        change = finite("read", read(decode(z + move)) - read(decode(z - move)))
        for column, (part, variance) in enumerate(zip(columns.values(), spread, strict=True)):
            sizes[row, column] = np.sqrt(_ratio((change[:, part] ** 2).sum(axis=1).mean(), 2 * variance))
            if len(part) == 1:
                shifts[row, column] = _ratio(change[:, part[0]].mean(), np.sqrt(variance))
    return Effects(tuple(directions), tuple(columns), sizes, shifts)


def _ratio(change: float, spread: float) -> float:
    """change/spread; for a spread of 0: 0 if nothing changes either, else infinite."""
    if spread > 0:
        return float(change / spread)
    return float(np.copysign(np.inf, change)) if change else 0.0
