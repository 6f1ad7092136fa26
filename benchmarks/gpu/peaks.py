"""What the GPU can do at most, measured: operations a second of a large product at a precision, bytes a second of a copy.

The rate is the better of our own dense kernel's and, where PyTorch takes part, of its product's: below the data sheet's, but
one that somebody has reached.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.roofline import Peaks
from gan_np import kernels
from gan_np.arrays import generator, to_device

from .kernels import device_times

SIDE, COPIED = 8192, 1 << 30
QUICK_SIDE, QUICK_COPIED = 64, 1 << 16
"""Sides of the matrices; bytes of the array that is copied, many times what the caches hold."""


def measure(precision: str, device: str, torch_device: str | None, *, quick: bool) -> Peaks:
    """Both peaks on the current device.

    precision: "float32", "tf32" or "bf16".
    torch_device: where PyTorch computes, or None where it does not take part.
    """
    cupy: Any = importlib.import_module("cupy")
    side, size = (QUICK_SIDE, QUICK_COPIED) if quick else (SIDE, COPIED)
    products = [_ours(precision, device, side)]
    if torch_device is not None:
        products.append(_torch(precision, torch_device, side))
    seconds = min(device_times(product, quick=quick)[0] for product in products) / 1e3
    source, target = (cupy.full(size // 4, 1.0, np.float32) for _ in range(2))
    copied = device_times(lambda: cupy.copyto(target, source), quick=quick)[0] / 1e3
    return Peaks(2 * side**3 / seconds / 1e9, 2 * size / copied / 1e9, side, size / 2**20)


def _ours(precision: str, device: str, side: int) -> Callable[[], object]:
    name = kernels.cuda.PRECISIONS[precision]
    dense = kernels.entry("dense", name).implementation
    host = generator(0).standard_normal((side, side), np.float32)
    x, weight = to_device(host, device), to_device(host, device)
    return lambda: dense.forward(x, weight)


def _torch(precision: str, device: str, side: int) -> Callable[[], object]:
    """`torch_modes.computing` is around it: TF32 is allowed or not."""
    import torch

    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.ones((side, side), dtype=kind, device=device) for _ in range(2))
    return lambda: a @ b
