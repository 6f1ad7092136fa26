"""How long something takes, in words."""

from __future__ import annotations


def time_in_words(seconds: float, *, estimated: bool = False) -> str:
    """A time with as many digits as are of use.

    estimated: with "about" before it.

    >>> [time_in_words(seconds) for seconds in (0, 0.02, 0.354, 75, 700, 10_000)]
    ['0 s', '< 0.1 s', '0.4 s', '75 s', '12 min', '2.8 h']
    >>> [time_in_words(seconds, estimated=True) for seconds in (0.02, 41.4, 700)]
    ['< 0.1 s', 'about 41 s', 'about 12 min']
    """
    if seconds < 0.05:
        return "< 0.1 s" if seconds else "0 s"
    if seconds < 9.95:
        found = f"{seconds:.1f} s"
    elif seconds < 119.5:
        found = f"{seconds:.0f} s"
    else:
        found = f"{seconds / 60:.0f} min" if seconds < 7170 else f"{seconds / 3600:.1f} h"
    return f"about {found}" if estimated else found
