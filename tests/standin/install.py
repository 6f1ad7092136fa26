"""Putting the stand-in where `import cupy` finds it."""

from __future__ import annotations

import sys
import types

import numpy as np

from .array import make_class
from .cuda import make_cuda
from .functions import fill
from .world import World


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
    for name in ("float32", "float64", "uint8", "int32", "int64", "bool_"):
        setattr(module, name, getattr(np, name))
    module.newaxis = None
    patch.setitem(sys.modules, "cupy", module)
    return world
