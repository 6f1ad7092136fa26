"""The command line: `gan-np train`, `sample`, `show`, `evaluate`, `compare`, `neighbours`, `traverse`, `walk`, `explore`,
`invert`, `profile`, `tune`, `train-classifier`, `export`.

Exit codes: 0 done; 1 the work could not be done, the message says why; 2 the command line was wrong; 3 the training met
numbers that are not finite; 130 stopped by Ctrl-C, 143 by SIGTERM (with a checkpoint, where there is a run).
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .commands import Commands
from .output import say, show_warnings

app = typer.Typer(
    name="gan-np",
    cls=Commands,
    help="Train and use generative adversarial networks, with no framework underneath.",
    epilog="Exit codes: 0 done, 1 it could not be done, 2 wrong command line, 3 numbers not finite, 130/143 stopped.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from gan_np import __version__

        print(f"gan_np {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Train and use generative adversarial networks, with no framework underneath."""


EXPECTED = (ValueError, TypeError, OSError, RuntimeError, ModuleNotFoundError, ArithmeticError, MemoryError)


def main() -> None:
    """Entry point of `gan-np`: expected errors become one line on standard error and an exit code."""
    from gan_np.runs.imported import place_in_imported
    from gan_np.runs.signals import Interrupted

    show_warnings()
    try:
        app()
    except KeyboardInterrupt as error:
        say(" ".join(["interrupted", *getattr(error, "__notes__", [])]))
        sys.exit(130)
    except Interrupted as stop:
        say(str(stop))
        sys.exit(128 + stop.number)
    except Exception as error:
        where = place_in_imported(error)
        if where is None and not isinstance(error, EXPECTED):
            raise
        notes = " ".join(getattr(error, "__notes__", []))
        said = str(error) or type(error).__name__
        if where is not None and where not in said:
            said = f"{said if isinstance(error, EXPECTED) else f'{type(error).__name__}: {said}'} ({where})"
        say(f"gan-np: {said} {notes}".rstrip(), style="red")
        sys.exit(3 if isinstance(error, ArithmeticError) else 1)
