"""What a measurement was taken on; nothing that names a person or a place."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gan_np import kernels

LIBRARIES = ("gan_np", "numpy", "scipy", "numba", "torch", "onnxruntime", "cupy-cuda12x", "cupy-cuda13x")


def describe() -> dict[str, Any]:
    """The machine as a JSON object."""
    return {
        "cpu": cpu_model(),
        "cores": cores(),
        "memory_gib": memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "blas": blas(),
        "libraries": versions(),
        "load_average": load_average(),
        "forced_kernels": os.environ.get("GAN_NP_KERNELS", ""),
    }


def one_line(machine: dict[str, Any]) -> str:
    """The same for the foot of a table or a plot."""
    parts = [f"{machine['cpu']}, {machine['cores']} cores", machine["python"]]
    parts += [f"{name} {version}" for name, version in machine["libraries"].items()]
    blas_name = ", ".join(
        f"{b['name']} {b['version']} on {b['threads'] or '?'} thread{'' if b['threads'] == 1 else 's'}"
        for b in machine["blas"]
    )
    parts.append(f"BLAS {blas_name}")
    if machine["load_average"] is not None:
        parts.append(f"load {machine['load_average']:.1f} at the start")
    if machine["forced_kernels"]:
        parts.append(f"GAN_NP_KERNELS={machine['forced_kernels']}")
    return "; ".join(parts)


def cpu_model() -> str:
    """The processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_gib() -> float | None:
    """Main memory, where the system says."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def load_average() -> float | None:
    """Processes that ran or waited to, over the last minute: above 0 before a measurement, others were busy."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def blas() -> list[dict[str, Any]]:
    """The BLAS libraries loaded, from threadpoolctl where it is installed, else what NumPy was built with."""
    try:
        import threadpoolctl
    except ImportError:
        built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return [{"name": built.get("name", "unknown"), "version": built.get("version", ""), "threads": None}]
    return [
        {
            "name": library["internal_api"],
            "version": library["version"],
            "threads": library["num_threads"],
            "architecture": library.get("architecture"),
        }
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas"
    ]


def versions() -> dict[str, str]:
    """Versions of the libraries that are installed."""
    found = {}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


THREAD_VARIABLES = (
    "GAN_NP_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def default_threads(quick: bool) -> int:
    """All cores, or the fewest that the usual variables allow a library: both sides of a comparison get as many.

    One for a quick run, which should be quick on a busy machine too (if BLAS can be held to that).
    """
    if quick and importlib.util.find_spec("threadpoolctl"):
        return 1
    asked = (os.environ.get(name, "").partition(",")[0].strip() for name in THREAD_VARIABLES)
    return min([cores(), *(int(value) for value in asked if value.isdecimal() and int(value))])


def thread_environment(count: int) -> dict[str, str]:
    """What holds every library of a fresh process to `count` threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(count))


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Hold our own kernels, BLAS, OpenMP and Numba's threads to `count`.

    Raises:
        RuntimeError: fewer than all cores were asked for and threadpoolctl is not installed.
    """
    with contextlib.ExitStack() as held:
        own = getattr(kernels, "threads", None)
        if own is not None:
            held.enter_context(own.held_to(count))
        if not count == cores() == default_threads(False):  # else every library already has as many
            try:
                import threadpoolctl
            except ImportError as error:
                raise RuntimeError(
                    f"threads: to hold BLAS to {count} needs threadpoolctl (pip install threadpoolctl)"
                ) from error
            held.enter_context(threadpoolctl.threadpool_limits(limits=count))
            held.enter_context(_numba_threads(count))
        yield


@contextlib.contextmanager
def _numba_threads(count: int) -> Iterator[None]:
    """Hold the threads that Numba started for somebody's parallel kernels; asking for them here would start them."""
    parallel = sys.modules.get("numba.np.ufunc.parallel")
    if not getattr(parallel, "_is_initialized", False):
        yield
        return
    numba = sys.modules["numba"]
    before = numba.get_num_threads()
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    try:
        yield
    finally:
        numba.set_num_threads(before)


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
