"""Averages of a generator's weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, generator
from gan_np.devices import scope
from gan_np.host import counted, drawn
from gan_np.kernels import Number
from gan_np.layers import Wrt
from gan_np.networks import Network
from gan_np.schedules import Schedule, at, scheduled


class Average:
    """The exponential moving average of a network's θ: average ← d·average + (1 − d)·θ.

    d is min(decay, (1 + n)/(10 + n)) at update n, so that the start is forgotten quickly; decay may be a schedule. The
    averaged network has running statistics of its own: those of the trained one belong to other weights, so recompute them
    before sampling.
    """

    def __init__(self, network: Network, decay: float | Schedule = 0.999) -> None:
        self.decay = scheduled("decay", decay, 0.0, 1.0)
        self.source, self.network = network, network.sharing()
        self.updates = 0

    def update(self, *, skip: Array | None = None) -> None:
        """Take in the source's θ; skip: as in `Optimizer.step`."""
        device = self.network.device
        with scope(device):
            decay: Number = self._next_decay()
            if skip is not None:
                decay = drawn(lambda: np.array([self._next_decay()]), device)[0]
            with self.network.parameters.edit() as memory:
                ops.moving_average(memory, self.source.parameters.values, decay, skip=skip)
        counted(self._count)

    def _next_decay(self) -> float:
        return min(at(self.decay, self.updates), (1 + self.updates) / (10 + self.updates))

    def _count(self) -> None:
        self.updates += 1


def recompute_statistics(network: Network, batches: Iterable[Array], seed: int = 0) -> None:
    """Replace running statistics by the plain mean of the statistics of these batches, in training mode.

    Batch i counts 1/(i + 1), so every batch weighs the same. For a generator: batches of a fixed noise.
    seed: of what layers draw in training mode (dropout).
    """
    count, rng = 0, generator(seed)
    for count, batch in enumerate(batches, start=1):
        network.forward(batch, training=True, update_state=True, momentum=1 / count, wrt=Wrt(False, False), rng=rng)
    if not count:
        raise ValueError("batches: expected at least one")


__all__ = [
    "Average",
    "recompute_statistics",
]


def __dir__() -> list[str]:
    """Return what completion offers, which is not what this file imports."""
    return list(__all__)
