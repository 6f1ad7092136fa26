"""What is wrong with a command line: one that cannot be meant ends with exit code 2 and names the option."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand

from gan_np import devices
from gan_np.runs.suggestions import suggestions

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""Click's UsageError, which typer brings along in some versions and imports in others."""


class Command(TyperCommand):
    """A command that says which options may have been meant by one that is not there."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Click's own, with better guesses: it compares letters alone, the dashes among them (--lr: --flip)."""
        try:
            return super().parse_args(ctx, args)
        except USAGE_ERROR as error:
            given = getattr(error, "option_name", None)
            if isinstance(given, str) and given.startswith("--") and hasattr(error, "possibilities"):
                names = [text for parameter in self.params for text in parameter.opts if text.startswith("--")]
                known = {name[2:].replace("-", "_"): name for name in names}
                error.possibilities = [known[name] for name in suggestions(given[2:], list(known))]
            raise


@contextmanager
def checking_options() -> Iterator[None]:
    """Around checks of options by themselves, before any file is read: what they find is a wrong command line."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise wrong_option(str(error)) from error


def wrong_option(message: str) -> typer.BadParameter:
    """For a message that begins with the argument's name and a colon, the error that names the option."""
    named = re.fullmatch(r"([a-z][a-z0-9_]*): (.*)", message, re.S)
    if named is None:
        return typer.BadParameter(message)
    return typer.BadParameter(named[2], param_hint=f"'--{named[1].replace('_', '-')}'")


def device_name(value: str) -> str:
    """An option's value, if it is the name of a device (whether there is one is seen when it is used)."""
    with checking_options():
        devices.parse(value)
    return value
