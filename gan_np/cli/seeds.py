"""Seeds as a text: 3,7,10-20."""

from __future__ import annotations

import re

MOST_SEEDS = 1_000_000


def parse_seeds(text: str) -> list[int]:
    """The numbers that a text lists, one by one or as first-last, in its order.

    >>> parse_seeds("3,7,10-12")
    [3, 7, 10, 11, 12]

    Raises:
        ValueError: another text, a number twice, a range that falls, more than a million.
    """
    found: list[int] = []
    for part in text.split(","):
        parsed = re.fullmatch(r"\s*([0-9]{1,18})\s*(?:-\s*([0-9]{1,18})\s*)?", part)
        if parsed is None:
            raise ValueError(f"seeds: expected numbers and ranges as in 3,7,10-20, got {text!r}")
        first = int(parsed[1])
        last = first if parsed[2] is None else int(parsed[2])
        if last < first:
            raise ValueError(f"seeds: expected a range that rises, got {part.strip()!r} in {text!r}")
        if len(found) + last - first >= MOST_SEEDS:
            raise ValueError(f"seeds: expected at most {MOST_SEEDS:,}, {text!r} has more")
        found += range(first, last + 1)
    seen: set[int] = set()
    for number in found:
        if number in seen:
            raise ValueError(f"seeds: expected each once, got {number} twice in {text!r}")
        seen.add(number)
    return found
