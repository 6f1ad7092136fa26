"""hints.jsonl of a run: one JSON object a line with "step", "hint" (its name) and "text"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gan_np.bounds import COUNT, fields, text, whole
from gan_np.files import naming, regular, write_atomically

FILE = "hints.jsonl"
_LARGEST = 1 << 24
_HINT = fields({"step": whole(0, COUNT), "hint": text(), "text": text()})


def add_hint(folder: Path, step: int, name: str, found: str) -> None:
    """Append a hint to the file."""
    with naming(folder / FILE), (folder / FILE).open("a", encoding="utf-8", newline="\n") as file:
        file.write(_line({"step": step, "hint": name, "text": found}))


def read_hints(folder: str | Path) -> list[dict[str, Any]]:
    """The hints of a run, each with "step", "hint" and "text"; lines that are none are left out."""
    try:
        lines = regular(Path(folder) / FILE, _LARGEST).read_text(encoding="utf-8", errors="replace").split("\n")
    except (FileNotFoundError, ValueError):
        return []
    found = []
    for line in lines:
        try:
            hint = json.loads(line)
            _HINT("line", hint)
        except (ValueError, TypeError, RecursionError):
            continue
        found.append(hint)
    return found


def keep_hints(folder: Path, step: int) -> None:
    """Drop the hints of steps that lie behind the checkpoint with which a run goes on."""
    hints = read_hints(folder)
    kept = [hint for hint in hints if hint["step"] <= step]
    if len(kept) < len(hints):
        write_atomically(folder / FILE, "".join(map(_line, kept)).encode())


def _line(hint: dict[str, Any]) -> str:
    return json.dumps(hint, ensure_ascii=False) + "\n"
