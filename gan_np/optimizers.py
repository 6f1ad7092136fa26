"""Optimisers: one step on one flat vector θ, from a gradient vector that the step then marks spent."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, array_module, device_of, on_host
from gan_np.checks import number
from gan_np.devices import scope
from gan_np.host import counted, drawn
from gan_np.kernels import Number
from gan_np.registry import Registry, arguments_of
from gan_np.schedules import Schedule, at, scheduled
from gan_np.vectors import Gradient, Vector, vector_of_zeros

OPTIMIZERS = Registry("optimizer")
"""Optimisers by the names that configurations use; one's own join with `gan_np.optimizers.register`."""
register = OPTIMIZERS.register

MOVING = ("updates", "_moments", "learning_rate", "momentum")
"""What every update is given anew, so that a captured step does not take it for constant."""


class Optimizer:
    """Base of all optimisers. One optimiser serves one θ: its moments are vectors of θ's length.

    Every number may be a schedule, a function of the update's number (`gan_np.schedules`); on a GPU, only learning rates,
    momentum and Adam's βs may change without the step being captured anew.

    learning_rate: how far a step goes.
    weight_decay: L2, g ← g + weight_decay·θ, on segments tagged "weight" only (not on biases and scales).
    clip_norm: g ← g·min(1, clip_norm/‖g‖₂), the norm over all of g, before weight decay.
    clip_value: each entry of g cut to ±clip_value, before clip_norm.
    """

    slots: tuple[str, ...] = ()
    """Names of the moment vectors."""
    sent: tuple[str, ...] = ()
    """Settings that are given to every update anew where they are schedules, beside those of `MOVING`."""

    def __init__(
        self,
        learning_rate: float | Schedule,
        *,
        weight_decay: float | Schedule = 0.0,
        clip_norm: float | Schedule | None = None,
        clip_value: float | Schedule | None = None,
    ) -> None:
        self.learning_rate = scheduled("learning_rate", learning_rate, 0.0)
        self.weight_decay = scheduled("weight_decay", weight_decay, 0.0)
        self.clip_norm = None if clip_norm is None else scheduled("clip_norm", clip_norm, above=0.0)
        self.clip_value = None if clip_value is None else scheduled("clip_value", clip_value, above=0.0)
        self.updates = 0
        self._moments: dict[str, Array] | None = None

    def step(self, theta: Vector, gradient: Gradient, *, skip: Array | None = None) -> None:
        """Move θ by one update; the gradient is then spent.

        skip: a 0-d int32 array on θ's device; where it is not 0, θ and the moments stay as they are (and the update counts).
            With it, the numbers that change from update to update are sent to the device, where a captured step finds new
            ones.

        Raises:
            RuntimeError: nothing was written to the gradient since it was last spent (a pullback was forgotten).
            ValueError: the optimiser already serves a θ of another length.
        """
        if not gradient.started:
            raise RuntimeError("gradient: nothing was added since the last step; call a pullback first")
        device = device_of(theta.values)
        with scope(device):
            values = gradient.values
            moments = self._prepare(theta.values)
            values = self._shape(theta, values)
            numbers: Sequence[Number] = self._numbers()
            if skip is not None:
                numbers = [self._sent(index, device) for index in range(len(numbers))]
            with theta.edit() as memory:
                self._update(memory, values, moments, numbers, skip)
        counted(self._count)
        gradient.spend()

    def _count(self) -> None:
        self.updates += 1

    @property
    def moments(self) -> Mapping[str, Array]:
        """The moment vectors by name; empty before the first step."""
        return self._moments or {}

    def restore(self, updates: int, moments: Mapping[str, Array]) -> None:
        """Take up where another optimiser of this kind left off."""
        if set(moments) != set(self.slots) and (moments or updates):
            raise ValueError(f"moments: expected {self.slots}, got {tuple(moments)}")
        self.updates = updates
        self._moments = None
        if moments:
            self._moments = {}
            for name in self.slots:
                with scope(device_of(moments[name])):  # CuPy copies to the current device
                    self._moments[name] = moments[name].copy()

    def _prepare(self, theta: Array) -> dict[str, Array]:
        if self._moments is None:
            self._moments = {name: vector_of_zeros(theta.size, theta.dtype, device_of(theta)) for name in self.slots}
        for name, moment in self._moments.items():
            if moment.shape != theta.shape:
                raise ValueError(f"theta: has {theta.size} values, but {name} has {moment.size}: one optimiser, one θ")
        return self._moments

    def _shape(self, theta: Vector, gradient: Array) -> Array:
        """Clip the gradient in place, add weight decay."""
        xp, real = array_module(gradient), gradient.dtype.type
        if self.clip_value is not None:
            limit = at(self.clip_value, self.updates)
            xp.clip(gradient, -limit, limit, out=gradient)
        if self.clip_norm is not None:
            norm = _norm(gradient)
            gradient *= xp.minimum(real(1), real(at(self.clip_norm, self.updates)) / xp.maximum(norm, real(1e-30)))
        if decay := at(self.weight_decay, self.updates):
            for start, stop in theta.layout.ranges("weight"):
                gradient[start:stop] += real(decay) * theta.values[start:stop]
        return gradient

    def settings(self) -> tuple[Any, ...]:
        """What the next update takes for constant, schedules by their value there."""
        return tuple(
            at(value, self.updates) if callable(value) else value
            for name, value in vars(self).items()
            if name not in MOVING and not (name in self.sent and callable(value))
        )

    def __repr__(self) -> str:
        """Return the optimiser as it is written in Python, without arguments that have their default."""
        defaults = {name: one.default for name, one in inspect.signature(type(self)).parameters.items()}
        given = [f"{name}={value!r}" for name, value in arguments_of(self).items() if value != defaults[name]]
        return f"{type(self).__name__}({', '.join(given)})"

    def _numbers(self) -> tuple[float, ...]:
        """What changes from update to update, for the next one: the learning rate first."""
        return (at(self.learning_rate, self.updates),)

    def _sent(self, index: int, device: str) -> Array:
        """One of these numbers on the device: float64, or int64 for a count."""
        return drawn(lambda: np.array(self._numbers()[index]), device)

    def _update(
        self,
        theta: Array,
        gradient: Array,
        moments: dict[str, Array],
        numbers: Sequence[Number],
        skip: Array | None,
    ) -> None:
        raise NotImplementedError


def _norm(gradient: Array) -> Array:
    """‖g‖₂, also where its square is beyond the largest number: ∞ would clip all of g to 0, and θ would stand still."""
    xp, real = array_module(gradient), gradient.dtype.type
    with np.errstate(over="ignore"):
        norm: Array = xp.sqrt((gradient * gradient).sum())
    if on_host(gradient) and not np.isinf(norm):
        return norm
    less = real(2.0**-100 if gradient.dtype.itemsize == 4 else 2.0**-900)
    smaller = gradient * less
    return xp.where(xp.isinf(norm), xp.sqrt((smaller * smaller).sum()) / less, norm)


class _WithMomentum(Optimizer):
    """An optimiser that can move along a running sum of its steps; without momentum it keeps no vector for that."""

    momentum: float | Schedule

    def _set_momentum(self, momentum: float | Schedule) -> None:
        self.momentum = scheduled("momentum", momentum, 0.0, 1.0)
        if callable(momentum) or momentum:
            self.slots = (*self.slots, "velocity")

    def _numbers(self) -> tuple[float, ...]:
        return at(self.learning_rate, self.updates), at(self.momentum, self.updates)


@register("sgd")
class SGD(_WithMomentum):
    """v ← momentum·v + g; θ ← θ − lr·v (PyTorch's form).

    momentum: how much of the last update goes on.
    nesterov: look ahead along the momentum.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.1,
        *,
        momentum: float | Schedule = 0.0,
        nesterov: bool = False,
        weight_decay: float | Schedule = 0.0,
        clip_norm: float | Schedule | None = None,
        clip_value: float | Schedule | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, clip_norm=clip_norm, clip_value=clip_value)
        self._set_momentum(momentum)
        if nesterov and "velocity" not in self.slots:
            raise ValueError(f"nesterov: looks ahead along the momentum, expected momentum above 0, got {momentum}")
        self.nesterov = nesterov

    def _update(
        self,
        theta: Array,
        gradient: Array,
        moments: dict[str, Array],
        numbers: Sequence[Number],
        skip: Array | None,
    ) -> None:
        rate, momentum = numbers
        velocity = moments.get("velocity")
        ops.sgd(
            theta,
            gradient,
            velocity,
            learning_rate=rate,
            momentum=0.0 if velocity is None else momentum,
            nesterov=self.nesterov,
            skip=skip,
        )


@register("adam")
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015), as in PyTorch: θ ← θ − lr·m̂/(√v̂ + ε).

    m and v are running means of the gradient g and of g²; m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ) after t updates. The
    defaults, lr 2e-4 and β₁ 0.5, are those of the DCGAN paper.

    learning_rate: lr, a number or a schedule over the updates (`gan_np.schedules`).
    beta1: β₁, m ← β₁·m + (1 − β₁)·g.
    beta2: β₂, v ← β₂·v + (1 − β₂)·g².
    epsilon: ε, which keeps the division finite.
    weight_decay: g ← g + weight_decay·θ, for weights only, not for biases and scales.
    clip_norm: g ← g·min(1, clip_norm/‖g‖), before weight decay; None does not clip.
    clip_value: each entry of g is cut to ±clip_value, before clip_norm; None does not clip.

    Where a β is a schedule, the bias correction 1 − βᵗ uses its present value, as PyTorch does when betas are changed.

    >>> import numpy as np, gan_np as gn
    >>> network, adam = gn.Network(gn.Dense(1), (2,), seed=0), gn.Adam(1e-3)
    >>> y, pullback = network.forward(np.ones((4, 2), np.float32), training=True)
    >>> _ = pullback(np.ones_like(y))
    >>> adam.step(network.parameters, network.gradient)
    """

    slots = ("first", "second")
    sent = ("beta1", "beta2")

    def __init__(
        self,
        learning_rate: float | Schedule = 2e-4,
        *,
        beta1: float | Schedule = 0.5,
        beta2: float | Schedule = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float | Schedule = 0.0,
        clip_norm: float | Schedule | None = None,
        clip_value: float | Schedule | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, clip_norm=clip_norm, clip_value=clip_value)
        self.beta1 = scheduled("beta1", beta1, 0.0, 0.999999)
        self.beta2 = scheduled("beta2", beta2, 0.0, 0.999999)
        self.epsilon = number("epsilon", epsilon, above=0.0)

    def _numbers(self) -> tuple[float, ...]:
        scheduled_betas = (at(beta, self.updates) for beta in (self.beta1, self.beta2) if callable(beta))
        return (at(self.learning_rate, self.updates), self.updates + 1, *scheduled_betas)

    def _update(
        self,
        theta: Array,
        gradient: Array,
        moments: dict[str, Array],
        numbers: Sequence[Number],
        skip: Array | None,
    ) -> None:
        rate, count, *moving = numbers
        beta1, beta2 = (moving.pop(0) if callable(beta) else beta for beta in (self.beta1, self.beta2))
        ops.adam(
            theta,
            gradient,
            moments["first"],
            moments["second"],
            cast("int | Array", count),
            learning_rate=rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=self.epsilon,
            skip=skip,
        )


@register("rmsprop")
class RMSprop(_WithMomentum):
    """RMSprop (Tieleman and Hinton 2012), as PyTorch: v ← ρv + (1−ρ)g²; θ ← θ − lr·g/(√v + ε).

    decay: ρ, of the mean of g².
    epsilon: ε, what keeps the division finite.
    momentum: of the update itself.
    """

    slots = ("second",)

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        decay: float | Schedule = 0.99,
        epsilon: float = 1e-8,
        momentum: float | Schedule = 0.0,
        weight_decay: float | Schedule = 0.0,
        clip_norm: float | Schedule | None = None,
        clip_value: float | Schedule | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, clip_norm=clip_norm, clip_value=clip_value)
        self.decay = scheduled("decay", decay, 0.0, 1.0)
        self.epsilon = number("epsilon", epsilon, above=0.0)
        self._set_momentum(momentum)

    def _update(
        self,
        theta: Array,
        gradient: Array,
        moments: dict[str, Array],
        numbers: Sequence[Number],
        skip: Array | None,
    ) -> None:
        rate, momentum = numbers
        velocity = moments.get("velocity")
        ops.rmsprop(
            theta,
            gradient,
            moments["second"],
            velocity,
            learning_rate=rate,
            smoothing=at(self.decay, self.updates),
            epsilon=self.epsilon,
            momentum=0.0 if velocity is None else momentum,
            skip=skip,
        )


__all__ = [
    "MOVING",
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "Optimizer",
    "RMSprop",
    "register",
]


def __dir__() -> list[str]:
    """Return what completion offers, which is not what this file imports."""
    return list(__all__)
