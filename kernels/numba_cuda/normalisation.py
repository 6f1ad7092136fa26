"""Batch normalisation: sums down the columns, then one pass."""

from __future__ import annotations

import math
from typing import Any

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import contiguous, new
from ..interfaces import Activation, Into
from ..reference.placing import place
from .columns import sum_columns, value
from .compiled import cuda, device, kernel, variants
from .launcher import launch
from .pointwise import activate, deactivate


@device
def squared_deviation(x: Any, dy: Any, y: Any, mean: Any, inverse: Any, slope: Any) -> Any:
    """Return (x − μ)²."""
    return (x - mean) * (x - mean)


@variants
def bias_term(function: Any) -> Any:
    """Return dz = f′·dy, whose sum is dβ."""

    @device
    def term(x: Any, dy: Any, y: Any, mean: Any, inverse: Any, slope: Any) -> Any:
        return function(dy, y, slope)

    return term


@variants
def scale_term(function: Any) -> Any:
    """Return dz·x̂, whose sum is dγ."""

    @device
    def term(x: Any, dy: Any, y: Any, mean: Any, inverse: Any, slope: Any) -> Any:
        return function(dy, y, slope) * ((x - mean) * inverse)

    return term


@variants
def inverse_root(real: Any) -> Any:
    """A kernel: 1/√(σ² + ε)."""

    @kernel
    def inverse_deviations(variance: Array, inverse: Array, columns: int, epsilon: Any) -> None:
        column = cuda.grid(1)
        if column < columns:
            inverse[column] = real(1) / real(math.sqrt(variance[column] + epsilon))

    return inverse_deviations


@variants
def normalised(function: Any, has_scale: bool, has_bias: bool) -> Any:
    """A kernel: y = f(γ·x̂ + β)."""

    @kernel
    def normalise(
        x: Array, mean: Array, inverse: Array, scale: Array, bias: Array, y: Array, count: int, columns: int, slope: Any
    ) -> None:
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            column = i % columns
            z = (x[i] - mean[column]) * inverse[column]
            if has_scale:
                z *= scale[column]
            if has_bias:
                z += bias[column]
            y[i] = function(z, slope)

    return normalise


@variants
def input_gradients(function: Any, has_scale: bool) -> Any:
    """A kernel: dx = γ/√(σ² + ε)·(dz − dβ/M − x̂·dγ/M)."""

    @kernel
    def input_gradient(
        dy: Array, x: Array, y: Array, mean: Array, inverse: Array, scale: Array, dscale: Array, dbias: Array,
        dx: Array, count: int, columns: int, rows: Any, slope: Any,
    ) -> None:  # fmt: skip
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            column = i % columns
            dz = function(dy[i], y[i], slope)
            deviation = (x[i] - mean[column]) * inverse[column]
            factor = inverse[column]
            if has_scale:
                factor *= scale[column]
            dx[i] = factor * (dz - dbias[column] / rows - deviation * (dscale[column] / rows))

    return input_gradient


class BatchNorm:
    """The mean first, then the mean squared deviation from it: x is read once more than by a method of one pass."""

    def forward(
        self, x: Array, scale: Array | None, bias: Array | None, epsilon: float, activation: Activation
    ) -> tuple[Array, Array, Array, Array]:
        """Return y, μ, σ² and 1/√(σ² + ε)."""
        x = contiguous(x)
        columns, real = x.shape[-1], x.dtype.type
        rows = x.size // columns
        mean = sum_columns(value, x, divisor=float(rows))
        variance = sum_columns(squared_deviation, x, mean=mean, divisor=float(rows))
        inverse, y = new(x, (columns,)), new(x, x.shape)
        launch(inverse_root(real), *over(columns), (variance, inverse, columns, float(epsilon)))
        function = normalised(activate(activation.kind, real), scale is not None, bias is not None)
        affine = (x if array is None else contiguous(array) for array in (scale, bias))
        arguments = (x, mean, inverse, *affine, y, x.size, columns, float(activation.slope))
        launch(function, *over(x.size), arguments)
        return y, mean, variance, inverse

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
        """Return dx, dγ and dβ, from two sums and then one pass that gives dx."""
        dy, x, y, mean, inverse = map(contiguous, (dy, x, y, mean, inverse_deviation))
        function, slope = deactivate(activation.kind, x.dtype.type), float(activation.slope)
        dscale = sum_columns(scale_term(function), x, dy, y, mean, inverse, slope)
        dbias = sum_columns(bias_term(function), x, dy, y, slope=slope)
        if not need_input:
            return None, place(dscale, into_scale), place(dbias, into_bias)
        columns, dx = x.shape[-1], new(x, x.shape)
        gamma = x if scale is None else contiguous(scale)
        arrays = (dy, x, y, mean, inverse, gamma, dscale, dbias, dx)
        numbers = (x.size, columns, float(x.size // columns), slope)
        launch(input_gradients(function, scale is not None), *over(x.size), (*arrays, *numbers))
        return dx, place(dscale, into_scale), place(dbias, into_bias)
