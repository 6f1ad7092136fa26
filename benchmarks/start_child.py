"""A fresh process that trains its first step and says what each part of the way took; asked by `cold_start.py`."""

from __future__ import annotations

import time

BEGUN = time.monotonic()
"""Before anything else is imported."""

import importlib  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

LATER = 5


def main(request: dict[str, Any]) -> None:
    """Import, build, first step, some more."""
    ours = request["side"] == "gan_np"
    started = time.perf_counter()
    importlib.import_module("gan_np" if ours else "torch")
    imported = time.perf_counter() - started

    started = time.perf_counter()
    from . import children, players

    modules = time.perf_counter() - started if ours else 0.0  # gan_np.training and what it imports
    side = players.build(request)
    losses, seconds = [], []
    for _ in range(1 + LATER):
        started = time.perf_counter()
        losses.append(side.step())
        seconds.append(time.perf_counter() - started)
    found: dict[str, Any] = {
        "interpreter": BEGUN - request["asked"],
        "import": imported,
        "build": modules + side.seconds,
        "first_step": seconds[0],
        "later_step": statistics.median(seconds[1:]),
        "losses": losses,
    }
    found["to_first_step"] = sum(found[part] for part in ("interpreter", "import", "build", "first_step"))
    found["compiler"] = "numba" in sys.modules  # whether there is anything to keep
    if not ours:
        found["agreement"] = players.compared(request)
    children.answer(found)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
