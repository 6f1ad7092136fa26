"""`python -m benchmarks equal_minutes`: each contestant for a moment, measured as time passes; what is there stays."""

import importlib.util
import json

import numpy as np
import pytest

from benchmarks.equal_minutes import FIGURES, POINTS, main


def test_two_contestants_for_a_moment(tmp_path, capsys):
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4
    images = rng.integers(0, 60, (200, 8, 8, 1), np.uint8)
    images[np.arange(200), 2 * labels] += 190
    np.savez(tmp_path / "bars.npz", images=images, labels=labels)
    given = ["--data", str(tmp_path / "bars.npz"), "--minutes", "0.0005", "--seeds", "0", "--count", "30", "--quick"]
    given += ["--out", str(tmp_path / "out"), "--contestants", "dense,r3gan-digits"]
    assert main(given) == 0
    printed = capsys.readouterr().out
    for name in ("dense", "r3gan-digits"):
        record = json.loads((tmp_path / "out" / f"{name}-0.json").read_text())
        assert record["steps"] >= POINTS
        assert [point["step"] for point in record["history"]][-1] == record["steps"]
        assert set(FIGURES) <= set(record["history"][0])
        assert f"cosine(0.006, 0.0003, {record['steps']})" in str(record["config"]) or name == "dense"
        assert name in printed
    before = (tmp_path / "out" / "dense-0.json").read_text()
    plotted = [] if importlib.util.find_spec("matplotlib") is None else ["--plot", str(tmp_path / "curves.png")]
    assert main([*given, *plotted]) == 0
    assert not plotted or (tmp_path / "curves.png").stat().st_size > 5000
    assert (tmp_path / "out" / "dense-0.json").read_text() == before


def test_labels_are_needed(tmp_path):
    np.save(tmp_path / "plain.npy", np.zeros((30, 8, 8, 1), np.uint8))
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path / "plain.npy"), "--out", str(tmp_path / "out")])


def test_processor_time_is_that_of_one_thread(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gan_np.kernels.threads.count", lambda: 2)
    np.savez(tmp_path / "some.npz", images=np.zeros((30, 8, 8, 1), np.uint8), labels=np.arange(30) % 2)
    given = ["--data", str(tmp_path / "some.npz"), "--out", str(tmp_path / "out"), "--processor-time"]
    with pytest.raises(SystemExit):
        main(given)
    assert "expected one thread, whose processor time is the time that a step takes, got 2" in capsys.readouterr().err
