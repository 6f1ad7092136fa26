"""What the recipe of a model may say: bounds for each of its arguments, checked before anything is built.

A recipe comes from a file as often as from a call, and a few bytes of a file can ask for work without end: a network that is
applied 10⁹ times has no more weights than one that is applied three times, so the tensors beside the recipe do not bound it.
What can be built can be read back: a GAN and a classifier check their own recipe too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gan_np.bounds import Check, each, fields, flag, maybe, real, text, whole

SIDE = 4096

LATENT_DIM = whole(1, 1 << 20)
WIDTH = HIDDEN = CLASSES = whole(1, 1 << 20)
CATEGORIES = whole(2, 1 << 20)
CONTINUOUS = whole(0, 1 << 20)
PACKING = whole(1, 256)
DRAW_STEPS = whole(1, 100)
LEVELS = whole(1, 12)
"""Sides of 4,096 can be halved so often."""
WEIGHT = real(0.0, 1e30)
"""Of a penalty or a part of an objective."""

_RATE = real(0.0, 1.0)
_IMAGE = {"image_shape": each(whole(1, SIDE), 3)}
_DRAWN = {**_IMAGE, "latent_dim": LATENT_DIM, "latent": text(), "augment": each(text())}
_CONVOLUTIONS = {"width": WIDTH, "kernel_size": whole(4, 5), "d_norm": text()}

RECIPES: dict[str, dict[str, Check]] = {
    "dcgan": {**_DRAWN, **_CONVOLUTIONS, "packing": PACKING},
    "conditional-dcgan": {**_DRAWN, **_CONVOLUTIONS, "classes": CLASSES, "condition": text()},
    "gran": {**_DRAWN, **_CONVOLUTIONS, "packing": PACKING, "steps": DRAW_STEPS, "code": WIDTH},
    "infogan": {**_DRAWN, **_CONVOLUTIONS, "categories": CATEGORIES, "continuous": CONTINUOUS, "weight": WEIGHT},
    "residual": {**_DRAWN, "width": WIDTH, "d_norm": text(), "minibatch_deviation": flag},
    "laplacian-level": {
        **_DRAWN, **_CONVOLUTIONS, "classes": maybe(CLASSES), "hidden_layers": whole(1, 100), "g_norm": text(),
    },
    "dense": {**_DRAWN, "hidden": HIDDEN, "classes": maybe(CLASSES)},
    "mlp": {
        **_DRAWN, "hidden": HIDDEN, "maxout_units": HIDDEN, "maxout_pieces": HIDDEN, "input_dropout": _RATE,
        "hidden_dropout": _RATE, "packing": PACKING,
    },
    "classifier": {
        **_IMAGE, "classes": CLASSES, "width": WIDTH, "features": WIDTH, "dropout": _RATE, "augment": each(text()),
    },
}  # fmt: skip
"""For each model of this library the arguments that its recipe may have. Choices among names are left to the models."""


def check_recipe(name: str, recipe: Any) -> None:
    """Refuse a recipe that asks for what no model should be; one of a model that is not ours is left alone.

    Raises:
        TypeError, ValueError: it is no recipe, or an argument is outside its bounds; the message names it.
    """
    fields({"model": text()})(name, recipe)
    known: Mapping[str, Check] = RECIPES.get(recipe["model"], {})
    fields({}, known)(name, recipe)
