"""A tuned choice of kernels: what comes up in a training step, timed with every kernel that can do it, on this machine."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_np import kernels
from gan_np.arrays import generator
from gan_np.devices import CPU
from gan_np.files import write_atomically
from gan_np.testing.kernels import KernelError, agree
from gan_np.training.algorithm import Trainer

from .measured_on import machine

ALLOWED = {np.dtype(np.float32): 1e-4, np.dtype(np.float64): 1e-10}
"""Difference from the float64 reference, relative to the largest entry. Sums here are longer than in the parity tests, which
are stricter; this is to see a kernel that is broken on this machine."""
HOPELESS = 3.0
"""A kernel whose first turns took this many times the fastest one's is timed no further."""
MARGIN, STEP_MARGIN = 0.05, 0.01
"""A kernel must be faster than the cost model's by this share to be chosen instead, and make a step so much faster: less is
within what timing can tell."""


TURN, REST = 2e-3, 0.03
"""Seconds of a turn, at least, and of what lies between two."""


class Tuned(NamedTuple):
    """One problem, and what was found out about it."""

    operation: str
    problem: kernels.Problem
    chosen: str
    by_cost: str
    """The kernel that the cost model chooses."""
    seconds: dict[str, float]
    """Median of each kernel, forward and all gradients."""
    faulty: dict[str, str]
    """Kernels whose numbers are wrong, and how; they are not timed."""


class Trial(NamedTuple):
    """All changes to one kernel of an operation, tried in whole training steps."""

    operation: str
    kernel: str
    problems: int
    without: float
    """Seconds of a step before these changes, and with them."""
    seconds: float
    kept: bool


def tune(trainer: Trainer, *, rounds: int = 7, known: Collection[tuple[str, kernels.Problem]] = ()) -> Iterator[Tuned]:
    """Take one training step, then time every kernel for each problem that came up in it, one problem after another.

    trainer: it is a step further afterwards.
    rounds: turns of each kernel; they alternate, and the median counts.
    known: (operation, problem) that were timed before, in another stage of the model, and are left out.

    Raises:
        ValueError: the trainer is on a GPU.
    """
    if trainer.device != CPU:
        raise ValueError(
            f"device: kernels are tuned for the CPU; on {trainer.device} there is nothing to choose between"
        )
    with kernels.record_problems() as found, kernels.use_tuned({}):
        trainer.step()
    work: dict[tuple[str, kernels.Problem], list[kernels.RecordedProblem]] = {}
    for recorded in found:
        work.setdefault((recorded.operation, recorded.problem), []).append(recorded)
    for (operation, problem), own in work.items():
        if (operation, problem) in known:
            continue
        cases = [kernels.case_of(recorded) for recorded in _timed(operation, own)]
        yield _tuned(operation, problem, cases, rounds)


def _timed(operation: str, own: list[kernels.RecordedProblem]) -> list[kernels.RecordedProblem]:
    """What is timed of what came up of one problem, where one says all that another does.

    A convolution that is a layer's forward pass with bias and activation is timed with them, and not without them too;
    bias and activation forward and backward, and not backward too.
    """
    if operation == "conv2d":
        return [recorded for recorded in own if recorded.options] or own
    if operation == "bias_activation":
        return [recorded for recorded in own if len(recorded.options) == 1] or own
    return own


def confirm(trainer: Trainer, found: Iterable[Tuned], *, rounds: int = 7) -> tuple[list[Tuned], list[Trial]]:
    """Take back those changes that do not make a whole step faster, a kernel of an operation at a time.

    A kernel that is the fastest alone need not be so beside others: one on BLAS leaves threads spinning that take the
    processor from what comes next.

    trainer: takes steps.
    """
    results, trials = list(found), []
    choices = {(result.operation, result.problem): result.by_cost for result in results}
    choices |= {(r.operation, r.problem): r.chosen for r in results if r.by_cost in r.faulty}
    groups: dict[tuple[str, str], list[Tuned]] = {}
    for result in results:
        if result.chosen != choices[result.operation, result.problem]:
            groups.setdefault((result.operation, result.chosen), []).append(result)
    for (operation, kernel), changes in groups.items():
        changed = choices | {(change.operation, change.problem): kernel for change in changes}
        times = in_turn({"without": _step(trainer, choices), "with": _step(trainer, changed)}, rounds)
        kept = times["with"] < (1 - STEP_MARGIN) * times["without"]
        trials.append(Trial(operation, kernel, len(changes), times["without"], times["with"], kept))
        if kept:
            choices = changed
    return [result._replace(chosen=choices[result.operation, result.problem]) for result in results], trials


def _step(trainer: Trainer, choices: kernels.Choices) -> Callable[[], object]:
    def run() -> None:
        with kernels.use_tuned(choices):
            trainer.step()

    return run


def save_tuned(path: str | Path, found: Iterable[Tuned]) -> Path:
    """A file for `gan-np train --tuned`, with the times that the choice rests on and the machine that it was made on."""
    results = list(found)
    records = kernels.to_records({(result.operation, result.problem): result.chosen for result in results})
    for record, result in zip(records, results, strict=True):
        record["by_cost"] = result.by_cost
        record["milliseconds"] = {name: round(1e3 * seconds, 4) for name, seconds in result.seconds.items()}
        record["faulty"] = result.faulty
    return write_atomically(path, kernels.tuned_text(records, machine()).encode())


def _tuned(operation: str, problem: kernels.Problem, cases: list[kernels.Case], rounds: int) -> Tuned:
    arrays = [case.make(generator(0), problem.dtype) for case in cases]
    entries = {entry.name: entry for entry in kernels.available(operation, problem)}
    faulty = _faulty(entries.values(), problem, cases, arrays)

    def turn(entry: kernels.Entry) -> Callable[[], None]:
        def run() -> None:
            for case, given in zip(cases, arrays, strict=True):
                case.run(entry.implementation, *given)

        return run

    seconds = in_turn({name: turn(entry) for name, entry in entries.items() if name not in faulty}, rounds)
    with kernels.use_tuned({}):
        by_cost = kernels.choose(operation, problem).name
    fastest = min(seconds, key=seconds.__getitem__)
    near = by_cost in seconds and seconds[by_cost] <= (1 + MARGIN) * seconds[fastest]
    return Tuned(operation, problem, by_cost if near else fastest, by_cost, seconds, faulty)


def _faulty(
    entries: Iterable[kernels.Entry], problem: kernels.Problem, cases: list[kernels.Case], arrays: list[list[Any]]
) -> dict[str, str]:
    """Kernels that do not give the reference's numbers, by name, with what is wrong."""
    found: dict[str, str] = {}
    for case, given in zip(cases, arrays, strict=True):
        reference = kernels.entry(case.operation, "reference").implementation
        wide = [array.astype(np.float64) if array.dtype.kind == "f" else array for array in given]
        with kernels.use_kernels(bias_activation="reference"):
            expected = case.run(reference, *wide)
        for entry in entries:
            if entry.name == "reference" or entry.name in found:
                continue
            try:
                agree(
                    case.label, case.run(entry.implementation, *given), expected, problem.dtype, ALLOWED[problem.dtype]
                )
            except (KernelError, RuntimeError) as error:
                found[entry.name] = str(error)
    return found


def in_turn(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each, taking turns so that whatever disturbs the machine disturbs all alike.

    Four turns of each come first: one is dropped, the best of the others sorts out the `HOPELESS`, whose time it is.
    """
    first = {}
    for name, run in candidates.items():
        run()
        first[name] = min(_turn(run, 1) for _ in range(3))
    least = min(first.values())
    racing = [name for name, seconds in first.items() if seconds <= HOPELESS * least]
    calls = max(1, math.ceil(TURN / least))
    times: dict[str, list[float]] = {name: [] for name in racing}
    for _ in range(rounds):
        for name in racing:
            times[name].append(_turn(candidates[name], calls))
    return first | {name: statistics.median(values) for name, values in times.items()}


def _turn(run: Callable[[], object], calls: int) -> float:
    """Seconds of one call, of several in a row, after a rest and one that does not count where they are short.

    The rest is for whoever came before: the threads of a BLAS spin for some 20 ms after their last product.
    """
    time.sleep(REST)
    if calls > 1:
        run()
    started = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - started) / calls
