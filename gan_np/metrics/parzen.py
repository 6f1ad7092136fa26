"""The Parzen window: a log-likelihood from samples alone (Breuleux et al. 2011; Goodfellow et al. 2014, table 1).

A Gaussian of deviation σ about each of N samples makes a density; the log of it at a held-out image x of d numbers is

    log p(x) = log (1/N) Σ_n exp(−‖x − μ_n‖²/(2σ²)) − d·log(σ√(2π)).

It is a poor measure (Theis et al. 2016): it says as much about N as about the model, and real training images, replayed,
score higher than the best models. Read it beside a search for nearest neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer, number

BLOCK = 1 << 24
"""Squared distances held at once: 128 MiB of float64, and a copy while the exponentials are summed."""

DEVIATIONS = tuple(float(value) for value in np.logspace(-1, 0, 10))
"""Of the first paper's code: ten from 0.1 to 1."""


class ParzenWindow(NamedTuple):
    """What `parzen_window` found."""

    log_likelihood: float
    """Mean over the test images, in nats."""
    standard_error: float
    """Standard deviation over the test images, divided by √(their number): the ± of the papers' tables. It says nothing of
    other samples or another training."""
    deviation: float
    """σ, chosen on the validation images."""
    validation: tuple[float, ...]
    """Mean log-likelihood of the validation images for each candidate σ."""


def parzen_window(
    samples: Array,
    validation: Array,
    test: Array,
    *,
    deviations: Sequence[float] = DEVIATIONS,
    block: int = BLOCK,
) -> ParzenWindow:
    """The log-likelihood of test images under a Parzen window on samples, σ chosen on validation images.

    samples (N, …), validation (V, …), test (T, …): uint8 counts as 0…1, floats as they are. All must be in one range: a
    image in [−1, 1] instead of [0, 1] costs log 2 for each of its numbers, 543 nats on MNIST.
    The first paper: N = 10,000 samples, V = 1,000, T = 10,000.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> samples, validation, test = (rng.standard_normal((1000, 1)) for _ in range(3))
    >>> found = parzen_window(samples, validation, test, deviations=(0.03, 0.3, 3.0))
    >>> found.deviation, round(found.log_likelihood, 1)          # the entropy of N(0, 1) is 1.42
    (0.3, -1.4)

    Raises:
        ShapeError: images of different sizes, or none; ValueError: no candidate, or one that is not above 0.
    """
    if not deviations:
        raise ValueError("deviations: expected at least one")
    scores = parzen_log_likelihoods(validation, samples, deviations, block=block).mean(axis=1)
    best = float(deviations[int(scores.argmax())])
    values = parzen_log_likelihoods(test, samples, (best,), block=block)[0]
    error = float(values.std() / math.sqrt(len(values)))
    return ParzenWindow(float(values.mean()), error, best, tuple(map(float, scores)))


def parzen_log_likelihoods(images: Array, samples: Array, deviations: Sequence[float], *, block: int = BLOCK) -> Array:
    """log p(x) of each image for each σ, float64 (len(deviations), T); arguments and errors as in `parzen_window`.

    Distances are computed once for all σ, in blocks of images × samples of at most `block` numbers; the sums over blocks
    are carried as (maximum, sum of exponentials below it), so nothing under- or overflows.
    """
    integer("block", block, 1)
    widths = np.array([number("deviations", each, above=0.0) for each in deviations])
    centres, points = _rows("samples", samples), _rows("images", images)
    if centres.shape[1] != points.shape[1]:
        raise ShapeError(f"samples: expected {points.shape[1]} numbers each, as images have, got {centres.shape[1]}")
    found = np.empty((len(widths), len(points)))
    columns = min(len(centres), block)
    rows = max(1, block // columns)
    for start in range(0, len(points), rows):
        part = points[start : start + rows]
        highest = np.full((len(widths), len(part)), -np.inf)
        total = np.zeros_like(highest)
        for squares in _squared_distances(part, centres, columns):
            for index, width in enumerate(widths):
                exponents = squares * (-0.5 / width**2)
                peak = np.maximum(highest[index], exponents.max(axis=1))
                exponents -= peak[:, None]
                total[index] = total[index] * np.exp(highest[index] - peak) + np.exp(exponents, out=exponents).sum(1)
                highest[index] = peak
        found[:, start : start + rows] = highest + np.log(total / len(centres))
    normaliser: Array = points.shape[1] * np.log(widths * math.sqrt(2 * math.pi))
    found -= normaliser[:, None]
    return found


def _squared_distances(points: Array, centres: Array, columns: int) -> Iterator[Array]:
    """‖x − μ‖² = ‖x‖² + ‖μ‖² − 2⟨x, μ⟩ for blocks of centres."""
    norms = (points * points).sum(axis=1)[:, None]
    for start in range(0, len(centres), columns):
        part = centres[start : start + columns]
        squares = points @ part.T
        squares *= -2
        squares += norms
        squares += (part * part).sum(axis=1)
        yield np.maximum(squares, 0, out=squares)


def _rows(name: str, images: Array) -> Array:
    """(N, …) as float64 (N, d)."""
    if images.ndim < 2 or not images.size:
        raise ShapeError(f"{name}: expected (N, …) with N ≥ 1, got {images.shape}")
    rows: Array = images.reshape(len(images), -1).astype(np.float64)
    if images.dtype == np.uint8:
        rows /= 255
    if not np.isfinite(rows).all():
        raise ValueError(f"{name}: some numbers are NaN or infinite")
    return rows
