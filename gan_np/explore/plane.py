"""Points of the plane as the page is sent them: data, samples, D's output as a field, and G's map as a warped lattice."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.models import GAN
from gan_np.runs.plane import FIELD, LINES, SAMPLES, box_around, can_be_drawn, moment_of, thinned_points

__all__ = ["FIELD", "LINES", "SAMPLES", "plane_of", "sent"]
DIGITS = 4


def plane_of(gan: GAN, data: Array | None, *, average: bool = True) -> dict[str, Any]:
    """A GAN of points (2,), drawn.

    data: real points (N, 2), where they are known.

    Returns "samples" (600, 2) of seed 0; "data", at most as many; "box" [x0, x1, y0, y1] around both; "field" (48, 48), D's
    logit, y rising from row to row; "lattice" (2, 21, 21, 2): what G makes of equally spaced lines of the first two
    coordinates of z, the others being 0.

    Raises:
        ValueError: not a GAN of points of the plane without labels. NonFiniteError: weights that are NaN or infinite.
    """
    if not can_be_drawn(gan):
        raise ValueError("plane: needs a model of points (2,) without labels")
    gan.finite_discriminator()
    samples = gan.sample(SAMPLES, 0, average=average)
    real = None if data is None else thinned_points(data)
    box = box_around(samples if real is None else np.concatenate([samples, real]), 0.2)
    return sent(moment_of(gan, box, average=average) | ({} if real is None else {"real": real}))


def sent(moment: dict[str, Array]) -> dict[str, Any]:
    """A moment of a training as JSON has it; a number that is not finite is sent as 0."""
    made: dict[str, Any] = {
        name: np.round(np.nan_to_num(array.astype(np.float64), posinf=0, neginf=0), DIGITS).tolist()
        for name, array in moment.items()
    }
    made["data"] = made.pop("real", None)
    return made
