"""Runs that cannot be trained to their end: what is kept of the reason, so that going on does not try them again."""

from __future__ import annotations

import json
from pathlib import Path

from gan_np.checks import NonFiniteError
from gan_np.files import write_atomically
from gan_np.runs import Config
from gan_np.runs.folder import write_config

FILE = "failure.json"
"""In the folder of the run. Who removes that folder has the run trained again."""


def keep_failure(place: Path, error: NonFiniteError, config: Config) -> None:
    """Write down that the numbers of a run are not finite any more: with the same settings they never will be.

    Of a run that failed in its first step nothing else is left; it gets its settings, so that it can be looked at.
    """
    text = str(error).partition(";")[0]
    if not (place / "config.toml").exists():
        place.mkdir(parents=True, exist_ok=True)
        write_config(place, config)
    write_atomically(place / FILE, (json.dumps({"not_finite": text}, ensure_ascii=False) + "\n").encode())


def read_failure(place: Path) -> str:
    """Why a run cannot be trained to its end; empty where nothing is known of it."""
    try:
        found = json.loads((place / FILE).read_text(encoding="utf-8"))
        return str(found["not_finite"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
