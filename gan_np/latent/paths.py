"""Between points of z: interpolation and arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, as_array, shown


def linear(first: Array, second: Array, shares: Array) -> Array:
    """(1 − t)·first + t·second for every t in shares (T,): (T, k), of the points' dtype.

    Halfway between two independent normal points the norm is √½ of theirs: in high dimension where G was never trained.

    Raises:
        ShapeError, TypeError: not two points and a list of shares.
    """
    first, second = _points(first, second)
    t = _shares(shares)
    points: Array = ((1 - t) * first + t * second).astype(first.dtype)
    return points


def spherical(first: Array, second: Array, shares: Array) -> Array:
    """Along the great circle (Shoemake 1985; White 2016 for z): (T, k), of the points' dtype.

    The direction is sin((1 − t)Ω)/sin Ω·p + sin(tΩ)/sin Ω·q, p and q the points' directions and Ω the angle between
    them; the norm goes linearly from one to the other, so it stays where both are alike.

    >>> import numpy as np, gan_np as gn
    >>> gn.latent.spherical(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.5])).round(3)
    array([[0.707, 0.707]])

    Raises:
        ShapeError, TypeError: not two points and a list of shares.
        ValueError: a point is 0, or the two are opposite: no circle is the shortest.
    """
    first, second = _points(first, second)
    p, q = first.astype(np.float64), second.astype(np.float64)
    lengths = np.linalg.norm(p), np.linalg.norm(q)
    if not min(lengths) > 0:
        raise ValueError("first, second: the point 0 has no direction to go along")
    p, q = p / lengths[0], q / lengths[1]
    angle = 2 * np.arctan2(np.linalg.norm(p - q), np.linalg.norm(p + q))  # exact for small angles, as arccos is not
    t = _shares(shares)
    if np.pi - angle < 1e-6:
        raise ValueError("first, second: are opposite, so no path between them is the shortest")
    if angle < 1e-9:
        direction = np.broadcast_to(p, (len(t), len(p)))
    else:
        direction = (np.sin((1 - t) * angle) * p + np.sin(t * angle) * q) / np.sin(angle)
    points: Array = (((1 - t) * lengths[0] + t * lengths[1]) * direction).astype(first.dtype)
    return points


def combined(plus: Sequence[Array], minus: Sequence[Array] = ()) -> Array:
    """Σ mean(group) over plus − Σ mean(group) over minus: (k,), float64 (Radford et al. 2015).

    Each group (n, k) is several points whose samples show one thing; single points are noisy, three were enough in the
    paper: "man with glasses" − "man" + "woman" is `combined([man_with_glasses, woman], [man])`.
    """
    if not plus:
        raise ValueError("plus: expected at least one group")
    groups = [as_array(f"groups[{number}]", group) for number, group in enumerate([*plus, *minus])]
    for number, group in enumerate(groups):
        if group.ndim != 2 or not len(group) or group.shape[1] != groups[0].shape[1]:
            raise ShapeError(f"groups[{number}]: expected (n, {groups[0].shape[-1]}), n ≥ 1, got {group.shape}")
    means = [group.mean(axis=0, dtype=np.float64) for group in groups]
    total: Array = np.sum(means[: len(plus)], axis=0) - np.sum([np.zeros_like(means[0]), *means[len(plus) :]], axis=0)
    return total


def _shares(given: Array) -> Array:
    """The shares t as a column of float64."""
    found = np.asarray(given)
    if found.ndim != 1 or found.dtype.kind not in "iuf":
        raise ShapeError(
            f"shares: expected the shares t of the way as a list (T,), as np.linspace(0, 1, 7) gives, got {shown(given)}"
        )
    column: Array = found.astype(np.float64)[:, None]
    return column


def _points(first: Array, second: Array) -> tuple[Array, Array]:
    first, second = as_array("first", first), as_array("second", second)
    if first.ndim != 1 or first.shape != second.shape:
        raise ShapeError(f"first, second: expected two points (k,), got {first.shape} and {second.shape}")
    if first.dtype.kind != "f" or first.dtype != second.dtype:
        raise TypeError(f"first, second: expected floats of one dtype, got {first.dtype} and {second.dtype}")
    return first, second
