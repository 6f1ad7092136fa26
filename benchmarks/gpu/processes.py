"""Commands that a stage runs, each with its limit of time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run(command: list[str], limit: float) -> subprocess.CompletedProcess[str] | None:
    """Run a command from the repository's root; None if it took longer: it is then ended, with all that it started."""
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        start_new_session=True,  # so that those that it starts can be ended with it
    )
    with child:
        try:
            output, errors = child.communicate(timeout=max(limit, 0.1))
        except BaseException as error:  # a Ctrl-C too, which does not reach a session of its own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            child.communicate()
            return None
    return subprocess.CompletedProcess(command, child.returncode, output, errors)


def too_long(limit: float) -> dict[str, Any]:
    """The result of a stage that took longer than it may."""
    return {"state": "failed", "summary": f"took more than {limit:.0f} s"}
