"""Python files of a user's own that are run for what they register, here and in the processes that are started from here."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path

_imported: list[str] = []


def import_file(name: str) -> None:
    """Run a Python file as a module of its name; a second time it is not run again.

    Raises:
        ValueError: there is no such file, or it fails; the message says how.
    """
    place = Path(name).resolve()
    if str(place) in _imported:
        return
    if not place.is_file():
        raise ValueError(f"import: there is no file {name!r}")
    spec = importlib.util.spec_from_file_location(place.stem, place)
    if spec is None or spec.loader is None:
        raise ValueError(f"import: expected a Python file, got {name!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(place.stem, module)
    _imported.append(str(place))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        said = f"import: {name} failed with {type(error).__name__}: {error}"
        where = None if isinstance(error, SyntaxError) else place_in_imported(error)  # whose message has the line
        raise ValueError(said if where is None else f"{said} ({where})") from error


def place_in_imported(error: BaseException) -> str | None:
    """Return "FILE, line N" of the innermost call in a file that was run here, through which an error came; else None.

    An error that was raised from another one came through the places of both.
    """
    cause: BaseException | None = error
    while cause is not None:
        for frame in reversed(traceback.extract_tb(cause.__traceback__)):
            if frame.filename in _imported:
                return f"{Path(frame.filename).name}, line {frame.lineno}"
        cause = cause.__cause__
    return None


def imported_files() -> tuple[str, ...]:
    """The files that were run, in their order: what another process has to run before it knows the same names."""
    return tuple(_imported)
