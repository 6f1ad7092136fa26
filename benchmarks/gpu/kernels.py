"""Kernels on a GPU: every implementation of the heavy operations on the same arrays, compared in numbers, then timed.

On the device these are CuPy's library calls (the reference), CUDA C++, Numba CUDA and, where it has the operation, PyTorch;
on the processor NumPy (the reference again) and Numba on all cores. Times on the device are those between two events, so
that neither Python nor a launch counts unless it holds the device up; wall time stands beside them, and alone for the
processor.
"""

from __future__ import annotations

import functools
import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import peers
from gan_np import kernels
from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.kernels import Case

from .settings import Settings

OPERATIONS = (
    *(
        "dense",
        "batch_norm",
        "bias_activation",
        "blur",
        "scaled_sum",
        "upsample_nearest",
        "softplus",
        "adam",
        "average",
    ),
    "conv2d",  # last, since the processor takes longest for it
)
ROUNDS, ROUNDS_ON_HOST = 7, 3
SHARE = 0.8
"""Of the stage's time, after which no case is begun."""
NAMES = {
    ("host", "reference"): "NumPy",
    ("host", "im2col"): "NumPy",
    ("host", "numba"): "Numba, all cores",
    ("device", "reference"): "CuPy",
    ("device", "im2col"): "CuPy",
    ("device", "cuda"): "CUDA C++",
    ("device", "numba_cuda"): "Numba CUDA",
    ("device", "cuda_tf32"): "CUDA C++, TF32",
    ("device", "cuda_bf16"): "CUDA C++, bf16",
    ("device", "torch"): "PyTorch",
}
"""(where it runs, the kernel's name) → what a table and a plot call it; all others by their own name."""
IN_THREE = ("forward", "input gradient", "weight gradient")
WHOLE = {"conv2d": IN_THREE, "dense": IN_THREE, "softplus": ("forward", "derivative")}
"""Operation → the methods of PyTorch that together do what a case does; the others have no gradient there."""
ALLOWED = {"cuda_tf32": 5e-3, "cuda_bf16": 5e-2}
"""Errors relative to the largest entry, of kernels that round on purpose; of all others 1e-4."""


def measure(settings: Settings) -> dict[str, Any]:
    """Every kernel that supports a case, in float32: milliseconds on the device and on the clock, error; OUT/kernels.md."""
    rows, left_out = [], []
    until = time.monotonic() + SHARE * settings.limit
    for operation in OPERATIONS:
        for case in _cases(operation, settings.quick):
            if time.monotonic() < until:
                rows += _rows(case, settings)
            else:
                left_out.append(f"{operation}: {case.label}")
    wrong = [row for row in rows if row["wrong"]]
    compared = len({(row["operation"], row["case"]) for row in rows})
    (settings.out / "kernels.md").write_text(markdown(rows), encoding="utf-8")
    return {
        "state": "failed" if wrong else "passed",
        "summary": f"{len(rows)} measurements on {compared} cases, {len(wrong)} kernels wrong, "
        f"{len(left_out)} cases left out for want of time",
        "left_out": left_out,
        "rows": rows,
    }


def markdown(rows: list[dict[str, Any]]) -> str:
    """A line a case, a column an implementation: milliseconds of forward and all gradients."""
    names = [name for name in dict.fromkeys(NAMES.values()) if any(row["name"] == name for row in rows)]
    names += [name for name in dict.fromkeys(row["name"] for row in rows) if name not in names]
    lines = [f"| milliseconds | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for operation, case in dict.fromkeys((row["operation"], row["case"]) for row in rows):
        own = {row["name"]: row for row in reversed(rows) if (row["operation"], row["case"]) == (operation, case)}
        cells = [f"{own[name]['ms']:.3g}" + " WRONG" * own[name]["wrong"] if name in own else "" for name in names]
        lines.append(f"| {operation}: {case} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cases(operation: str, quick: bool) -> list[Case]:
    """What a DCGAN's training does; one small case of each operation to try the command."""
    return kernels.list_cases(operation)[:1] if quick else kernels.list_cases(operation, size="dcgan")


def _rows(case: Case, settings: Settings) -> list[dict[str, Any]]:
    dtype = np.dtype(np.float32)
    host = case.make(generator(0), dtype)
    reference = kernels.entry(case.operation, "reference").implementation
    expected = case.run(reference, *(array.astype(np.float64) if array.dtype.kind == "f" else array for array in host))
    arrays = [to_device(array, settings.device) for array in host]
    rows = []

    def measured(where: str, name: str, run: Callable[[], Any], error: float, fast: bool) -> None:
        device, wall = device_times(run, quick=settings.quick) if fast else (None, host_time(run, quick=settings.quick))
        row = {"operation": case.operation, "case": case.label, "where": where, "kernel": name}
        row |= {"name": NAMES.get((where, name), name), "device_ms": device, "wall_ms": wall}
        row |= {"ms": wall if device is None else device}
        rows.append(row | {"error": error, "wrong": not error <= ALLOWED.get(name, 1e-4)})

    for where, device, given in (("device", "cuda", arrays), ("host", "cpu", host)):
        for entry in kernels.available(case.operation, case.problem(dtype, device)):
            if where == "host" and entry.name not in ("reference", "im2col", *([] if settings.quick else ["numba"])):
                continue
            found = case.run(entry.implementation, *given)
            error = max(_error(to_host(found[name]), value) for name, value in expected.items())
            run = functools.partial(case.run, entry.implementation, *given)
            measured(where, entry.name, run, error, where == "device")
    if case.operation in WHOLE and not settings.pretend and peers.installed("torch"):
        runs = _torch(case, host, settings.device)
        measured("device", "torch", lambda: [run() for run in runs], 0.0, True)
    return rows


def _torch(case: Case, host: list[Array], device: str) -> list[Callable[[], Any]]:
    """The calls of PyTorch that do what the case does, on the device; in float32 and not in TF32."""
    from benchmarks.peers import torch_ops

    found = torch_ops.methods(case, host, 1, device)["torch"]
    return [found[method][0] for method in WHOLE[case.operation]]


def _error(found: Array, expected: Array) -> float:
    scale = float(np.abs(expected).max(initial=1e-30))
    return float(np.abs(found.astype(np.float64) - expected).max(initial=0.0)) / scale


def host_time(run: Callable[[], object], *, quick: bool) -> float:
    """Median milliseconds of one call on the processor, after one that does not count."""
    run()
    taken = []
    for _ in range(1 if quick else ROUNDS_ON_HOST):
        began = time.perf_counter()
        run()
        taken.append(1e3 * (time.perf_counter() - began))
    return statistics.median(taken)


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
