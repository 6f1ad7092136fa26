"""`gan-np` run in this process: as a process of its own, without the second that Python and the imports take."""

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gan_np import registry
from gan_np.cli import main
from gan_np.runs import imported


class Done(NamedTuple):
    """What a command left, with the names of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def gan_np(*arguments: object, cwd: Path | None = None, columns: int = 80, **environment: str) -> Done:
    """Run a command in this process: its exit code and what it printed, as from a process of its own.

    An error that `main` does not expect is raised here. What a file of one's own registers (`--import`) is forgotten
    afterwards. Commands that get a signal, or draw on a terminal, run in a process of their own.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        _surroundings({"COLUMNS": str(columns), "NO_COLOR": "1", **environment}, arguments),
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _forgetting_imported_files(),
        warnings.catch_warnings(),
    ):
        _usual_warnings()
        code = 0
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
    printed = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return Done(code, *printed)


@contextlib.contextmanager
def _surroundings(variables: dict[str, str], arguments: tuple[object, ...]) -> Iterator[None]:
    """Variables of the environment and the words of the command, for a while."""
    before, words = {name: os.environ.get(name) for name in variables}, sys.argv
    os.environ.update(variables)
    sys.argv = ["gan-np", *map(str, arguments)]
    try:
        yield
    finally:
        sys.argv = words
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _forgetting_imported_files() -> Iterator[None]:
    """As if the files that are run meanwhile never were: what they register is known to nobody, and they run again."""
    kinds = registry._KINDS
    before, files, modules = {kind: set(found) for kind, found in kinds.items()}, [*imported._imported], {*sys.modules}
    try:
        yield
    finally:
        for kind, found in kinds.items():
            for name in set(found) - before.get(kind, set()):
                if not found[name].__module__.startswith("gan_np."):  # modules of the library register at their import
                    found.unregister(name)
        for file in imported._imported[len(files) :]:
            if Path(file).stem not in modules:
                sys.modules.pop(Path(file).stem, None)
        imported._imported[:] = files


def _usual_warnings() -> None:
    """Warnings as Python starts with them: here they are no errors."""
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
