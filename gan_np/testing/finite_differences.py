"""Derivatives by central differences, compared with those that a pullback gives.

For y = f(a₁, …, aₙ), a random upstream gradient dy and a direction v of unit norm,

    Σ dy·(f(a + εv) − f(a − εv)) / 2ε  =  Σᵢ pullback(dy)ᵢ·vᵢ  + O(ε²)

in float64 with ε = 1e-5. The upstream gradient is random, never ones: on batch normalisation ones give about 0 on both
sides, and a backward with a missing term would pass. Directions have no small components, so that no entry hides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gan_np.arrays import Array

Evaluate = Callable[[Sequence[Array]], list[Array]]
"""A function from arrays to outputs."""
Differentiate = Callable[[Sequence[Array], Sequence[Array]], list[Array]]
"""Arrays and the gradient of each output → the gradient of each array."""

EPSILON = 1e-5
RELATIVE = 1e-6
# Of two evaluations in float64 the difference, over 2ε, carries about this much error per unit of |dy·y|.
ROUNDING = 8 * float(np.finfo(np.float64).eps) / EPSILON
JACOBIAN_OUTPUTS, JACOBIAN_INPUTS, ENTRIES = 48, 160, 320


class GradientError(AssertionError):
    """An analytic gradient that finite differences contradict."""


@dataclass(frozen=True)
class Subject:
    """What is checked: a function of some named arrays, and its derivative as claimed."""

    name: str
    labels: tuple[str, ...]
    evaluate: Evaluate
    differentiate: Differentiate


def check(subject: Subject, arrays: Sequence[Array], *, seed: int, directions: int) -> None:
    """Compare in every way that the size allows: directions, single entries, the whole Jacobian.

    Raises:
        GradientError: they differ; the message has the arrays' names, the direction and both values.
    """
    outputs, upstream, claimed, noise = check_directions(subject, arrays, seed=seed, directions=directions)
    sizes = sum(array.size for array in arrays), sum(y.size for y in outputs)
    if sizes[0] <= JACOBIAN_INPUTS and sizes[1] <= JACOBIAN_OUTPUTS:
        _check_jacobian(subject, arrays, outputs)
    elif sizes[0] <= ENTRIES:
        _check_entries(subject, arrays, upstream, claimed, noise)


def check_directions(
    subject: Subject, arrays: Sequence[Array], *, seed: int, directions: int = 1
) -> tuple[list[Array], list[Array], list[Array], float]:
    """The first part of `check`, for any size; gives outputs, upstream gradients, claimed ones and the noise allowed for."""
    rng = np.random.default_rng(seed)
    given = [array.copy() for array in arrays]
    outputs = subject.evaluate(arrays)
    if all(map(np.array_equal, arrays, given)):  # else that is the fault, and the caller says so
        _check_repeatable(subject, arrays, outputs)
    upstream = [rng.standard_normal(y.shape) for y in outputs]
    handed = [dy.copy() for dy in upstream]
    claimed = subject.differentiate(arrays, upstream)
    for dy, before in zip(upstream, handed, strict=True):
        if not np.array_equal(dy, before):  # differences taken along it would blame the formula
            raise GradientError(f"{subject.name}: the pullback wrote to dy, which it was only handed")
    _check_shapes(subject, arrays, claimed)
    noise = ROUNDING * sum(float(np.abs(dy * y).sum()) for dy, y in zip(upstream, outputs, strict=True))

    groups = [tuple(range(len(arrays))), *((index,) for index in range(len(arrays)) if len(arrays) > 1)]
    for group in groups:
        for _ in range(directions):
            _check_direction(subject, arrays, upstream, claimed, group, noise, rng)
    return outputs, upstream, claimed, noise


def _check_repeatable(subject: Subject, arrays: Sequence[Array], outputs: Sequence[Array]) -> None:
    """Refuse a function that gives something else for the same arrays: differences of it mean nothing."""
    for index, (first, again) in enumerate(zip(outputs, subject.evaluate(arrays), strict=True)):
        allowed = RELATIVE * EPSILON * float(np.abs(first).max(initial=1e-30))
        if first.shape != again.shape or (np.abs(first - again) > allowed).any():
            raise GradientError(
                f"{subject.name}: forward gives another output {index} when it is called again with the same inputs, so "
                "there is no derivative to compare with; a layer that draws random numbers draws them from run.rng, which "
                "is the same in each call, and keeps nothing from one call to the next but its declared state"
            )


def direction(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Random signs and magnitudes between ½ and 1: no component near 0."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.0, shape)


def _check_shapes(subject: Subject, arrays: Sequence[Array], claimed: Sequence[Array]) -> None:
    if len(claimed) != len(arrays):
        raise GradientError(f"{subject.name}: {len(claimed)} gradients for {', '.join(subject.labels)}")
    for label, array, gradient in zip(subject.labels, arrays, claimed, strict=True):
        if gradient is None:
            raise GradientError(f"{subject.name}: no gradient for {label}")
        if gradient.shape != array.shape:
            raise GradientError(f"{subject.name}: {label} has shape {array.shape}, its gradient {gradient.shape}")
        if not np.isfinite(gradient).all():
            raise GradientError(f"{subject.name}: the gradient of {label} has entries that are not finite")


def _difference(subject: Subject, arrays: Sequence[Array], index_and_step: Sequence[tuple[int, Array]]) -> list[Array]:
    """(f(a + step) − f(a − step)) / 2ε for steps of size ε."""
    sides = []
    for sign in (1.0, -1.0):
        moved = list(arrays)
        for index, step in index_and_step:
            moved[index] = arrays[index] + sign * step
        sides.append(subject.evaluate(moved))
    return [(plus - minus) / (2 * EPSILON) for plus, minus in zip(*sides, strict=True)]


def _check_direction(
    subject: Subject,
    arrays: Sequence[Array],
    upstream: Sequence[Array],
    claimed: Sequence[Array],
    group: tuple[int, ...],
    noise: float,
    rng: np.random.Generator,
) -> None:
    steps = {index: direction(rng, arrays[index].shape) for index in group}
    length = np.sqrt(sum(float((step * step).sum()) for step in steps.values()))
    slope = _difference(subject, arrays, [(index, EPSILON / length * step) for index, step in steps.items()])
    numeric = sum(float((dy * d).sum()) for dy, d in zip(upstream, slope, strict=True))
    analytic = sum(float((claimed[index] * step).sum()) for index, step in steps.items()) / length
    # A random direction may nearly cancel: compare with the size that it has typically.
    size = sum(claimed[index].size for index in group)
    typical = np.sqrt(sum(float((claimed[index] ** 2).sum()) for index in group) / max(size, 1))
    allowed = RELATIVE * max(abs(numeric), abs(analytic), float(typical)) + noise
    if not abs(numeric - analytic) <= allowed:
        names = ", ".join(subject.labels[index] for index in group)
        raise GradientError(
            f"{subject.name}: derivative along a random direction of ({names}): finite differences give "
            f"{numeric:.12g}, the pullback {analytic:.12g} (difference {abs(numeric - analytic):.3g}, "
            f"allowed {allowed:.3g})"
        )


def _check_entries(
    subject: Subject, arrays: Sequence[Array], upstream: Sequence[Array], claimed: Sequence[Array], noise: float
) -> None:
    scale = max((float(np.abs(gradient).max(initial=0)) for gradient in claimed), default=0.0)
    for index, array in enumerate(arrays):
        for place in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[place] = EPSILON
            slope = _difference(subject, arrays, [(index, step)])
            numeric = sum(float((dy * d).sum()) for dy, d in zip(upstream, slope, strict=True))
            analytic = float(claimed[index][place])
            _compare_entry(subject, f"{subject.labels[index]}{list(place)}", numeric, analytic, scale, noise)


def _check_jacobian(subject: Subject, arrays: Sequence[Array], outputs: Sequence[Array]) -> None:
    """Every output with respect to every entry: rows from the pullback of unit vectors, columns from differences."""
    rows = []
    for which, y in enumerate(outputs):
        for place in np.ndindex(y.shape):
            unit = [np.zeros(other.shape) for other in outputs]
            unit[which][place] = 1.0
            gradients = subject.differentiate(arrays, unit)
            rows.append(np.concatenate([gradient.reshape(-1) for gradient in gradients]))
    columns, names = [], []
    for index, array in enumerate(arrays):
        for place in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[place] = EPSILON
            slope = _difference(subject, arrays, [(index, step)])
            columns.append(np.concatenate([d.reshape(-1) for d in slope]))
            names.append(f"{subject.labels[index]}{list(place)}")
    analytic, numeric = np.stack(rows), np.stack(columns, axis=1)
    scale = float(np.abs(numeric).max(initial=0))
    noise = ROUNDING * max((float(np.abs(y).max(initial=0)) for y in outputs), default=0.0)
    for row, column in np.ndindex(analytic.shape):
        label = f"output {row} with respect to {names[column]}"
        _compare_entry(subject, label, float(numeric[row, column]), float(analytic[row, column]), scale, noise)


def _compare_entry(subject: Subject, label: str, numeric: float, analytic: float, scale: float, noise: float) -> None:
    allowed = RELATIVE * max(abs(numeric), abs(analytic), 1e-2 * scale) + noise
    if not abs(numeric - analytic) <= allowed:
        raise GradientError(
            f"{subject.name}: derivative of {label}: finite differences give {numeric:.12g}, the pullback "
            f"{analytic:.12g} (difference {abs(numeric - analytic):.3g}, allowed {allowed:.3g})"
        )
