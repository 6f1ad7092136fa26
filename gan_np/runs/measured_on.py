"""The machine and the batch that a file of `gan-np tune` was made for, and whether they are those at hand."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import warnings
from pathlib import Path
from typing import Any

from gan_np import kernels
from gan_np.printable import printable

COMPARED = {"processor": "processor", "threads": "number of threads", "system": "system"}
"""What must be alike for the times to mean anything here → what a warning calls it."""
WITH_A_BATCH = ("conv2d", "dense", "dense_layer", "batch_norm", "bias_activation")
"""Operations whose arrays begin with the examples of a batch."""


def check_tuned(path: str | Path, choices: kernels.Choices, batch_size: int) -> None:
    """Warn where a file was measured on another machine, or where none of its choices is for batches of this size.

    Neither is an error: its kernels give the same numbers anywhere, and problems that it does not have go to the cost model.
    """
    there, here = kernels.read_tuned_machine(path), machine()
    for name, words in COMPARED.items():
        if name in there and there[name] != here[name]:
            warnings.warn(
                f"tuned: {printable(path)} was measured on another {words}, {printable(there[name])}; here it is "
                f"{printable(here[name])}. Other kernels may be faster here: gan-np tune measures again",
                stacklevel=3,
            )
    sizes = sorted({problem.shape[0] for operation, problem in choices if operation in WITH_A_BATCH and problem.shape})
    if sizes and batch_size not in sizes:
        warnings.warn(
            f"tuned: nothing in {printable(path)} matches batches of {batch_size}: it was made for {_listed(sizes)}. The "
            f"cost "
            f"model chooses instead; gan-np tune --batch-size {batch_size} makes a file for these",
            stacklevel=3,
        )


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes[:5])) + (", …" if len(sizes) > 5 else "")


def machine() -> dict[str, Any]:
    """The machine and the settings that times were taken with."""
    versions = {}
    for name in ("gan_np", "numpy", "numba", "llvmlite"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": kernels.threads.count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
        "date": datetime.date.today().isoformat(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
