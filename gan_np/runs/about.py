"""run.json: what a run was trained on, what it is, and where: data, model, versions, machine.

One entry in "sessions" for each time that the training began or went on, so that a run that went on elsewhere says so.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

from gan_np.files import write_atomically
from gan_np.registry import name_of
from gan_np.training.algorithm import Trainer

from .fingerprints import fingerprints
from .training_data import HeldOut

FILE = "run.json"
LIBRARIES = ("gan_np", "numpy", "numba", "scipy", "cupy-cuda12x")
"""Whose versions are written, where they are installed."""


def write_about(folder: Path, trainer: Trainer, held_out: HeldOut | None = None) -> None:
    """Write what the run is, or add a session to it. held_out: what was left out of the data."""
    found = read_about(folder) or {"model": _model(trainer), "data": _data(trainer, held_out), "sessions": []}
    found["sessions"].append({"from_step": trainer.steps, **surroundings(trainer.device)})
    write_atomically(folder / FILE, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())


def read_about(folder: str | Path) -> dict[str, Any] | None:
    """What run.json says; None where there is none (a run of an earlier version), or no readable one."""
    try:
        found = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("sessions"), list) else None


def surroundings(device: str) -> dict[str, Any]:
    """Versions and machine."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "versions": versions,
        "machine": {"system": platform.platform(), "processor": _processor(), "cpus": os.cpu_count(), "device": device},
    }


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


def _data(trainer: Trainer, held_out: HeldOut | None) -> dict[str, Any]:
    images, table = trainer.images, trainer.gan.labels
    labels = None if table is None or trainer.labels is None else table.labels_of(trainer.labels)
    found = {
        "count": len(images),
        "shape": list(images.shape[1:]),
        "dtype": str(images.dtype),
        "labels": None if table is None else str(table),
        "fingerprints": fingerprints(images, labels),
    }
    if held_out is not None:
        found |= {"held_out": held_out.count, "fingerprints": dict(held_out.fingerprints)}
    return found
