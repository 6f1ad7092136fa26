"""What an example says whose packages are not installed."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_cartoon_faces_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["cartoon_faces.py", "--count", "1", "--out", str(tmp_path / "faces.npz")])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"dicebear, .* not installed: python -m pip install .*\[faces\]"):
        runpy.run_path(str(EXAMPLES / "cartoon_faces.py"), run_name="__main__")
    assert not list(tmp_path.iterdir())
