"""Recipes on several processes: each runs its share, the table is printed once."""

import threading
from pathlib import Path

import pytest

from benchmarks.papers import command
from gan_np.ranks import Ranks
from gan_np.thread_ranks import in_threads


def test_recipes_of_papers_are_shared_and_printed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own, made = threading.local(), []
    monkeypatch.setattr(command, "chosen_ranks", lambda: own.ranks)
    monkeypatch.setattr(command, "_perform", lambda recipe, job, folder: made.append((own.ranks.rank, job.case)))

    def main(ranks: Ranks) -> int:
        own.ranks = ranks
        return command.main(["ring", "--quick", "--cases", "gan,pac2,pac4", "--out", str(tmp_path)])

    assert in_threads(main, 2) == [0, 0]
    assert sorted(made) == [(0, "gan"), (0, "pac4"), (1, "pac2")]
    assert capsys.readouterr().out.count("mean ± standard error") == 1
