"""How weights start: functions of a generator and a shape, drawn in float64 on the host, then cast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gan_np.arrays import Array, Shape
from gan_np.checks import number
from gan_np.registry import Registry

INITIALIZERS = Registry("initializer")


class Initializer(Protocol):
    """(generator, shape, fans) → float64 array. fans: (fan_in, fan_out), numbers of inputs and outputs of a unit."""

    def __call__(self, rng: np.random.Generator, shape: Shape, fans: tuple[int, int]) -> Array: ...


def fans(shape: Shape, output_axis: int = -1, groups: int = 1) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight: channels of that side times kernel taps.

    groups: of a grouped convolution, whose last axis counts the channels of all groups, the last but one those of one. A
    unit meets only the channels of its own group.
    """
    if len(shape) < 2:
        return (shape[0] if shape else 1,) * 2
    taps = math.prod(shape[:-2])
    shape = (*shape[:-1], shape[-1] // groups)
    outputs = shape[output_axis]
    return taps * (shape[-2] * shape[-1] // outputs), taps * outputs


@INITIALIZERS.register()
@dataclass(frozen=True)
class Constant:
    """Every entry `value`."""

    value: float

    def __call__(self, rng: np.random.Generator, shape: Shape, fans: tuple[int, int]) -> Array:
        """Return the constant; nothing is drawn."""
        return np.full(shape, self.value)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Normal:
    """N(mean, deviation²), `deviation` at least 0.

    DCGAN: N(0, 0.02²) for weights, N(1, 0.02²) for batch normalisation's scale.
    """

    deviation: float = 0.02
    mean: float = 0.0

    def __post_init__(self) -> None:
        number("deviation", self.deviation, 0.0)

    def __call__(self, rng: np.random.Generator, shape: Shape, fans: tuple[int, int]) -> Array:
        """Draw each entry on its own."""
        return rng.normal(self.mean, self.deviation, shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Uniform:
    """U(−limit, limit)."""

    limit: float

    def __post_init__(self) -> None:
        number("limit", self.limit, 0.0)

    def __call__(self, rng: np.random.Generator, shape: Shape, fans: tuple[int, int]) -> Array:
        """Draw each entry on its own."""
        return rng.uniform(-self.limit, self.limit, shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Glorot:
    """U(−a, a) with a = √(6/(fan_in + fan_out)) (Glorot and Bengio 2010)."""

    def __call__(self, rng: np.random.Generator, shape: Shape, fans: tuple[int, int]) -> Array:
        """Draw each entry on its own."""
        limit = math.sqrt(6 / (fans[0] + fans[1]))
        return rng.uniform(-limit, limit, shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class He:
    """N(0, 2/((1 + slope²)·fan_in)) (He et al. 2015); `slope` of the leaky ReLU that follows."""

    slope: float = 0.0

    def __call__(self, rng: np.random.Generator, shape: Shape, fans: tuple[int, int]) -> Array:
        """Draw each entry on its own."""
        return rng.normal(0.0, math.sqrt(2 / ((1 + self.slope**2) * fans[0])), shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class FanIn:
    """N(0, gain²/fan_in): with `gain` 1 a sum of independent inputs of variance 1 has variance 1.

    R3GAN: √(2/(1 + 0.2²))·L^(−1/4) in L residual blocks, 1 elsewhere.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        number("gain", self.gain, 0.0)

    def __call__(self, rng: np.random.Generator, shape: Shape, fans: tuple[int, int]) -> Array:
        """One draw an entry."""
        return rng.normal(0.0, self.gain / math.sqrt(fans[0]), shape)


ZEROS = Constant(0.0)
"""Every number 0: how biases start."""
ONES = Constant(1.0)
"""Every number 1: how scales start."""
