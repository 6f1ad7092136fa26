"""Names that a user gives to directions, kept with the run in `directions.toml`.

    [smile]
    source = "regression on 4000 samples, R² = 0.84"
    step = 8000                 # of the checkpoint that it was found in
    vector = [0.01, -0.3, …]    # a unit vector of z

The file may be edited: a section renamed, removed or copied.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tomli_w

from gan_np.bounds import COUNT, each, fields, real, text, whole
from gan_np.checks import choice
from gan_np.files import read_toml, write_atomically
from gan_np.printable import printable

from .directions import Direction

FILE = "directions.toml"
RESERVED = ("label", "category")


def read_directions(run: str | Path) -> dict[str, Direction]:
    """The named directions of a run folder by name; none if it has no such file.

    Raises:
        ValueError: the file is damaged; the message says where.
    """
    path = Path(run) / FILE
    if not path.exists():
        return {}
    found = {}
    for name, entry in read_toml(path).items():
        try:
            _ENTRY(f"[{printable(name)}]", entry)
            found[name] = Direction(name, np.array(entry["vector"], np.float64), entry.get("source", ""))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{printable(path)}: {error}") from error
    return found


_ENTRY = fields({"vector": each(real(-1e100, 1e100))}, {"source": text(), "step": whole(0, COUNT)})
"""What the file says of a direction. The square of a greater coordinate would be infinite."""


def keep_directions(run: str | Path, directions: Iterable[Direction], step: int | None = None) -> Path:
    """Add directions to those of a run, under their names; one of the same name is replaced.

    step: of the checkpoint they were found in, for people: training on moves G, and a direction may then mean something
    else.

    Raises:
        ValueError: a name that means something else (label, category, or with a colon).
    """
    path = Path(run) / FILE
    entries = read_toml(path) if path.exists() else {}
    for direction in directions:
        check_name(direction.name)
        entry: dict[str, object] = {"source": direction.source}
        if step is not None:
            entry["step"] = step
        entries[direction.name] = {**entry, "vector": [float(f"{value:.9g}") for value in direction.vector]}
    return write_atomically(path, tomli_w.dumps(entries).encode())


def check_name(name: str) -> str:
    """A name that a user may give."""
    if not name or ":" in name or "=" in name or name in RESERVED:
        raise ValueError(f"name: expected a word without : and =, other than {', '.join(RESERVED)}, got {name!r}")
    return name


def named(run: str | Path, name: str) -> Direction:
    """Return the direction of this name.

    Raises:
        ValueError: no such name; the nearest is proposed.
    """
    known = read_directions(run)
    if not known:
        raise ValueError(f"direction: {name!r} is not known, {Path(run) / FILE} names none yet")
    return known[choice("direction", name, known)]
