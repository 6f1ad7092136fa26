"""Single operations as a person would write them with SciPy, method by method: its BLAS, special functions and filters.

(What NumPy does is the reference of the table.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.signal
import scipy.special

from gan_np.arrays import Array
from gan_np.kernels import Case

Made = dict[str, tuple[Callable[[], Any], Callable[[Any], list[Array]]]]
SMALL = 2e6
"""Operations of a convolution that `scipy.signal.correlate` is asked for at most: it does a pair of channels at a time."""


def methods(case: Case, arrays: list[Array], threads: int) -> dict[str, Made]:
    """The case's methods; empty where SciPy has no such operation, or would take minutes."""
    made = {"dense": _dense, "softplus": _softplus, "softmax_cross_entropy": _cross_entropy, "conv2d": _convolution}
    found = made[case.operation](case, arrays) if case.operation in made else {}
    return {"scipy": found} if found else {}


def _one(value: Any) -> list[Array]:
    return [np.ascontiguousarray(value)]


def _dense(case: Case, arrays: list[Array]) -> Made:
    x, weight, dz = arrays
    product: Any = scipy.linalg.blas.sgemm if x.dtype == np.float32 else scipy.linalg.blas.dgemm
    # BLAS counts columns first: (x·W)ᵀ = Wᵀ·xᵀ on the transposed views copies nothing.
    return {
        "forward": (lambda: product(1.0, weight.T, x.T).T, _one),
        "input gradient": (lambda: product(1.0, weight.T, dz.T, trans_a=1).T, _one),
        "weight gradient": (lambda: product(1.0, dz.T, x.T, trans_b=1).T, _one),
    }


def _softplus(case: Case, arrays: list[Array]) -> Made:
    (s,) = arrays
    return {
        "forward": (lambda: -scipy.special.log_expit(-s), _one),
        "derivative": (lambda: scipy.special.expit(s), _one),
    }


def _cross_entropy(case: Case, arrays: list[Array]) -> Made:
    logits, labels = arrays
    rows = np.arange(len(labels))

    def forward() -> tuple[Array, Array]:
        logs = scipy.special.log_softmax(logits, axis=1)
        derivative = np.exp(logs)
        derivative[rows, labels] -= 1
        return -logs[rows, labels], derivative

    return {"forward": (forward, list)}


def _convolution(case: Case, arrays: list[Array]) -> Made:
    geometry, (weight, large, _) = case.geometry, arrays
    if geometry is None or geometry.groups > 1 or geometry.operations > SMALL:
        return {}
    (sh, sw), (ph, pw) = geometry.stride, geometry.padding
    height, width = geometry.small[:2]

    def forward() -> Array:
        padded = np.pad(large, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
        small = np.zeros(geometry.small_shape, large.dtype)
        for n in range(geometry.batch):
            for d in range(geometry.small[2]):
                # "valid" along height, width and channels: the channels' sum is the one place where they all meet.
                dense = scipy.signal.correlate(padded[n], weight[..., d], mode="valid", method="direct")
                small[n, :, :, d] = dense[::sh, ::sw, 0][:height, :width]
        return small

    return {"forward": (forward, _one)}
