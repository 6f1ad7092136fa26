"""The constants of the cost model of convolutions (`kernels/cpu/costs.py`), fitted again on this machine.

Every plan does every convolution of a list, forward and both gradients, in turn. What a plan takes is modelled as a sum
over its terms (operations of its products, numbers that it packs, transforms, …), each times a constant ≥ 0; the constants
are those of least squares of the relative errors. They are divided by what an operation takes at the processor's measured
peak, so that 1 is the peak.

Nothing is changed by it: the file holds suggested constants. In the code they change by hand, since a shape must have the
same kernel, and a seed the same bits, on every machine; `gan-np tune` chooses for one machine.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels import Case, Geometry
from gan_np.kernels.cases import conv2d_case, convolution_geometry
from gan_np.kernels.cpu import costs

from . import caches, machine, plots, report
from .kernel_why import MUCH
from .roofs import Roofs
from .timing import Spread, alternate

WIDTH = 100
COLUMNS = (("convolution", 40), ("chosen", 10), ("best", 10), ("costs", 6), ("new choice", 10), ("costs", 6))


class Measured(NamedTuple):
    """One convolution."""

    label: str
    problem: kernels.Problem
    seconds: dict[str, float]
    """Plan → of all three contractions."""


class Fit(NamedTuple):
    """One plan's constants."""

    plan: str
    constants: tuple[float, ...]
    """In operations at the peak, as in `costs.CONSTANTS`."""
    error: float
    """Median of |model / measured − 1|."""
    now: float
    """The same for the constants in the code, times the one factor that suits them best."""


def main(arguments: Sequence[str]) -> int:
    """0 always: what it finds is a suggestion."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks fit_costs", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    report.add_options(parser)
    report.add_threads(parser)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each plan; the median counts (default 5)")
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
    except ValueError as error:
        parser.error(str(error))
    threads = options.threads or machine.default_threads(options.quick)
    dtype = np.dtype(np.float32)
    with machine.threads(threads):
        found = machine.describe()
        roofs = Roofs(dtype, threads, caches.find())
        rates = roofs.measure(arithmetic=True, levels=[])
        measured = []
        listed = geometries(quick=options.quick)
        report.say(
            f"{len(listed)} convolutions, about {'a minute' if options.quick else '3 minutes'} on two idle cores"
        )
        for number, geometry in enumerate(listed, start=1):
            report.status(f"{number} of {len(listed)}: {named(geometry)}")
            measured.append(measure(geometry, dtype, 1 if options.quick else options.rounds))
        report.status("")
        rates = rates.larger(roofs.measure(arithmetic=True, levels=[]))
        roofs.close()
    peak = rates.flops or 1.0
    fits = fit(measured, peak)
    show(measured, fits, peak, found)
    if options.plot:
        dots = [
            plots.Dot(one.label, plan, Spread.of([seconds * 1e3]))
            for one in measured
            for plan, seconds in one.seconds.items()
        ]
        plots.save_dots(
            options.plot,
            "All three contractions of a convolution by plan, float32",
            dots,
            found,
            reading="Dots are medians; left is faster.",
        )
    if options.json:
        content = [
            {
                "case": one.label,
                "shape": list(one.problem.shape),
                "seconds": one.seconds,
                "estimates": estimates(one.problem),
            }
            for one in measured
        ]
        suggested = {one.plan: one._asdict() for one in fits}
        current = {name: list(values) for name, values in costs.CONSTANTS.items()}
        report.save_json(
            options.json, "fit_costs", arguments, found, peak_gflops=peak / 1e9, constants=current, suggested=suggested,
            rows=content,
        )  # fmt: skip
    return 0


def geometries(*, quick: bool = False) -> list[Geometry]:
    """Those of the benchmark's cases, and others around them: kernels of 3, 4 and 5, large and small images and batches."""
    if quick:
        sizes = [(8, 32, 64, 4, 2, 1, batch) for batch in (1, 4)] + [(6, 32, 32, 3, 1, 1, 4)]
    else:
        sizes = [
            (side, channels, 2 * channels, kernel, 2, kernel // 2 - (kernel == 4), batch)
            for (side, channels), kernel, batch in itertools.product(
                ((32, 64), (16, 128), (8, 256)), (3, 4, 5), (4, 32, 64)
            )
        ]
        sizes += [
            (side, channels, channels, 3, 1, 1, 32) for side, channels in ((32, 64), (16, 128), (8, 256), (4, 512))
        ]
    return [
        convolution_geometry(batch, (side, side, inside), outside, (size, size), (stride, stride), (padding, padding))
        for side, inside, outside, size, stride, padding, batch in sizes
    ]


def named(geometry: Geometry) -> str:
    """For a table."""
    size, stride = geometry.kernel[0], geometry.stride[0]
    channels = f"{geometry.large[2]}→{geometry.small[2]}"
    return f"{channels} at {geometry.large[0]}², {size}×{size} stride {stride}, batch {geometry.batch}"


def measure(geometry: Geometry, dtype: np.dtype[Any], rounds: int) -> Measured:
    """All compiled plans that support it, in turn."""
    case = conv2d_case(named(geometry), geometry)
    problem = case.problem(dtype)
    arrays = case.make(np.random.default_rng(0), dtype)
    names = [entry.name for entry in kernels.available("conv2d", problem) if entry.name in costs.TERMS]
    runs = {name: lambda name=name: _run(case, name, arrays) for name in names}
    timings = alternate(runs, repeats=rounds, warmup=1)
    return Measured(case.label, problem, {name: timing.spread.median for name, timing in timings.items()})


def _run(case: Case, name: str, arrays: Sequence[Array]) -> object:
    return case.run(kernels.entry("conv2d", name).implementation, *arrays)


def estimates(problem: kernels.Problem, constants: Mapping[str, Sequence[float]] | None = None) -> dict[str, float]:
    """Plan → operations at the peak of one contraction, by the constants of the code or by others."""
    chosen = costs.CONSTANTS if constants is None else constants
    names = [e.name for e in kernels.available("conv2d", problem) if e.name in chosen]
    return {
        name: sum(c * term for c, term in zip(chosen[name], costs.TERMS[name](problem), strict=True)) for name in names
    }


def fit(measured: Sequence[Measured], peak: float) -> list[Fit]:
    """Constants of each plan that was measured on at least as many convolutions as it has terms.

    peak: operations a second. A plan's three contractions are modelled as three times its terms.
    """
    found = []
    for plan, terms in costs.TERMS.items():
        own = [one for one in measured if plan in one.seconds]
        if len(own) < len(costs.CONSTANTS[plan]):
            continue
        # Rows divided by the time that was measured: least squares of relative errors.
        table = np.array([[3 * term / peak / one.seconds[plan] for term in terms(one.problem)] for one in own])
        constants = non_negative(table, np.ones(len(own)))
        now = table @ np.array(costs.CONSTANTS[plan])
        error = float(np.median(np.abs(table @ constants - 1)))
        found.append(Fit(plan, tuple(map(float, constants)), error, float(np.median(np.abs(now / np.median(now) - 1)))))
    return found


def non_negative(table: Array, wanted: Array) -> Array:
    """x ≥ 0 of least ‖table·x − wanted‖, for a few unknowns: the best of all choices of which of them are 0."""
    count = table.shape[1]
    best, least = np.zeros(count), float(np.sum(wanted**2))
    for size in range(1, count + 1):
        for kept in itertools.combinations(range(count), size):
            x = np.linalg.lstsq(table[:, kept], wanted, rcond=None)[0]
            error = float(np.sum((table[:, kept] @ x - wanted) ** 2))
            if (x >= 0).all() and error < least * (1 - 1e-12):
                best, least = np.zeros(count), error
                best[list(kept)] = x
    return best


def excess(one: Measured, constants: Mapping[str, Sequence[float]] | None = None) -> tuple[str, str, float]:
    """(the plan of least estimated cost, the fastest, how many times as long the former takes)."""
    guesses = {name: value for name, value in estimates(one.problem, constants).items() if name in one.seconds}
    chosen, best = min(guesses, key=lambda n: guesses[n]), min(one.seconds, key=lambda n: one.seconds[n])
    return chosen, best, one.seconds[chosen] / one.seconds[best]


def show(measured: Sequence[Measured], fits: Sequence[Fit], peak: float, found: dict[str, Any]) -> None:
    """Constants, and what both choices cost on each convolution."""
    suggested = {**costs.CONSTANTS, **{one.plan: one.constants for one in fits}}
    report.print_head(f"constants of kernels/cpu/costs.py, peak {peak / 1e9:.0f} GFLOP/s", COLUMNS, width=WIDTH)
    rows = []
    for one in measured:
        (chosen, best, costs_now), (new, _, costs_then) = excess(one), excess(one, suggested)
        rows.append([one.label, chosen, best, _percent(costs_now), new, _percent(costs_then)])
    report.print_group(COLUMNS, report.Group("", rows), width=WIDTH)
    for plan in fits:
        now = ", ".join(f"{value:.4g}" for value in costs.CONSTANTS[plan.plan])
        then = ", ".join(f"{value:.4g}" for value in plan.constants)
        report.say(f"{plan.plan}: now ({now}), off by {plan.now:.0%}; fitted ({then}), off by {plan.error:.0%}")
    bad = [sum(excess(one, chosen)[2] > MUCH for one in measured) for chosen in (None, suggested)]
    report.print_foot(
        f"costs: how much longer the plan of least estimated cost takes than the fastest; above 10 % on {bad[0]} of "
        f"{len(measured)} convolutions now, on {bad[1]} with the fitted constants. off by: median of |model / measured − "
        f"1|, for "
        "the constants of now after the one factor that suits them.\n" + machine.one_line(found),
        width=WIDTH,
    )


def _percent(times: float) -> str:
    text = f"{times - 1:.0%}"
    return f"[red]{text}[/red]" if times > MUCH else text
