"""What may be changed of a model's samples, as the page is told it: with each direction, so that it can move z itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gan_np.latent import Direction, axis, closed_form, code, principal, read_directions
from gan_np.latent.chosen import CODE_RANGE, RANGE
from gan_np.models import GAN, CodePrior

TELLING = 10
"""So many principal and closed-form directions are offered: the later ones change little."""
MOST_AXES = 512


def factors_of(gan: GAN, run: Path, *, average: bool = True) -> list[dict[str, Any]]:
    """The directions of a model by group: those kept with the run, codes, principal, closed-form, axes.

    Each has "id" (as `gan-np traverse` takes it), "name", "group", "source", "strength", "low" and "high" of its usual
    range, "set" (whether the coordinate is set to t, as that of a code, or moved by it) and "vector", a unit vector of z. A
    group that this generator cannot have is left out: principal and closed-form directions need one that begins
    with a dense layer.
    """
    found = told("kept", read_kept(run, gan.prior.dim), RANGE)
    if isinstance(gan.prior, CodePrior):
        codes = [code(index, gan.prior) for index in range(1, gan.prior.continuous + 1)]
        found += told("code", codes, CODE_RANGE, set=True)
    try:
        found += told("principal", principal(gan, min(TELLING, gan.prior.dim), average=average), RANGE)
        found += told("closed-form", closed_form(gan, TELLING, average=average), RANGE)
    except TypeError:
        pass  # does not begin with a dense layer
    return found + told("axis", [axis(index, gan.prior.dim) for index in range(min(gan.prior.dim, MOST_AXES))], RANGE)


def read_kept(run: Path, dim: int) -> list[Direction]:
    """The directions kept with a run that are of this z; none where their file is damaged."""
    try:
        return [direction for direction in read_directions(run).values() if direction.dim == dim]
    except (ValueError, OSError):
        return []


def told(
    group: str, directions: Iterable[Direction], span: tuple[float, float] = RANGE, **more: Any
) -> list[dict[str, Any]]:
    """Directions of one group as the page is told them."""
    return [
        {
            "id": direction.name,
            "name": direction.name,
            "group": group,
            "source": direction.source,
            "strength": direction.strength,
            "low": span[0],
            "high": span[1],
            "set": False,
            "vector": [float(f"{value:.7g}") for value in direction.vector],
            **more,
        }
        for direction in directions
    ]
