"""What one step launches on a GPU, kernel by kernel: how often, how many bytes, how many operations, and the time that these
take at least. Counted on the stand-in for CuPy, whose kernels do nothing, so that it takes no GPU:

    python -m benchmarks.gpu.traffic --preset r3gan-cifar --precision tf32

bytes: of every array that a launch is given, once for each time it is read or written; of a convolution's operands once,
however often its tiles read them. operations: two for each multiplication of a convolution, taps on padding left out; those
of dense layers are left out, as are the launches of CuPy's own small expressions.
"""

from __future__ import annotations

import argparse
import importlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from benchmarks import report, setups
from benchmarks.floors import Work
from benchmarks.kernel_work import direct_operations
from gan_np import kernels
from gan_np.runs import Config
from gan_np.runs.build import chosen_kernels
from gan_np.training import Trainer

from . import pretended

GROUPS = {
    "grouped.cu": "grouped convolution",
    "convolution.cu": "other convolutions",
    "few_channels.cu": "other convolutions",
    "to_bf16.cu": "other convolutions",
    "transpose.cu": "other convolutions",
    "reduce_splits.cu": "sums of split products",
    "resampling.cu": "resampling",
    "activation.cu": "bias and activation",
    "scaled_sum.cu": "scaled_sum",
    "batch_norm.cu": "batch normalisation",
    "updates.cu": "updates",
}
"""Source → what a table calls it; all others are the rest."""
REST = "the rest"
RATES = {"float32": 67e12, "tf32": 495e12, "bf16": 989e12}
"""Operations a second of an H200 by NVIDIA's data sheet: float32 outside the tensor cores, the others in them, dense."""
BANDWIDTH = 4.8e12
"""Bytes a second of its HBM3e, there too."""
TIMES = {"adam": 7 / 4, "average": 3 / 2}
"""Of kernels that read an argument and write it: the bytes of their traffic, in those of their arguments."""


class Group(NamedTuple):
    """The launches of kernels that belong together."""

    name: str
    launches: int
    operations: dict[str, float]
    """Precision → operations."""
    bytes: float

    @property
    def seconds(self) -> float:
        """The time at least: of its bytes or of its operations, whichever is more."""
        return max(
            self.bytes / BANDWIDTH, sum(count / RATES[precision] for precision, count in self.operations.items())
        )


def total(groups: Sequence[Group]) -> Work:
    """The operations and bytes of all."""
    return Work(sum(sum(group.operations.values()) for group in groups), float(sum(group.bytes for group in groups)))


def of_step(trainer: Trainer) -> list[Group]:
    """The groups of a step's launches, those that take longest first; a step was run before, and two more are now.

    The trainer's steps must not be captured (graph=False); the forced kernels are the caller's.
    """
    launcher: Any = importlib.import_module("gan_np.kernels.cuda.launcher")
    counts: dict[str, int] = defaultdict(int)
    moved: dict[str, float] = defaultdict(float)
    function, run = launcher._function, launcher._run

    def named(xp: Any, source: str, name: str, *rest: Any) -> tuple[str, str, Any]:
        return source, name, function(xp, source, name, *rest)

    def counted(found: tuple[str, str, Any], grid: Any, block: Any, values: list[Any], shared: int) -> None:
        source, name, inner = found
        group = GROUPS.get(source, REST)
        counts[group] += 1
        arrays = [value for value in values if hasattr(value, "nbytes") and not isinstance(value, np.generic)]
        if source == "real_images.cu":  # of a data set, the images that were asked for: bytes to floats
            arrays = [array for array in arrays if array.dtype.kind == "f"]
        moved[group] += TIMES.get(name, 1.0) * sum(array.nbytes for array in arrays)
        run(inner, grid, block, values, shared)

    trainer.step()
    with (
        mock.patch.object(launcher, "_function", named),
        mock.patch.object(launcher, "_run", counted),
        kernels.profile() as profile,
    ):
        trainer.step()
    work: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (what, problem), (calls, _) in profile.of_problems.items():
        if what.operation != "conv2d" or not what.method.startswith("to_"):
            continue
        grouped = problem.geometry.groups > 1
        # Groups are multiplied outside the tensor cores at any precision.
        precision = "float32" if grouped else what.implementation.partition("_")[2] or "float32"
        work["grouped convolution" if grouped else "other convolutions"][precision] += calls * direct_operations(
            problem.geometry
        )
    groups = [Group(name, counts[name], dict(work.get(name, {})), moved[name]) for name in counts]
    return sorted(groups, key=lambda group: -group.seconds)


def lines(groups: Sequence[Group]) -> list[str]:
    """The groups as a table in Markdown, and their total."""
    found = [
        "| kernels | launches | GFLOP | MB | bytes, µs | operations, µs |",
        "|---|---|---|---|---|---|",
    ]
    for group in groups:
        operations = sum(group.operations.values())
        by_rate = sum(count / RATES[precision] for precision, count in group.operations.items())
        cells = (group.name, group.launches, f"{operations / 1e9:.1f}", f"{group.bytes / 1e6:,.0f}")
        found.append(f"| {' | '.join(map(str, cells))} | {1e6 * group.bytes / BANDWIDTH:.0f} | {1e6 * by_rate:.0f} |")
    total = sum(group.seconds for group in groups)
    found.append(
        f"| together | {sum(group.launches for group in groups)} | "
        f"{sum(sum(group.operations.values()) for group in groups) / 1e9:.1f} | "
        f"{sum(group.bytes for group in groups) / 1e6:,.0f} | the larger of both, added up: {1e6 * total:.0f} | |"
    )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of one preset at one precision."""
    parser = argparse.ArgumentParser("python -m benchmarks.gpu.traffic", description=__doc__.partition("\n\n")[0])
    setups.add_sizes(parser, "r3gan-cifar", presets=setups.PRESETS)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--precision", choices=tuple(RATES), default="float32")
    options = parser.parse_args(arguments)
    options.quick = False
    (setup,) = setups.chosen(options).values()
    with (
        pretended.on_stand_in(idle=True) as where,
        chosen_kernels(Config(precision=options.precision, device=where.device), {}),
    ):
        trainer = setups.make_trainer(setup, np.dtype(np.float32), device=where.device, graph=False)
        groups = of_step(trainer)
    report.say(f"{setups.describe(setup)}, {options.precision}:\n")
    report.say("\n".join(lines(groups)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
