"""Dense and convolution in PyTorch: forward and both gradients, at what PyTorch does fastest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from gan_np.arrays import Array
from gan_np.kernels import Case, Geometry

OPERATIONS = ("conv2d", "dense")
Run = Callable[[], dict[str, torch.Tensor]]


def set_threads(count: int) -> None:
    """As many as the kernels beside it have."""
    torch.set_num_threads(count)


def candidates(case: Case, arrays: list[Array]) -> dict[str, Run]:
    """The case's work under the names of the variants; every run gives tensors named as the case's results.

    Tensors lie in each variant's own memory order beforehand: a PyTorch model keeps its images that way.
    """
    if case.operation == "conv2d":
        assert case.geometry is not None
        return {
            "torch channels_last": _convolution(case.geometry, arrays, torch.channels_last),
            "torch NCHW": _convolution(case.geometry, arrays, torch.contiguous_format),
        }
    if case.operation == "dense":
        return {"torch": _dense(arrays)}
    return {}


def to_numpy(results: dict[str, torch.Tensor]) -> dict[str, Array]:
    """Results in our shapes: NHWC images, (kh, kw, in, out) weights."""
    return {
        name: np.ascontiguousarray(
            value.permute(2, 3, 1, 0).numpy() if name == "weight" else value.permute(0, 2, 3, 1).numpy()
        )
        if value.ndim == 4
        else value.numpy()
        for name, value in results.items()
    }


def _convolution(geometry: Geometry, arrays: list[Array], order: torch.memory_format) -> Run:
    """Convolution and its two gradients, straight from ATen: autograd's own time is left out."""
    weight, large, small = arrays
    w = torch.from_numpy(weight).permute(3, 2, 0, 1).contiguous(memory_format=order)
    a = torch.from_numpy(large).permute(0, 3, 1, 2).contiguous(memory_format=order)
    b = torch.from_numpy(small).permute(0, 3, 1, 2).contiguous(memory_format=order)
    stride, padding = list(geometry.stride), list(geometry.padding)

    def run() -> dict[str, torch.Tensor]:
        with torch.no_grad():
            forward = functional.conv2d(a, w, stride=stride, padding=padding)
            dx, dw, _ = torch.ops.aten.convolution_backward(
                b, a, w, None, stride, padding, [1, 1], False, [0, 0], 1, [True, True, False]
            )
        return {"small": forward, "large": dx, "weight": dw}

    return run


def _dense(arrays: list[Array]) -> Run:
    x, weight, dz = map(torch.from_numpy, arrays)

    def run() -> dict[str, torch.Tensor]:
        with torch.no_grad():
            return {"z": x @ weight, "dx": dz @ weight.T, "dw": x.T @ dz}

    return run
