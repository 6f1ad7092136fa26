"""A run of several stages as it lies on disk: its model with each stage as far as it got, held against what is to go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_np.models import GAN, Stages

from . import checkpoint
from .build import build_gan
from .config import Config
from .fingerprints import check_fingerprints, check_read
from .given import Given
from .loop import check_unedited, refuse_fewer
from .opened import joined_stages
from .stage_folders import FILE, beginning_of, outline_of
from .stage_training import Part


@dataclass
class Opened:
    """A stage as a run has it. done: its steps, None where it has not begun; described: its checkpoint, where it has one."""

    gan: GAN
    done: int | None = None
    described: tuple[Path, Mapping[str, Any]] | None = None


def open_parts(place: Path, kept: Config, device: str, given: Given) -> tuple[Stages, list[Opened]]:
    """Return the model of a run of several stages, and each stage as far as it got."""
    if (place / FILE).exists():
        outline = outline_of(place)
        found = [_opened(place, name, device) for name in outline.names]
        return joined_stages(place, outline, [one.gan for one in found]), found
    # An older run, which does not keep the stages that have not begun: they are made as they were made then.
    data = given.dataset()
    fresh: Stages = build_gan(dataclasses.replace(kept, device=device), data.data_shape, data.classes)
    found = []
    for number, stage in enumerate(fresh.stages):
        name = fresh.stage_name(number)
        begun = bool(checkpoint.all_of(place / name))
        found.append(_opened(place, name, device) if begun else Opened(stage))
    return fresh.with_stages(one.gan for one in found), found


def _opened(place: Path, name: str, device: str) -> Opened:
    begun = bool(checkpoint.all_of(place / name))
    if begun:
        file, tensors, description = checkpoint.newest(place / name)
    else:
        file = beginning_of(place, name)
        tensors, description = checkpoint.read(file)
    gan = checkpoint.gan_from(tensors, description, file, device)
    return Opened(gan, description.get("training", {}).get("steps", 0) if begun else None, (file, description))


def check_part(part: Part, place: Path, kept: Config, opened: Opened) -> None:
    """Refuse to go on with a stage on other data or under other settings than those that it began with.

    Raises:
        ValueError: they are others.
    """
    part.done = opened.done
    if opened.described is not None:
        file, description = opened.described
        recorded, expected = description.get("config"), kept.of_stage(part.number)
        # Older runs have the model of the whole run in the configuration of a stage.
        if not (isinstance(recorded, Mapping) and recorded.get("model") == expected.model):
            expected = expected.of(part.gan)
        check_unedited(place, expected, description, file)
        check_read(description, part.source, place)
        check_fingerprints(description, part.source, part.labels, place)
    refuse_fewer(place / part.name, part.config.steps, part.done or 0)
