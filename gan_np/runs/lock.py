"""Two processes never write one run: a lock on a file in it, which the system frees however its holder ends."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from gan_np.files import write_atomically

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK, HOLDER = ".lock", ".lock-holder"
"""The file that is locked, and the one with the number of the process that holds it (on Windows a locked file cannot be
read)."""


class RunLock:
    """Held inside a `with` block.

    Raises:
        BlockingIOError: another process holds it; the message has its number.
        FileExistsError: what has the lock's name is a link, or no file: it is left alone.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path, self.holder = Path(folder) / LOCK, Path(folder) / HOLDER
        self._lock: BaseFileLock | None = None

    def __enter__(self) -> RunLock:
        from filelock import FileLock, Timeout

        self._refuse_other_files()
        lock = FileLock(self.path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise BlockingIOError(
                f"{self.path.parent}: process {self._held_by()} is writing this run; wait for it or choose another folder"
            ) from None
        try:
            write_atomically(self.holder, f"{os.getpid()}\n".encode())
        except BaseException:
            lock.release()
            raise
        self._lock = lock
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Freed; the lock's file stays (removing it would race with the next holder)."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self.holder.unlink()
            self._lock.release()
            self._lock = None

    def _refuse_other_files(self) -> None:
        """Locking opens the file for writing, which must not reach a file elsewhere through a link of either kind."""
        if os.path.lexists(self.path):
            state = self.path.lstat()
            if not stat.S_ISREG(state.st_mode) or state.st_nlink > 1:
                raise FileExistsError(f"{self.path}: expected a file of its own to lock, found a link; remove it")

    def _held_by(self) -> str:
        try:
            plain = stat.S_ISREG(self.holder.lstat().st_mode)
            return self.holder.read_text(encoding="utf-8", errors="replace")[:32].strip() if plain else "unknown"
        except OSError:
            return "unknown"
