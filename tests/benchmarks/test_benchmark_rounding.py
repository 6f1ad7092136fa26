"""The command that says how far float32 takes a step runs, and its float64 oracle is no stranger."""

import pytest

from benchmarks import rounding


def test_a_quick_run(capsys):
    pytest.importorskip("torch", reason="PyTorch is the oracle")
    assert rounding.main(["--quick", "--kernels", "reference", "direct"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["torch", "reference", "direct"]
    for line in lines[1:]:
        gradient = float(line.split("gradient of G ")[1].split()[0])
        assert 1e-8 < gradient < 0.1, line


def test_without_pytorch(monkeypatch, capsys):
    monkeypatch.setattr(rounding.peers, "installed", lambda name: False)
    assert rounding.main(["--quick"]) == 2
    assert "PyTorch is not installed" in capsys.readouterr().out
