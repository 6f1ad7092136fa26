"""What type checkers know of a training's settings is what a configuration has."""

from dataclasses import fields
from typing import Any, get_type_hints

from gan_np.constructors import is_schedulable
from gan_np.runs import Config
from gan_np.runs.loop import UNREAD
from gan_np.runs.options import REGISTRIES, options_for
from gan_np.runs.settings import Scheduled, Settings

NOT_OPTIONS = {*UNREAD, "options", "labels"}
"""What `train` does not take as an option; its `labels` are an array, those of a configuration a file."""

HAVE_OBJECTS = {"objective", "penalties", "g_optimizer", "d_optimizer"}


def expected() -> dict[str, Any]:
    """The type of each setting, from where it is used."""
    kinds = get_type_hints(Config)
    found = {field.name: kinds[field.name] for field in fields(Config)}
    for of in ("objective", "optimizer"):
        for name in REGISTRIES[of]:
            made = REGISTRIES[of][name]
            if made.__module__.startswith("gan_np."):
                found |= {option.name: option.kind for option in options_for(of, name)}
    return {name: kind for name, kind in found.items() if name not in NOT_OPTIONS}


def test_settings_for_type_checkers_are_those_of_a_configuration() -> None:
    known = get_type_hints(Settings)
    assert set(known) == set(expected())
    for name, kind in expected().items():
        if name not in HAVE_OBJECTS:
            optional = type(None) in getattr(kind, "__args__", ())
            wanted = (Scheduled | None if optional else Scheduled) if is_schedulable(kind) else kind
            if name == "value_range":  # kept as text, and given as two numbers too
                wanted |= tuple[float, float]
            assert known[name] == wanted, name


def test_a_range_of_values_may_be_two_numbers() -> None:
    assert Config(value_range=(-1, 1)).value_range == "-1..1"
    assert Config(value_range=[0, 4095.5]).to_mapping()["value_range"] == "0..4095.5"
