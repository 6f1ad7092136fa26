"""A sweep: every run of a plan trained to its end and measured, one after another; what is done is not done again.

OUT/
  sweep.toml                                what is varied, and all settings that were given: a file for `--config`
  g_learning_rate=0.0001,width=16,seed=0/   a run folder for each combination with each seed (see `gan_np.runs.folder`), with
    figures.json                              what was measured of it at its end
    failure.json                              or why it could not be trained to its end
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

from gan_np.checks import NonFiniteError, shown
from gan_np.durations import time_in_words
from gan_np.evaluation.readers import reader_named
from gan_np.files import read_toml, write_atomically
from gan_np.runs import Interrupted, build_gan, open_run, resume, train
from gan_np.runs.fingerprints import fingerprints
from gan_np.runs.folder import of_file, read_config, refuse_full
from gan_np.runs.lock import RunLock
from gan_np.runs.opened import steps_done
from gan_np.runs.signals import StopRequest
from gan_np.runs.stage_folders import stage_folders

from .failures import keep_failure
from .measuring import measure, measured_of, numbers
from .plan import COUNT, Plan, SweepRun
from .prepared import OpenedData, Prepared, State, prepare, shown_state_of, state_of
from .results import DONE, FAILED, NOT_DONE, NOT_FINITE, RunResult, SweepResults

FILE = "sweep.toml"
MARK = "# What gan-np sweep trains in this folder, kept by it; --resume FOLDER goes on.\n"
"""How that file begins, by which it is told from a file of the user's own that is called so."""
REFUSALS = (ValueError, TypeError, OSError, RuntimeError, ArithmeticError, MemoryError)
"""What may go wrong with one run without being the end of the others."""

Tell = Callable[[str], None]


class SweepInterrupted(Interrupted):
    """A sweep was asked to stop by a signal. What was trained so far is kept; `run` is the folder of the sweep."""

    def __str__(self) -> str:
        """What happened, and how to go on."""
        return f"{self.what}; go on with: gan-np sweep --resume {self.run}"

    def _render_traceback_(self) -> list[str]:
        """The lines that a notebook prints in place of a traceback."""
        return [self.what, f"go on with: gan_np.sweeps.resume_sweep({str(self.run)!r})"]


def sweep(
    settings: Mapping[str, Any],
    vary: Mapping[str, Sequence[Any]],
    *,
    out: str | Path,
    seeds: Sequence[int] = (),
    random: int | None = None,
    preset: str | None = None,
    count: int = COUNT,
    features: str | None = None,
    progress: bool = True,
    tell: Tell | None = None,
) -> SweepResults:
    """Train every combination of settings, each with every seed, measure each, and sort them by what was measured.

    Every combination is checked before the first is trained. A run whose numbers become infinite or NaN is a row that says
    so. The same call on the same folder goes on: what is done is not done again, and a run that was stopped half-way is
    resumed; values and seeds may have been added, and `steps` may be more.

    settings: those that all runs share, by name, as `gan-np train` has them; data are named by "data".
    vary: for the name of a setting the values that it is to have.
    out: the folder of the sweep, in which each run has a folder whose name says what is varied.
    seeds: train each combination with each of these; () means the seed of the settings.
    random: train so many combinations, drawn at random with the seed of the settings; None means all.
    preset: of `gan-np train`.
    count, features: of the measurement: samples, and what reads them ("classifier", "pixels", or a file; None: the
        classifier, and pixels of data without labels), as in `gan_np.evaluation.evaluate_run`.
    progress: a progress bar for each run. tell: is told in sentences what is done.

    >>> import gan_np as gn, numpy as np, tempfile, os
    >>> folder = tempfile.mkdtemp()
    >>> np.save(folder + "/d.npy", np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8))
    >>> found = gn.sweeps.sweep(
    ...     {"data": folder + "/d.npy", "model": "mlp", "steps": 2, "batch_size": 8, "hidden": 8, "sample_every": 0},
    ...     {"g_learning_rate": [1e-3, 1e-2]}, seeds=(0, 1), out=folder + "/sweep", count=20, progress=False,
    ... )
    >>> sorted(one.varied["g_learning_rate"] for one in found.combinations), found.combinations[0].done
    ([0.001, 0.01], 2)

    Raises:
        ValueError, TypeError, FileNotFoundError, …: a combination that cannot be trained, named; a run that was trained with
            other settings, or on other data. Nothing was trained then.
        FileExistsError: `out` is neither the folder of a sweep nor empty.
        SweepInterrupted: after Ctrl-C or SIGTERM while a run trained.
    """
    for name, given in (("settings", settings), ("vary", vary)):
        if not isinstance(given, Mapping):
            raise TypeError(f"{name}: expected a mapping with the names of settings, got {shown(given)}")
    if not isinstance(out, str | os.PathLike):
        raise TypeError(f"out: expected the path of a folder, got {shown(out)}")
    each = tuple(seeds) if isinstance(seeds, Iterable) and not isinstance(seeds, str) else seeds
    plan = Plan(dict(settings), dict(vary), each, random, preset, count, features)
    return perform(plan, Path(out), progress=progress, tell=tell)


def resume_sweep(out: str | Path, *, progress: bool = True, tell: Tell | None = None) -> SweepResults:
    """Go on with a sweep that was stopped, or give its results where all is done; arguments and errors as in `sweep`."""
    return perform(read_plan(out), Path(out), progress=progress, tell=tell)


def read_plan(out: str | Path) -> Plan:
    """The plan of a sweep's folder.

    Raises:
        FileNotFoundError: it is no such folder. ValueError, TypeError: its sweep.toml was damaged.
    """
    file = Path(out) / FILE
    if not _is_sweep(Path(out)):
        raise FileNotFoundError(f"{out}: not the folder of a sweep (there is no {FILE} in it that gan-np sweep wrote)")
    values = read_toml(file)
    with of_file(file):
        return Plan.from_mapping(values)


def _is_sweep(out: Path) -> bool:
    """Whether a folder is that of a sweep."""
    try:
        return (out / FILE).read_text(encoding="utf-8", errors="replace").startswith(MARK)
    except OSError:
        return False


def prepare_all(plan: Plan, out: Path | None, data: OpenedData) -> list[tuple[Prepared, State]]:
    """Every run of a plan, looked at before the first is trained, and how far it is (out None: nowhere).

    Raises:
        see `sweep`.
    """
    if out is not None and out.exists():
        others = out.is_dir() and any(not entry.name.startswith(".") for entry in out.iterdir())
        if not out.is_dir() or (others and not _is_sweep(out)):
            raise FileExistsError(f"out: {out} exists and is not the folder of a sweep; choose another name")
    reader_named(plan.features)
    prepared = prepare(plan.runs(), data, with_classes=plan.wants_classifier)
    return [(one, State() if out is None else state_of(one, out, data)) for one in prepared]


def perform(plan: Plan, out: Path, *, progress: bool = True, tell: Tell | None = None) -> SweepResults:
    """Train and measure what is left to do of a plan; see `sweep`."""
    say = tell if tell is not None else (lambda text: None)
    data = OpenedData()
    with _how_to_go_on(out):
        known = prepare_all(plan, out, data)
        out.mkdir(parents=True, exist_ok=True)
        with RunLock(out):
            write_atomically(out / FILE, (MARK + tomli_w.dumps(plan.to_mapping())).encode())
            clock = _Clock(sum(not (state.finished or state.failed) for _, state in known))
            results = []
            for number, (one, state) in enumerate(known, start=1):
                if not (state.finished or state.failed):
                    again = f", from step {state.done:,} on" if state.done else ""
                    say(f"run {number} of {len(known)}: {one.run.name}{again}{clock.left()}")
                results.append(_one(plan, out, one, state, data, progress, say))
                if not (state.finished or state.failed):
                    clock.tick()
                if results[-1].said and not state.failed:
                    say(f"{one.run.name}: {results[-1].said}")
    return SweepResults.of(results)


def results_so_far(plan: Plan, out: Path) -> SweepResults:
    """What was found of a plan, with nothing trained or measured; the data are not needed."""
    found = []
    for run in plan.runs():
        state, place = shown_state_of(run, out), out / run.name
        found.append(_result(run, state, place, measured_of(place, plan) if state.finished else None))
    return SweepResults.of(found)


class _Clock:
    """How long the rest of the runs takes, by those that were trained here."""

    def __init__(self, runs: int) -> None:
        self._left, self._done, self._started = runs, 0, time.monotonic()

    def tick(self) -> None:
        """One more is done."""
        self._left, self._done = self._left - 1, self._done + 1

    def left(self) -> str:
        """In words; empty before the first is done."""
        if not self._done:
            return ""
        seconds = (time.monotonic() - self._started) / self._done * self._left
        return f"; {time_in_words(seconds, estimated=True)} left"


def _one(plan: Plan, out: Path, one: Prepared, state: State, data: OpenedData, progress: bool, say: Tell) -> RunResult:
    """Train a run to its end and measure it, as far as that is left to do."""
    place = out / one.run.name
    try:
        if not (state.finished or state.failed):
            _train(one, place, out, data, progress)
            state = State(one.steps, finished=True)
        measured = None
        if state.finished:
            measured = measured_of(place, plan) or measure(place, plan, one.config.device, progress=progress, tell=say)
        return _result(one.run, state, place, measured)
    except NonFiniteError as error:
        dataset = data.of(one.config)
        known = fingerprints(dataset.data, dataset.labels if one.with_labels else None)
        keep_failure(place, error, one.config, known)
        return _result(one.run, State(failed=str(error).partition(";")[0]), place, None)
    except REFUSALS as error:
        return _result(one.run, state, place, None, str(error) or type(error).__name__)


def _train(one: Prepared, place: Path, out: Path, data: OpenedData, progress: bool) -> None:
    """Train a run from where it is to its end.

    Raises:
        SweepInterrupted: a signal came.
    """
    dataset = data.of(one.config)
    with StopRequest() as stop:  # one that comes with the last step is not lost
        try:
            if not _trained(place):
                gan = build_gan(one.config, dataset.data_shape, dataset.classes)
                train(gan, dataset, out=place, config=one.config, progress=progress, ranks="off")
            else:
                kept = read_config(place)
                changed = {
                    name: getattr(one.config, name)
                    for name in kept.changeable()
                    if one.config.value(name) != kept.value(name)
                }
                resume(place, images=dataset, progress=progress, ranks="off", **changed)
        except Interrupted as error:
            raise SweepInterrupted(error.number, error.what, out) from error
    if stop.number is not None:
        raise SweepInterrupted(stop.number, f"stopped by {signal.Signals(stop.number).name} after {place}", out)


def _trained(place: Path) -> bool:
    """Whether there is something of a run to go on with."""
    try:
        refuse_full(place)
    except FileExistsError:
        return True
    return False


def _result(run: SweepRun, state: State, place: Path, measured: Mapping[str, Any] | None, said: str = "") -> RunResult:
    what = NOT_FINITE if state.failed else FAILED if said else DONE if measured is not None else NOT_DONE
    there = (place / "config.toml").is_file()
    return RunResult(
        name=run.name,
        varied=run.varied,
        seed=run.config.seed,
        state=what,
        said=state.failed or said,
        steps=sum(steps_done(place).values()) if there else 0,
        seconds=sum(_seconds(stage) for stage in stage_folders(place)) if there else 0.0,
        figures={} if measured is None else numbers(measured),
        by_network=bool(measured and measured.get("by_network")),
    )


def _seconds(stage: Path) -> float:
    """How long a stage was trained."""
    records = open_run(stage).records if (stage / "config.toml").is_file() else []
    return float(records[-1]["seconds"]) if records else 0.0


@contextmanager
def _how_to_go_on(out: Path) -> Iterator[None]:
    """An interrupt inside the block says how to go on with the sweep, if its plan is written."""
    try:
        yield
    except KeyboardInterrupt as error:
        if _is_sweep(out):
            error.add_note(f"(go on with: gan-np sweep --resume {out})")
        raise
