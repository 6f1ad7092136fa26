"""`gan-np evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan_np.distributed import device_of_rank
from gan_np.printable import printable

from .inputs import (
    FeaturesOrNone,
    InputFilter,
    InputLayout,
    InputMean,
    InputOrder,
    InputRange,
    InputSize,
    InputStd,
    preprocessing_of,
)
from .output import console, lines_of, say
from .together import ranks_of_command
from .usage import checking_options, device_name

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as ShownTable

    from gan_np.evaluation.parts import Section, Table
    from gan_np.evaluation.report import Report

NAME_WIDTH = 30
"""Of a table's first column, in a terminal."""


def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    against: Annotated[
        Path | None, typer.Option(help="Another run: whose discriminator is fooled by whose samples (GAM).")
    ] = None,
    classifier: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A file of train-classifier (default: that of the run's data, trained the first time if they have labels).",
        ),
    ] = None,
    features: FeaturesOrNone = None,
    input_size: InputSize = None,
    input_range: InputRange = None,
    input_mean: InputMean = None,
    input_std: InputStd = None,
    input_order: InputOrder = "rgb",
    input_layout: InputLayout = None,
    input_filter: InputFilter = "bicubic",
    count: Annotated[int, typer.Option(min=20, help="Samples, and real images of each set.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples and of the draws.")] = 0,
    real: Annotated[
        str | None,
        typer.Option(
            help="Compare with these images; files of several sizes are brought to the run's size (default: what the run "
            "holds out, see train --hold-out, or the test part of its data, or training images)."
        ),
    ] = None,
    skip_broken: Annotated[
        bool,
        typer.Option("--skip-broken", help="Of --real: leave out image files that cannot be read, with a warning."),
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(help="Where the run's own data are now, if they were moved.", show_default=False),
    ] = None,
    best: Annotated[bool, typer.Option("--best", help="The checkpoint kept as the best, not the newest.")] = False,
    every: Annotated[
        bool, typer.Option("--every", help="Also every kept checkpoint, as curves (see train --keep).")
    ] = False,
    average: Annotated[
        bool, typer.Option(help="Sample from the average of G's weights, or from the last ones.")
    ] = True,
    out: Annotated[
        Path | None, typer.Option(help="The folder for evaluation.json and evaluation.html (default: the run).")
    ] = None,
    device: Annotated[str, typer.Option(callback=device_name, help="cpu, cuda or cuda:N.")] = "cpu",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Say how good a run's samples are: a table, evaluation.json for machines, evaluation.html with the images.

    Evaluating while a run trains: gan-np train --evaluate-every N. Under mpiexec all processes share the work.
    """
    from gan_np.evaluation import battle_of_runs, evaluate_run

    with checking_options():
        preprocessing = preprocessing_of(
            input_size, input_range, input_mean, input_std, input_order, input_layout, input_filter
        )
    ranks = ranks_of_command()
    quiet = quiet or ranks.rank > 0
    battle = None
    if against is not None and ranks.rank == 0:
        battle = battle_of_runs(run, against, count=count, seed=seed, device=device, data=data)
    report = evaluate_run(
        run,
        best=best,
        every=every,
        classifier=classifier,
        features=features,
        preprocessing=preprocessing,
        real=real,
        skip_broken=skip_broken,
        data=data,
        count=count,
        seed=seed,
        average=average,
        device=device_of_rank(device, ranks),
        progress=not quiet,
        tell=lambda text: say(text, quiet=quiet),
        ranks=ranks,
    )
    if ranks.rank:
        return
    if battle is not None:
        report.add(battle)
    show_report(report, quiet=quiet)
    for path in report.save(out or run):
        say(f"wrote {path}", quiet=quiet)


def show_report(report: Report, *, quiet: bool = False, page: str = "evaluation.html") -> None:
    """Facts, tables and the sentence that says what they mean, broken between words on a terminal."""
    out = console(quiet=quiet)
    for name, value in report.facts.items():
        out.print("\n".join(lines_of(f"{name}: {value}", out)))
    for section in report.sections:
        _tables(section, quiet, page)
        if section.short:
            out.print("\n".join(lines_of(section.short, out)))


def _tables(section: Section, quiet: bool, page: str = "evaluation.html") -> None:
    from rich.console import Console

    out = Console(quiet=quiet, highlight=False, markup=False)
    for table in section.tables:
        out.print(section.title, style="italic")
        shown, left_out = fitted(table, out)
        out.print(shown)
        if left_out:
            heads = ", ".join(dict.fromkeys(heading(table, index) for index in left_out))
            out.print(f"(no room here for all columns; {page} has them: {heads})")
        if table.note:
            out.print(table.note)


def heading(table: Table, index: int) -> str:
    """What a column is called in a sentence; where several have one name, with the column that it belongs to."""
    names = [name.replace("\n", " ") for name in table.columns]
    return names[index] if names.count(names[index]) == 1 else f"{names[index]} of {names[index - 1]}"


def fitted(table: Table, out: Console) -> tuple[ShownTable, list[int]]:
    """A table for a console, and the columns that were left out because it is too narrow for them."""
    from rich.measure import Measurement

    for count in range(len(table.optional) + 1):
        left_out = table.optional[:count]
        shown = _shown(table, set(range(len(table.columns))) - set(left_out))
        if Measurement.get(out, out.options.update(width=10_000), shown).maximum <= out.width:
            break
    return shown, sorted(left_out)


def _shown(table: Table, kept: set[int]) -> ShownTable:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as ShownTable

    shown = ShownTable(box=SIMPLE_HEAD, show_header=any(table.columns), show_edge=False, padding=(0, 1, 0, 0))
    for index in sorted(kept):
        number = index in table.numbers
        # What a row is called may take two lines, its numbers stay in one.
        shown.add_column(
            table.columns[index],
            justify="right" if number else "left",
            no_wrap=number,
            max_width=NAME_WIDTH if index == 0 else None,
        )
    for row in table.rows:
        shown.add_row(*(printable(row[index]) for index in sorted(kept)))
    return shown
