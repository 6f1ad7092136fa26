"""The public check of a layer's or a network's linearisation: what the penalties on D's slopes are differentiated with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.checks import ShapeError
from gan_np.layers import Layer, Wrt
from gan_np.networks import LinearisedPullback, Network

from .finite_differences import EPSILON, GradientError, Subject, check
from .gradients import Case, check_adding, check_float32, leaves_of, network_of, normal, rebuilt, unchanged


def check_linearisation(
    subject: Layer | Network,
    input_shape: Any = None,
    *,
    x: Any = None,
    batch: int = 3,
    training: bool | None = None,
    seed: int = 0,
    directions: int = 3,
    device: str = "cpu",
    float32: bool = True,
) -> None:
    """Check `pullback.linear` of a layer or a network and the pullback that it gives, in float64 by central differences.

    For y = f(x, θ) and a random tangent ẋ: that ẏ is the derivative of y along ẋ; that the pullback of (x, ẋ, θ) → (y, ẏ) is
    right in x, ẋ and θ; that without a gradient of y it gives what it gives with one of zeros; that parameter gradients add
    up; that nothing handed in is modified; and float32. Arguments as in `check_gradients`, which checks the layer itself.

    Raises:
        GradientError: with what differs, where, and both values.
        TypeError: a layer has no linearisation; the message names it.

    >>> import gan_np as gn
    >>> gn.testing.check_linearisation(gn.Dense(4, activation="tanh"), input_shape=(3,))
    """
    network = network_of(subject, input_shape, seed, device)
    rng = generator(seed, 1)
    if x is None:
        x = normal(rng, network.input_shape, batch)
    theta = to_host(network.parameters.values).copy()
    for mode in (False, True) if training is None else (training,):
        case = _JointCase(network, x, mode, seed)
        if not case.has_inputs:
            raise TypeError(
                f"{network.structure!r}: no input is an array of floats, so there is nothing to linearise in"
            )
        arrays = case.arrays(x, theta)
        before = [array.copy() for array in arrays]
        _check_tangent(case, arrays)
        check(case.subject, arrays, seed=seed, directions=directions)
        _check_alone(case, arrays, seed)
        unchanged(case.subject.name, zip(case.subject.labels, arrays, before, strict=True))
        if case.has_theta:
            check_adding(case, arrays, seed)
        if float32:
            single = _JointCase(network.astype(np.float32), x, mode, seed)
            check_float32(case.subject, arrays, single.differentiate, single.evaluate, seed)
    network.gradient.spend()
    network.parameters.assign(to_device(theta, network.device))


class _JointCase(Case):
    """A network and its linearisation in one mode, as a function of its inputs, their tangents and θ; outputs ẏ, then y."""

    def __init__(self, network: Network, x: Any, training: bool, seed: int) -> None:
        super().__init__(network, x, training, seed)
        *inputs, last = (*self.subject.labels, "") if not self.has_theta else self.subject.labels
        labels = (*inputs, *(f"tangent of {label}" for label in inputs), *([last] if self.has_theta else []))
        self.inputs = len(inputs)
        self.subject = Subject(f"{self.subject.name}, linearised", labels, self.evaluate, self.differentiate)

    def arrays(self, x: Any, theta: Array) -> list[Array]:
        """Inputs, a tangent for each, θ."""
        given = super().arrays(x, theta)
        inputs, rng = given[: self.inputs], np.random.default_rng(self.seed + 1)
        return [*inputs, *(rng.standard_normal(part.shape) for part in inputs), *given[self.inputs :]]

    def linearised(self, values: Sequence[Array]) -> tuple[Any, Any, LinearisedPullback]:
        """y, ẏ and the pullback of both."""
        floats = self.float_inputs()
        y, pullback = self.forward(values, Wrt(floats, self.has_theta))
        tangents = iter(values[self.inputs : 2 * self.inputs])
        leaves = [next(tangents) if leaf.dtype.kind == "f" else np.zeros_like(leaf) for leaf in leaves_of(self.given)]
        tangent = rebuilt(self.given, iter([to_device(leaf, self.network.device) for leaf in leaves]))
        moved, second = pullback.linear(tangent, inputs=floats, parameters=self.has_theta)
        return y, moved, second

    def evaluate(self, values: Sequence[Array]) -> list[Array]:
        """Return the outputs ẏ and y, in this order."""
        y, moved, _ = self.linearised(values)
        return [to_host(leaf) for part in (moved, y) for leaf in leaves_of(part)]

    def pull(self, values: Sequence[Array], upstream: Sequence[Array], *, output: bool = True) -> Any:
        """(dẋ, dx); without `output` the gradients of y are left out."""
        y, moved, second = self.linearised(values)
        given = iter([to_device(dy, self.network.device) for dy in upstream])
        dmoved, dy = rebuilt(moved, given), rebuilt(y, given)
        try:
            return second(dmoved, output=dy if output else None)
        except (TypeError, ShapeError) as error:
            raise GradientError(f"{self.subject.name}: {error}") from error

    def differentiate(self, values: Sequence[Array], upstream: Sequence[Array]) -> list[Array]:
        """The gradients of inputs, tangents and θ."""
        self.network.gradient.spend()
        return self.gathered(*self.pull(values, upstream))

    def gathered(self, dtangent: Any, dx: Any) -> list[Any]:
        """In the order of the arrays, None where there is no gradient."""
        floats = [leaf.dtype.kind == "f" for leaf in leaves_of(self.given)]
        found = []
        for part in (dx, dtangent):
            leaves = zip(_like(self.given, part), floats, strict=True)
            found += [leaf if leaf is None else to_host(leaf) for leaf, wanted in leaves if wanted]
        return [*found, *([self.gradient()] if self.has_theta else [])]


def _like(given: Any, gradient: Any) -> list[Any]:
    """One gradient for each array of `given`, where None may stand for a whole tuple."""
    if not isinstance(given, tuple):
        return [gradient]
    parts = (None,) * len(given) if gradient is None else gradient
    return [leaf for own, part in zip(given, parts, strict=True) for leaf in _like(own, part)]


def _check_tangent(case: _JointCase, arrays: Sequence[Array]) -> None:
    """ẏ against (f(x + εẋ) − f(x − εẋ))/2ε."""
    count = case.inputs
    found = case.evaluate(arrays)
    sides = []
    for sign in (1.0, -1.0):
        moved = [x + sign * EPSILON * t for x, t in zip(arrays[:count], arrays[count : 2 * count], strict=True)]
        sides.append(Case.evaluate(case, [*moved, *arrays[2 * count :]]))
    for index, (plus, minus) in enumerate(zip(*sides, strict=True)):
        numeric = (plus - minus) / (2 * EPSILON)
        difference = (
            float(np.abs(found[index] - numeric).max(initial=0)) if found[index].shape == numeric.shape else np.inf
        )
        if not difference <= 1e-6 * max(1.0, float(np.abs(numeric).max(initial=0))):
            raise GradientError(
                f"{case.subject.name}: output {index} of `linear` is not the derivative along the tangent: it differs from "
                f"finite differences by {difference:.3g}"
            )


def _check_alone(case: _JointCase, arrays: Sequence[Array], seed: int) -> None:
    """Without a gradient of y everything is as with one of zeros."""
    rng = np.random.default_rng(seed)
    outputs = case.evaluate(arrays)
    half = len(outputs) // 2
    upstream = [rng.standard_normal(y.shape) if index < half else np.zeros(y.shape) for index, y in enumerate(outputs)]
    expected = case.differentiate(arrays, upstream)
    case.network.gradient.spend()
    found = case.gathered(*case.pull(arrays, upstream, output=False))
    for label, left, right in zip(case.subject.labels, found, expected, strict=True):
        difference = right if left is None else left - right
        if not np.abs(difference).max(initial=0) <= 1e-9 * max(float(np.abs(right).max(initial=0)), 1e-3):
            raise GradientError(
                f"{case.subject.name}: the gradient of {label} is another one where none arrives at the layer's output "
                "than where one of zeros does"
            )
