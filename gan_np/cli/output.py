"""What commands print: results on standard output, everything else on standard error. NO_COLOR is honoured."""

from __future__ import annotations

from rich.console import Console


def console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """A console that never marks up or reflows what it is given."""
    return Console(stderr=stderr, quiet=quiet, highlight=False, markup=False, soft_wrap=True)


def say(text: str, *, style: str | None = None, quiet: bool = False) -> None:
    """A line on standard error."""
    console(stderr=True, quiet=quiet).print(text, style=style)
