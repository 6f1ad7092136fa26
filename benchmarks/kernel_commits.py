"""Two commits of the library measured in turn: each in a git worktree of its own, A B A B …, so that both see the same
disturbances.

The rounds of all turns of a commit are put together; then as for two files (`kernel_compare.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import kernel_compare, report

ROOT = Path(__file__).parents[1]
TURNS = 3
OWN = {
    "--commits": 2,
    "--turns": 1,
    "--csv": 1,
    "--markdown": 1,
    "--gate": 1,
    "--json": 1,
    "--plot": 1,
    "--roofline": 1,
}
"""Options that are this command's and not those of the runs that it starts, and how many values follow them."""


def command(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """`--commits A B`: 1 where a row of B is slower than `--gate` allows.

    Raises:
        ValueError: an unknown commit, or one whose benchmarks cannot be run.
    """
    names = list(options.commits)
    hashes = [_git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", what=name) for name in names]
    passed = without_own(arguments)
    with tempfile.TemporaryDirectory() as folder:
        trees = [Path(folder) / side for side in ("a", "b")]
        try:
            for tree, found in zip(trees, hashes, strict=True):
                _git("worktree", "add", "--detach", "--quiet", str(tree), found, what=found)
            results = in_turn(trees, options.turns, lambda tree, turn: _measured(tree, passed, Path(folder), turn))
        finally:
            for tree in trees:
                subprocess.run(
                    ["git", "-C", str(ROOT), "worktree", "remove", "--force", str(tree)],
                    capture_output=True,
                    check=False,
                )
    if options.json:
        sides = {
            name: {"commit": found, "rows": rows}
            for name, found, rows in zip(("old", "new"), hashes, results, strict=True)
        }
        options.json.write_text(
            json.dumps({"benchmark": "kernels --commits", **sides}, indent=2) + "\n", encoding="utf-8"
        )
    return kernel_compare.finish(options, kernel_compare.judge(*results), names)


def without_own(arguments: Sequence[str]) -> list[str]:
    """What is handed on to the runs."""
    left, kept = list(arguments), []
    while left:
        word = left.pop(0)
        name, equals, _ = word.partition("=")
        if name not in OWN:
            kept.append(word)
        elif not equals:
            del left[: OWN[name]]
    return kept


def in_turn(
    trees: Sequence[Path], turns: int, measured: Callable[[Path, int], list[dict[str, Any]]]
) -> list[list[dict[str, Any]]]:
    """A B A B …; of each tree its rows with the rounds of all turns."""
    found: list[list[dict[str, Any]]] = [[] for _ in trees]
    for turn in range(turns):
        for side, tree in enumerate(trees):
            report.status(f"turn {turn + 1} of {turns}: {'AB'[side]}")
            found[side] = merged(found[side], measured(tree, turn))
    report.status("")
    return found


def merged(before: Sequence[dict[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose rounds are those of both; rows that only one has stay as they are."""
    rows = {tuple(row.get(name) for name in kernel_compare.KEY): dict(row) for row in before}
    for row in now:
        key = tuple(row.get(name) for name in kernel_compare.KEY)
        old = rows.get(key)
        rows[key] = {**row, "rounds": [*((old or {}).get("rounds") or []), *(row.get("rounds") or [])]}
    return list(rows.values())


def _measured(tree: Path, arguments: Sequence[str], folder: Path, turn: int) -> list[dict[str, Any]]:
    """One run of today's benchmark on the library of a worktree."""
    out = folder / f"{tree.name}-{turn}.json"
    # The benchmark is today's, the library that of the commit: `gan_np` and `kernels` are linked beside it.
    stage = folder / f"run-{tree.name}"
    if not stage.exists():
        stage.mkdir()
        (stage / "gan_np").symlink_to(tree / "gan_np")
        (stage / "benchmarks").symlink_to(ROOT / "benchmarks")
    done = subprocess.run(
        [sys.executable, "-c", START, str(stage), str(tree / "kernels"), *arguments, "--json", str(out)],
        cwd=stage,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if not out.exists():
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise ValueError(f"commits: the benchmark could not be run on {tree.name.upper()}: {lines[-1]}")
    rows: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))["rows"]
    return rows


START = """
import importlib.machinery, importlib.util, sys
root, kernels, *arguments = sys.argv[1:]
sys.path.insert(0, root)

class Beside:
    def find_spec(self, name, path=None, target=None):
        if name != "gan_np.kernels":
            return None
        return importlib.util.spec_from_file_location(name, kernels + "/__init__.py", submodule_search_locations=[kernels])

sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
sys.meta_path.insert(0, Beside())
from benchmarks.kernels import main
sys.exit(main(arguments))
"""
"""Starts the benchmark on another library than the installed one. (arguments: folder, its kernels, options.)"""


def _git(*arguments: str, what: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip() or "git knows no such commit"
        raise ValueError(f"commits: {what!r}: {reason}")
    return done.stdout.strip()
