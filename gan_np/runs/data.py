"""The data that a configuration names, and others in the same form."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from gan_np.checks import ShapeError
from gan_np.data import sources
from gan_np.data.dataset import Dataset
from gan_np.data.folder import DifferentSizes
from gan_np.data.hold_out import divided
from gan_np.data.names import NAMES
from gan_np.printable import printable

from .config import Config


def open_data(config: Config, run: str | Path | None = None) -> Dataset:
    """The images or vectors that a configuration names, with their labels where they have some; all of them, also those that
    a training with it holds out.

    run: the folder that the configuration was read from, for the error.

    Raises:
        FileNotFoundError: they are not there (any more), with a note that says who named them, where they were looked for
            and how to name another place.
    """
    if not config.data:
        raise ValueError(
            "data: the run was trained on data that were given in Python and does not say where they are; give them (in "
            "Python images=, on the command line --data PLACE)"
        )
    try:
        found = sources.open_for("data", config.data, split=config.split, labels=config.labels or None, **_form(config))
    except (FileNotFoundError, ValueError) as error:
        place = os.path.expanduser(config.data)
        if run is not None and config.labels and not os.path.exists(os.path.expanduser(config.labels)):
            error.add_note(
                f"({printable(Path(run) / 'config.toml')} names it. If the file of labels was moved, name its new place: "
                "gan-np train --resume RUN --labels FILE, in Python resume(run, labels=…))"
            )
        if run is None or config.data in NAMES or os.path.exists(place):
            raise
        missing = FileNotFoundError(f"data: there is no {config.data!r}")
        missing.add_note(
            f"({printable(Path(run) / 'config.toml')} names it, and it was looked for at "
            f"{printable(os.path.abspath(place))}. "
            "If the data were moved, name their new place: --data PLACE, in Python data=)"
        )
        raise missing from error
    assert found is not None
    return found


def open_test_data(config: Config) -> Dataset | None:
    """Those data that a training with this configuration does not see: what it holds out, or else their test part (or
    validation part); None where there is neither, or all parts are trained on.

    What it holds out goes before a test part: it comes from where the training data come from.
    """
    if config.hold_out:
        return divided(open_data(config), config.hold_out)[1]
    if config.split == "all":
        return None
    return sources.open_for("data", config.data, held_out=True, labels=config.labels or None, **_form(config))


def open_other(
    config: Config, source: str, argument: str, shape: tuple[int, ...], *, skip_broken: bool = False
) -> Dataset:
    """Images from elsewhere in the form of the configuration's: the held-out part where there is one, or all.

    argument: what they are called where they were asked for, for messages. shape: of the run's own data. Image files of
    several sizes are brought to that size by the configuration's `fit`, with a warning. skip_broken: leave out image files
    that cannot be read, with a warning.

    Raises:
        ShapeError: image files, where the run's own data are vectors.
    """
    form = _form(config) | {"skip_broken": skip_broken or config.skip_broken, "flags": ("skip_broken",)}
    try:
        return _held_out_or_all(argument, source, form)
    except DifferentSizes as error:
        if len(shape) != 3:
            raise ShapeError(
                f"{argument}: expected vectors of {shape[0]} numbers, as in training, {printable(source)} has images"
            ) from error
    height, width = shape[:2]
    warnings.warn(
        f"{argument}: the images of {printable(source)} differ in size; they are brought to {height}×{width}, the size of "
        f"the run's own, by the rule {config.fit!r}",
        stacklevel=2,
    )
    return _held_out_or_all(argument, source, form | {"image_size": (height, width)})


def _held_out_or_all(argument: str, source: str, form: dict[str, Any]) -> Dataset:
    found = sources.open_for(argument, source, held_out=True, **form) or sources.open_for(argument, source, **form)
    assert found is not None
    return found


def _form(config: Config) -> dict[str, Any]:
    return {
        "image_size": config.image_size,
        "fit": config.fit,
        "dtype": config.data_dtype,
        "layout": config.layout,
        "channels": config.channels,
        "value_range": config.value_range,
        "skip_broken": config.skip_broken,
    }
