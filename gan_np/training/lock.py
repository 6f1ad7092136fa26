"""Two processes never write one run: a lock on a file in it, which the system frees however its holder ends."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType


class RunLock:
    """Held inside a `with` block.

    Raises:
        BlockingIOError: another process holds it; the message has its number.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / ".lock"
        self._handle: int | None = None

    def __enter__(self) -> RunLock:
        import fcntl

        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise BlockingIOError(
                f"{self.path.parent}: process {holder} is writing this run; wait for it or choose another folder"
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Freed; the file stays (removing it would race with the next holder)."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
