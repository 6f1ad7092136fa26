"""Factors by their names on a command line."""

from __future__ import annotations

from pathlib import Path

from gan_np.models import GAN, CodePrior

from .closed_form import closed_form
from .codes import code
from .directions import Direction, axis
from .factors import Along, Category, Code, Factor, Label
from .named import named
from .principal import principal
from .towards import Towards

KINDS = "axis:N, principal:N, closed-form:N, code:N, class:NAME, category, label, or a name kept with the run"
CODE_RANGE, RANGE = (-2.0, 2.0), (-3.0, 3.0)
"""Twice the range of training, as in InfoGAN's figures; three deviations of a normal z."""


def factor(
    text: str,
    gan: GAN,
    run: str | Path,
    span: tuple[float, float] | None = None,
    *,
    average: bool = True,
    towards: Towards | None = None,
    name: str = "factor",
) -> Factor:
    """The factor that a text names; span: the range of a direction, None for the usual one; towards: for "class:NAME".

    name: the argument that the text was, with which messages begin.

    Raises:
        ValueError, TypeError: not one of `KINDS`, or one that this model has not.
    """
    try:
        return _factor(text, gan, run, span, average=average, towards=towards)
    except (ValueError, TypeError) as error:
        said = str(error).removeprefix("direction: ").removeprefix("index: ")
        raise type(error)(f"{name}: {said if text in said else f'{text!r}: {said}'}") from error


def _factor(
    text: str,
    gan: GAN,
    run: str | Path,
    span: tuple[float, float] | None,
    *,
    average: bool,
    towards: Towards | None,
) -> Factor:
    if text == "label":
        if gan.labels is None:
            raise ValueError("label: needs a conditional model")
        return Label(len(gan.labels), labels=gan.labels.values)
    if text == "category":
        if not isinstance(gan.prior, CodePrior):
            raise ValueError("category: needs an infogan")
        return Category(gan.prior)
    found = direction(text, gan, run, average=average, towards=towards)
    if text.startswith("code:"):
        return Code(found, *(span or CODE_RANGE))
    return Along(found, *(span or RANGE))


def direction(
    text: str, gan: GAN, run: str | Path, *, average: bool = True, towards: Towards | None = None
) -> Direction:
    """The direction that a text names, see `KINDS`."""
    kind, colon, number = text.partition(":")
    if kind == "class" and colon:
        if towards is None:
            raise ValueError(f"direction: {text!r} needs a classifier of labelled images (--classifier)")
        return towards.named(number)
    if not colon:
        found = named(run, text)
        if found.dim != gan.prior.dim:
            raise ValueError(f"direction: {text!r} has {found.dim} coordinates, z of this model has {gan.prior.dim}")
        return found
    if not number.isdecimal() or kind not in ("axis", "principal", "closed-form", "code"):
        raise ValueError(f"direction: expected {KINDS}, got {text!r}")
    index = int(number)
    if kind == "code":
        return code(index, gan.prior)
    if kind == "axis":
        return axis(index, gan.prior.dim)
    if index >= gan.prior.dim:
        raise ValueError(f"direction: {kind} has {gan.prior.dim} directions, 0 to {gan.prior.dim - 1}, got {text!r}")
    if kind == "principal":
        return principal(gan, index + 1, average=average)[index]
    return closed_form(gan, index + 1, average=average)[index]
