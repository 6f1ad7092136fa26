"""Every kernel of the table against the reference: the same arrays, compared in numbers, then timed in turn.

The oracle is the reference run in float64; an error is the largest difference relative to the largest entry. A kernel
whose error is above what `gn.testing.check_kernel` allows is reported as wrong, and the command's exit code is then 1.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.markup import escape

import gan_np as gn
from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels import Case, Entry
from gan_np.kernels.cases import conv2d_case, convolution_geometry, dense_case

from . import machine, peers, report, user_code
from .timing import Spread, Timing, alternate

TOLERANCE = gn.testing.kernels.TOLERANCE
QUICK_BATCH = 2
PAUSE = 0.03


IN_PLACE: dict[str, Callable[..., object]] = {
    "sgd": lambda kernel, theta, gradient, velocity: kernel.step(theta, gradient, velocity, 1e-4, 0.9, False),
    "adam": lambda kernel, theta, gradient, m, v: kernel.step(theta, gradient, m, v, 3, 1e-4, 0.5, 0.999, 1e-8),
    "rmsprop": lambda kernel, theta, gradient, w, v: kernel.step(theta, gradient, v, w, 1e-4, 0.99, 1e-8, 0.5),
    "average": lambda kernel, average, values: kernel.step(average, values, 0.999),
}
"""What is timed of operations that change their arrays: one step, again and again on the same ones. (A case's `run`, which
the numbers are compared by, works on fresh copies, and copying would be half of the time.)"""


@dataclass
class Row:
    """One candidate on one case."""

    case: Case
    name: str
    kind: str
    """"kernel", or "peer" for another library."""
    error: float | None = None
    timing: Timing | None = None
    speed: Spread | None = None
    """How many times as fast as the reference."""
    wrong: str = ""
    """Why its numbers cannot be trusted; empty if they agree."""
    notes: list[str] = field(default_factory=list)
    default: bool = False
    """Whether the table chooses it for this case when nobody forces another."""
    touched: int = 0
    """Bytes of the arrays handed in and given out."""

    @property
    def rate(self) -> tuple[float, str] | None:
        """GFLOP/s where arithmetic dominates, else GB/s of the arrays touched."""
        if self.timing is None:
            return None
        work, unit = (self.case.operations, "GFLOP/s") if self.case.operations else (float(self.touched), "GB/s")
        return work / self.timing.spread.median / 1e9, unit

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        rate = self.rate
        return {
            "operation": self.case.operation,
            "case": self.case.label,
            "shape": list(self.case.shape),
            "candidate": self.name,
            "kind": self.kind,
            "default": self.default,
            "agrees": not self.wrong,
            "wrong": self.wrong,
            "error": self.error,
            "milliseconds": self.timing and self.timing.spread.scaled(1e3).numbers(),
            "least_milliseconds": self.timing and self.timing.least * 1e3,
            "rounds": self.timing and len(self.timing.seconds),
            "calls": self.timing and self.timing.calls,
            "speed_against_reference": self.speed and self.speed.numbers(),
            "rate": rate and rate[0],
            "rate_unit": rate and rate[1],
            "notes": self.notes,
        }


def main(arguments: Sequence[str]) -> int:
    """0: every kernel that ran agrees with the reference; 1: one does not."""
    parser = _parser()
    options = _defaults(parser.parse_args(arguments))
    try:
        if options.user_code:
            user_code.load(options.user_code)
        cases = list(_cases(options))
        _check_names(options, {case.operation for case in cases})
    except (ValueError, TypeError, ModuleNotFoundError) as error:
        parser.error(str(error))
    dtype = np.dtype(options.dtype)
    rows: list[Row] = []
    with machine.threads(options.threads):
        found = machine.describe()
        parity = functools.cache(_parity) if options.check else lambda operation, name: ""
        for index, case in enumerate(cases, start=1):
            report.status(f"{index} of {len(cases)}: {case.operation} {case.label}")
            rows += measure(case, dtype, options, parity)
    report.status("")
    print_rows(rows, dtype, found)
    if options.json:
        content = {"dtype": str(dtype), "threads": options.threads, "rows": [row.numbers() for row in rows]}
        report.save_json(options.json, "kernels", arguments, found, **content)
    if options.plot:
        _plot(options.plot, rows, dtype, found)
    return 1 if any(row.wrong for row in rows) else 0


def measure(case: Case, dtype: np.dtype[Any], options: argparse.Namespace, parity: Callable[..., str]) -> list[Row]:
    """All candidates on one case: first their numbers, then their times."""
    arrays = case.make(np.random.default_rng(0), dtype)
    problem = case.problem(dtype)
    reference = kernels.entry(case.operation, "reference")
    expected = case.run(reference.implementation, *map(_widen, arrays))
    default = kernels.select(case.operation, problem)
    touched = sum(a.nbytes for a in arrays) + _given_out(case, arrays, expected, dtype)

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
        if row.error is not None:
            runs[row.name] = _timed(case, entry.implementation, arrays)
    if options.peer == "torch" and peers.installed("torch"):
        rows += _peers(case, arrays, expected, dtype, touched, runs, options.threads)

    timings = alternate(runs, repeats=options.repeats, seconds=options.seconds, turn=options.turn, pause=PAUSE)
    for row in rows:
        if row.name in timings:
            row.timing = timings[row.name]
            row.speed = row.timing.speed_against(timings["reference"])
    return _best_peer(rows)


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
    problems = [case.problem(dtype) for case in kernels.cases(operation) for dtype in TOLERANCE]
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
    """Of another library's variants only the fastest stays, and says what it beat."""
    timed = [(row.timing.spread.median, row) for row in rows if row.kind == "peer" and row.timing]
    timed.sort(key=lambda pair: pair[0])
    for seconds, other in timed[1:]:
        timed[0][1].notes.append(f"its slower variant, {other.name}: {seconds * 1e3:.3g} ms")
        timed[0][1].wrong = timed[0][1].wrong or other.wrong
    failed = [row for row in rows if row.kind == "peer" and not row.timing]
    return [row for row in rows if row.kind == "kernel"] + [row for _, row in timed[:1]] + failed


def print_rows(rows: list[Row], dtype: np.dtype[Any], found: dict[str, Any]) -> None:
    """The table."""
    columns = (("kernel", 22), ("median ms", 9), ("× reference", 16), ("rate", 14), ("error", 8))
    groups = []
    for case in dict.fromkeys((row.case.operation, row.case.label) for row in rows):
        own = [row for row in rows if (row.case.operation, row.case.label) == case]
        notes = [f"{row.name}: {note}" for row in own for note in row.notes]
        groups.append(report.Group("  ".join(case), [_cells(row) for row in own], notes))
    caption = (
        "* chosen by default.  × reference: how many times as fast as the reference in the same rounds, quartiles.  "
        "GFLOP/s counts the direct method's operations; GB/s the arrays handed in and given out, once.  "
        "error: against the reference in float64, relative to the largest entry.\n" + machine.one_line(found)
    )
    report.print_table(f"kernels, {dtype}", columns, groups, caption)
    for row in rows:
        if row.wrong:
            report.say(f"wrong: {row.name} of {row.case.operation}, {row.case.label}: {row.wrong}")


def _cells(row: Row) -> list[str]:
    name = f"  {escape(row.name)}{' *' if row.default else ''}"
    error = "[red]wrong[/red]" if row.wrong else "" if row.error is None else f"{row.error:.1e}"
    if row.timing is None or row.speed is None or row.rate is None:
        return [name, "", "", "", error]
    speed = "1" if row.name == "reference" else f"{row.speed.median:.2f} ({row.speed.low:.2f}–{row.speed.high:.2f})"
    return [name, f"{row.timing.spread.median * 1e3:.3f}", speed, f"{row.rate[0]:.3g} {row.rate[1]}", error]


def _plot(path: Path, rows: list[Row], dtype: np.dtype[Any], found: dict[str, Any]) -> None:
    dots = [
        report.Dot(
            f"{row.case.operation}\n{row.case.label}",
            "torch" if row.kind == "peer" else row.name,
            row.timing.spread.scaled(1e3),
            "wrong" if row.wrong else "" if row.rate is None else f"({row.rate[0]:.3g} {row.rate[1]})",
        )
        for row in rows
        if row.timing
    ]
    if dots:
        report.save_plot(path, f"Kernels, forward and gradients, {dtype}", dots, found)


def _widen(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _entries(operation: str, names: list[str] | None) -> list[Entry]:
    """The kernels asked for, the reference always among them."""
    return [entry for entry in kernels.entries(operation) if not names or entry.name in ("reference", *names)]


def _check_names(options: argparse.Namespace, operations: set[str]) -> None:
    """Refuse a name that none of the operations has a kernel of."""
    known = {entry.name for operation in operations for entry in kernels.entries(operation)}
    for name in options.kernels or ():
        if name not in known:
            raise ValueError(f"kernels: none called {name!r} here; there are {', '.join(sorted(known))}")


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    operations = options.operation or list(kernels.OPERATIONS)
    if options.shape:
        if len(operations) != 1:
            raise ValueError("shape: belongs to one --operation, conv2d or dense")
        yield _own_case(operations[0], options)
        return
    for operation in operations:
        kernels.entries(operation)  # refuses an unknown name
        for case in kernels.cases(operation, size="dcgan"):
            yield _smaller(case) if options.quick else case


def _own_case(operation: str, options: argparse.Namespace) -> Case:
    """A case of the shape given on the command line."""
    shape = options.shape
    if options.out_channels is None:
        raise ValueError("shape: needs --out-channels too")
    text = "×".join(map(str, shape))
    if operation == "dense" and len(shape) == 2:
        return dense_case(f"{text} → {options.out_channels}", shape[0], shape[1], options.out_channels)
    if operation != "conv2d" or len(shape) != 4:
        raise ValueError("shape: expected N,height,width,channels for conv2d or N,features for dense")
    (kernel, stride, padding) = ((sizes[0], sizes[-1]) for sizes in (options.kernel, options.stride, options.padding))
    geometry = convolution_geometry(shape[0], tuple(shape[1:]), options.out_channels, kernel, stride, padding)
    if min(geometry.small) < 1:
        raise ValueError(f"shape: a kernel of {kernel} does not fit into {shape[1]}×{shape[2]} with padding {padding}")
    label = f"{text} → {options.out_channels}, {kernel[0]}×{kernel[1]}, stride {stride[0]}, padding {padding[0]}"
    return conv2d_case(label, geometry)


def _smaller(case: Case) -> Case:
    """The same convolution with few pictures; other cases are short as they are."""
    if case.geometry is None:
        return case
    return conv2d_case(f"{case.label}, {QUICK_BATCH} pictures", case.geometry._replace(batch=QUICK_BATCH))


def _defaults(options: argparse.Namespace) -> argparse.Namespace:
    """Repeats and seconds where they were not given, by --quick."""
    repeats, seconds, options.turn = (2, 0.5, 0.0) if options.quick else (15, 10.0, 0.02)
    if options.threads is None:
        options.threads = machine.default_threads(options.quick)
    options.repeats = repeats if options.repeats is None else options.repeats
    options.seconds = seconds if options.seconds is None else options.seconds
    return options


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks kernels", description=__doc__)
    parser.add_argument("--operation", action="append", help="only this operation (may be given several times)")
    parser.add_argument(
        "--kernels", type=lambda text: text.split(","), metavar="A,B", help="only these, and the reference"
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--repeats", type=int, help="rounds (default 15)")
    parser.add_argument("--seconds", type=float, help="no new round of a case after this long (default 10)")
    parser.add_argument("--threads", type=int, help="default: all cores (with --quick one, if threadpoolctl is there)")
    parser.add_argument(
        "--import", dest="user_code", metavar="MINE", help="a module or a .py file that registers kernels"
    )
    parser.add_argument(
        "--check",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="run gn.testing.check_kernel on every kernel but the reference first",
    )
    parser.add_argument(
        "--peer", choices=("torch", "none"), default="torch", help="beside dense and conv2d, if installed"
    )
    shape = parser.add_argument_group("a shape of your own (conv2d, dense)")
    shape.add_argument("--shape", type=_numbers, metavar="N,H,W,C", help="the picture; N,features for dense")
    shape.add_argument("--out-channels", type=int, help="channels (features for dense) that come out")
    shape.add_argument("--kernel", type=_numbers, default=[4], metavar="K", help="size: K, or height,width (default 4)")
    shape.add_argument("--stride", type=_numbers, default=[2], metavar="S", help="default 2")
    shape.add_argument("--padding", type=_numbers, default=[1], metavar="P", help="default 1")
    report.add_options(parser)
    return parser
