"""What training costs, measured on a few real steps."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from typing import NamedTuple

from gan_np import kernels
from gan_np.devices import CPU

from .algorithm import Trainer

WARM_UP = 3
DEVICE_WARM_UP = 8
"""On a GPU a step is captured as a graph after a few."""


class Cost(NamedTuple):
    """Of a training step."""

    steps: int
    """How many were measured."""
    seconds: float
    """Median of one step."""
    resident: int
    """Bytes of arrays that stay between steps (weights, moments, averages)."""
    peak: int
    """Bytes of arrays at the step's peak."""


class Line(NamedTuple):
    """A row of a profile: per step."""

    operation: str
    implementation: str
    method: str
    calls: float
    seconds: float


def estimate(trainer: Trainer, steps: int = 5) -> Cost:
    """Run a few steps (the trainer is then some steps further) and measure time, then memory apart."""
    for _ in range(WARM_UP if trainer.device == CPU else DEVICE_WARM_UP):
        trainer.step()
    trainer.settle()
    seconds = []
    for _ in range(steps):
        started = time.perf_counter()
        trainer.step()
        trainer.settle()
        seconds.append(time.perf_counter() - started)
    tracemalloc.start()
    try:
        trainer.step()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        trainer.step()
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    gan = trainer.gan
    # θ and its gradient for both players, the moments, the average and its (unused) gradient.
    resident = sum(2 * network.parameters.values.nbytes for network in (gan.generator, gan.discriminator))
    for optimizer in (trainer.d_optimizer, trainer.g_optimizer):
        resident += sum(moment.nbytes for moment in optimizer.moments.values())
    if gan.average is not None:
        resident += gan.average.network.parameters.values.nbytes
    return Cost(steps, statistics.median(seconds), resident, resident + peak)


class Messages(NamedTuple):
    """What a rank sends of one kind, per step: messages, their bytes, and seconds of waiting for their end."""

    what: str
    messages: float
    sent: float
    seconds: float


def messages(trainer: Trainer, steps: int = 10) -> list[Messages]:
    """What is sent in a training step, most bytes first; empty where one process trains."""
    before = {what: (one.calls, one.sent, one.seconds) for what, one in trainer.ranks.traffic.items()}
    if trainer.ranks.size == 1:
        return []
    for _ in range(steps):
        trainer.step()
    trainer.settle()
    found = []
    for what, one in trainer.ranks.traffic.items():
        calls, sent, seconds = before.get(what, (0, 0, 0.0))
        if one.calls > calls:
            found.append(
                Messages(what, (one.calls - calls) / steps, (one.sent - sent) / steps, (one.seconds - seconds) / steps)
            )
    return sorted(found, key=lambda line: -line.sent)


def profile_steps(trainer: Trainer, steps: int = 10) -> tuple[float, list[Line]]:
    """Mean seconds of a step, and where they go: each kernel method, waiting for other ranks, and the rest (Python,
    data, copies) as one line.

    Raises:
        ValueError: the trainer is on a GPU, where work is only started here.
    """
    if trainer.device != CPU:
        raise ValueError(
            f"device: steps are profiled by operation on the CPU; on {trainer.device} use NVIDIA's profilers"
        )
    for _ in range(WARM_UP):
        trainer.step()
    before = {what: (traffic.calls, traffic.seconds) for what, traffic in trainer.ranks.traffic.items()}
    with kernels.profile() as total:
        started = time.perf_counter()
        for _ in range(steps):
            trainer.step()
        step = (time.perf_counter() - started) / steps
    lines = [
        Line(work.operation, work.implementation, work.method, total.calls[work] / steps, seconds / steps)
        for work, seconds in total.seconds.items()
    ]
    for what, traffic in trainer.ranks.traffic.items():
        calls, seconds = before.get(what, (0, 0.0))
        if traffic.calls > calls:
            waited = traffic.seconds - seconds
            lines.append(Line(what, "ranks", "wait", (traffic.calls - calls) / steps, waited / steps))
    lines.sort(key=lambda line: -line.seconds)
    rest = step - sum(line.seconds for line in lines)
    return step, [*lines, Line("everything else", "", "", 0, rest)]
