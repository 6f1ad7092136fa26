"""Directions from labels: where in z a property lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, as_array

from .directions import Direction


def by_property(name: str, z: Array, values: Array) -> Direction:
    """The direction along which a property of samples grows.

    z (N, k): the points that samples were made of. values (N,): the property of each sample, as a classifier or a
    person reads it.

    bool: the difference of means, E[z | with] − E[z | without]; its strength is the norm of the difference, in units of
    z.
    float: the coefficients of the linear regression of the property on z, solved by least squares with an intercept;
    its strength is the coefficient of determination R², the share of the property's variance that this one direction
    explains. For z ~ N(0, I) both agree with E[∇_z property] up to a factor (Stein's lemma).

    >>> import numpy as np, gan_np as gn
    >>> z = np.random.default_rng(0).standard_normal((2000, 3))
    >>> (gn.latent.by_property("tall", z, z[:, 1] > 0).vector.round(1) + 0).tolist()
    [0.0, 1.0, 0.0]

    Raises:
        ShapeError, TypeError: not one value, bool or float, for each point.
        ValueError: the property is the same everywhere; too few points for a regression.
    """
    z, values = as_array("z", z), as_array("values", values)
    if z.ndim != 2 or values.shape != (len(z),):
        raise ShapeError(f"values: expected one for each of {len(z)} points, got {values.shape}")
    points = z.astype(np.float64)
    if values.dtype == bool:
        if values.all() or not values.any():
            raise ValueError(f"values: every sample is the same in {name!r}, so there is no difference to look at")
        difference = points[values].mean(axis=0) - points[~values].mean(axis=0)
        source = f"difference of means, {int(values.sum())} samples with and {int((~values).sum())} without"
        return Direction(name, difference, source, float(np.linalg.norm(difference)))
    if values.dtype.kind != "f":
        raise TypeError(f"values: expected bool (with, without) or floats (how much), got {values.dtype}")
    _check_varies(name, values)
    if len(z) < z.shape[1] + 2:
        raise ValueError(
            f"z: a regression on {z.shape[1]} coordinates needs more than {z.shape[1] + 1} points, got {len(z)}"
        )
    points -= points.mean(axis=0)
    target = values.astype(np.float64) - values.mean()
    slope = np.linalg.lstsq(points, target, rcond=None)[0]
    left = target - points @ slope
    explained = 1 - float(left @ left) / float(target @ target)
    return Direction(name, slope, f"regression on {len(z)} samples, R² = {explained:.2f}", explained)


def by_properties(names: Sequence[str], z: Array, values: Array) -> dict[str, Direction]:
    """For each of several properties the direction along which it grows while the others stay, by name.

    names: of the F columns of values (N, F), floats: the properties of each sample. z (N, k): the points that samples were
    made of. The directions are the rows of the B that minimises Σ_n ‖z_n − z̄ − (v_n − v̄)·B‖²: how z differs between
    samples that differ in one property alone. Where two properties go together in samples (a generator that closes the
    eyes of faces that look aside), `by_property` points at both, this at what is left of one; `without` takes away what is
    parallel to the others, which may leave little. Columns that determine each other (one-hot factors) are allowed.

    strength: the square of the correlation between z·u and the property.

    >>> import numpy as np, gan_np as gn
    >>> z = np.random.default_rng(0).standard_normal((2000, 2))
    >>> tall, wide = z[:, 0], z[:, 0] + z[:, 1]
    >>> (gn.latent.by_properties(["tall", "wide"], z, np.stack([tall, wide], axis=1))["wide"].vector.round(1) + 0).tolist()
    [0.0, 1.0]

    Raises:
        ShapeError, TypeError: not F floats for each point.
        ValueError: a name twice, a property that is the same everywhere, too few points.
    """
    z, values = as_array("z", z), as_array("values", values)
    if z.ndim != 2 or values.shape != (len(z), len(names)):
        raise ShapeError(
            f"values: expected ({len(z)}, {len(names)}), a row a point and a column a name, got {values.shape}"
        )
    if len(set(names)) != len(names):
        raise ValueError(f"names: expected each once, got {list(names)}")
    if values.dtype.kind != "f":
        raise TypeError(f"values: expected floats, got {values.dtype}")
    for name, column in zip(names, values.T, strict=True):
        _check_varies(name, column)
    if len(z) < len(names) + 2:
        raise ValueError(
            f"z: a regression on {len(names)} properties needs more than {len(names) + 1} points, got {len(z)}"
        )
    points, read = (array.astype(np.float64) - array.mean(axis=0) for array in (z, values))
    slopes = np.linalg.lstsq(read, points, rcond=None)[0]
    source = f"regression of z on {len(names)} properties of {len(z)} samples"
    return {
        name: Direction(name, slope, source, float(np.corrcoef(points @ slope, column)[0, 1]) ** 2)
        for name, slope, column in zip(names, slopes, read.T, strict=True)
    }


def _check_varies(name: str, values: Array) -> None:
    if not np.isfinite(values).all() or values.std() == 0:
        raise ValueError(f"values: {name!r} is not finite, or the same in every sample")
