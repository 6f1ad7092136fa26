"""The folder of a new run while it is trained: if nothing was trained, nothing of it stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .folder import RunFolder, discard, refuse_full
from .lock import LOCK, RunLock
from .signals import NOTHING, Interrupted, NothingTrained


@contextmanager
def new_place(out: Path, untrained: Callable[[], bool]) -> Iterator[Path]:
    """The folder for a new run, made where it is not there, its lock held inside the block.

    untrained: asked when an error or an interrupt ends the block: whether nothing was trained. Then what was written is
    removed, and the folder too if it was made here; a note on an interrupt says so. A training that stopped when it was
    asked to (`Interrupted`) can be gone on with.

    Raises:
        FileExistsError: the folder is there and not empty. BlockingIOError: another process is writing it.
    """
    made = not out.exists()
    place = RunFolder.make_place(out)
    try:
        with RunLock(place):
            refuse_full(place)  # once more: another process may have trained here before the lock was given
            try:
                yield place
            except BaseException as error:
                kept = isinstance(error, Interrupted) and not isinstance(error, NothingTrained)
                if not kept and untrained():
                    with suppress(OSError):
                        discard(place)
                        if made:
                            (place / LOCK).unlink()  # what waits for the lock sees that its file is gone
                    if isinstance(error, KeyboardInterrupt):
                        error.add_note(f"({NOTHING})")
                raise
    except BaseException:
        if made:
            with suppress(OSError):  # something was trained, or another process has put something there
                place.rmdir()
        raise
