"""The benchmarks are no part of the installed package: they are found from the repository's root."""

import json
import sys
from pathlib import Path

import pytest

from gan_np import kernels

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.append(ROOT)


@pytest.fixture
def measured(tmp_path, capsys):
    """Run `python -m benchmarks …` in this process: exit code, the JSON it wrote, what it printed."""
    from benchmarks.__main__ import main

    def run(*arguments):
        file = tmp_path / "result.json"
        code = main([*arguments, "--json", str(file)])
        return code, json.loads(file.read_text(encoding="utf-8")), capsys.readouterr().out

    return run


@pytest.fixture
def own_kernel(tmp_path):
    """Write a file that registers a kernel; what it registers leaves the table after the test."""
    before = {(operation, entry.name) for operation in kernels.OPERATIONS for entry in kernels.entries(operation)}

    def write(code):
        file = tmp_path / "mine.py"
        file.write_text(code, encoding="utf-8")
        return str(file)

    yield write
    for operation in kernels.OPERATIONS:
        for entry in kernels.entries(operation):
            if (operation, entry.name) not in before:
                kernels.unregister_kernel(operation, entry.name)
