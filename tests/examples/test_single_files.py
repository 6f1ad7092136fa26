"""The examples of one file run to their end, with a few steps."""

import runpy
import sys
from pathlib import Path

import pytest

from gan_np.models.registered import GANS, MODELS, TRAINING

EXAMPLES = Path(__file__).parents[2] / "examples"
LEAVES = {
    "own_images.py": ["own-images.png", "runs/own-images/samples.png"],
    "points.py": ["points.png"],
    "conditional.py": ["by-label.png"],
    "table.py": ["rows.csv"],
    "many_processes.py": ["many-processes.png"],
    "on_a_gpu.py": ["on-a-gpu.png"],
    "own_model.py": ["smooth.png", "smooth.safetensors"],
}


@pytest.mark.parametrize("name", LEAVES)
def test_it_runs_and_leaves_its_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    few = {name: ["--width", "2"] for name in ("conditional.py", "many_processes.py", "on_a_gpu.py")} | {
        "own_images.py": ["--count", "60", "--discs", "120"],
    }
    monkeypatch.setattr(sys, "argv", [name, "--steps", "3", *few.get(name, [])])
    known = {registry: set(registry) for registry in (GANS, MODELS)}
    try:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    finally:
        for registry, names in known.items():
            for added in set(registry) - names:
                registry.unregister(added)
                TRAINING.pop(added, None)
    assert [file for file in LEAVES[name] if not (tmp_path / file).exists()] == []
    assert EXAMPLES.joinpath(name).read_text().startswith('"""')
