"""What the stages of the GPU report are told."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Settings(NamedTuple):
    """What all stages are told."""

    device: str
    out: Path
    quick: bool
    pretend: bool
    limit: int
    """Seconds that a stage may take."""
