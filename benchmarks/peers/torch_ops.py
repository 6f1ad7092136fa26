"""Single operations in PyTorch, method by method, at what it does fastest, on tensors that it owns.

Convolutions and their gradients come straight from ATen (oneDNN), so that autograd's own time is left out; of
normalisations and activations the gradients too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from gan_np.arrays import Array
from gan_np.kernels import Case, Geometry

Made = dict[str, tuple[Callable[[], Any], Callable[[Any], list[Array]]]]
FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = "forward", "input gradient", "weight gradient"
NONE = torch.Tensor | None
Tensors = list[torch.Tensor]


def methods(case: Case, arrays: list[Array], threads: int, device: str = "cpu") -> dict[str, Made]:
    """The case's methods under the names of the variants; empty where PyTorch has no such operation.

    device: PyTorch's, where the tensors lie.

    Images lie in each variant's own memory order beforehand: a PyTorch model keeps them that way.
    """
    torch.set_num_threads(threads)
    tensors = [torch.from_numpy(array).to(device) for array in arrays]
    if case.operation == "conv2d":
        assert case.geometry is not None
        return {
            "torch": _convolution(case.geometry, tensors, torch.channels_last),
            "torch NCHW": _convolution(case.geometry, tensors, torch.contiguous_format),
        }
    made = OTHERS.get(case.operation)
    found = {} if made is None else made(case, tensors)
    return {"torch": found} if found else {}


def _no_grad(run: Callable[[], Any]) -> Callable[[], Any]:
    def without() -> Any:
        with torch.no_grad():
            return run()

    return without


def _plain(*values: Any) -> list[Array]:
    return [value.cpu().numpy() for value in values]


def _images(value: torch.Tensor) -> list[Array]:
    return [np.ascontiguousarray(value.permute(0, 2, 3, 1).cpu().numpy())]


def _weights(value: torch.Tensor) -> list[Array]:
    return [np.ascontiguousarray(value.permute(2, 3, 1, 0).cpu().numpy())]


def _convolution(geometry: Geometry, tensors: Tensors, order: torch.memory_format) -> Made:
    weight, large, small = tensors
    w = weight.permute(3, 2, 0, 1).contiguous(memory_format=order)
    a = large.permute(0, 3, 1, 2).contiguous(memory_format=order)
    b = small.permute(0, 3, 1, 2).contiguous(memory_format=order)
    stride, padding, groups = list(geometry.stride), list(geometry.padding), geometry.groups

    def backward(wanted: list[bool]) -> Any:
        return torch.ops.aten.convolution_backward(
            b, a, w, None, stride, padding, [1, 1], False, [0, 0], groups, wanted
        )

    return {
        FORWARD: (_no_grad(lambda: functional.conv2d(a, w, stride=stride, padding=padding, groups=groups)), _images),
        INPUT_GRADIENT: (_no_grad(lambda: backward([True, False, False])[0]), _images),
        WEIGHT_GRADIENT: (_no_grad(lambda: backward([False, True, False])[1]), _weights),
    }


def _dense(case: Case, tensors: Tensors) -> Made:
    x, weight, dz = tensors
    return {
        FORWARD: (_no_grad(lambda: x @ weight), _plain),
        INPUT_GRADIENT: (_no_grad(lambda: dz @ weight.T), _plain),
        WEIGHT_GRADIENT: (_no_grad(lambda: x.T @ dz), _plain),
    }


def _softplus(case: Case, tensors: Tensors) -> Made:
    (s,) = tensors
    return {
        FORWARD: (_no_grad(lambda: functional.softplus(s)), _plain),
        "derivative": (_no_grad(lambda: torch.sigmoid(s)), _plain),
    }


def _average_pool(case: Case, tensors: Tensors) -> Made:
    x = tensors[0].permute(0, 3, 1, 2)
    window = (tensors[0].shape[1] // tensors[1].shape[1], tensors[0].shape[2] // tensors[1].shape[2])
    return {FORWARD: (_no_grad(lambda: functional.avg_pool2d(x, window)), _images)}


def _upsample(mode: str) -> Callable[[Case, Tensors], Made]:
    def made(case: Case, tensors: Tensors) -> Made:
        x = tensors[0].permute(0, 3, 1, 2)
        factor = [float(tensors[1].shape[axis] // tensors[0].shape[axis]) for axis in (1, 2)]
        return {FORWARD: (_no_grad(lambda: functional.interpolate(x, scale_factor=factor, mode=mode)), _images)}

    return made


def _layer_norm(case: Case, tensors: Tensors) -> Made:
    x = tensors[0]

    def forward() -> Any:
        y, _, inverse = torch.native_layer_norm(x, [x.shape[1]], None, None, 1e-5)
        return y, inverse

    return {FORWARD: (_no_grad(forward), lambda pair: _plain(pair[0], pair[1].reshape(-1, 1)))}


OTHERS: dict[str, Callable[[Case, Tensors], Made]] = {
    "dense": _dense,
    "softplus": _softplus,
    "average_pool": _average_pool,
    "upsample_nearest": _upsample("nearest"),
    "upsample_bilinear": _upsample("bilinear"),
    "layer_norm": _layer_norm,
}
