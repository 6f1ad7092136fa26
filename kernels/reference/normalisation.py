"""Batch and layer normalisation."""

from __future__ import annotations

from gan_np.arrays import Array, array_module

from ..interfaces import Activation, Into
from .activation import activate, deactivate, sum_leading
from .placing import place


class BatchNorm:
    """Batch normalisation of each channel over everything else: y = f(γ·x̂ + β) with x̂ = (x − μ)/√(σ² + ε)."""

    def forward(
        self, x: Array, scale: Array | None, bias: Array | None, epsilon: float, activation: Activation
    ) -> tuple[Array, Array, Array, Array]:
        """Return y, μ, σ² and 1/√(σ² + ε), from two passes, the mean first.

        The formula of one pass, E[x²] − E[x]², loses all digits where |μ| is much above σ.
        """
        count = x.dtype.type(x.size // x.shape[-1])
        mean = sum_leading(x) / count
        y = x - mean
        variance = sum_leading(y * y) / count
        inverse_deviation = 1 / array_module(x).sqrt(variance + x.dtype.type(epsilon))
        y *= inverse_deviation if scale is None else inverse_deviation * scale
        if bias is not None:
            y += bias
        return activate(y, activation, y), mean, variance, inverse_deviation

    def backward(
        self,
        dy: Array,
        x: Array,
        y: Array,
        scale: Array | None,
        bias: Array | None,
        mean: Array,
        inverse_deviation: Array,
        activation: Activation,
        need_input: bool = True,
        into_scale: Into | None = None,
        into_bias: Into | None = None,
    ) -> tuple[Array | None, Array, Array]:
        """Return dx, dγ and dβ. μ and σ depend on every x, hence the two means that are subtracted in dx."""
        dz = deactivate(dy, y, activation)
        normalised = x - mean
        normalised *= inverse_deviation
        dscale, dbias = sum_leading(dz * normalised), sum_leading(dz)
        if not need_input:
            return None, place(dscale, into_scale), place(dbias, into_bias)
        count = x.dtype.type(x.size // x.shape[-1])
        normalised *= dscale / count
        dx = dz - dbias / count
        dx -= normalised
        dx *= inverse_deviation if scale is None else inverse_deviation * scale
        return dx, place(dscale, into_scale), place(dbias, into_bias)


class Running:
    """Running statistics of batch normalisation: old ← (1 − m)·old + m·new for both."""

    def update(
        self,
        mean: Array,
        variance: Array,
        batch_mean: Array,
        batch_variance: Array,
        momentum: float,
        correction: float,
    ) -> None:
        """Move both statistics in place."""
        of = mean.dtype.type
        share = of(momentum)
        mean *= 1 - share
        mean += share * batch_mean
        variance *= 1 - share
        variance += share * (batch_variance * of(correction))


class LayerNorm:
    """Layer normalisation without γ and β: each row over its features."""

    def forward(self, x: Array, epsilon: float) -> tuple[Array, Array]:
        """Return x̂ = (x − μ)/√(σ² + ε) and 1/√(σ² + ε)."""
        normalised = x - x.mean(axis=1, keepdims=True)
        variance = (normalised * normalised).mean(axis=1, keepdims=True)
        inverse_deviation = 1 / array_module(x).sqrt(variance + x.dtype.type(epsilon))
        normalised *= inverse_deviation
        return normalised, inverse_deviation

    def backward(self, dnormalised: Array, normalised: Array, inverse_deviation: Array) -> Array:
        """Return dx; its two means are how μ and σ of the row depend on each of its entries."""
        dx: Array = dnormalised - dnormalised.mean(axis=1, keepdims=True)
        dx -= normalised * (dnormalised * normalised).mean(axis=1, keepdims=True)
        dx *= inverse_deviation
        return dx
