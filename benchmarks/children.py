"""Fresh processes: a module of this folder in a new interpreter, which is asked in JSON and answers in JSON.

What a process keeps from earlier work (memory taken, modules imported, code compiled) is in no later one's numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import report
from .timing import Spread

ROOT = Path(__file__).parents[1]
LINES_OF_AN_ERROR = 15

Answer = dict[str, Any]


def ask(
    module: str, request: Mapping[str, Any], environment: Mapping[str, str], launcher: Sequence[str] = ()
) -> Answer:
    """Run `benchmarks.<module>` as a process of its own; its answer is the last line that it prints.

    environment: variables beside this process's own. launcher: what starts the interpreter, as in mpiexec -n 2.

    Raises:
        RuntimeError: the process failed; the message ends with what it said.
    """
    given = json.dumps({**request, "asked": time.monotonic()})
    done = subprocess.run(
        [*launcher, sys.executable, "-m", f"benchmarks.{module}", given],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LINES_OF_AN_ERROR:])
        raise RuntimeError(f"benchmarks.{module} ended with {done.returncode} when asked {given}:\n{said}")
    answer: Answer = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def answer(content: Answer) -> None:
    """A child's last line."""
    print(json.dumps(content), flush=True)


def rounds(repeats: int, asks: Mapping[str, Callable[[], Answer]]) -> dict[str, list[Answer]]:
    """The answers of all, asked in turn, `repeats` times over."""
    found: dict[str, list[Answer]] = {name: [] for name in asks}
    for number in range(1, repeats + 1):
        for name, run in asks.items():
            report.status(f"round {number} of {repeats}: {name}")
            found[name].append(run())
    report.status("")
    return found


def spread(answers: list[Answer], key: str) -> Spread:
    """Quartiles of one number over the rounds."""
    return Spread.of([answer[key] for answer in answers])


def quotient(above: list[Answer], below: list[Answer], key: str) -> Spread:
    """One side's number divided by another's, round by round."""
    return Spread.of([over[key] / under[key] for over, under in zip(above, below, strict=True)])
