"""Modes: how many of them samples reach, how cleanly, and how evenly."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer, number

BLOCK = 1 << 22
"""Squared distances held at once, 32 MiB of them."""


class ModeReport(NamedTuple):
    """What samples make of K equally likely modes."""

    covered: int
    """Modes with at least one sample."""
    high_quality: float
    """Share of samples that belong to a mode."""
    high_quality_error: float
    """Its standard error, √(p(1 − p)/N), over samples of one model; seeds differ by more."""
    reverse_kl: float
    """KL(q ‖ uniform) = Σ q_k·log(K·q_k) in nats, q the modes' shares of the samples that belong to one: 0 when even,
    log K when all are in one mode; NaN if no sample belongs to any."""
    counts: Array
    """Samples of each mode, int64 (K,)."""


def mixture_modes(samples: Array, means: Array, deviation: float, *, within: float = 3.0) -> ModeReport:
    """Samples against a mixture of K equally likely Gaussians N(means[k], deviation²·I) (VEEGAN, PacGAN).

    samples (N, d), means (K, d): a sample belongs to its nearest mean if that is nearer than within·deviation
    (Euclidean); it is then of high quality. In two dimensions a share 1 − exp(−within²/2) of real points is: 98.9 % within
    3σ. PacGAN uses 2,500 samples; with K modes and N samples an exact sampler's expected
    reverse KL is about (K − 1)/(2N).

    >>> import numpy as np
    >>> means = np.array([[0.0, 0.0], [4.0, 0.0]])
    >>> report = mixture_modes(np.array([[0.1, 0.0], [0.0, 0.2], [2.0, 0.0], [0.0, 0.1]]), means, 0.1)
    >>> report.covered, report.high_quality, round(report.reverse_kl, 4), report.counts
    (1, 0.75, 0.6931, array([3, 0]))

    Raises:
        ShapeError: not (N, d) and (K, d) with N, K ≥ 1.
        ValueError: a deviation or `within` that is not above 0; samples that are not finite.
    """
    if samples.ndim != 2 or means.ndim != 2 or samples.shape[1] != means.shape[1] or not len(means) or not len(samples):
        raise ShapeError(f"samples, means: expected (N, d) and (K, d), N, K ≥ 1, got {samples.shape} and {means.shape}")
    reach = (number("deviation", deviation, above=0.0) * number("within", within, above=0.0)) ** 2
    if not np.isfinite(samples).all():
        raise ValueError("samples: some are NaN or infinite")
    counts = np.zeros(len(means), np.int64)
    centres = means.astype(np.float64)
    rows = max(1, BLOCK // means.size)
    for start in range(0, len(samples), rows):
        difference = samples[start : start + rows, None].astype(np.float64) - centres
        distances = np.einsum("nkd,nkd->nk", difference, difference)
        nearest = distances.argmin(axis=1)
        close = distances[np.arange(len(nearest)), nearest] < reach
        counts += np.bincount(nearest[close], minlength=len(means))
    return _report(counts, len(samples))


def class_modes(labels: Array, classes: int) -> ModeReport:
    """The same for modes that are classes: what a classifier calls each sample (10 digits; 1,000 stacked ones).

    labels: integers (N,) from 0 to classes − 1; −1 marks a sample that belongs to none (a classifier that is not sure).

    >>> import numpy as np
    >>> class_modes(np.array([0, 0, 1, 1]), 4).reverse_kl == np.log(2)
    np.True_

    Raises:
        TypeError, ShapeError, ValueError: labels are not integers (N,) with N ≥ 1 from −1 to classes − 1.
    """
    integer("classes", classes, 1)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels: expected integers, got {labels.dtype}")
    if labels.ndim != 1 or not len(labels):
        raise ShapeError(f"labels: expected (N,) with N ≥ 1, got {labels.shape}")
    if labels.min() < -1 or labels.max() >= classes:
        raise ValueError(f"labels: expected −1 to {classes - 1}, got {labels.min()} to {labels.max()}")
    return _report(np.bincount(labels[labels >= 0], minlength=classes), len(labels))


def _report(counts: Array, total: int) -> ModeReport:
    belonging = int(counts.sum())
    share = belonging / total
    error = math.sqrt(share * (1 - share) / total)
    return ModeReport(int((counts > 0).sum()), share, error, reverse_kl(counts), counts)


def reverse_kl(counts: Array) -> float:
    """KL(q ‖ uniform) in nats, q = counts/Σ counts over K modes; a mode without samples adds 0·log 0 = 0.

    Raises:
        ShapeError, ValueError: not (K,) with K ≥ 1; negative counts.
    """
    if counts.ndim != 1 or not len(counts):
        raise ShapeError(f"counts: expected (K,) with K ≥ 1, got {counts.shape}")
    if (counts < 0).any():
        raise ValueError(f"counts: expected no negative number, got {counts.min()}")
    total = counts.sum()
    if not total:
        return math.nan
    share = counts[counts > 0] / total
    return max(0.0, float((share * np.log(len(counts) * share)).sum()))
