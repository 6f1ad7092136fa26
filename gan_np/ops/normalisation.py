"""Batch normalisation (over the batch, or with given statistics) and layer normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gan_np import kernels
from gan_np.arrays import Array, array_module, require_same
from gan_np.checks import ShapeError
from gan_np.kernels import Activation, Into

from .affine import LINEAR
from .pullback import Asked, Gradients, OperationPullback, asked, placed, problem, require_shape


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean and biased variance of each channel of one batch, and the number of values behind each."""

    mean: Array
    variance: Array
    count: int


def update_running(mean: Array, variance: Array, batch: Statistics, momentum: float) -> None:
    """Move running statistics towards those of a batch, in place: running ← (1 − m)·running + m·batch.

    The batch's variance enters unbiased, σ²·M/(M − 1) for M values a channel, as in PyTorch.
    """
    require_same("update_running", mean=mean, variance=variance, batch_mean=batch.mean, batch_variance=batch.variance)
    unbiased = batch.count / (batch.count - 1)
    kernel = kernels.select("running", problem(batch.mean))
    kernel.update(mean, variance, batch.mean, batch.variance, momentum, unbiased)


def batch_norm(
    x: Array,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-5,
    activation: Activation = LINEAR,
    wrt: Sequence[bool] | bool = True,
) -> tuple[Array, OperationPullback, Statistics]:
    """Batch normalisation with the batch's own statistics (Ioffe and Szegedy 2015), channels last.

    y = f(γ·x̂ + β),  x̂ = (x − μ)/√(σ² + ε),  μ and σ² (biased) over all axes but the last.

    x: (N, C) or (N, H, W, C).  scale γ, bias β: (C,) or None.
    Returns y, the pullback to (dx, dγ, dβ), and the statistics, for running averages:
    with dz = f′·dy, dβ = Σ dz, dγ = Σ dz·x̂, dx = γ/√(σ² + ε)·(dz − dβ/M − x̂·dγ/M), M values a channel.

    Raises:
        ShapeError: fewer than two values a channel (x̂ would be 0 whatever x is), or shapes do not meet.
        TypeError: dtypes or devices differ.
    """
    require_same("batch_norm", x=x, scale=scale, bias=bias)
    count = x.size // x.shape[-1]
    if count < 2:
        raise ShapeError(f"batch_norm: x {x.shape} has {count} value a channel, batch statistics need at least 2")
    for name, array in (("scale", scale), ("bias", bias)):
        require_shape("batch_norm", name, array, x.shape[-1:])
    kernel = kernels.select("batch_norm", problem(x))
    y, mean, variance, inverse = kernel.forward(x, scale, bias, epsilon, activation)
    wanted = asked(wrt, (x, scale, bias))
    kept = (x, y) if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        assert kept is not None
        _, into_scale, into_bias = (place if wanted else None for place, wanted in zip(into, wrt, strict=True))
        given = (*kept, scale, bias, mean, inverse, activation)
        dx, dscale, dbias = kernel.backward(dy, *given, wrt[0], into_scale, into_bias)
        return dx, dscale if wrt[1] else None, dbias if wrt[2] else None

    return y, OperationPullback("batch_norm", y, (x, scale, bias), wanted, compute), Statistics(mean, variance, count)


def batch_norm_inference(
    x: Array,
    mean: Array,
    variance: Array,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-5,
    activation: Activation = LINEAR,
    wrt: Sequence[bool] | bool = True,
) -> tuple[Array, OperationPullback]:
    """Batch normalisation with given statistics: y = f(γ·(x − μ)/√(σ² + ε) + β), one affine map a channel.

    So no image depends on its batch-mates. The pullback gives (dx, dγ, dβ); μ and σ² are constants.
    """
    require_same("batch_norm_inference", x=x, mean=mean, variance=variance, scale=scale, bias=bias)
    for name, array in (("mean", mean), ("variance", variance), ("scale", scale), ("bias", bias)):
        require_shape("batch_norm_inference", name, array, x.shape[-1:])
    mean = mean.copy()  # running statistics may move before the pullback is called
    inverse = 1 / array_module(x).sqrt(variance + x.dtype.type(epsilon))
    factor = inverse if scale is None else inverse * scale
    shift = -mean * factor if bias is None else bias - mean * factor
    chosen = kernels.choose("bias_activation", problem(x))
    kernel = chosen.implementation
    y = kernel.forward(x * factor, shift, activation, in_place="in_place" in chosen.features)
    wanted = asked(wrt, (x, scale, bias))
    gate = y if any(wanted) else None
    kept = x if wanted[1] else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        dz, dbias = kernel.backward(dy, gate, activation, wrt[2], into[2])
        dscale = None
        if wrt[1]:
            normalised = kept - mean
            normalised *= inverse
            dscale = placed(kernels.reference.activation.sum_leading(dz * normalised), into[1])
        return dz * factor if wrt[0] else None, dscale, dbias

    return y, OperationPullback("batch_norm_inference", y, (x, scale, bias), wanted, compute)


def layer_norm(
    x: Array,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-5,
    wrt: Sequence[bool] | bool = True,
) -> tuple[Array, OperationPullback]:
    """Layer normalisation (Ba, Kiros and Hinton 2016): each example over all its features.

    y = γ·x̂ + β,  x̂ = (x − μ)/√(σ² + ε),  μ and σ² over all axes but the first.

    x: (N, …).  scale, bias: of the shape of one example, or None. The pullback gives (dx, dγ, dβ).
    """
    require_same("layer_norm", x=x, scale=scale, bias=bias)
    for name, array in (("scale", scale), ("bias", bias)):
        require_shape("layer_norm", name, array, x.shape[1:])
    rows = x.reshape(len(x), -1)
    kernel = kernels.select("layer_norm", problem(rows))
    flat, inverse = kernel.forward(rows, epsilon)
    normalised = flat.reshape(x.shape)
    y = normalised if scale is None else normalised * scale
    if bias is not None:
        y = y + bias
    wanted = asked(wrt, (x, scale, bias))
    kept = normalised if wanted[0] or wanted[1] else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        dbias = placed(dy.sum(axis=0), into[2]) if wrt[2] else None
        dscale = placed((dy * kept).sum(axis=0), into[1]) if wrt[1] else None
        if not wrt[0]:
            return None, dscale, dbias
        assert kept is not None
        d = (dy if scale is None else dy * scale).reshape(len(dy), -1)
        dx = kernel.backward(d, kept.reshape(len(dy), -1), inverse)
        return dx.reshape(dy.shape), dscale, dbias

    return y, OperationPullback("layer_norm", y, (x, scale, bias), wanted, compute)
