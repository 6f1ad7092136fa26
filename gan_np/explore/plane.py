"""Points of the plane: data, samples, D's output as a field, and G's map as a warped lattice."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array, to_device, to_host
from gan_np.models import GAN

SAMPLES, FIELD, LINES = 600, 48, 21
"""Points drawn; cells of the field along each side; lines of the lattice each way."""


def plane_of(gan: GAN, data: Array | None, *, average: bool = True) -> dict[str, Any]:
    """A GAN of points (2,), drawn.

    data: real points (N, 2), where they are known.

    Returns "samples" (600, 2) of seed 0; "data", at most as many; "box" [x0, x1, y0, y1] around both; "field" (48, 48), D's
    logit, y rising from row to row; "lattice" (2, 21, 21, 2): what G makes of equally spaced lines of the first two
    coordinates of z, the others being 0.

    Raises:
        ValueError: not a GAN of points of the plane without labels.
    """
    if gan.data_shape != (2,) or gan.classes is not None:
        raise ValueError("plane: needs a model of points (2,) without labels")
    samples = gan.sample(SAMPLES, 0, average=average)
    real = None if data is None else data[:: max(1, len(data) // SAMPLES)][:SAMPLES]
    seen = samples if real is None else np.concatenate([samples, real])
    low, high = np.quantile(seen, 0.005, axis=0), np.quantile(seen, 0.995, axis=0)
    margin = 0.2 * np.maximum(high - low, 1e-3)
    (x0, y0), (x1, y1) = low - margin, high + margin
    x, y = np.meshgrid(np.linspace(x0, x1, FIELD), np.linspace(y0, y1, FIELD))
    cells = np.stack([x.ravel(), y.ravel()], axis=1).astype(samples.dtype)
    shown, _ = gan.examples(cells, None)
    if gan.packing > 1:
        shown = to_device(np.tile(to_host(shown), (1, gan.packing)), gan.discriminator.device)
    logits, _ = gan.heads(gan.finite_discriminator()(shown))
    lattice = gan.decode(_lattice(gan), average=average).reshape(2 if gan.prior.dim > 1 else 1, LINES, LINES, 2)
    return {
        "samples": _rounded(samples),
        "data": None if real is None else _rounded(real),
        "box": [float(value) for value in (x0, x1, y0, y1)],
        "field": _rounded(to_host(logits).reshape(FIELD, FIELD)),
        "lattice": _rounded(lattice),
    }


def _lattice(gan: GAN) -> Array:
    """Points of lines along the first coordinate of z, then along the second: (2·21·21, k)."""
    steps = np.linspace(-2, 2, LINES) if gan.prior.kind == "normal" else np.linspace(-0.98, 0.98, LINES)
    if gan.prior.kind == "uniform-unit-variance":
        steps = steps * 3**0.5
    first, second = np.meshgrid(steps, steps)
    z = np.zeros((2 if gan.prior.dim > 1 else 1, LINES, LINES, gan.prior.dim), gan.generator.dtype)
    z[0, ..., 0] = first
    if gan.prior.dim > 1:
        z[0, ..., 1] = second
        z[1] = z[0].swapaxes(0, 1)
    return z.reshape(-1, gan.prior.dim)


def _rounded(array: Array) -> list[Any]:
    found: list[Any] = np.round(array.astype(np.float64), 4).tolist()
    return found
