"""What a classifier makes of images: how sure it is, which classes there are, whether they are those asked for.

All are functions of p(class | image), (N, classes), rows adding up to 1, or of predicted classes; each is at the mercy of
the classifier, whose accuracy on held-out images belongs beside it. Needs 1,000 images, and 100 for every class.
"""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, number

CONFIDENT = 0.9


def recognised_share(probabilities: Array, confidence: float = CONFIDENT) -> float:
    """Share of images whose likeliest class has at least this probability.

    Not of quality alone: one good image repeated has 1, and a classifier can be sure of nonsense.
    """
    number("confidence", confidence, 0.0, 1.0)
    return float((_checked(probabilities).max(axis=1) >= confidence).mean())


def class_shares(probabilities: Array) -> Array:
    """Share of images for which each class is the likeliest, (classes,), adding up to 1."""
    rows = _checked(probabilities)
    shares: Array = np.bincount(rows.argmax(axis=1), minlength=rows.shape[1]) / len(rows)
    return shares


def classes_covered(shares: Array, real_shares: Array, part: float = 0.1) -> int:
    """How many of the classes that real images have are drawn at least `part` as often as there.

    shares, real_shares: of `class_shares`. A threshold above 0, since a classifier that errs once in a hundred
    finds every class among the samples of one.
    """
    number("part", part, above=0.0)
    if shares.shape != real_shares.shape:
        raise ShapeError(f"real_shares: expected {shares.shape}, got {real_shares.shape}")
    return int(((real_shares > 0) & (shares >= part * real_shares)).sum())


def effective_classes(shares: Array) -> float:
    """exp(H), H = −Σ p·log p of the class histogram: 1 if all samples are of one class, the number of classes if all are
    equally frequent."""
    positive = shares[shares > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()))


def classification_accuracy(predicted: Array, labels: Array) -> float:
    """Share of conditional samples that are taken for the class that was asked for.

    With a classifier trained on samples and tested on real images it would be the classification accuracy score of Ravuri
    and Vinyals (2019), which is another figure.
    """
    if predicted.shape != labels.shape or predicted.ndim != 1 or not len(labels):
        raise ShapeError(
            f"labels: expected as many as predictions, {predicted.shape}, at least one, got {labels.shape}"
        )
    return float((predicted == labels).mean())


def classifier_score(probabilities: Array) -> float:
    """exp(E_x KL(p(y | x) ‖ p(y))), p(y) the mean of p(y | x) (Salimans et al. 2016).

    The formula of the Inception score on another classifier: another number, hence the name. From 1 (every image looks the
    same to the classifier) to the number of classes (each sure, all classes equally frequent). Blind to variety within a
    class: one image of each class has the highest score. See Barratt and Sharma (2018). Needs 5,000 images.
    """
    rows = _checked(probabilities).astype(np.float64)
    marginal = rows.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(rows > 0, rows * (np.log(rows) - np.log(marginal)), 0.0)
    return float(np.exp(terms.sum(axis=1).mean()))


def _checked(probabilities: Array) -> Array:
    if probabilities.ndim != 2 or not probabilities.size:
        raise ShapeError(f"probabilities: expected (N, classes), N ≥ 1, got {probabilities.shape}")
    sums = probabilities.sum(axis=1)
    if not (np.abs(sums - 1) < 1e-3).all() or (probabilities < 0).any():
        raise ValueError(
            f"probabilities: expected rows of shares that add up to 1, got sums from {sums.min()} to {sums.max()}"
        )
    return probabilities
