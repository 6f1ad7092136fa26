"""What the stages of the GPU report are told, and which device they run on."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, NamedTuple


class Settings(NamedTuple):
    """What all stages are told."""

    device: str
    out: Path
    quick: bool
    pretend: bool
    limit: int
    """Seconds that a stage may take."""


def describe_device(device: str) -> dict[str, Any]:
    """The GPU as a JSON object."""
    cupy: Any = importlib.import_module("cupy")
    current = cupy.cuda.Device()
    name = cupy.cuda.runtime.getDeviceProperties(current.id)["name"]
    return {
        "name": name.decode() if isinstance(name, bytes) else str(name),
        "compute_capability": current.compute_capability,
        "memory_gib": round(current.mem_info[1] / 2**30, 1),
        "driver": cupy.cuda.runtime.driverGetVersion(),
        "runtime": cupy.cuda.runtime.runtimeGetVersion(),
        "cupy": cupy.__version__,
        "asked_for": device,
    }
