"""Whether this code runs in a notebook, and what makes a notebook show a value."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this code (Jupyter, Colab, an editor's notebooks); IPython is never imported for it.

    IPython in a terminal is no notebook: there progress is drawn as in any terminal.
    """
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def html_table(heading: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table as HTML, every text escaped; columns in `numbers` are set to the right.

    >>> html_table(["layer"], [["<b>"]])
    '<table><thead><tr><th style="text-align: left">layer</th></tr></thead><tbody><tr><td style="text-align: left; white-space: pre">&lt;b&gt;</td></tr></tbody></table>'
    """  # noqa: E501

    def line(tag: str, cells: Sequence[str], more: str) -> str:
        sides = ("right" if column in numbers else "left" for column in range(len(cells)))
        return "".join(
            f'<{tag} style="text-align: {side}{more}">{escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )

    body = "".join(f"<tr>{line('td', row, '; white-space: pre')}</tr>" for row in rows)
    return f"<table><thead><tr>{line('th', heading, '')}</tr></thead><tbody>{body}</tbody></table>"


class Summary(str):
    """Text that a notebook shows as a table; printed, and in all else, it is a string like any other."""

    html: str

    def __new__(cls, text: str, html: str) -> Summary:
        """The text, and the same as HTML (already escaped)."""
        made = super().__new__(cls, text)
        made.html = html
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return the arguments with which a copy or a pickle is made again."""
        return str(self), self.html

    def _repr_html_(self) -> str:
        return self.html


def titled(parts: Mapping[str, Summary]) -> Summary:
    """Several summaries below each other, each under its title."""
    text = "\n\n".join(f"{title}\n{part}" for title, part in parts.items())
    return Summary(text, "".join(f"<p><b>{escape(title)}</b></p>{part.html}" for title, part in parts.items()))
