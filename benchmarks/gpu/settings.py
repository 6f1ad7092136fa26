"""What the stages of the GPU report are told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Settings(NamedTuple):
    """What all stages are told."""

    device: str
    out: Path
    quick: bool
    pretend: bool
    limit: float
    """Seconds that the stage may take."""
    data: Mapping[str, str] = {}
    """Name of a stage's data → a name or a place that `gn.data.open` knows."""
