"""The command line: `gan-np train`, `sample`, `show`, `evaluate`, `compare`, `neighbours`, `traverse`, `walk`, `explore`,
`play`, `invert`, `profile`, `tune`, `train-classifier`, `export`.

Exit codes: 0 done; 1 the work could not be done, the message says why; 2 the command line was wrong; 3 the training met
numbers that are not finite; 130 stopped by Ctrl-C, 143 by SIGTERM (with a checkpoint, where there is a run).
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer

from .commands import Commands, CtrlC
from .output import hush, print_everything, say, show_warnings
from .together import is_for_another

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


class _Terminated(BaseException):
    """SIGTERM came where nothing else listens for it. No `Exception`, so that only what cleans up sees it."""


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does: half-written files and folders are removed. (A training saves first.)"""

    def stop(number: int, frame: object) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _lost_interrupts() -> list[threading.Timer]:
    """Return a list that is no longer empty once Ctrl-C arrived inside a Python function called from C, where Python cannot
    raise it. This happens while Numba compiles; the compilation then fails with an error of its own. Python's message about
    it is not printed. A timer, which is put into the list, sends the interrupt once more, so that a command in which nothing
    fails ends too; sent at once, it would arrive in the function that looks, where it would be lost again."""
    lost: list[threading.Timer] = []
    before = sys.unraisablehook

    def look(found: sys.UnraisableHookArgs) -> None:
        if issubclass(found.exc_type, KeyboardInterrupt):
            once_more = threading.Timer(0.2, _thread.interrupt_main)
            once_more.daemon = True
            lost.append(once_more)
            once_more.start()
        else:
            before(found)

    sys.unraisablehook = look
    return lost


def main() -> None:
    """Entry point of `gan-np`: expected errors become one line on standard error and an exit code."""
    from gan_np.runs.imported import place_in_imported
    from gan_np.runs.signals import Interrupted

    print_everything()
    if is_for_another(sys.argv[1:]):
        return
    show_warnings()
    lost = _lost_interrupts()
    try:
        with _ending_on_sigterm():
            app()
    except _Terminated:
        _leave("stopped by SIGTERM", 128 + signal.SIGTERM)
    except (CtrlC, KeyboardInterrupt) as error:
        _leave(" ".join(["interrupted", *error.args]), 130)
    except Interrupted as stop:  # all that train together leave so
        from gan_np.distributed import current

        say(str(stop), quiet=current().rank > 0)
        sys.exit(128 + stop.number)
    except Exception as error:
        if lost:
            for once_more in lost:
                once_more.cancel()
            _leave(" ".join(["interrupted", *getattr(error, "__notes__", [])]), 130)
        where = place_in_imported(error)
        if where is None and not isinstance(error, EXPECTED):
            raise
        notes = " ".join(getattr(error, "__notes__", []))
        said = str(error) or type(error).__name__
        if where is not None and where not in said:
            said = f"{said if isinstance(error, EXPECTED) else f'{type(error).__name__}: {said}'} ({where})"
        _leave(f"gan-np: {said} {notes}".rstrip(), 3 if isinstance(error, ArithmeticError) else 1, "red")
    except SystemExit as end:
        if end.code:
            from gan_np.distributed import current

            current().abort(int(end.code))  # what is wrong was said before
        raise


def _leave(message: str, code: int, style: str | None = None) -> NoReturn:
    """Say what went wrong and end; of several processes that train together all."""
    from gan_np.distributed import current, end_all

    hush(False)
    end_all(current(), lambda: say(message, style=style), code)
    sys.exit(code)
