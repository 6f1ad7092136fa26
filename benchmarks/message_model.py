"""How long a step of N ranks takes: computing that its share of the batch takes, and messages of a latency and a bandwidth.

    T(N) = c₀ + c₁·b + Σ messages,   b examples on each rank
    a small message, gathered whole:  ⌈log₂ N⌉·α + (N − 1)·n/β
    a large one, in two halves:       2·(N − 1)·α + 2·(N − 1)/N·n/β        (all-to-all, then all-gather)

with n bytes an array, α seconds a message and β bytes a second. c₀ and c₁ are fitted to steps of one process at several
batch sizes, α and β to all-reduces between two. What the model leaves out: that ranks of one machine share its memory's
bandwidth, that a network has less for all at once than for two, and that the slowest rank decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

SMALL = 1 << 13
"""As in `gan_np.distributed.mpi`."""


class Network(NamedTuple):
    """What messages cost. latency: α in seconds; bandwidth: β in bytes a second."""

    name: str
    latency: float
    bandwidth: float

    def all_reduce(self, size: float, ranks: int) -> float:
        """Seconds to add up an array of so many bytes over so many ranks."""
        if ranks == 1:
            return 0.0
        if size <= SMALL:
            return math.ceil(math.log2(ranks)) * self.latency + (ranks - 1) * size / self.bandwidth
        return 2 * (ranks - 1) * self.latency + 2 * (ranks - 1) / ranks * size / self.bandwidth


class Step(NamedTuple):
    """What a step of training costs: computing, and the arrays that are added up or gathered, as (how many, bytes each)."""

    fixed: float
    per_example: float
    small: Sequence[tuple[float, float]]
    """Of a size that does not depend on the batch: batch statistics."""
    scores: Sequence[tuple[float, float]]
    """Bytes for each example of the whole batch."""
    gradients: Sequence[float]

    def seconds(self, network: Network, ranks: int, batch: int) -> float:
        """Of one step of `ranks` ranks on `batch` examples together."""
        total = self.fixed + self.per_example * batch / ranks
        total += sum(count * network.all_reduce(size, ranks) for count, size in self.small)
        total += sum(count * network.all_reduce(size * batch / ranks, ranks) for count, size in self.scores)
        return total + sum(network.all_reduce(size, ranks) for size in self.gradients)


def fitted_network(name: str, seconds: Mapping[int, float]) -> Network:
    """α and β of all-reduces of arrays of so many bytes between two ranks (least squares of relative errors)."""
    sizes = np.array(sorted(seconds), float)
    times = np.array([seconds[int(size)] for size in sizes])
    starts = np.where(sizes <= SMALL, 1.0, 2.0)
    columns = np.stack([starts, sizes], axis=1) / times[:, None]
    (latency, per_byte), *_ = np.linalg.lstsq(columns, np.ones_like(times), rcond=None)
    return Network(name, max(float(latency), 1e-7), 1 / max(float(per_byte), 1e-12))


def fitted_computing(milliseconds: Mapping[int, float]) -> tuple[float, float]:
    """c₀ and c₁ in seconds, from milliseconds of a step at several batch sizes."""
    sizes = np.array(sorted(milliseconds), float)
    times = np.array([milliseconds[int(size)] / 1e3 for size in sizes])
    columns = np.stack([np.ones_like(sizes), sizes], axis=1) / times[:, None]
    (fixed, each), *_ = np.linalg.lstsq(columns, np.ones_like(times), rcond=None)
    if fixed < 0:
        return 0.0, float((times / sizes).mean())
    return float(fixed), float(each)
