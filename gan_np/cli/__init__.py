"""The command line: `gan-np train`, `sample`, `show`, `evaluate`, `neighbours`, `traverse`, `profile`, `tune`,
`train-classifier`, `export`.

Exit codes: 0 done; 1 the work could not be done, the message says why; 2 the command line was wrong; 3 the training met
numbers that are not finite; 130 stopped by Ctrl-C, 143 by SIGTERM (with a checkpoint, where there is a run).
"""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from gan_np.distributed import current, end_all

from .evaluate import evaluate
from .export import export
from .flags import ConfiguredCommand
from .neighbours import neighbours
from .output import say, show_warnings
from .profile import profile
from .sample import sample
from .show import show
from .train import train
from .train_classifier import train_classifier
from .traverse import traverse
from .tune import tune
from .usage import Command

app = typer.Typer(
    name="gan-np",
    help="Train and use generative adversarial networks, with no framework underneath.",
    epilog="Exit codes: 0 done, 1 it could not be done, 2 wrong command line, 3 numbers not finite, 130/143 stopped.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("train", cls=ConfiguredCommand)(train)
app.command("sample", cls=Command)(sample)
app.command("show", cls=Command)(show)
app.command("neighbours", cls=Command)(neighbours)
app.command("traverse", cls=Command)(traverse)
app.command("profile", cls=ConfiguredCommand)(profile)
app.command("tune", cls=ConfiguredCommand)(tune)
app.command("evaluate", cls=Command)(evaluate)
app.command("train-classifier", cls=Command)(train_classifier)
app.command("export", cls=Command)(export)

EXPECTED = (ValueError, TypeError, OSError, RuntimeError, ModuleNotFoundError, ArithmeticError, MemoryError)


def main() -> None:
    """Entry point of `gan-np`: expected errors become one line on standard error and an exit code."""
    from gan_np.runs.signals import Interrupted

    show_warnings()
    try:
        app()
    except KeyboardInterrupt as error:
        _leave(" ".join(["interrupted", *getattr(error, "__notes__", [])]), 130)
    except Interrupted as stop:  # all that train together leave so
        say(str(stop), quiet=current().rank > 0)
        sys.exit(128 + stop.number)
    except EXPECTED as error:
        notes = " ".join(getattr(error, "__notes__", []))
        message = f"gan-np: {str(error) or type(error).__name__} {notes}".rstrip()
        _leave(message, 3 if isinstance(error, ArithmeticError) else 1, "red")
    except SystemExit as end:
        if end.code:
            end_all(current(), lambda: None, int(end.code))
        raise


def _leave(message: str, code: int, style: str | None = None) -> NoReturn:
    """Say what went wrong and end; of several processes that train together all."""
    end_all(current(), lambda: say(message, style=style), code)
    sys.exit(code)
