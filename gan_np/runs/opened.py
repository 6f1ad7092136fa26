"""A run as what it is: its model, of one stage or of several, and how far each stage got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gan_np.models import GAN, Stages
from gan_np.networks import parameter_limit
from gan_np.registry import build

from . import checkpoint
from .stage_folders import FILE, Outline, has_stages, outline_of, stage_folders


def load_gan(path: str | Path, *, device: str = "cpu") -> Any:
    """The model of a run folder, from the newest checkpoint of each stage that can be read, or of a checkpoint file.

    A `GAN`, or for the folder of a run of several stages the model of all of them (a LAPGAN, say).

    Raises:
        FileNotFoundError: nothing there, or a stage has not begun yet.
        CheckpointError: a checkpoint is damaged, or not one of this library.
    """
    if not has_stages(path):
        return checkpoint.load_gan(path, device=device)
    outline = outline_of(path)
    return joined_stages(path, outline, [checkpoint.load_gan(folder, device=device) for folder in stage_folders(path)])


def joined_stages(run: str | Path, outline: Outline, stages: Iterable[GAN]) -> Stages:
    """The model of a run of several stages, put together again from them.

    Raises:
        CheckpointError: what model.json says does not fit them.
    """
    found = tuple(stages)
    largest = max(
        (len(network.parameters) for gan in found for network in (gan.generator, gan.discriminator)), default=0
    )
    with checkpoint.described_by(Path(run) / FILE):
        with parameter_limit(largest):
            made = build(outline.model, stages=found)
        if not isinstance(made, Stages):
            raise ValueError(f"holds {type(made).__name__}, expected a model of several stages")
        if made.stages != found:
            raise ValueError(f"holds {type(made).__name__} of other stages")
    made.recipe = dict(outline.recipe)
    return made


def steps_done(run: str | Path) -> dict[str, int]:
    """The steps that each stage has done, by the name of its folder."""
    found = {}
    for folder in stage_folders(run):
        begun = bool(checkpoint.all_of(folder))
        found[folder.name] = checkpoint.describe_file(folder).get("training", {}).get("steps", 0) if begun else 0
    return found


def description_of_data(run: str | Path) -> Mapping[str, Any]:
    """Where the fingerprints of the whole data of a run stand (see `fingerprints.py`).

    Raises:
        FileNotFoundError: nothing was trained.
    """
    if not has_stages(run):
        return checkpoint.describe_file(run)
    outline = outline_of(run)
    if outline.data:
        return outline.data
    if not outline.names:
        raise FileNotFoundError(f"{run}: no stage of this run has begun")
    # Older runs: the last stage is trained on the whole images.
    return checkpoint.describe_file(Path(run) / outline.names[-1])
