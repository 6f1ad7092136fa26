"""Runs that cannot be trained to their end: what is kept of the reason, so that going on does not try them again."""

from __future__ import annotations

import json
from pathlib import Path

from gan_np.checks import NonFiniteError
from gan_np.files import write_atomically
from gan_np.runs import Config
from gan_np.runs.folder import write_config
from gan_np.runs.run_figures import FAILURE


def keep_failure(place: Path, error: NonFiniteError, config: Config) -> None:
    """Write down that the numbers of a run are not finite any more: with the same settings they never will be.

    It is kept in the folder of the run: who removes that folder has the run trained again.

    Of a run that failed in its first step nothing else is left; it gets its settings, so that it can be looked at.
    """
    text = str(error).partition(";")[0]
    if not (place / "config.toml").exists():
        place.mkdir(parents=True, exist_ok=True)
        write_config(place, config)
    write_atomically(place / FAILURE, (json.dumps({"not_finite": text}, ensure_ascii=False) + "\n").encode())
