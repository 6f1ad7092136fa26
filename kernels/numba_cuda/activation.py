"""Bias and pointwise activation."""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import contiguous, new
from ..interfaces import Activation, Into
from .columns import sum_columns, value
from .compiled import cuda, kernel, variants
from .launcher import launch
from .pointwise import activate, deactivate, map_numbers


@variants
def biased(function: Any) -> Any:
    """A kernel that writes f(z + b), b along the last axis."""

    @kernel
    def bias_activation(z: Array, bias: Array, y: Array, count: int, channels: int, slope: Any) -> None:
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            y[i] = function(z[i] + bias[i % channels], slope)

    return bias_activation


@variants
def derived(function: Any) -> Any:
    """A kernel that writes f′·dy."""

    @kernel
    def activation_gradient(dy: Array, y: Array, dz: Array, count: int, slope: Any) -> None:
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            dz[i] = function(dy[i], y[i], slope)

    return activation_gradient


class BiasActivation:
    """The end of a layer, y = f(z + b), and its derivative."""

    def forward(self, z: Array, bias: Array | None, activation: Activation, in_place: bool = False) -> Array:
        """Return y from one pass; z's memory is used where it may be and is contiguous, otherwise y is copied back there."""
        given = contiguous(z)
        y = given if in_place else new(z, z.shape)
        function, slope = activate(activation.kind, z.dtype.type), float(activation.slope)
        if bias is None:
            map_numbers(function, given, y, slope)
        else:
            launch(biased(function), *over(z.size), (given, contiguous(bias), y, z.size, z.shape[-1], slope))
        if in_place and given is not z:
            z[...] = y
            return z
        return y

    def backward(
        self, dy: Array, y: Array, activation: Activation, need_bias: bool, into: Into | None = None
    ) -> tuple[Array, Array | None]:
        """Return dz from one pass, and db from it in two stages."""
        dz = given = contiguous(dy)
        if activation.kind != "linear":
            dz = new(dy, dy.shape)
            function = derived(deactivate(activation.kind, dy.dtype.type))
            launch(function, *over(dy.size), (given, contiguous(y), dz, dy.size, float(activation.slope)))
        return dz, sum_columns(value, dz, into=into) if need_bias else None
