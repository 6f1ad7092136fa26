"""Which columns of what is read from an image belong to one factor."""

from __future__ import annotations

from collections.abc import Sequence


def columns_of_factors(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns of each factor, in the order in which the factors first appear.

    names: one for each column. A name without "=" is a factor of one column; "hair=long" and "hair=curly" are columns of
    one factor, hair.

        >>> columns_of_factors(["pose", "hair=long", "hair=curly"])
        {'pose': [0], 'hair': [1, 2]}
    """
    columns: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        columns.setdefault(name.partition("=")[0], []).append(column)
    return columns
