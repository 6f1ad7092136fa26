"""The folder of a run of several stages: which folders its stages have, and what the model is beside them.

RUN/
  config.toml                the configuration of the whole run; a stage's own is in its folder
  model.json                 the model without its stages, their names in order, and fingerprints of the data
  beginnings/NAME.safetensors   each stage as it was before its first step, until all are trained
  level-0-7x7/ …             a run folder (see `folder.py`) for each stage, once its training has begun, under its name
  samples.png                samples of the whole model; of one that draws in steps a row for each, step by step
  drawing.gif                of such a model: samples as they are drawn, if the configuration asks for animations

A run of one stage has none of this: it is the folder of its stage itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan_np.bounds import each, fields, maybe, text
from gan_np.files import read_toml, write_atomically

from .tensor_file import CheckpointError

FILE, BEGINNINGS = "model.json", "beginnings"

BEFORE = {"lapgan": {"gan": "LAPGAN"}}
"""Runs that were written before there was model.json: by the model of their configuration, what it would say."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_OLDER = re.compile(r"level-([0-9]{1,9})-[0-9]+x[0-9]+")
_CONTENTS = fields(
    {"model": fields({"gan": text()}), "recipe": fields({}), "stages": each(text(100))},
    {"data": maybe(text()), "data_labels": maybe(text())},
)


class Outline(NamedTuple):
    """What model.json of a run of several stages says.

    model: the description of the model without its stages (`gan_np.registry`). recipe: the call that made it. names: of its
    stages, in order. data: fingerprints of the whole data, empty where they are not known.
    """

    model: Mapping[str, Any]
    recipe: Mapping[str, Any]
    names: tuple[str, ...]
    data: Mapping[str, Any]


def has_stages(run: str | Path) -> bool:
    """Return whether a path is the folder of a run of several stages."""
    return (Path(run) / FILE).is_file() or _older(Path(run))


def stage_folders(run: str | Path) -> list[Path]:
    """The run folder of each stage, in order, also of stages that have not begun; of a run of one stage the run itself.

    Raises:
        CheckpointError: model.json is damaged.
    """
    place = Path(run)
    return [place / name for name in outline_of(place).names] if has_stages(place) else [place]


def outline_of(run: str | Path) -> Outline:
    """What model.json of a run of several stages says.

    Raises:
        CheckpointError: it is damaged, or says what cannot be.
    """
    place = Path(run)
    file = place / FILE
    if not file.is_file():
        found = [(_OLDER.fullmatch(path.name), path.name) for path in place.glob("level-*") if path.is_dir()]
        names = tuple(name for _, name in sorted((int(match[1]), name) for match, name in found if match))
        return Outline(BEFORE[read_toml(place / "config.toml")["model"]], {}, names, {})
    try:
        contents = json.loads(file.read_text(encoding="utf-8"))
        _CONTENTS("model.json", contents)
        names = tuple(contents["stages"])
        for name in names:
            if _NAME.fullmatch(name) is None:
                raise ValueError(f"stages: expected names of folders, got {name!r}")
    except (ValueError, TypeError, RecursionError, OSError) as error:
        raise CheckpointError(f"{file}: {error}") from error
    data = {key: contents[key] for key in ("data", "data_labels") if key in contents}
    return Outline(contents["model"], contents["recipe"], names, data)


def write_outline(run: Path, outline: Outline) -> None:
    """model.json of a run."""
    contents = {
        "model": outline.model,
        "recipe": dict(outline.recipe),
        "stages": list(outline.names),
        **outline.data,
    }
    write_atomically(run / FILE, (json.dumps(contents, indent=1, ensure_ascii=False) + "\n").encode())


def beginning_of(run: str | Path, name: str) -> Path:
    """The checkpoint of a stage as it was before its first step."""
    return Path(run) / BEGINNINGS / f"{name}.safetensors"


def _older(place: Path) -> bool:
    file = place / "config.toml"
    if not file.is_file() or (place / "checkpoints").is_dir():
        return False
    return read_toml(file).get("model") in BEFORE
