"""One stage in a process of its own, so that it can be ended, and a GPU that it left in a bad state harms no other stage:

python -m benchmarks.gpu.apart STAGE SETTINGS.json RESULT.json
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan_np.devices import scope

from .processes import run, too_long
from .settings import Settings


def in_a_process(name: str, settings: Settings) -> dict[str, Any]:
    """Run the stage of this name in a process, and give what it gave."""
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "settings.json", Path(folder) / "result.json"
        numbers = settings._asdict() | {"out": str(settings.out.resolve()), "data": dict(settings.data)}
        given.write_text(json.dumps(numbers), encoding="utf-8")
        done = run([sys.executable, "-m", __name__, name, str(given), str(result)], settings.limit)
        if done is None:
            return too_long(settings.limit)
        if not result.exists():
            return {"state": "failed", "summary": (done.stderr or done.stdout)[-2000:]}
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return found


def main(arguments: Sequence[str]) -> int:
    """Run the stage here, on the device of its settings."""
    from .stages import STAGES

    name, given, result = arguments
    numbers = json.loads(Path(given).read_text(encoding="utf-8"))
    settings = Settings(**numbers)._replace(out=Path(numbers["out"]))
    with scope(settings.device):
        found = STAGES[name].run(settings)
    Path(result).write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
