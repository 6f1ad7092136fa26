"""Batch normalisation where most z = γ·x̂ + β are 0, or so little that only rounding decides on which side of it they lie."""

from typing import NamedTuple

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, to_device, to_host
from gan_np.kernels import Activation
from gan_np.kernels.cuda import normalisation

EPSILON, SLOPE = 1e-5, 0.25
ROWS, COLUMNS = 400, 8


class Batch(NamedTuple):
    """What backward is given, on the device."""

    dy: Array
    x: Array
    y: Array
    scale: Array | None
    bias: Array | None
    mean: Array
    inverse: Array
    activation: Activation


def batch(kind: str, dtype: np.dtype, scaled: bool, shifted: bool) -> Batch:
    """In odd columns x never changes and β is 0, so z is 0. In even ones x is one of three neighbours in most rows.

    There β is −(x − μ)·(γ/√(σ² + ε)) of one of them, rounded: z is what the product lost, or 0 if rounded before β is added.
    """
    rng = np.random.default_rng(5)
    x = rng.standard_normal((ROWS, COLUMNS)).astype(dtype)
    x[:, 1::2] = x[0, 1::2]
    middle = x[0, ::2].copy()
    neighbours = np.stack([np.nextafter(middle, dtype.type(way)) for way in (-9, 9)] + [middle])
    few = rng.random(ROWS) < 0.8
    x[few, ::2] = neighbours[rng.integers(0, 3, few.sum())]
    kernel = kernels.entry("batch_norm", "cuda").implementation
    given = to_device(x, "cuda")
    scale = to_device((rng.random(COLUMNS) + 0.5).astype(dtype), "cuda") if scaled else None
    _, mean, _, inverse = kernel.forward(given, scale, None, EPSILON, Activation())
    bias = None
    if shifted:
        factor = to_host(inverse) * (1 if scale is None else to_host(scale))
        beta = -(middle - to_host(mean)[::2]) * factor[::2]
        bias = to_device(np.stack([beta, np.zeros_like(beta)], axis=1).ravel(), "cuda")
    activation = Activation(kind, SLOPE if kind == "leaky_relu" else 0.0)
    y, mean, _, inverse = kernel.forward(given, scale, bias, EPSILON, activation)
    dy = to_device(rng.standard_normal(x.shape).astype(dtype), "cuda")
    return Batch(dy, given, y, scale, bias, mean, inverse, activation)


def gradients(given: Batch) -> list[Array]:
    """dx, dγ and dβ by the CUDA kernels, on the host."""
    return [to_host(array) for array in kernels.entry("batch_norm", "cuda").implementation.backward(*given)]


def gradients_from_y(given: Batch, monkeypatch) -> list[Array]:
    """The same with f′ found from y, whatever f is."""
    with monkeypatch.context() as patch:
        patch.setattr(normalisation, "FROM_Y", (given.activation.kind,))
        return gradients(given)
