"""Settings of which one would silently count for nothing beside another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

OWN = ("g_optimizer", "d_optimizer")
OVERRULED: dict[str, tuple[str, ...]] = {
    "g_learning_rate": OWN[:1],
    "d_learning_rate": OWN[1:],
    "optimizer": OWN,
    "learning_rate_decay": OWN,
}
"""A setting of optimisers → the optimisers of the players' own that, all given, leave nothing for it to do."""


def refuse_overruled(*places: Mapping[str, Any]) -> None:
    """Refuse a setting of optimisers that is given where the players have optimisers of their own, with their own rates.

    places: the settings that were given, by place: a file, the call; each counts over those before it. An optimiser over a
    rate of a place before it is no contradiction: it is there to take its place.

    Raises:
        ValueError: a rate (or the optimiser, or the decay of the rates) beside an optimiser that has its own.
    """
    for name, owners in OVERRULED.items():
        own = [_last(places, owner) for owner in owners]
        place = _last(places, name)
        if place is None or any(one is None for one in own) or place < max(one for one in own if one is not None):
            continue
        have = "has its" if len(owners) == 1 else "have their"
        raise ValueError(
            f"{name}: has no effect beside {' and '.join(owners)}, which {have} own; leave one of them out, or give the "
            "value within the optimiser, as in adam(1e-3)"
        )


def _last(places: Sequence[Mapping[str, Any]], name: str) -> int | None:
    """The number of the last place that gives a setting; None where none does."""
    nothing = (None, "", 1) if name == "learning_rate_decay" else (None, "")
    return next((number for number in reversed(range(len(places))) if places[number].get(name) not in nothing), None)
