"""Runs that cannot be trained to their end: what is kept of the reason, so that going on does not try them again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_np.checks import NonFiniteError
from gan_np.files import write_atomically
from gan_np.runs import Config
from gan_np.runs.folder import write_config
from gan_np.runs.run_figures import FAILURE


def keep_failure(place: Path, error: NonFiniteError, config: Config, data: Mapping[str, Any]) -> None:
    """Write down that the numbers of a run are not finite any more: with the same settings and data they never will be.

    data: the fingerprints of those (`gan_np.runs.fingerprints`), by which it is seen later whether they are the same.

    It is kept in the folder of the run: who removes that folder has the run trained again.

    Of a run that failed in its first step nothing else is left; it gets its settings, so that it can be looked at.
    """
    text = str(error).partition(";")[0]
    if not (place / "config.toml").exists():
        place.mkdir(parents=True, exist_ok=True)
        write_config(place, config)
    kept = json.dumps({"not_finite": text, "data": data}, ensure_ascii=False)
    write_atomically(place / FAILURE, (kept + "\n").encode())


def data_of_failure(place: Path) -> Mapping[str, Any]:
    """The fingerprints of the data with which a run could not be trained to its end; nothing where they are not known."""
    try:
        found = json.loads((place / FAILURE).read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
