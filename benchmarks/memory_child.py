"""A fresh process that trains for some steps and says how much memory it took; asked by `memory.py`."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

from . import children, players

WARM_UP = 2


def main(request: dict[str, Any]) -> None:
    """Import, build, step; then, as it slows everything down, once more under tracemalloc."""
    ours = request["side"] == players.OURS
    if not ours:
        from .peers import torch_gan  # noqa: F401  what its side imports
    imported = resident()
    if "within" in request:
        _take_no_more_than(request["within"])
    later = _import_what_kernels_import() if ours else 0
    side = players.build(request)
    if not ours:
        gc.collect()
        _forget_peak()  # ours was built for its weights, and is gone
    if "within" in request:
        children.answer({"peak": _peak_of_steps(side, request["steps"])})
        return
    losses = [side.step() for _ in range(WARM_UP)]
    faults, started = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
    for _ in range(request["steps"]):
        losses.append(side.step())
    seconds = (time.perf_counter() - started) / request["steps"]
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    peak = peak_resident()
    found: dict[str, Any] = {
        "imported": imported,
        "imported_later": later,
        "peak": peak,
        "above_imports": peak - imported,
        "steady": resident() - imported,
        "mapped_a_step": faults * os.sysconf("SC_PAGE_SIZE") // request["steps"],
        "seconds": seconds,
        "losses": losses,
    }
    found |= _traced(side) if ours else {"agreement": players.compared(request)}
    children.answer(found)


SPARE = 512 << 20
"""Bytes of addresses beyond the limit: threads' stacks, and what is reserved and never used."""


def _take_no_more_than(limit: int) -> None:
    """From now on refuse this process more than so many bytes: asking for more raises here, and nobody else suffers."""
    addresses = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (addresses + limit + SPARE,) * 2)


def _peak_of_steps(side: players.Players, steps: int) -> int | None:
    """The peak of this process after some steps; None where memory ran out."""
    try:
        for _ in range(WARM_UP + steps):
            side.step()
    except MemoryError:
        return None
    except RuntimeError as error:  # PyTorch's way of saying it
        if "allocate memory" not in str(error):
            raise
        return None
    return peak_resident()


def resident() -> int:
    """Bytes of this process in main memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_resident() -> int:
    """The most there ever were. Not getrusage: its number is inherited from the process that started this one."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status does not say VmHWM")


def _forget_peak() -> None:
    """Start the peak again from what is resident now; where the system refuses, building ours stays in it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _import_what_kernels_import() -> int:
    """Bytes that importing the kernels' compiler takes, where one is used: it is imported by the first step otherwise."""
    from gan_np import kernels

    names = {entry.name for operation in kernels.OPERATIONS for entry in kernels.entries(operation)}
    before = resident()
    if "numba" in names:
        with contextlib.suppress(ImportError):
            importlib.import_module("numba")
    return resident() - before


def _traced(side: players.Players) -> dict[str, Any]:
    """Python's and NumPy's own allocations in one step (memory that compiled kernels take for themselves is not seen)."""
    tracemalloc.start()
    side.step()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    side.step()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"traced_peak": peak - before, "traced_kept": after - before}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
