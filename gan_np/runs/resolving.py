"""From settings that somebody gave to a whole configuration: over a preset, over the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .build import check_settings
from .config import Config
from .presets import PRESETS
from .presets import preset as find_preset

DEFAULT_DATA = "mnist-5k"
"""What is trained on where no data are named."""


def resolved(given: Mapping[str, Any], preset: str | None = None) -> Config:
    """The configuration that has these settings over those of a preset over the defaults, checked as far as that can be done
    before data are read.

    Raises:
        ValueError, TypeError: an unknown setting or preset, or a value that a setting may not have; no data where the preset
            needs some of one's own.
    """
    if given.get("data") == "":
        raise ValueError("data: expected a name or a path, got an empty text")
    config = Config.from_mapping({"data": DEFAULT_DATA} | _of_preset(preset, given) | dict(given))
    check_settings(config)
    return config


def _of_preset(name: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a preset sets beside what is given, its schedules as long as the steps that are given."""
    if name is None:
        return {}
    found = find_preset(name, steps=given.get("steps"), batch_size=given.get("batch_size"))
    if "data" not in found and "data" not in given:
        raise ValueError(f"data: the preset {name} is for {PRESETS[name].title}; give them with --data")
    return found
