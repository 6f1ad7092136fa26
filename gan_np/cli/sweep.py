"""`gan-np sweep`: every combination of some settings."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len

from gan_np.files import read_toml
from gan_np.printable import printable
from gan_np.training.hints import TrainingHint

from .flags import given, settings_of, with_config_flags
from .output import console, lines_of, say
from .seeds import parse_seeds
from .usage import checking_options, wrong_option

if TYPE_CHECKING:
    from rich.table import Table as ShownTable

    from gan_np.evaluation.parts import Table
    from gan_np.sweeps import Plan, SweepResults

MOST_TROUBLES = 10
MOST_OF_SETTINGS = 24
"""So many characters of a setting and its value stay on one line where there is room for it."""
LEAST_OF_SETTINGS = 8
BREAKS = (" (", ", ", " to ")
"""Where a cell may be broken; the last only on a narrow terminal."""


@with_config_flags
def sweep(
    *,
    vary: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=VALUES",
            help="A setting, or preset, and the values that it is to have, as in g_learning_rate=1e-4,2e-4; once for each.",
            show_default=False,
        ),
    ] = [],  # noqa: B006 (typer makes a new one)
    seeds: Annotated[
        str | None,
        typer.Option(
            help="Train each combination with each of these seeds, as in 0,1,2 or 0-4.", show_default="--seed"
        ),
    ] = None,
    random: Annotated[
        int | None,
        typer.Option(
            min=1, help="Train only so many of the combinations, drawn at random with --seed.", show_default="all"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the sweep, with a run folder for each run. The same command again goes on there."
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the sweep in this folder, with the settings that it has.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check every combination, print the runs with the time they take, and stop."),
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print the table of what was measured so far, and train nothing.")
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(
            min=20, help="Samples that are measured of each run, and as many real images.", show_default="2000"
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose features are compared, as of evaluate: classifier (trained the first time, of labelled data), "
            "pixels, or a file.",
            show_default="classifier; pixels without labels",
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results as JSON too.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A TOML file with any of the settings below by name, and what is varied in a table \\[vary].",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As of train: settings that belong together.", show_default="none"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but the table and errors.")] = False,
    **flags: Any,
) -> None:
    """Train every combination of some settings, and say which is best. Takes the settings of `train`.

    Each combination is checked before the first is trained, and has a run folder of its own.

    Measured at the end: the sliced Wasserstein distance to real images, of labelled data the Fréchet distance too.

    The table has the best first. What was done before is not done again.
    """
    from gan_np.runs.resolving import resolved
    from gan_np.sweeps.performing import perform, prepare_all, read_plan, results_so_far
    from gan_np.sweeps.prepared import OpenedData
    from gan_np.sweeps.results import FAILED

    _refuse_processes()
    if json is not None and not json.parent.is_dir():
        raise FileNotFoundError(f"json: there is no folder {str(json.parent)!r}")
    if json is not None and json.is_dir():
        raise IsADirectoryError(f"json: expected the name of a file, got the folder {str(json)!r}")
    if resume is not None:
        own = {"vary": vary, "seeds": seeds, "random": random, "out": out, "count": count, "features": features}
        own |= {"config": config, "preset": preset}
        others = [name for name, value in own.items() if value not in (None, [])] + list(given(flags))
        if others:
            named = ", --".join(others).replace("_", "-")
            raise wrong_option(f"resume: a sweep keeps its settings; leave out --{named} (or repeat the whole command)")
        plan, place = read_plan(resume), resume
    else:
        if not vary and config is None:  # then something is missing; what is wrong with the rest comes first
            with checking_options():
                resolved(settings_of(flags), preset)
        if out is None:
            raise wrong_option("out: needed, as in --out runs/sweep")
        with checking_options():
            plan = _plan(vary, seeds, random, count, features, config, preset, settings_of(flags))
            plan.runs()
        place = out
    if quiet:
        warnings.simplefilter("ignore", TrainingHint)  # they are in the run folders
    if dry_run:
        _dry_run(plan, place)
        return
    if show:
        if resume is None:
            prepare_all(plan, place, OpenedData())  # does the command line fit what is in the folder?
        found = results_so_far(plan, place)
    else:
        try:
            found = perform(plan, place, progress=not quiet, tell=lambda text: say(text, quiet=quiet))
        except FileNotFoundError as error:
            if resume is not None:
                error.add_note(
                    f"(paths in {place / 'sweep.toml'} are those seen from the folder in which the sweep began)"
                )
            raise
    _report(found, plan, place, quiet)
    if json is not None:
        say(f"wrote {found.save(json)}", quiet=quiet)
    if any(run.state == FAILED for each in found.combinations for run in each.runs):
        raise typer.Exit(1)


def _refuse_processes() -> None:
    """A sweep trains one run after another, in one process."""
    from gan_np.distributed import started_by

    started = started_by()
    if started is not None:
        raise ValueError(
            f"sweep: trains one run after another in one process, and {started.launcher} started {started.size}; start it "
            "without (several processes train one model with: mpiexec -n N gan-np train)"
        )


def _plan(
    vary: list[str],
    seeds: str | None,
    random: int | None,
    count: int | None,
    features: str | None,
    config: Path | None,
    preset: str | None,
    flags: dict[str, Any],
) -> Plan:
    """What the command line asks for, over what the file does: a flag also in place of what the file varies."""
    from gan_np.runs.folder import of_file
    from gan_np.sweeps import Plan
    from gan_np.sweeps.values import parse_varied

    values: dict[str, Any] = {}
    if config is not None:
        values = read_toml(config)
        with of_file(config):
            _ = Plan.from_mapping({"seeds": [0, 1]} | values)  # one that varies nothing itself may be varied here
    varied: dict[str, Any] = {}
    for text in vary:
        name, found = parse_varied(text)
        if name in varied:
            raise ValueError(f"vary: {name} is given twice; name it once, with all its values")
        if name == "preset" and preset is not None:
            raise ValueError("vary: preset is given as --preset too; leave one of them out")
        if name in flags:
            raise ValueError(f"vary: {name} is given as --{name.replace('_', '-')} too; leave one of them out")
        varied[name] = found
    settings = {name: value for name, value in values.items() if name not in varied} | flags
    table = {name: found for name, found in values.get("vary", {}).items() if name not in flags} | varied
    own = {
        "random": random,
        "count": count,
        "features": features,
        "preset": preset,
        "seeds": None if seeds is None else parse_seeds(seeds),
    }
    return Plan.from_mapping(settings | {"vary": table} | {name: one for name, one in own.items() if one is not None})


def _dry_run(plan: Plan, out: Path) -> None:
    """The runs, how far each is, and what the rest takes, measured on a few steps of each kind."""
    from gan_np.durations import time_in_words
    from gan_np.evaluation.parts import Table
    from gan_np.runs.differences import written
    from gan_np.sweeps.performing import prepare_all
    from gan_np.sweeps.prepared import OpenedData, seconds_of

    data, known = OpenedData(), dict[str, float]()
    rows, total = [], 0.0
    prepared = prepare_all(plan, out, data)
    for one, state in prepared:
        left = 0.0
        if not (state.finished or state.failed):
            left = seconds_of(one, data, known) * (1 - state.done / one.steps)
        total += left
        where = "to do" if not state.done else f"at step {state.done:,}"
        where = "not finite" if state.failed else "done" if state.finished else where
        own = (str(one.config.seed), f"{one.steps:,}", time_in_words(left), where)
        rows.append((*map(written, one.run.varied.values()), *own))
    names = tuple(prepared[0][0].run.varied)
    heads = (*names, "seed", "steps", "time left", "state")
    _print(Table(heads, tuple(rows), numbers=tuple(range(len(names), len(names) + 3))))
    chosen = f", {plan.random:,} of {plan.combinations:,} combinations," if plan.random is not None else ""
    runs = f"{len(rows):,} run{'s' if len(rows) > 1 else ''}{chosen} in {out}"
    taking = time_in_words(total, estimated=True)
    takes = f"training takes {taking}, estimated from a few steps; measuring the runs comes on top"
    _say(f"{runs}: {takes if total else 'nothing is left to train'}")


def _say(text: str) -> None:
    """A line of the result, on a terminal broken between words."""
    out = console()
    out.print("\n".join(lines_of(text, out)))


def _report(found: SweepResults, plan: Plan, out: Path, quiet: bool) -> None:
    from gan_np.sweeps.prepared import data_settings

    _print(found.table())
    for run in found.troubles[:MOST_TROUBLES]:
        _say(f"{run.name}: {run.said}")
    if len(found.troubles) > MOST_TROUBLES:
        _say(f"(and {len(found.troubles) - MOST_TROUBLES} more)")
    if len({data_settings(run.config) for run in plan.runs()}) > 1:
        _say("data are varied, each run is compared with its own: figures of different data do not compare")
    best = found.best
    if best is not None:
        say("the best is in:", quiet=quiet)
        for run in best.runs:
            say(f"  {out / run.name}", quiet=quiet)


def _print(table: Table) -> None:
    """A table; where it is too wide, its settings stand below each other in one column, and what is in brackets stands
    below its number.

    Its settings are the columns before the first of numbers.
    """
    from rich.console import Console
    from rich.measure import Measurement

    out = Console(highlight=False, markup=False)
    shown = _shown(table.columns, table.rows, min(table.numbers), table)
    if Measurement.get(out, out.options.update(width=10_000), shown).maximum > out.width:
        shown = _folded(table, out.width)
    out.print(shown)
    if table.note:
        out.print(table.note)


def _folded(table: Table, width: int) -> ShownTable:
    """A table whose settings stand in one column, with cells of several lines."""
    count = min(table.numbers)
    settings = [
        [f"{name}={cell}" for name, cell in zip(table.columns[:count], row[:count], strict=True)] for row in table.rows
    ]
    heads = ("settings", *table.columns[count:]) if count else table.columns
    for broken in (BREAKS[:2], BREAKS):
        cells = [[_broken(cell, broken) for cell in row[count:]] for row in table.rows]
        widths = [
            max(map(cell_len, [*head.split(), *(line for row in cells for line in row[number].split("\n"))]))
            for number, head in enumerate(table.columns[count:])
        ]
        left = width - sum(widths) - 3 * len(widths)  # between two columns are three spaces
        if left >= min(MOST_OF_SETTINGS, max((cell_len(one) for row in settings for one in row), default=0)):
            break
    rows = [(*(["\n".join(own)] if count else []), *row) for own, row in zip(settings, cells, strict=True)]
    return _shown(heads, rows, min(count, 1), table, widths if left >= LEAST_OF_SETTINGS else None)


def _broken(cell: str, places: Sequence[str]) -> str:
    """A cell on several lines, each of which begins after one of these."""
    for place in places:
        cell = cell.replace(place, f"{place.rstrip(' (')}\n{'(' if '(' in place else ''}", 1)
    return cell


def _shown(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    count: int,
    table: Table,
    widths: Sequence[int] | None = None,
) -> ShownTable:
    """Texts as a table: `count` columns of settings, then those of numbers, of these widths."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as ShownTable

    words = len(table.columns) - len(heads)  # so many columns were put together
    shown = ShownTable(box=SIMPLE_HEAD, show_edge=False, padding=(0, 2, 0, 0), pad_edge=False)
    for number, name in enumerate(heads):
        numeric = number >= count
        shown.add_column(
            printable(name),
            justify="right" if numeric and number + words in table.numbers else "left",
            overflow="fold",
            width=widths[number - count] if numeric and widths is not None else None,
        )
    for row in rows:
        shown.add_row(*("\n".join(map(printable, cell.split("\n"))) for cell in row))
    return shown
