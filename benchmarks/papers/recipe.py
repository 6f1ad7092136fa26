"""What a recipe is: a row of a paper's table, how it is got, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Measure(NamedTuple):
    """A column of the table."""

    title: str
    digits: int
    factor: float = 1.0
    """What the kept number is multiplied by to be shown (100 for per cent)."""
    median: bool = False
    """Shown as median (least to most) over seeds: where one seed can be so far off that a mean would be its number."""


class Size(NamedTuple):
    """The size of a run: its steps, images and repetitions."""

    updates: int
    samples: int
    """Samples that are measured."""
    every: int
    """Updates between two measurements; 0 for one at the end."""
    patience: int = 0
    """Measurements without a better validation after which training ends; 0 never."""


@dataclass(frozen=True)
class Job:
    """One run of a recipe: a case, a seed, a size."""

    case: str
    seed: int
    size: Size
    quick: bool
    data: str
    images: Path | None
    """A folder for images of the samples, or None."""
    device: str = "cpu"
    savepoint: Path | None = None
    """Where a run keeps what it needs to go on after it was stopped; None keeps nothing."""


class Keep(Protocol):
    """Called during a run with what is known so far; each call replaces the file of the one before."""

    def __call__(self, updates: int, values: Mapping[str, float | None], **more: Any) -> None: ...


@dataclass(frozen=True)
class Recipe:
    """A table of a paper, or a claim, and how it is reproduced.

    cases: rows by name, with their titles. published: for some rows, what the paper says, as it is printed there.
    departures: what is different here, whatever the size; that fewer updates were made is said by the table itself.
    """

    name: str
    title: str
    source: str
    cases: Mapping[str, str]
    measures: Mapping[str, Measure]
    published: Mapping[str, Mapping[str, str]]
    departures: tuple[str, ...]
    cost: str
    paper: Size
    quick: Size
    run: Callable[[Job, Keep], None]
    seeds: tuple[int, ...] = (0, 1, 2)
    data: str = ""
    """Images by default ("" for a recipe that makes its own)."""
    other_rows: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Rows of the paper's table that are not run."""
    draw: Callable[[Mapping[str, Sequence[Mapping[str, Any]]], Path], None] | None = None
    """What --plot draws of the runs by case; None draws the measures over updates."""
    devices: bool = False
    """Whether it runs on another device than the CPU."""
