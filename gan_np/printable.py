"""Text from outside (names of files and classes, words in a file), made safe to print."""

from __future__ import annotations

import os


def printable(text: object) -> str:
    r"""`text` with everything that does not print written as its escape: `\x1b`, `\n`, `\u202e`.

    A file name may hold nearly any character. Printed as they are, escape sequences recolour, clear or retitle a terminal,
    marks of direction reorder what is read, and bytes that are not Unicode cannot be written at all.

    >>> printable("cat\x1b[31m.png"), printable("Größe 3 中.png")
    ('cat\\x1b[31m.png', 'Größe 3 中.png')
    """
    plain = os.fsdecode(text) if isinstance(text, os.PathLike | bytes) else str(text)
    if plain.isprintable():
        return plain
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in plain)


def printable_lines(text: str) -> str:
    r"""The same for text of several lines: line breaks and tabs stay."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
