"""Rows of the papers' tables: lists the recipes, runs them, prints our rows beside the papers'.

Each run (a case with a seed) is kept in a file of its own, rewritten as it goes on; runs that are there are not run again.
Under mpiexec each process runs some of them, alone, and the first prints the tables of all.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, report
from gan_np.checks import choice, integer
from gan_np.distributed import chosen_ranks

from . import page, runs
from .catalogue import RECIPES
from .recipe import Job, Recipe
from .summary import kept, rows

RESULTS = Path(__file__).parents[1] / "results" / "papers"


def main(arguments: Sequence[str]) -> int:
    """0 done, 2 a wrong command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        chosen = _chosen(options)
        jobs = {recipe.name: _jobs(recipe, options) for recipe in chosen}
        if options.page:
            page.update(options.page, options.out or RESULTS, RECIPES)
            return 0
    except (OSError, ValueError, TypeError) as error:
        parser.error(str(error))
    ranks = chosen_ranks()
    if not options.recipe:
        _list(options.out or RESULTS)
        return 0
    with contextlib.ExitStack() as stack:
        temporary = options.quick and options.out is None
        folder = options.out or RESULTS
        if temporary:
            folder = Path(
                ranks.broadcast(stack.enter_context(tempfile.TemporaryDirectory()) if ranks.rank == 0 else "")
            )
        records = []
        for recipe in chosen:
            if not options.show:
                for job in jobs[recipe.name][ranks.rank :: ranks.size]:
                    _perform(recipe, job, folder)
                ranks.barrier()
            if ranks.rank:
                continue
            _print(recipe, folder, quick=options.quick)
            records += [record for each in kept(folder, recipe).values() for record in each]
        if options.json and ranks.rank == 0:
            report.save_json(options.json, "papers", arguments, machine.describe(), runs=records)
        if options.plot and ranks.rank == 0:
            _draw(chosen[0], folder, options.plot)
    return 0


def _chosen(options: argparse.Namespace) -> list[Recipe]:
    if options.recipe in (None, "all"):
        return list(RECIPES.values())
    return [RECIPES[choice("recipe", options.recipe, RECIPES)]]


def _jobs(recipe: Recipe, options: argparse.Namespace) -> list[Job]:
    """Seed by seed, so that what is there after an interruption is one row for each case."""
    seeds = options.seeds if options.seeds is not None else recipe.seeds[:1] if options.quick else recipe.seeds
    for seed in seeds:
        integer("seeds", seed, 0)
    cases = [choice("cases", case, recipe.cases) for case in options.cases or recipe.cases]
    size = recipe.quick if options.quick else recipe.paper
    if options.updates is not None:
        size = size._replace(updates=integer("updates", options.updates, 1))
    if options.every is not None:
        size = size._replace(every=integer("every", options.every, 0))
    if options.device != "cpu" and not recipe.devices:
        raise ValueError(f"device: {recipe.name} runs on the CPU, got {options.device!r}")
    data = options.data or recipe.data if recipe.data else ""
    return [
        Job(case, seed, size, options.quick, data, options.images, options.device) for seed in seeds for case in cases
    ]


def _perform(recipe: Recipe, job: Job, folder: Path) -> None:
    file = runs.file_of(folder, recipe, job.case, job.seed)
    if runs.is_done(runs.read(file), job):
        report.say(f"{recipe.name}, {job.case}, seed {job.seed}: there already")
        return
    report.status(f"{recipe.name}, {job.case}, seed {job.seed}: up to {job.size.updates:,} updates")
    record = runs.perform(recipe, job, file)
    report.status("")
    report.say(f"{recipe.name}, {job.case}, seed {job.seed}: {record['seconds']:.0f} s")


def _draw(recipe: Recipe, folder: Path, path: Path) -> None:
    from .images import progress

    found = kept(folder, recipe)
    if recipe.draw is not None:
        recipe.draw(found, path)
    else:
        progress(recipe, found, path)


def _list(folder: Path) -> None:
    groups = []
    for recipe in RECIPES.values():
        found = {case: len(records) for case, records in kept(folder, recipe).items()}
        runs_kept = ", ".join(f"{case} × {count}" for case, count in found.items()) or "none"
        lines = [recipe.source, f"cases: {', '.join(recipe.cases)}", f"kept: {runs_kept}", f"cost: {recipe.cost}"]
        groups.append(report.Group(f"{recipe.name}: {recipe.title}", [], lines))
    caption = (
        "python -m benchmarks papers NAME runs one; --quick for minutes instead of hours, --show for its table alone"
    )
    report.print_table("the papers' tables", [("", 10)], groups, caption)


def _print(recipe: Recipe, folder: Path, *, quick: bool) -> None:
    columns = [("", 40), *((measure.title, 10) for measure in recipe.measures.values()), ("seeds", 5), ("updates", 8)]
    lines = [(row.title, *row.cells, row.seeds, row.updates) for row in rows(recipe, kept(folder, recipe))]
    notes = [f"differs: {each}" for each in recipe.departures]
    if quick:
        notes.insert(0, "--quick: small and short; these numbers show that it runs and say nothing about the method")
    caption = f"{recipe.source}\nmean ± standard error over seeds   cost: {recipe.cost}"
    report.print_table(recipe.title, columns, [report.Group("", lines, notes)], caption)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks papers", description=__doc__)
    parser.add_argument("recipe", nargs="?", help=f"{', '.join(RECIPES)} or all; left out, they are listed")
    parser.add_argument("--seeds", type=_numbers, metavar="0,1,2", help="default: the recipe's; with --quick the first")
    parser.add_argument("--cases", type=_names, metavar="NAMES", help="rows of the table, by name (default: all)")
    parser.add_argument("--updates", type=int, help="fewer or more than the paper's; the table says so")
    parser.add_argument("--every", type=int, help="measure after every so many updates (0: at the end alone)")
    parser.add_argument("--data", help="labelled digits: a name or a path (default: mnist, downloaded once)")
    parser.add_argument("--device", default="cpu", help="for neighbour, stacked and stacked-r3gan: cpu, cuda, cuda:1")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where runs are kept (default: benchmarks/results/papers)"
    )
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="draw samples of each run there")
    parser.add_argument("--show", action="store_true", help="print the table of what is kept and run nothing")
    parser.add_argument("--page", type=Path, metavar="FILE.md", help="write all tables into this page and run nothing")
    report.add_options(parser)
    return parser
