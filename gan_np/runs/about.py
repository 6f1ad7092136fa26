"""run.json: what a run was trained on, what it is, and where: data, model, versions, machine.

One entry in "sessions" for each time that the training began or went on, so that a run that went on elsewhere says so.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import warnings
from pathlib import Path
from typing import Any

from gan_np import kernels
from gan_np.files import write_atomically
from gan_np.registry import name_of
from gan_np.training.algorithm import Trainer

from .fingerprints import fingerprints

FILE = "run.json"
LIBRARIES = ("gan_np", "numpy", "numba", "scipy", "cupy-cuda12x")
"""Whose versions are written, where they are installed."""


def write_about(folder: Path, trainer: Trainer) -> None:
    """Write what the run is, or add a session to it."""
    found = read_about(folder) or {"model": _model(trainer), "data": _data(trainer), "sessions": []}
    session: dict[str, Any] = {"from_step": trainer.steps, **surroundings(trainer.device)}
    if trainer.steps and trainer.source.inexact and not trainer.reading:
        session["data"] = trainer.source.inexact
    if trainer.steps:
        _compare_kernels(found["sessions"], session)
    found["sessions"].append(session)
    write_atomically(folder / FILE, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())


class OtherKernelsWarning(UserWarning):
    """The kernels with which a run goes on are compiled for another processor than those that it began with."""


def _compare_kernels(sessions: list[Any], session: dict[str, Any]) -> None:
    """Warn where a run goes on with kernels for another processor: they round otherwise, so the bits may be others."""
    last = sessions[-1] if sessions and isinstance(sessions[-1], dict) else {}
    machine = last.get("machine")
    before = machine.get("kernels") if isinstance(machine, dict) else None
    now = session["machine"].get("kernels")
    if before is not None and now is not None and before != now:
        warnings.warn(
            f"the run's kernels were compiled for {before}, and go on compiled for {now}: numbers agree within rounding, "
            f"not to the last bit. GAN_NP_CPU={before} keeps them, on a processor that has all of it",
            OtherKernelsWarning,
            stacklevel=2,
        )


def read_about(folder: str | Path) -> dict[str, Any] | None:
    """The contents of run.json; None where there is none (a run of an earlier version), or no readable one."""
    try:
        found = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("sessions"), list) else None


def surroundings(device: str) -> dict[str, Any]:
    """Return the versions of libraries and what the machine is."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    machine = {"system": platform.platform(), "processor": _processor(), "cpus": os.cpu_count(), "device": device}
    if device == "cpu" and (level := kernels.cpu.compiled_for()) is not None:
        machine["kernels"] = level
    return {"versions": versions, "machine": machine}


def _processor() -> str:
    """The processor's name where the system says it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def _model(trainer: Trainer) -> dict[str, Any]:
    gan = trainer.gan
    known = name_of(gan)
    return {
        "made_by": dict(gan.recipe),  # empty: put together by hand; its structure is in the checkpoints
        "class": known[1] if known is not None else type(gan).__name__,
        "generator_parameters": len(gan.generator.parameters),
        "discriminator_parameters": len(gan.discriminator.parameters),
        "dtype": str(gan.generator.dtype),
    }


def _data(trainer: Trainer) -> dict[str, Any]:
    source, table = trainer.source, trainer.gan.labels
    labels = None if table is None or trainer.labels is None else table.labels_of(trainer.labels)
    return {
        "kind": source.kind,
        "count": source.count,  # None of batches of an iterable
        "shape": list(source.data_shape),
        "dtype": source.dtype,
        "transform": source.transform_name,
        **({} if source.held_out is None else {"held_out": source.held_out.count}),
        "labels": None if table is None else str(table),
        "fingerprints": fingerprints(source, labels),
        "resumed_exactly": not source.inexact,
    }
