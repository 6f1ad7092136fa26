"""The pictures that a configuration names, and others in the same form."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gan_np.data import sources
from gan_np.data.dataset import Dataset
from gan_np.data.names import NAMES

from .config import Config


def open_data(config: Config, run: str | Path | None = None) -> Dataset:
    """The pictures that a configuration names, with their labels where they have some.

    run: the folder that the configuration was read from, for the error.

    Raises:
        FileNotFoundError: they are not there (any more), with a note that says who named them, where they were looked for
            and how to name another place.
    """
    try:
        return sources.open(config.data, **_form(config))
    except (FileNotFoundError, ValueError) as error:
        place = os.path.expanduser(config.data)
        if run is None or config.data in NAMES or os.path.exists(place):
            raise
        missing = FileNotFoundError(f"data: there is no {config.data!r}")
        missing.add_note(
            f"({Path(run) / 'config.toml'} names it, and it was looked for at {os.path.abspath(place)}. "
            "If the data were moved, name their new place: --data PLACE, in Python data=)"
        )
        raise missing from error


def open_test_data(config: Config) -> Dataset | None:
    """The test part of those pictures, or None where they have none."""
    return sources.open_test(config.data, **_form(config))


def open_other(config: Config, source: str) -> Dataset:
    """Pictures from elsewhere in the form of the configuration's: the test part where there is one, or all."""
    found = sources.open_test(source, **_form(config))
    return sources.open(source, **_form(config)) if found is None else found


def _form(config: Config) -> dict[str, Any]:
    return {"image_size": config.image_size, "channels": config.channels, "skip_broken": config.skip_broken}
