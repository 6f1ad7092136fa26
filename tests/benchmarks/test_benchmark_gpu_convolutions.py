"""`python -m benchmarks gpu_convolutions`, tried on the stand-in for CuPy. Its times mean nothing."""

import json

import pytest

from benchmarks.gpu import convolutions as gpu_convolutions


def test_every_contraction_at_every_precision_agrees(tmp_path, capsys):
    file, image = tmp_path / "found.json", tmp_path / "found.png"
    code = gpu_convolutions.main(["--pretend", "--quick", "--json", str(file), "--plot", str(image)])
    rows = json.loads(file.read_text(encoding="utf-8"))["runs"]
    assert code == 0
    assert len(rows) == 2 * 3 * 3
    assert all(0 <= row["error"] <= gpu_convolutions.ALLOWED[row["precision"]] for row in rows)
    assert any(row["error"] > 1e-4 for row in rows if row["precision"] == "tf32")  # it does round
    assert image.exists()
    assert "input gradient" in capsys.readouterr().out


def test_a_wrong_result_is_an_error(monkeypatch):
    monkeypatch.setattr(gpu_convolutions, "_difference", lambda found, exact: 0.5)
    assert gpu_convolutions.main(["--pretend", "--quick", "--precision", "tf32"]) == 1


def test_without_a_gpu_it_says_so(capsys):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu_convolutions, "cupy_for", _none)
        assert gpu_convolutions.main(["--quick"]) == 2
    assert "no GPU" in capsys.readouterr().out


def _none(device):
    raise gpu_convolutions.DeviceError("no GPU")
