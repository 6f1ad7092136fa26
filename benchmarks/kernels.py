"""Every kernel of the table against the reference: the same arrays, compared in numbers, then timed in turn, and held
against the measured peaks of the machine (`roofline.py`).

The oracle is the reference run in float64; an error is the largest difference relative to the largest entry. A kernel
whose error is above what `gn.testing.check_kernel` allows is reported as wrong, and the command's exit code is then 1.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import gan_np as gn
from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels import Case, Entry, Problem

from . import kernel_options, kernel_output, machine, peers, report, roofline, user_code
from .kernel_rows import Row
from .timing import alternate

TOLERANCE = gn.testing.kernels.TOLERANCE
PAUSE = 0.25
"""OpenBLAS's threads go on looking for work after each product: compiled kernels took 1.7 times as long 30 ms after one."""

IN_PLACE: dict[str, Callable[..., object]] = {
    "sgd": lambda kernel, theta, gradient, velocity: kernel.step(theta, gradient, velocity, 1e-4, 0.9, False),
    "adam": lambda kernel, theta, gradient, m, v: kernel.step(theta, gradient, m, v, 3, 1e-4, 0.5, 0.999, 1e-8),
    "rmsprop": lambda kernel, theta, gradient, w, v: kernel.step(theta, gradient, v, w, 1e-4, 0.99, 1e-8, 0.5),
    "average": lambda kernel, average, values: kernel.step(average, values, 0.999),
    "running": lambda kernel, mean, new, variance, other: kernel.update(mean, variance, new, other, 0.1, 64 / 63),
}
"""What is timed of operations that change their arrays: one step, again and again on the same ones. (A case's `run`, which
the numbers are compared by, works on fresh copies, and copying would be half of the time.)"""


def main(arguments: Sequence[str]) -> int:
    """0: every kernel that ran agrees with the reference; 1: one does not."""
    parser = kernel_options.make_parser(__doc__)
    options = kernel_options.parse(parser, arguments)
    try:
        report.check_options(options)
        if options.user_code:
            user_code.load(options.user_code)
        cases = list(kernel_options.cases(options))
        kernel_options.check_names(options, {case.operation for case in cases})
    except (ValueError, TypeError, ModuleNotFoundError) as error:
        parser.error(str(error))
    dtype = np.dtype(options.dtype)
    rows: list[Row] = []
    with machine.threads(options.threads):
        found = machine.describe()
        report.status("measuring what the machine can do")
        peaks = roofline.measure(dtype, options.threads, quick=options.quick)
        parity = functools.cache(_parity) if options.check else lambda operation, name: ""
        for index, case in enumerate(cases, start=1):
            report.status(f"{index} of {len(cases)}: {case.operation} {case.label}")
            rows += measure(case, dtype, options, parity)
    report.status("")
    kernel_output.print_rows(rows, dtype, peaks, found)
    if options.json:
        content = {"dtype": str(dtype), "threads": options.threads, "peaks": peaks.numbers()}
        content["rows"] = [row.numbers(peaks) for row in rows]
        report.save_json(options.json, "kernels", arguments, found, **content)
    if options.plot:
        kernel_output.plot(options.plot, rows, dtype, found)
    if options.roofline:
        kernel_output.plot_roofline(options.roofline, rows, dtype, peaks, found)
    return 1 if any(row.wrong for row in rows) else 0


def measure(case: Case, dtype: np.dtype[Any], options: argparse.Namespace, parity: Callable[..., str]) -> list[Row]:
    """All candidates on one case: first their numbers, then their times."""
    arrays = case.make(np.random.default_rng(0), dtype)
    problem = case.problem(dtype)
    reference = kernels.entry(case.operation, "reference")
    expected = case.run(reference.implementation, *map(_widen, arrays))
    default = _default(case, problem)
    touched = sum(a.nbytes for a in arrays) + _given_out(case, arrays, expected, dtype)

    before = [array.copy() for array in arrays]
    rows: list[Row] = []
    runs: dict[str, Callable[[], object]] = {}
    for entry in _entries(case.operation, options.kernels):
        row = Row(case, entry.name, "kernel", default=entry.implementation is default, touched=touched)
        rows.append(row)
        reason = entry.supports(problem)
        if reason is not None:
            row.notes.append(f"not for this case: {reason}")
            continue
        if entry.name != "reference":
            row.wrong = parity(case.operation, entry.name)
        _compare(row, functools.partial(case.run, entry.implementation, *arrays), expected, dtype)
        _restore(row, arrays, before)
        if row.error is not None:
            runs[row.name] = _timed(case, entry.implementation, arrays)
    if options.peer == "torch" and peers.installed("torch"):
        rows += _peers(case, arrays, expected, dtype, touched, runs, options.threads)

    pause = 0.0 if options.quick else PAUSE
    timings = alternate(runs, repeats=options.repeats, seconds=options.seconds, turn=options.turn, pause=pause)
    for row in rows:
        if row.name in timings:
            row.timing = timings[row.name]
            row.speed = row.timing.speed_against(timings["reference"])
    return _best_peer(rows)


def _default(case: Case, problem: Problem) -> Any:
    """What the table chooses; None where the environment forces a kernel that cannot do this case."""
    try:
        return kernels.select(case.operation, problem)
    except ValueError:
        return None


def _given_out(case: Case, arrays: list[Array], expected: dict[str, Array], dtype: np.dtype[Any]) -> int:
    """Bytes of the results: new arrays, or those of the given ones that a step changes."""
    if case.operation not in IN_PLACE:
        return sum(dtype.itemsize * array.size for array in expected.values())
    moved = [array.copy() for array in arrays]
    IN_PLACE[case.operation](kernels.entry(case.operation, "reference").implementation, *moved)
    return sum(new.nbytes for new, old in zip(moved, arrays, strict=True) if not np.array_equal(new, old))


def _timed(case: Case, implementation: Any, arrays: list[Array]) -> Callable[[], object]:
    """One call of what is timed."""
    step = IN_PLACE.get(case.operation)
    if step is None:
        return functools.partial(case.run, implementation, *arrays)
    return functools.partial(step, implementation, *(array.copy() for array in arrays))


def _compare(row: Row, run: Callable[[], dict[str, Array]], expected: dict[str, Array], dtype: np.dtype[Any]) -> None:
    """Set the row's error, and why it is wrong if it is."""
    try:
        found = run()
        row.error = _error(found, expected)
    except Exception as error:  # a person's kernel may fail in any way; that is a result to report
        row.wrong = row.wrong or f"{type(error).__name__}: {error}"
        return
    if not row.error <= TOLERANCE[dtype] and not row.wrong:
        row.wrong = f"differs from the reference by {row.error:.2g} of the largest entry, allowed {TOLERANCE[dtype]:g}"


def _restore(row: Row, arrays: list[Array], before: list[Array]) -> None:
    """A kernel that modifies what it was handed is wrong, and must not spoil the next one's numbers."""
    for index, (array, old) in enumerate(zip(arrays, before, strict=True)):
        if not np.array_equal(array, old):
            row.wrong = row.wrong or f"modified array {index}, which it was only handed"
            array[...] = old


def _error(found: dict[str, Array], expected: dict[str, Array]) -> float:
    """The largest difference over all results, each relative to its largest entry."""
    worst = 0.0
    for name, right in expected.items():
        left = found[name]
        if left.shape != right.shape:
            raise ValueError(f"{name} has shape {left.shape}, the reference gives {right.shape}")
        scale = max(float(np.abs(right).max(initial=0)), 1e-30)
        difference = float(np.abs(left.astype(np.float64) - right).max(initial=0)) / scale
        worst = max(worst, np.inf if np.isnan(difference) else difference)
    return worst


def _parity(operation: str, name: str) -> str:
    """What `check_kernel` says against a kernel; empty if it passes or no small case is for it."""
    entry = kernels.entry(operation, name)
    problems = [case.problem(dtype) for case in kernels.list_cases(operation) for dtype in TOLERANCE]
    if all(entry.supports(problem) is not None for problem in problems):
        return ""
    try:
        gn.testing.check_kernel(operation, name)
    except Exception as error:  # as above
        return str(error) if isinstance(error, gn.testing.KernelError) else f"{type(error).__name__}: {error}"
    return ""


def _peers(
    case: Case,
    arrays: list[Array],
    expected: dict[str, Array],
    dtype: np.dtype[Any],
    touched: int,
    runs: dict[str, Callable[[], object]],
    threads: int,
) -> list[Row]:
    from .peers import torch_ops

    if case.operation not in torch_ops.OPERATIONS:
        return []
    torch_ops.set_threads(threads)
    rows = []
    for name, run in torch_ops.candidates(case, arrays).items():
        row = Row(case, name, "peer", touched=touched)
        _compare(row, lambda run=run: torch_ops.to_numpy(run()), expected, dtype)  # type: ignore[misc]
        runs[name] = run
        rows.append(row)
    return rows


def _best_peer(rows: list[Row]) -> list[Row]:
    """Of another library's variants only the fastest stays, says what it beat, and is what kernels are compared with."""
    timed = [(row.timing.spread.median, row) for row in rows if row.kind == "peer" and row.timing]
    timed.sort(key=lambda pair: pair[0])
    for seconds, other in timed[1:]:
        timed[0][1].notes.append(f"its slower variant, {other.name}: {report.short(seconds * 1e3)} ms")
        timed[0][1].wrong = timed[0][1].wrong or other.wrong
    for row in rows:
        if row.kind == "kernel" and row.timing and timed and timed[0][1].timing:
            row.peer_speed = row.timing.speed_against(timed[0][1].timing)
    failed = [row for row in rows if row.kind == "peer" and not row.timing]
    return [row for row in rows if row.kind == "kernel"] + [row for _, row in timed[:1]] + failed


def _widen(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _entries(operation: str, names: list[str] | None) -> list[Entry]:
    """The kernels asked for, the reference always among them."""
    return [entry for entry in kernels.entries(operation) if not names or entry.name in ("reference", *names)]
