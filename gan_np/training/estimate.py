"""What training costs, measured on a few real steps."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gan_np import kernels
from gan_np.devices import CPU
from gan_np.layers import Layer
from gan_np.layers.timing import time_layers

from .algorithm import Trainer

WARM_UP = 3
DEVICE_WARM_UP = 8
"""On a GPU a step is captured as a graph after a few."""


class Cost(NamedTuple):
    """What a training step costs in time and memory."""

    steps: int
    """The number of steps that were measured."""
    seconds: float
    """The median time of one step, in seconds."""
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


def estimate(trainer: Trainer, steps: int = 5, *, clock: Callable[[], float] = time.perf_counter) -> Cost:
    """Run a few steps (the trainer is then some steps further) and measure time, then memory apart.

    clock: what time is read from; `time.process_time` counts the processor time of all threads.
    """
    for _ in range(WARM_UP if trainer.device == CPU else DEVICE_WARM_UP):
        trainer.step()
    trainer.settle()
    seconds = []
    for _ in range(steps):
        started = clock()
        trainer.step()
        trainer.settle()
        seconds.append(clock() - started)
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


class LayerLine(NamedTuple):
    """A layer's row of a profile: per step."""

    player: str
    """"D" or "G"."""
    place: str
    """Where it is in its network: "3", or "2.layer" for one inside the layer at 2."""
    layer: str
    calls: float
    """Of its forward."""
    forward: float
    """Seconds, without layers inside it."""
    backward: float


class StepProfile(NamedTuple):
    """Where the time of a step goes: by kernel, and the same time by layer."""

    seconds: float
    """Mean of a step."""
    kernels: list[Line]
    """The methods of kernels, then everything else (Python, data, copies) as one line."""
    layers: list[LayerLine]
    """In the order of the networks, D first. What is left of the step is the objective, the optimisers and the data."""


def profile_steps(trainer: Trainer, steps: int = 10) -> StepProfile:
    """Mean seconds of a step, and where they go: by the methods of kernels and by the layers that call them.

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
    with kernels.profile() as total, time_layers() as times:
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
    layers = [
        LayerLine(player, place, repr(layer), times.calls.get((id(layer), "forward"), 0) / steps, *both)
        for player, network in (("D", trainer.gan.discriminator), ("G", trainer.gan.generator))
        for place, layer in _layers(network.structure, "")
        if any(both := [times.seconds.get((id(layer), way), 0.0) / steps for way in ("forward", "backward")])
    ]
    return StepProfile(step, [*lines, Line("everything else", "", "", 0, rest)], layers)


def _layers(layer: Any, place: str) -> Iterator[tuple[str, Layer]]:
    """The layers of a structure with their places, each before those inside it; chains themselves are left out."""
    if isinstance(layer, tuple | list):
        for number, part in enumerate(layer):
            yield from _layers(part, f"{place}.{number}" if place else str(number))
    elif isinstance(layer, Layer):
        parts = layer.arguments()
        if set(parts) == {"layers"}:
            yield from _layers(parts["layers"], place)
            return
        yield place or "0", layer
        for name, part in parts.items():
            yield from _layers(part, f"{place}.{name}" if place else name)
