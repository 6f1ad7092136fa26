"""What is measured of a run at its end, kept beside it, so that it is measured once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_np.evaluation.figures import measure_run
from gan_np.evaluation.report import plain
from gan_np.files import write_atomically
from gan_np.runs.opened import steps_done
from gan_np.runs.run_figures import FIGURES, read_measured

from .plan import Plan


def measured_of(place: Path, plan: Plan) -> Mapping[str, Any] | None:
    """What was measured of a run as it is now, in the way that the plan asks for; None where that was not done."""
    found = read_measured(place / FIGURES)
    asked = {"count": plan.count, "read_by": plan.read_by, "steps": steps_done(place)}
    return found if all(found.get(name) == value for name, value in asked.items()) else None


def measure(
    place: Path, plan: Plan, device: str, *, progress: bool, tell: Callable[[str], None] | None
) -> Mapping[str, Any]:
    """Measure a run, and write down what was found."""
    figures, facts, by_network = measure_run(
        place, count=plan.count, features=plan.features, device=device, progress=progress, tell=tell
    )
    found = {
        "count": plan.count,
        "read_by": plan.read_by,
        "by_network": by_network,
        "steps": steps_done(place),
        "facts": facts,
        "figures": figures,
    }
    text = json.dumps(plain(found), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(place / FIGURES, (text + "\n").encode())
    return found


def numbers(measured: Mapping[str, Any]) -> dict[str, float]:
    """The figures among what was measured, as far as they are numbers."""
    return {
        key: float(value)
        for key, value in measured["figures"].items()
        if isinstance(value, int | float) and math.isfinite(value)
    }
