"""Every kernel of the table, method by method: the same arrays, compared in numbers, then timed in turn, and held against
what compiled loops reach on this machine around the same moment (`roofs.py`).

The oracle is the reference run in float64; an error is the largest difference relative to the largest entry. A kernel
whose error is above what `gn.testing.check_kernel` allows is reported as wrong, and the command's exit code is then 1.

Two results are compared by `--compare OLD.json NEW.json`, two commits by `--commits A B`, a range of shapes or of numbers of
threads by `--sweep`; `--gate 5%` makes a regression the exit code 1.
"""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import gan_np as gn
from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels import Case, Entry

from . import (
    caches,
    kernel_commits,
    kernel_compare,
    kernel_in_step,
    kernel_options,
    kernel_output,
    kernel_sweep,
    machine,
    report,
    user_code,
)
from .kernel_calls import IN_PLACE as IN_PLACE
from .kernel_calls import Call, calls, error, flat
from .kernel_peers import peer_calls
from .kernel_rows import Row
from .roofs import Rates, Roofs, largest
from .timing import alternate

TOLERANCE = gn.testing.kernels.TOLERANCE
PAUSE = 0.1
"""OpenBLAS's threads go on looking for work after each product: compiled kernels took 1.7 times as long 30 ms after one."""
ON_BLAS = ("reference", "im2col")
"""Kernels of "conv2d" and "dense" after which others rest; so do other libraries."""
IN_STEP_SECONDS = 15.0
"""For training steps with others than the default kernels, most of the work first; what is left then stays empty."""
HOPELESS = 4.0
"""Who takes this many times as long as the fastest is timed in one round alone."""


def main(arguments: Sequence[str]) -> int:
    """0: every kernel that ran agrees with the reference, and no gate was passed; 1: otherwise."""
    parser = kernel_options.make_parser(__doc__)
    options = kernel_options.parse(parser, arguments)
    try:
        if options.compare:
            return kernel_compare.command(options)
        report.check_options(options)
        if options.commits:
            return kernel_commits.command(options, arguments)
        if options.against:
            kernel_compare.read(options.against)  # before anything is measured
        if options.user_code:
            user_code.load(options.user_code)
        if options.sweep:
            return kernel_sweep.command(options, arguments, run)
        cases = list(kernel_options.cases(options))
        kernel_options.check_names(options, {case.operation for case in cases})
    except (ValueError, TypeError, ModuleNotFoundError, OSError) as error:
        parser.error(str(error))
    rows, rates, found = run(options, cases, options.threads)
    if options.json:
        content = {"dtype": options.dtype, "threads": options.threads, "roofs": rates and rates.numbers()}
        content["rows"] = [row.numbers() for row in rows]
        report.save_json(options.json, "kernels", arguments, found, **content)
    command = shlex.join(["python", "-m", "benchmarks", "kernels", *arguments])
    dtype = np.dtype(options.dtype)
    if options.csv:
        options.csv.write_text(kernel_output.csv_text(rows), encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(kernel_output.markdown_text(rows, command, found), encoding="utf-8")
    if options.plot:
        kernel_output.plot(options.plot, rows, dtype, found)
    if options.roofline and rates is not None:
        kernel_output.plot_roofline(options.roofline, rows, dtype, rates, found)
    if options.against:
        try:
            passed = kernel_compare.gate(options, [row.numbers() for row in rows])
        except ValueError as error:
            parser.error(str(error))
        return passed or int(any(row.wrong for row in rows))
    return 1 if any(row.wrong for row in rows) else 0


def run(
    options: argparse.Namespace, cases: Sequence[Case], threads: int, *, quiet: bool = False
) -> tuple[list[Row], Rates | None, dict[str, Any]]:
    """All cases on so many threads: rows, the highest roofs of the run, and the machine. Prints each case when it is
    done."""
    dtype = np.dtype(options.dtype)
    rows: list[Row] = []
    with machine.threads(threads):
        found = machine.describe() | {"caches": caches.find().numbers()}
        if not quiet:
            kernel_output.print_head(dtype, threads, cold=options.cold)
        inside: kernel_in_step.Found = {}
        if options.in_step:
            report.say("first, how long kernels take inside a training step (--no-in-step leaves this out)")
            until = time.monotonic() + IN_STEP_SECONDS
            inside = kernel_in_step.measure(dtype, {case.operation for case in cases}, report.status, until)
        roofs = Roofs(dtype, threads, caches.find(), seconds=0.004 if options.quick else 0.02)
        checked: dict[tuple[str, str], str] = {}
        for index, case in enumerate(cases, start=1):
            report.status(f"{index} of {len(cases)}: {case.operation} {case.label}")
            own = measure(case, dtype, options, roofs, threads, checked)
            for row in own:
                row.in_step = inside.get((case.operation, row.name, case.problem(dtype), row.method))
            rows += own
            report.status("")
            if not quiet:
                kernel_output.print_case(own)
        roofs.close()
    rates = largest(row.rates for row in rows if row.rates is not None)
    if not quiet:
        kernel_output.print_foot(rows, rates, found)
    return rows, rates, found


def measure(
    case: Case,
    dtype: np.dtype[Any],
    options: argparse.Namespace,
    roofs: Roofs,
    threads: int,
    checked: dict[tuple[str, str], str] | None = None,
) -> list[Row]:
    """All candidates on one case: first their numbers, then the roofs, their times, and the roofs again.

    checked: what `check_kernel` said of kernels before, which is not asked again.
    """
    arrays = case.make(np.random.default_rng(0), dtype)
    problem = case.problem(dtype)
    reference = kernels.entry(case.operation, "reference")
    wide = [_widen(array) for array in arrays]
    expected = {
        call.method: flat(call.run())
        for call in calls(case, "reference", reference.implementation, wide, np.dtype(np.float64))
        if case.operation not in IN_PLACE
    }
    whole = case.run(reference.implementation, *wide) if case.operation != "conv2d" else {}
    chosen = _default(case, dtype)
    before = [array.copy() for array in arrays]

    rows: list[Row] = []
    runs: dict[tuple[str, str], Callable[[], object]] = {}
    for entry in _entries(case.operation, options.kernels):
        if entry.supports(problem) is not None:
            continue
        wrong = _checked(entry, options, {} if checked is None else checked)
        cost = entry.cost(problem) if entry.cost is not None else None
        try:
            found = calls(case, entry.name, entry.implementation, arrays, dtype)
            numbers = {} if case.operation == "conv2d" else case.run(entry.implementation, *arrays)
            fault = ""
        except Exception as failure:  # a person's kernel may fail in any way; that is a result to report
            found, numbers, fault = [], {}, f"{type(failure).__name__}: {failure}"
        worst = _error(numbers.values(), whole.values(), fault) if not fault else (None, fault)
        own = [_row(case, entry, call, expected, worst, dtype) for call in found]
        if not own:
            own = [Row(case, entry.name, "kernel", "", calls_amount(case, dtype), wrong=fault)]
        fault = _modified(arrays, before)
        for row in own:
            row.wrong = wrong or fault or row.wrong
            row.default, row.cost = entry.name == chosen, cost
        rows += own
        runs |= {(entry.name, call.method): call.run for call in found}
    if options.peer != "none":
        for name, call, values in peer_calls(case, arrays, dtype, options, threads):
            row = Row(case, name, "peer", call.method, call.amount)
            row.error, row.wrong = _error(values, expected.get(call.method, []), "")
            rows.append(_tolerated(row, dtype))
            runs[name, call.method] = call.run
    for row in rows:
        row.threads, row.cold = threads, options.cold
    _time(case, rows, runs, options, roofs)
    return _order(rows)


def calls_amount(case: Case, dtype: np.dtype[Any]) -> Any:
    """The work of a call that failed before it could be counted."""
    from .kernel_work import Amount

    return Amount(0.0, 0.0, 0.0)


def _row(
    case: Case,
    entry: Entry,
    call: Call,
    expected: dict[str, list[Array]],
    worst: tuple[float | None, str],
    dtype: np.dtype[Any],
) -> Row:
    row = Row(case, entry.name, "kernel", call.method, call.amount)
    if expected.get(call.method):
        try:
            row.error, row.wrong = _error(flat(call.run()), expected[call.method], "")
        except Exception as failure:  # as above
            row.wrong = f"{type(failure).__name__}: {failure}"
    else:
        row.error = worst[0]
    _tolerated(row, dtype)
    if not row.wrong and worst[0] is not None and not worst[0] <= TOLERANCE[dtype]:
        row.wrong = _differs(worst[0], dtype)
    row.wrong = row.wrong or worst[1]
    return row


def _error(found: Any, expected: Any, fault: str) -> tuple[float | None, str]:
    try:
        return error(list(found), list(expected)), fault
    except Exception as failure:  # as above
        return None, fault or f"{type(failure).__name__}: {failure}"


def _differs(worst: float, dtype: np.dtype[Any]) -> str:
    return f"differs from the reference by {worst:.2g} of the largest entry, allowed {TOLERANCE[dtype]:g}"


def _tolerated(row: Row, dtype: np.dtype[Any]) -> Row:
    if row.error is not None and not row.error <= TOLERANCE[dtype] and not row.wrong:
        row.wrong = _differs(row.error, dtype)
    return row


def _time(
    case: Case,
    rows: list[Row],
    runs: dict[tuple[str, str], Callable[[], object]],
    options: argparse.Namespace,
    roofs: Roofs,
) -> None:
    """Times of all rows, method by method, between two measurements of the roofs that they can meet."""
    touched = max((row.amount.bytes for row in rows), default=0.0)
    what = {
        "arithmetic": any(row.amount.done for row in rows),
        "levels": roofs.levels_for(touched, cold=options.cold),
    }
    rates = roofs.measure(**what)
    blas = {row.name for row in rows if row.kind == "peer"}
    if case.operation in ("conv2d", "dense", "dense_layer"):
        blas |= set(ON_BLAS)
    for method in dict.fromkeys(method for _, method in runs):
        own = {name: run for (name, of), run in runs.items() if of == method}
        # Those whose threads spin come last, so that one rest a round is enough.
        own = {name: own[name] for name in sorted(own, key=lambda name: name in blas)}
        timings = alternate(
            own,
            repeats=options.repeats,
            seconds=options.seconds if time.monotonic() < options.deadline else 0.0,
            turn=0.0 if options.cold else options.turn,
            pause=0.0 if options.quick else PAUSE,
            pause_after=blas,
            hopeless=HOPELESS,
            before=roofs.sweep if options.cold else None,
        )
        for row in rows:
            if row.method == method:
                row.timing = timings[row.name]
                if "reference" in timings:
                    row.speed = row.timing.speed_against(timings["reference"], strict=False)
        peers = [row for row in rows if row.method == method and row.kind == "peer" and row.median]
        fastest = min(peers, key=lambda row: row.median or np.inf, default=None)
        for row in rows:
            if row.method == method and row.kind == "kernel" and row.timing and fastest and fastest.timing:
                row.peer_speed = row.timing.speed_against(fastest.timing, strict=False)
    rates = rates.larger(roofs.measure(**what))
    for row in rows:
        row.rates = rates
    if any(row.impossible for row in rows):  # once more, before anything is called impossible
        rates = rates.larger(roofs.measure(**what))
        for row in rows:
            row.rates = rates


def _order(rows: list[Row]) -> list[Row]:
    """Method by method."""
    methods = list(dict.fromkeys(row.method for row in rows))
    return sorted(rows, key=lambda row: methods.index(row.method))


def _default(case: Case, dtype: np.dtype[Any]) -> str:
    """What the table chooses; empty where the environment forces a kernel that cannot do this case."""
    try:
        return kernels.choose(case.operation, case.problem(dtype)).name
    except ValueError:
        return ""


def _modified(arrays: list[Array], before: list[Array]) -> str:
    """A kernel that modifies what it was handed is wrong, and must not spoil the next one's numbers."""
    fault = ""
    for index, (array, old) in enumerate(zip(arrays, before, strict=True)):
        if not np.array_equal(array, old):
            fault = fault or f"modified array {index}, which it was only handed"
            array[...] = old
    return fault


def _checked(entry: Entry, options: argparse.Namespace, before: dict[tuple[str, str], str]) -> str:
    """What `check_kernel` says against a kernel; by default asked of those that --import brought alone."""
    if entry.name == "reference" or options.check is False:
        return ""
    if options.check is None and entry.serial < options.own_from:
        return ""
    key = entry.operation, entry.name
    if key not in before:
        report.status(f"checking {entry.name} of {entry.operation}")
        before[key] = _parity(*key)
    return before[key]


def _parity(operation: str, name: str) -> str:
    entry = kernels.entry(operation, name)
    problems = [case.problem(dtype) for case in kernels.list_cases(operation) for dtype in TOLERANCE]
    if all(entry.supports(problem) is not None for problem in problems):
        return ""
    try:
        gn.testing.check_kernel(operation, name)
    except Exception as failure:  # as above
        return str(failure) if isinstance(failure, gn.testing.KernelError) else f"{type(failure).__name__}: {failure}"
    return ""


def _widen(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _entries(operation: str, names: list[str] | None) -> list[Entry]:
    """The kernels asked for, the reference always among them."""
    return [entry for entry in kernels.entries(operation) if not names or entry.name in ("reference", *names)]
