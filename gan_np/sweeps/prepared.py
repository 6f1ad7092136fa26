"""Every run of a sweep, made ready before the first is trained: what cannot be trained is refused while nothing is lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_np.data.dataset import Dataset
from gan_np.evaluation.kept_classifier import refuse_without_classes
from gan_np.runs import Config, build_gan, open_data
from gan_np.runs.build import chosen_kernels, tuned_kernels
from gan_np.runs.fingerprints import IMAGES, LABELS, check_fingerprints
from gan_np.runs.folder import read_config, refuse_full
from gan_np.runs.loop import check
from gan_np.runs.opened import description_of_data, steps_done
from gan_np.runs.run_figures import read_failure
from gan_np.runs.stage_folders import BEGINNINGS, stage_folders
from gan_np.runs.stages import stage_trainers
from gan_np.training.estimate import estimate

from .failures import data_of_failure
from .plan import SweepRun

_OF_DATA = (
    "data",
    "labels",
    "split",
    "image_size",
    "fit",
    "data_dtype",
    "layout",
    "channels",
    "value_range",
    "skip_broken",
)
"""Settings that say which data are read, and how."""


class OpenedData:
    """The data of runs, of which those that were asked for last stay in memory."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] | None = None
        self._dataset: Dataset | None = None
        self._agreeing: set[str] = set()

    def of(self, config: Config) -> Dataset:
        """The data that a configuration names."""
        key = data_settings(config)
        if self._dataset is None or key != self._key:
            self._dataset = None  # before others are read
            self._key, self._dataset = key, open_data(config)
        return self._dataset

    def check_unchanged(self, config: Config, run: Path, description: Mapping[str, Any]) -> None:
        """Refuse a run that was trained on data other than those that its configuration names now.

        description: has the fingerprints of those that it was trained on. Data are compared with each fingerprint once,
        however many runs have it.

        Raises:
            ValueError: they were changed since; the message names the run.
        """
        known = repr((data_settings(config), description.get(IMAGES), description.get(LABELS)))
        if known not in self._agreeing:
            dataset = self.of(config)
            try:
                check_fingerprints(description, dataset.data, dataset.labels, run)
            except ValueError as error:
                error.add_note(
                    "(the data were changed since: restore them, or choose another folder for this sweep, or remove the "
                    f"folder {run} to have it trained on the data as they are now)"
                )
                raise
            self._agreeing.add(known)


def data_settings(config: Config) -> tuple[Any, ...]:
    """Which data a configuration names, and how they are read."""
    return tuple(getattr(config, name) for name in _OF_DATA)


class Prepared(NamedTuple):
    """A run that can be trained. config: as its config.toml will have it. steps: of all its stages together. with_labels:
    whether its training uses the labels of its data."""

    run: SweepRun
    config: Config
    steps: int
    with_labels: bool


class State(NamedTuple):
    """How far a run is: steps done of all its stages together; failed: why it cannot be trained, if that is known."""

    done: int = 0
    finished: bool = False
    failed: str = ""


def prepare(runs: Sequence[SweepRun], data: OpenedData, *, with_classes: bool = False) -> list[Prepared]:
    """All runs, each looked at as far as it can be without training it: networks are built, and all that uses them. Of runs
    that differ in their seed alone one is looked at.

    with_classes: a classifier will read what each draws, so that each needs one of its own or labelled images.

    Raises:
        ValueError, TypeError, FileNotFoundError, …: what is wrong with one of them; a note says with which.
    """
    known: dict[str, Prepared] = {}
    found = []
    for run in runs:
        seen = known.get(run.combination)
        if seen is None:
            try:
                seen = known[run.combination] = _look(run, data, with_classes)
            except Exception as error:
                if run.combination:
                    error.add_note(f"(with {run.combination})")
                raise
        found.append(
            Prepared(run, dataclasses.replace(seen.config, seed=run.config.seed), seen.steps, seen.with_labels)
        )
    return found


def _look(run: SweepRun, data: OpenedData, with_classes: bool) -> Prepared:
    dataset = data.of(run.config)
    if with_classes and not run.config.classifier:
        refuse_without_classes(dataset)
    gan = build_gan(run.config, dataset.data_shape, dataset.classes)
    config = run.config.of(gan)
    steps = 0
    for _, settings, trainer in stage_trainers(gan, dataset.data, dataset.labels, config):
        check(trainer, settings, tuned_kernels(settings), folder=True)
        steps += settings.steps
    return Prepared(run, config, steps, with_labels=gan.classes is not None)


def state_of(prepared: Prepared, out: Path, data: OpenedData) -> State:
    """How far the run of a sweep is.

    Raises:
        FileExistsError: its folder is no run. ValueError: it is a run with other settings or on other data, or has done more
            steps.
    """
    place = out / prepared.run.name
    failed = read_failure(place)
    try:
        refuse_full(place)
    except FileExistsError:
        if not (place / "config.toml").is_file():
            raise
    else:
        _check_failed(prepared, place, data)
        return State(failed=failed)
    kept = read_config(place)
    differ = [
        f"{name} is {kept.value(name)!r} there and {prepared.config.value(name)!r} here"
        for name in prepared.config.differing(kept)
    ]
    if differ:
        raise ValueError(
            f"out: {place} was trained with other settings: {'; '.join(differ)}. Choose another folder for this sweep"
        )
    if failed:
        _check_failed(prepared, place, data)
        return State(failed=failed)
    done = sum(steps_done(place).values())
    if done > prepared.steps:
        raise ValueError(f"steps: {place} is at step {done:,} already; expected at least that, got {prepared.steps:,}")
    if done:
        data.check_unchanged(prepared.config, place, description_of_data(place))
    return State(done, done == prepared.steps and not (place / BEGINNINGS).exists())


def _check_failed(prepared: Prepared, place: Path, data: OpenedData) -> None:
    """Refuse a run that became infinite or NaN on data other than those of now, on which it might not.

    Raises:
        ValueError: they were changed since.
    """
    description = data_of_failure(place)
    if description:
        data.check_unchanged(prepared.config, place, description)


def shown_state_of(run: SweepRun, out: Path) -> State:
    """How far the run of a sweep is, by its folder alone: neither its data nor its networks are needed."""
    place = out / run.name
    failed = read_failure(place)
    if failed or not (place / "config.toml").is_file():
        return State(failed=failed)
    done, folders = steps_done(place), stage_folders(place)
    finished = bool(done) and read_config(place).steps == run.config.steps and not (place / BEGINNINGS).exists()
    for folder in folders:
        finished = finished and (folder / "config.toml").is_file() and done[folder.name] == read_config(folder).steps
    return State(sum(done.values()), finished)


def seconds_of(prepared: Prepared, data: OpenedData, known: dict[str, float]) -> float:
    """What a run would take in seconds, measured on a few steps of it.

    known: what was measured before, of runs that do the same work: settings that are no whole numbers (rates, decays, …)
    change it only where they are 0.
    """
    key = repr(
        {
            name: bool(value) if isinstance(value, float) else value
            for name, value in prepared.config.to_mapping().items()
            if name != "seed"
        }
    )
    if key not in known:
        dataset = data.of(prepared.config)
        gan = build_gan(prepared.config, dataset.data_shape, dataset.classes)
        known[key] = 0.0
        for _, settings, trainer in stage_trainers(gan, dataset.data, dataset.labels, prepared.config):
            with chosen_kernels(settings, tuned_kernels(settings)):
                known[key] += estimate(trainer).seconds * settings.steps
    return known[key]
