"""Runs on disk: one JSON file for each (recipe, case, seed), rewritten as the run goes on."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import machine
from gan_np.files import write_atomically

from .recipe import Job, Recipe


def file_of(folder: Path, recipe: Recipe, case: str, seed: int) -> Path:
    """Where a run is kept."""
    return folder / recipe.name / f"{case}-{seed}.json"


def read(file: Path) -> dict[str, Any] | None:
    """A run that is there, or None."""
    if not file.exists():
        return None
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return record


def is_done(record: Mapping[str, Any] | None, job: Job) -> bool:
    """Whether a file holds all of this job: finished, and of the same size."""
    return record is not None and record["finished"] and record["size"] == job.size._asdict()


def perform(recipe: Recipe, job: Job, file: Path) -> dict[str, Any]:
    """Run a job, its file kept up to date; the record at the end.

    A job that was stopped goes on from its last measurement; the seconds it took before are counted.

    Raises:
        ValueError: the job that was stopped has made more updates already than are asked for.
    """
    savepoint = file.with_suffix(".state")
    record = (read(file) if savepoint.exists() else None) or {}
    if record.get("updates", 0) > job.size.updates:
        made, wanted = record["updates"], job.size.updates
        raise ValueError(
            f"updates: {file} was stopped after {made:,} updates; expected at least as many, got {wanted:,}"
        )
    job = dataclasses.replace(job, savepoint=savepoint)
    found = machine.describe()
    if job.device != "cpu":
        found["gpu"] = machine.describe_device(job.device)
    started = time.monotonic() - record.get("seconds", 0.0)
    busy = time.process_time() - record.get("processor_seconds", 0.0)

    def keep(updates: int, values: Mapping[str, float | None], **more: Any) -> None:
        record.clear()
        record.update(
            recipe=recipe.name,
            case=job.case,
            seed=job.seed,
            quick=job.quick,
            size=job.size._asdict(),
            paper_updates=recipe.paper.updates,
            finished=False,
            updates=updates,
            values=_finite(values),
            seconds=round(time.monotonic() - started, 1),
            processor_seconds=round(time.process_time() - busy, 1),
            date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            machine=found,
            **{name: _finite(value) for name, value in more.items()},
        )
        write(file, record)

    recipe.run(job, keep)
    if not record:
        raise RuntimeError(f"{recipe.name}: the run ended without a measurement")
    record |= {"finished": True, "size": job.size._asdict()}
    write(file, record)
    savepoint.unlink(missing_ok=True)
    return record


def write(file: Path, record: Mapping[str, Any]) -> None:
    """The whole file or the old one, never half of it."""
    text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    write_atomically(file, text.encode("utf-8"))


def _finite(value: Any) -> Any:
    """JSON has no NaN: None stands for a number that does not exist."""
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
