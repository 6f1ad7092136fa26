"""What importing the library costs, and which way imports go."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("numba", "scipy", "cupy", "PIL", "rich", "matplotlib", "typer", "safetensors", "pooch", "mlxtend", "tomli_w")


def test_import_loads_numpy_and_nothing_heavier() -> None:
    code = f"import sys, gan_np; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_sampling_without_training_loads_the_kernels_and_nothing_heavier() -> None:
    others = tuple(name for name in HEAVY if name not in ("numba", "scipy"))  # Numba looks for SciPy itself
    code = (
        "import sys, gan_np as gn; gn.models.dcgan((8, 8, 1), 4, width=2).sample(2);"
        f"print([name for name in {others} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_kernels_folder_refuses_its_bare_name(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import kernels"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert "gan_np.kernels" in done.stderr


# Each room may import itself and what stands before it.
ROOMS = [
    {"arrays", "bounds", "checks", "devices", "files", "folders", "host", "printable"},
    {"kernels"},
    {"ops"},
    {"vectors", "layers"},
    {"networks"},
    {"objectives", "schedules", "optimizers", "averaging"},
    {"cuda_graph"},
    {"data", "models"},
    {"training", "latent", "evaluation", "testing"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0] if parts[0] == "kernels" else parts[1]


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module == "gan_np":
                found |= {alias.name for alias in node.names}
            elif node.module.startswith("gan_np."):
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("gan_np.")}
    return found & set(LEVEL)


SOURCES = [
    path
    for folder in ("gan_np", "kernels")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != ROOT / "gan_np" / "__init__.py"
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    level = LEVEL[room_of(path)]
    above = {room for room in imported_rooms(path) if LEVEL[room] > level}
    assert not above, f"{room_of(path)} may not know {above}"


def test_every_room_is_in_the_order() -> None:
    assert {room_of(path) for path in SOURCES} <= set(LEVEL)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_arrays_and_cuda_kernels_name_cupy(path: Path) -> None:
    names = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    allowed = path.name in ("arrays.py", "devices.py") or "cuda" in path.parts
    assert allowed or "cupy" not in names
