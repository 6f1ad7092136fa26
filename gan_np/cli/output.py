"""What commands print: results on standard output, everything else on standard error. NO_COLOR is honoured."""

from __future__ import annotations

import io
import sys
import textwrap
import warnings
from collections.abc import Iterable
from typing import Any

from rich.console import Console

from gan_np.printable import printable_lines


class _Plain(Console):
    """A console that writes what does not print (in the name of a file or a class, say) as its escape."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(printable_lines(each) if isinstance(each, str) else each for each in objects), **options)


_hushed = False


def hush(hushed: bool = True) -> None:
    """Print nothing from now on, warnings neither: another of several processes says the same."""
    global _hushed
    _hushed = hushed


def console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """A console that never marks up or reflows what it is given."""
    return _Plain(stderr=stderr, quiet=quiet or _hushed, highlight=False, markup=False, soft_wrap=True)


def say(text: str, *, style: str | None = None, quiet: bool = False) -> None:
    """A line on standard error. On a terminal it is broken between words; one that begins with a space, as commands and
    paths to copy do, is left whole."""
    out = console(stderr=True, quiet=quiet)
    out.print("\n".join(lines_of(text, out)), style=style)


def lines_of(text: str, out: Console) -> list[str]:
    """The lines that a text takes on a console: on a terminal broken between words, as `say` has it."""
    lines = text.split("\n")
    if not out.is_terminal:
        return lines
    return [part for line in lines for part in ([line] if line.startswith(" ") else _between_words(line, out.width))]


def _between_words(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    return textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)


def say_all(texts: Iterable[str], *, quiet: bool = False) -> None:
    """A line on standard error for each."""
    for text in texts:
        say(text, quiet=quiet)


def print_everything() -> None:
    """What the output's encoding lacks (× and → have no place in that of many a Windows) is written as its escape.

    Python's standard output would raise an error instead, in the middle of a help page that goes to a file.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def show_warnings() -> None:
    """Warnings as lines of this program, each text once: not as lines of Python with a file name and source code."""
    shown = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = printable_lines(str(message))
        if text not in shown and sys.stderr is not None and not _hushed:
            shown.add(text)
            # not through a console of its own, so that a progress bar that is being drawn stays whole
            sys.stderr.write(f"warning: {text}\n")

    warnings.showwarning = show
