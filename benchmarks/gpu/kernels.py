"""Kernels on a GPU: every implementation of the heavy operations on the same arrays, compared in numbers, then timed.

Times are those of the device, between two events, so that neither Python nor a launch counts unless it holds the device up;
wall time stands beside them.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.kernels import Case

from .settings import Settings

OPERATIONS = ("conv2d", "dense", "batch_norm", "bias_activation", "softplus", "adam", "average")
ROUNDS = 7
ALLOWED = {"cuda_tf32": 5e-3, "cuda_bf16": 5e-2}
"""Errors relative to the largest entry, of kernels that round on purpose; of all others 1e-4."""


def measure(settings: Settings) -> dict[str, Any]:
    """Every kernel that supports a case, in float32: milliseconds on the device and on the clock, error, speed."""
    rows = [
        row for operation in OPERATIONS for case in _cases(operation, settings.quick) for row in _rows(case, settings)
    ]
    wrong = [row for row in rows if row["wrong"]]
    compared = len({(row["operation"], row["case"]) for row in rows})
    return {
        "state": "failed" if wrong else "passed",
        "summary": f"{len(rows)} measurements on {compared} cases, {len(wrong)} kernels wrong",
        "rows": rows,
    }


def _cases(operation: str, quick: bool) -> list[Case]:
    """What a DCGAN's training does; one small case of each operation to try the command."""
    return kernels.list_cases(operation)[:1] if quick else kernels.list_cases(operation, size="dcgan")


def _rows(case: Case, settings: Settings) -> list[dict[str, Any]]:
    dtype = np.dtype(np.float32)
    problem = case.problem(dtype, "cuda")
    host = case.make(generator(0), dtype)
    reference = kernels.entry(case.operation, "reference").implementation
    expected = case.run(reference, *(array.astype(np.float64) if array.dtype.kind == "f" else array for array in host))
    arrays = [to_device(array, settings.device) for array in host]
    rows = []
    for entry in kernels.available(case.operation, problem):
        found = case.run(entry.implementation, *arrays)
        error = max(_error(to_host(found[name]), value) for name, value in expected.items())
        device, wall = device_times(lambda entry=entry: case.run(entry.implementation, *arrays), quick=settings.quick)
        rows.append(
            {
                "operation": case.operation,
                "case": case.label,
                "kernel": entry.name,
                "device_ms": device,
                "wall_ms": wall,
                "error": error,
                "wrong": not error <= ALLOWED.get(entry.name, 1e-4),
            }
        )
    return rows


def _error(found: Array, expected: Array) -> float:
    scale = float(np.abs(expected).max(initial=1e-30))
    return float(np.abs(found.astype(np.float64) - expected).max(initial=0.0)) / scale


def device_times(run: Callable[[], object], *, quick: bool) -> tuple[float, float]:
    """Median milliseconds of one call on the device and on the clock, after two that do not count."""
    cuda: Any = importlib.import_module("cupy").cuda
    calls, device, wall = (1 if quick else 20), [], []
    for _ in range(2):
        run()
    for _ in range(1 if quick else ROUNDS):
        start, end = cuda.Event(), cuda.Event()
        cuda.Device().synchronize()
        began = time.perf_counter()
        start.record()
        for _ in range(calls):
            run()
        end.record()
        end.synchronize()
        wall.append(1e3 * (time.perf_counter() - began) / calls)
        device.append(cuda.get_elapsed_time(start, end) / calls)
    return statistics.median(device), statistics.median(wall)
