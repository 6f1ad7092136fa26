"""Putting the stand-in where `import cupy` finds it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from .array import make_class
from .cuda import make_cuda
from .functions import fill
from .world import World

ON_HOST = Path(__file__).parents[1] / "cuda" / "on_host" / "__init__.py"


def source_runner():
    """What compiles .cu sources for the processor (tests/cuda/on_host), or None where it or its compiler is not there."""
    if not ON_HOST.exists() or shutil.which("g++") is None:
        return None
    name = "cuda_sources_on_the_processor"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ON_HOST, submodule_search_locations=[str(ON_HOST.parent)])
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name].HostRawModule


def for_ever():
    """Pretend for the whole process."""
    return install(pytest.MonkeyPatch(), raw_module=source_runner())


def install(patch, *, devices=2, capacity=1 << 32, driver=13000, raw_kernels=None, raw_module=None):
    """A fresh pretended machine; gives its `World`, whose `module` is what `import cupy` gives.

    patch: pytest's monkeypatch. raw_kernels: name → function(grid, block, args, shared_mem) of NumPy views.
    raw_module: what compiles other sources for the processor, with `RawModule`'s arguments.
    """
    world = World(devices, capacity)
    world.driver = driver
    module = world.module = types.ModuleType("cupy")
    module.__version__ = "14.2.0"
    ndarray, call, put = make_class(world)
    module.ndarray = ndarray
    fill(module, world, ndarray, call, put)
    module.cuda, module.RawKernel, module.RawModule = make_cuda(world, ndarray, raw_kernels or {}, raw_module)
    for name in ("float32", "float64", "uint8", "uint64", "int32", "int64", "bool_"):
        setattr(module, name, getattr(np, name))
    module.newaxis = None
    patch.setitem(sys.modules, "cupy", module)
    return world
