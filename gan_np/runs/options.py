"""The options of what a configuration chooses: arguments of the constructors of models, objectives and optimisers."""

from __future__ import annotations

import inspect

from gan_np.constructors import Option, options_of
from gan_np.models.registered import MODELS, NOT_STRUCTURE, TRAINING, listed
from gan_np.objectives import OBJECTIVES
from gan_np.optimizers import OPTIMIZERS

REGISTRIES = {"model": MODELS, "objective": OBJECTIVES, "optimizer": OPTIMIZERS}
"""Where the names of settings are looked up."""

_OWN = {
    "model": ("image_shape", "data_shape", "classes", *NOT_STRUCTURE),
    "objective": (),
    "optimizer": ("learning_rate",),
}
"""Arguments that the data and other settings give."""

CONDITIONAL = Option("conditional", bool, False, "Give the images' labels to both players.")
"""The option of a model that may be conditional on labels, which says whether it is."""


def arguments_for(kind: str, name: str) -> list[Option]:
    """What the constructor of a registered model, objective or optimiser takes from the options.

    Raises:
        ValueError: it is not registered.
    """
    return options_of(REGISTRIES[kind][name], _OWN[kind])


def options_for(kind: str, name: str) -> list[Option]:
    """The options of a registered model, objective or optimiser: its constructor's arguments, and what training it takes.

    Raises:
        ValueError: it is not registered.
    """
    found = arguments_for(kind, name)
    if kind == "model":
        classes = inspect.signature(MODELS[name]).parameters.get("classes")
        if classes is not None and classes.default is None:
            found.append(CONDITIONAL)
        if name in TRAINING:
            found += options_of(TRAINING[name])
    return found


def owners() -> dict[str, list[tuple[str, str]]]:
    """Every option of everything registered, and whose it is."""
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, registry in REGISTRIES.items():
        for name in listed() if kind == "model" else registry:
            for option in options_for(kind, name):
                found.setdefault(option.name, []).append((kind, name))
    return found


def whose_option(name: str) -> str:
    """Whose option this is, in words; empty where it is nobody's."""
    return " or ".join(f"{kind} {owner!r}" for kind, owner in owners().get(name, []))
