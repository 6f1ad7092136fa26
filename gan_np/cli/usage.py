"""What is wrong with a command line: one that cannot be meant ends with exit code 2 and names the option."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from gan_np import devices
from gan_np.distributed import started_by
from gan_np.runs.imported import import_file, place_in_imported
from gan_np.runs.suggestions import suggestions

from .output import say
from .together import ALONE, TOGETHER

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""Click's UsageError, which typer brings along in some versions and imports in others."""


def parameters_of(*parameters: inspect.Parameter) -> list[Any]:
    """Flags as a command has them, from annotated parameters."""

    def command() -> None: ...

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False)
    app.command()(command)
    made: Any = typer.main.get_command(app)
    return list(made.params)


class Command(TyperCommand):
    """A command that takes --import, and says which options may have been meant by one that is not there."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.params += parameters_of(
            inspect.Parameter(
                "imported",
                inspect.Parameter.KEYWORD_ONLY,
                default=[],
                annotation=Annotated[
                    list[str],
                    typer.Option(
                        "--import",
                        metavar="FILE",
                        expose_value=False,
                        show_default=False,
                        help="Run a Python file of yours first, which registers layers, models, objectives, … by name.",
                    ),
                ],
            )
        )

    def invoke(self, ctx: Any) -> Any:
        """Click's own, in one of several processes that mpiexec started."""
        started = None if ctx.info_name in TOGETHER else started_by()
        if started is not None and started.rank:
            return None
        if started is not None and ctx.info_name not in ALONE:
            say(f"{ctx.info_name}: works in one process; of the {started.size} that were started the others do nothing")
        return super().invoke(ctx)

    def prepare(self, args: list[str]) -> None:
        """What a command line decides before it is parsed: the files that it imports are run."""
        for file in values_in(args, "--import"):
            with checking_options():
                import_file(file)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Click's own, with better guesses: it compares letters alone, the dashes among them (--lr: --flip)."""
        self.prepare(args)
        words = list(args)  # which Click takes from the list as it parses them
        try:
            return super().parse_args(ctx, args)
        except USAGE_ERROR as error:
            if isinstance(error, typer.BadParameter):
                _name_value(error, words)
            given = getattr(error, "option_name", None)
            if isinstance(given, str) and given.startswith("--") and hasattr(error, "possibilities"):
                names = [text for parameter in self.params for text in parameter.opts if text.startswith("--")]
                known = {name[2:].replace("-", "_"): name for name in names}
                error.possibilities = [known[name] for name in suggestions(given[2:], list(known))]
            raise


def _name_value(error: typer.BadParameter, args: list[str]) -> None:
    """Add the value to a message about an option that does not have it ("Input should be a valid number")."""
    flags = () if error.param is None else error.param.opts
    values = [value for flag in flags for value in values_in(args, flag)]
    if values and not any(value in error.message for value in values):
        error.message = f"{error.message.rstrip('.')}, got {', '.join(map(repr, values))}"


def values_in(args: list[str], option: str) -> list[str]:
    """The values of an option in a command line that is not parsed yet."""
    found = []
    for index, word in enumerate(args):
        if word == option and index + 1 < len(args):
            found.append(args[index + 1])
        elif word.startswith(option + "="):
            found.append(word.removeprefix(option + "="))
    return found


@contextmanager
def checking_options(only: Collection[str] | None = None) -> Iterator[None]:
    """Around checks of options by themselves: what they find is a wrong command line.

    only: the options whose faults these are; other errors go on as they are.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if only is not None and str(error).partition(":")[0] not in only:
            raise
        where = place_in_imported(error)
        text = str(error)
        raise wrong_option(text if where is None or where in text else f"{text} ({where})") from error


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
