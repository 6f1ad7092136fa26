"""The rule for tests that need a GPU: skipped with a reason, or failed with --require-gpu; run in a pytest of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

EXAMPLE = """
import sys

import pytest

sys.modules["cupy"] = None  # as if it were not installed


@pytest.mark.gpu
def test_on_gpu():
    pass


def test_elsewhere():
    pass
"""


@pytest.mark.parametrize(
    ("options", "summary"), [([], "1 passed, 1 skipped"), (["--require-gpu"], "1 passed, 1 error")]
)
def test_without_a_gpu(tmp_path, options, summary):
    (tmp_path / "conftest.py").write_text((HERE / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_example.py").write_text(EXAMPLE, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu: needs one\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--color=no", *options, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert summary in result.stdout
    assert "needs CuPy" in result.stdout
    assert result.returncode == (1 if options else 0)
