"""One step of training by several processes (MPI): against threads of one process, and PyTorch's DistributedDataParallel.

First the weights after a few steps in float64 must be those of one process, or the exit code is 1. Then, each in processes
of its own and in turn: one process with one thread and with two, two ranks of one thread each, and PyTorch alike (gloo).
What a step sends is listed by kind. A model of latency, bandwidth and computing is fitted to messages between two ranks and
to steps of one process (`message_model.py`), compared with the step of two ranks that was measured, and carried on to 1,024
ranks: that part is a calculation. Needs mpi4py and mpiexec (the extra `mpi`).
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import os
import shutil
import socket
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import children, machine, plots, report, setups
from .children import Answer
from .message_model import Network, Step, fitted_computing, fitted_network
from .setups import Setup
from .timing import Spread

TOLERANCE = 1e-12
SIZES = (8, 1024, 8192, 1 << 15, 1 << 18, 1 << 21, 1 << 23)
CLUSTER = Network("a network of 100 Gbit/s and 2 µs (stated, not measured)", 2e-6, 12.5e9)
COUNTS = [2**power for power in range(11)]
ONE, TWO, RANKS = "gan_np, 1 thread", "gan_np, 2 threads", "gan_np, 2 ranks of 1 thread"
T_ONE, T_TWO, T_RANKS = "torch, 1 thread", "torch, 2 threads", "torch DDP, 2 ranks of 1 thread"
STRONG = 1024


def main(arguments: Sequence[str]) -> int:
    """0: two ranks compute what one process does; 1: they do not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        (setup,) = setups.chosen(options).values()
        launcher = mpiexec()
        if setup.batch_size % 2:
            raise ValueError(
                f"batch-size: expected an even number, to divide between two ranks, got {setup.batch_size}"
            )
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    found = machine.describe()
    difference = differing(setup, launcher)
    steps, repeats = (2, 1) if options.quick else (options.steps, options.repeats)
    answers = children.rounds(repeats, asks(setup, launcher, steps, options))
    network, step, times = fitted(setup, launcher, answers, steps)
    rows = [_row(name, own, answers) for name, own in answers.items()]
    predicted = step.seconds(network, 2, setup.batch_size) * 1e3
    _print(setup, rows, answers, network, step, predicted, difference, found)
    if options.json:
        report.save_json(
            options.json,
            "distributed",
            arguments,
            found,
            setup=setup._asdict(),
            difference=difference,
            rows=rows,
            sent=sent_by(answers[RANKS]),
            messages=times,
            network=network._asdict(),
            step=step._asdict(),
            predicted_milliseconds=predicted,
            curves={one.name: curves(one, step, setup) for one in (network, CLUSTER)},
        )
    if options.plot:
        _plot(options.plot, setup, network, step, found)
    return 0 if difference <= TOLERANCE else 1


def mpiexec() -> list[str]:
    """How two ranks are started.

    Raises:
        ValueError: mpi4py or mpiexec is not there.
    """
    place = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if place is None or importlib.util.find_spec("mpi4py") is None:
        raise ValueError('distributed: needs mpi4py and mpiexec: python -m pip install "gan_np[mpi]"')
    return [place, "-n", "2"]


def differing(setup: Setup, launcher: list[str]) -> float:
    """The largest difference of a weight after 3 steps in float64, one process and two ranks, over the largest weight."""
    report.status("comparing two ranks with one process in float64")
    weights = []
    with tempfile.TemporaryDirectory() as folder:
        for name, start in (("one", []), ("two", launcher)):
            place = f"{folder}/{name}.npz"
            request = _request(setup, "float64", 3) | {"weights": place}
            children.ask("distributed_child", request, machine.thread_environment(1), start)
            with np.load(place) as kept:
                weights.append([kept["g"], kept["d"]])
    report.status("")
    return max(float(np.abs(one - two).max() / np.abs(one).max()) for one, two in zip(*weights, strict=True))


def _request(setup: Setup, dtype: str, steps: int) -> dict[str, Any]:
    return {"what": "training", "setup": setup._asdict(), "dtype": dtype, "steps": steps}


def asks(setup: Setup, launcher: list[str], steps: int, options: argparse.Namespace) -> dict[str, Any]:
    """All that is measured, by name."""
    found: dict[str, Any] = {}
    for name, threads, start in ((ONE, 1, []), (TWO, 2, []), (RANKS, 1, launcher)):
        request, environment = _request(setup, options.dtype, steps), machine.thread_environment(threads)
        found[name] = functools.partial(children.ask, "distributed_child", request, environment, start)
    if options.peer == "torch" and importlib.util.find_spec("torch") is not None:
        for name, threads, start in ((T_ONE, 1, []), (T_TWO, 2, []), (T_RANKS, 1, launcher)):
            request = _request(setup, options.dtype, steps) | {"threads": threads}
            found[name] = functools.partial(_ask_torch, request, machine.thread_environment(threads), start)
    return found


def _ask_torch(request: dict[str, Any], environment: dict[str, str], start: list[str]) -> Answer:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return children.ask("peers.torch_ddp", request | {"port": port}, environment, start)


def sent_by(rounds: list[Answer]) -> dict[str, Any]:
    """What rank 0 sends in a step, by kind; its waiting, the median of a step, as the median of the rounds."""
    found: dict[str, Any] = {}
    for what, one in rounds[0]["sent"].items():
        waits = [each["sent"][what]["milliseconds"] for each in rounds if what in each["sent"]]
        found[what] = one | {"milliseconds": statistics.median(waits)}
    return found


def fitted(
    setup: Setup, launcher: list[str], answers: dict[str, list[Answer]], steps: int
) -> tuple[Network, Step, dict[str, float]]:
    """Latency and bandwidth between two ranks of this machine, and what a step costs."""
    environment = machine.thread_environment(1)
    report.status("timing messages between two ranks")
    request = {"what": "messages", "sizes": list(SIZES)}
    times = children.ask("distributed_child", request, environment, launcher)["seconds"]
    network = fitted_network("this machine's memory", {int(size): seconds for size, seconds in times.items()})
    milliseconds = {setup.batch_size: children.spread(answers[ONE], "milliseconds").median}
    for part in (2, 4):
        if setup.batch_size // part > 1:
            report.status(f"timing one process at a {part}th of the batch")
            smaller = _request(setup._replace(batch_size=setup.batch_size // part), "float32", steps)
            milliseconds[setup.batch_size // part] = children.ask("distributed_child", smaller, environment)[
                "milliseconds"
            ]
    report.status("")
    fixed, each = fitted_computing(milliseconds)
    sent = answers[RANKS][0]["sent"]
    small, scores, gradients = [], [], []
    for what, one in sent.items():
        count, size = one["messages"], one["bytes"] / max(one["messages"], 1)
        if what.startswith("gradient"):
            gradients.append(one["bytes"])  # two ranks send half the array twice
        elif what == "scores":
            scores.append((count, size / (setup.batch_size / 2)))
        else:
            small.append((count, size))
    return network, Step(fixed, each, small, scores, gradients), times


def curves(network: Network, step: Step, setup: Setup) -> dict[str, list[float]]:
    """Speed of N ranks over one: strong, a batch of STRONG divided; weak, the setup's batch on each rank."""
    one = step.seconds(network, 1, STRONG)
    alone = step.seconds(network, 1, setup.batch_size)
    return {
        "ranks": [float(count) for count in COUNTS],
        "strong": [one / step.seconds(network, count, STRONG) for count in COUNTS],
        "weak": [count * alone / step.seconds(network, count, count * setup.batch_size) for count in COUNTS],
    }


def _row(name: str, own: list[Answer], answers: dict[str, list[Answer]]) -> dict[str, Any]:
    base = T_ONE if name.startswith("torch") else ONE
    return {
        "candidate": name,
        "milliseconds": children.spread(own, "milliseconds").numbers(),
        "speed_over_one_thread": children.quotient(answers[base], own, "milliseconds").numbers(),
        "its_time_over_ours": children.quotient(own, answers[_OURS_FOR[name]], "milliseconds").numbers(),
    }


_OURS_FOR = {ONE: ONE, TWO: TWO, RANKS: RANKS, T_ONE: ONE, T_TWO: TWO, T_RANKS: RANKS}


def _print(
    setup: Setup,
    rows: list[dict[str, Any]],
    answers: dict[str, list[Answer]],
    network: Network,
    step: Step,
    predicted: float,
    difference: float,
    found: dict[str, Any],
) -> None:
    lines = [
        [
            row["candidate"],
            f"{row['milliseconds']['median']:.1f}",
            report.ratio(row["speed_over_one_thread"]),
            report.ratio(row["its_time_over_ours"]) if row["candidate"].startswith("torch") else "",
        ]
        for row in rows
    ]
    for what, one in sent_by(answers[RANKS]).items():
        lines.append(
            [f"  {what}", f"{one['milliseconds']:.2f}", f"{one['messages']:g} a step", f"{one['bytes']:,.0f} B"]
        )
    measured = rows[2]["milliseconds"]["median"]
    caption = (
        f"Medians of {len(answers[ONE])} rounds of processes. Below the candidates: what rank 0 of 2 sends, and how long it "
        "waits for that (the slower rank's computing too).  × 1 thread: the time of one thread over its.  × gan_np: its "
        f"time over ours.\nmodel: latency {network.latency * 1e6:.0f} µs, {network.bandwidth / 1e9:.2f} GB/s, step "
        f"{step.fixed * 1e3:.1f} ms + {step.per_example * 1e3:.3f} ms an example; two ranks: {predicted:.1f} ms predicted, "
        f"{measured:.1f} measured.\n{machine.one_line(found)}"
    )
    columns = (("", 34), ("ms a step", 10), ("× 1 thread", 18), ("× gan_np", 18))
    report.print_table(f"several processes, {setups.describe(setup)}", columns, [report.Group("", lines)], caption)
    for one in (network, CLUSTER):
        found_curves = curves(one, step, setup)
        shown = ", ".join(
            f"{count}: {strong:.3g} and {weak:.3g}"
            for count, strong, weak in zip(COUNTS, found_curves["strong"], found_curves["weak"], strict=True)
            if count in (2, 8, 64, 256, 1024)
        )
        report.say(
            f"calculated for {one.name}; times as fast, a batch of {STRONG:,} divided and {setup.batch_size} each: {shown}"
        )
    holds = "as" if difference <= TOLERANCE else "NOT as"
    report.say(f"two ranks compute {holds} one process: weights differ by {difference:.1e} after 3 steps in float64")


def _plot(path: Path, setup: Setup, network: Network, step: Step, found: dict[str, Any]) -> None:
    panels = []
    for kind, title in (
        ("strong", f"a batch of {STRONG:,} divided"),
        ("weak", f"{setup.batch_size} examples on each rank"),
    ):
        lines = [plots.Line("as many times as ranks", COUNTS, [Spread.of([count]) for count in COUNTS])]
        for one in (network, CLUSTER):
            values = curves(one, step, setup)[kind]
            lines.append(plots.Line(one.name.partition(" (")[0], COUNTS, [Spread.of([value]) for value in values]))
        panels.append(plots.Panel(title, "ranks", lines))
    plots.save_lines(
        path,
        f"Calculated speed of N ranks over one, {setups.describe(setup)}",
        panels,
        found,
        quantity="times as fast as one rank",
        reading="A model (benchmarks/message_model.py), fitted to one and two ranks; nothing beyond two was measured.",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks distributed", description=__doc__)
    setups.add_options(parser, "mnist")
    parser.add_argument("--steps", type=int, default=20, help="steps in each process, after three (default 20)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of processes (default 3)")
    parser.add_argument("--peer", choices=("torch", "none"), default="torch", help="the opponent, if installed")
    report.add_options(parser)
    return parser
