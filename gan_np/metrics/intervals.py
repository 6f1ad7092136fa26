"""How far a figure could be off because a finite number of images was looked at: one way for every metric.

The delete-a-group jackknife (Efron and Tibshirani 1993, chapter 11; Kott 2001). Each sample is cut at random into B = 10
groups; θ_b is the statistic without group b of any sample:

    s² = (B − 1)/B · Σ_b (θ_b − θ̄)²,      interval  θ ± t·s  with  t = 2.262, the 97.5 % point of Student's t_{B−1}.

A bootstrap would draw with replacement, and the same image twice is poison here: an image whose nearest neighbour is its
own double has radius 0 (PRDC), and pairs of doubles bias a U-statistic (kernel distance). Leaving out draws none twice. It
says how much the figure would move with other images of the same size of sample, not how biased it is at this size, nor
what another training would give: train several seeds for that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import integer
from gan_np.ranks import ALONE, Ranks

GROUPS = 10
STUDENT = 2.262
"""The 97.5 % point of Student's t with GROUPS − 1 = 9 degrees of freedom."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval [low, high], from samples of the given sizes."""

    value: float
    low: float
    high: float
    sizes: tuple[int, ...]

    def __str__(self) -> str:
        """As "0.912 [0.904, 0.920]"."""
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"

    def to_mapping(self) -> dict[str, Any]:
        """For JSON: what is not finite, which JSON cannot say, is None."""
        shown = {name: value if np.all(np.isfinite(value)) else None for name, value in asdict(self).items()}
        return shown | {"sizes": list(self.sizes)}


def jackknife(
    statistic: Callable[..., Mapping[str, float]],
    sizes: Sequence[int],
    *,
    shares: Container[str] = (),
    positive: Container[str] = (),
    seed: int = 0,
    ranks: Ranks = ALONE,
) -> dict[str, Estimate]:
    """The figures that `statistic` gives, each with its interval.

    statistic: takes one array of positions for each sample (which of its members to look at) and gives figures by name.
    sizes: how many members each sample has, at least 10.
    shares: names of figures that are shares of a sample's members: intervals stay in [0, 1], and one that is 0 or 1 in every
        group has an interval of 3/n, the rule of three (Hanley and Lippman-Hand 1983), instead of none.
    positive: names of figures that cannot be below 0: neither are their intervals.
    seed: of the groups.
    ranks: processes that share the calls of `statistic`, one for the whole and one without each group; all get all figures.

    >>> values = np.arange(100.0)
    >>> found = jackknife(lambda chosen: {"mean": values[chosen].mean()}, [100])["mean"]
    >>> found.value, found.low < 49.5 < found.high
    (49.5, True)

    Raises:
        ValueError: a sample smaller than the number of groups.
    """
    for index, size in enumerate(sizes):
        integer(f"sizes[{index}]", size, GROUPS)
    asked = [[np.arange(size) for size in sizes], *_left_out(sizes, seed)]
    everyone = ranks.exchange([dict(statistic(*chosen)) for chosen in asked[ranks.rank :: ranks.size]])
    whole, *without = (everyone[number % ranks.size][number // ranks.size] for number in range(len(asked)))
    found = {}
    for name, value in whole.items():
        bounds = 0.0 if name in shares or name in positive else -math.inf, 1.0 if name in shares else math.inf
        found[name] = _estimate(value, np.array([part[name] for part in without]), tuple(sizes), bounds)
    return found


def _left_out(sizes: Sequence[int], seed: int) -> Iterable[list[Array]]:
    """For each group, the positions of every sample without that group's."""
    group_of = [generator(seed, stream).permutation(np.arange(size) % GROUPS) for stream, size in enumerate(sizes)]
    for group in range(GROUPS):
        yield [np.flatnonzero(groups != group) for groups in group_of]


def _estimate(value: float, without: Array, sizes: tuple[int, ...], bounds: tuple[float, float]) -> Estimate:
    if not (np.isfinite(value) and np.isfinite(without).all()):
        return Estimate(float(value), math.nan, math.nan, sizes)
    deviation = math.sqrt((GROUPS - 1) / GROUPS * ((without - without.mean()) ** 2).sum())
    half = STUDENT * deviation
    if value in bounds and bounds[1] == 1:
        half = max(half, 3 / min(sizes))
    low, high = max(value - half, bounds[0]), min(value + half, bounds[1])
    return Estimate(float(value), float(low), float(high), sizes)
