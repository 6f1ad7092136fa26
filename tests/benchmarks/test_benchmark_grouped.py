"""`python -m benchmarks grouped` runs, and says so where numbers differ."""

import json

import numpy as np
import pytest

from benchmarks import grouped, peers
from benchmarks.__main__ import main


def test_alone(tmp_path, capsys):
    path = tmp_path / "grouped.json"
    assert main(["grouped", "--quick", "--peer", "none", "--repeats", "1", "--json", str(path)]) == 0
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert len(rows) == 3 * len(grouped.QUICK)
    assert {row["kernel"] for row in rows} == {"grouped", "depthwise", "pointwise"}
    assert "must: 1.0 times as fast as PyTorch" in capsys.readouterr().out


@pytest.mark.skipif(not peers.installed("torch"), reason="PyTorch is not installed")
def test_numbers_that_differ_are_found(monkeypatch):
    monkeypatch.setattr(grouped, "QUICK", grouped.QUICK[:1])
    arguments = ["grouped", "--quick", "--repeats", "1"]
    assert main(arguments) == 0
    theirs = grouped._in_torch

    def other(shape, large, small, weight, threads):
        return theirs(shape, large, small, np.flip(weight, axis=3).copy(), threads)

    monkeypatch.setattr(grouped, "_in_torch", other)
    assert main(arguments) == 1
