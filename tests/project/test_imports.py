"""What importing the library costs, and which way imports go."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    *("numba", "scipy", "cupy", "PIL", "rich", "matplotlib", "typer", "safetensors", "pooch", "mlxtend", "tomli_w"),
    *("onnx", "torch"),
)


def loaded_by(code: str) -> list[str]:
    """Names of all modules that are loaded in a new process after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_import_loads_what_is_used_and_nothing_heavier() -> None:
    modules = loaded_by("import gan_np")
    assert {name for name in modules if name.startswith("gan_np")} == {"gan_np", "gan_np.lazy"}
    assert not set(HEAVY) & set(modules)


def test_building_a_model_loads_no_sources_of_data_no_cases_of_kernels_and_no_training() -> None:
    modules = set(loaded_by("import gan_np as gn; gn.models.dcgan((8, 8, 1), 4, width=2)"))
    assert "gan_np.models.dcgan" in modules
    assert not {*HEAVY, "gan_np.data.sources", "gan_np.kernels.cases", "gan_np.training", "gan_np.runs"} & modules


@pytest.mark.parametrize("room", ["gan_np", "gan_np.data", "gan_np.kernels", "gan_np.runs"])
def test_a_room_that_loads_names_when_used_offers_all_that_type_checkers_see(room: str) -> None:
    module = importlib.import_module(room)
    tree = ast.parse(Path(str(module.__file__)).read_text())
    for_checkers = next(
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {
        name.asname or name.name
        for node in for_checkers.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert seen
    assert seen <= set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"module '{room}' has no attribute 'nothing'"):
        _ = module.nothing


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


# Each room may import itself and what stands before it, wherever in a file the import stands: at its top, inside a function,
# for type checkers only.
ROOMS = [
    {
        "arrays",
        "bounds",
        "checks",
        "constructors",
        "devices",
        "durations",
        "expressions",
        "files",
        "folders",
        "host",
        "lazy",
        "notebook",
        "printable",
        "ranks",
        "registry",
        "rows",
        "thread_ranks",
    },
    {"kernels"},
    {"ops"},
    {"vectors", "layers"},
    {"networks"},
    {"schedules"},
    {"objectives", "penalties", "optimizers", "averaging"},
    {"cuda_graph"},
    {"testing"},
    {"data"},
    {"display"},
    {"models"},
    {"metrics"},
    {"distributed"},
    {"training"},
    {"runs"},
    {"latent"},
    {"evaluation"},
    {"sweeps"},
    {"interop"},
    {"explore"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0] if parts[0] == "kernels" else parts[1]


def name_of(path: Path) -> str:
    """The module's full name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = ("gan_np", *parts) if parts[0] == "kernels" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(code: str, module: str, is_package: bool, modules: Collection[str]) -> set[str]:
    """All modules among `modules` that a module's code imports."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                found.add(inner if inner in modules else source)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(modules) - {module}


def circles(imports: Mapping[str, set[str]]) -> list[set[str]]:
    """Modules that import each other in a circle, each circle as a set (Tarjan's strongly connected components)."""
    order, low, waiting, found = {}, {}, [], []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        waiting.append(module)
        for other in sorted(imports.get(module, ())):
            if other not in order:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in waiting:
                low[module] = min(low[module], order[other])
        if low[module] == order[module]:
            place = waiting.index(module)
            circle = set(waiting[place:])
            del waiting[place:]
            if len(circle) > 1:
                found.append(circle)

    for module in sorted(imports):
        if module not in order:
            visit(module)
    return found


SOURCES = [
    path
    for folder in ("gan_np", "kernels")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != ROOT / "gan_np" / "__init__.py"
]
ALL = [*SOURCES, *sorted((ROOT / "benchmarks").rglob("*.py"))]
NAMES = {name_of(path) for path in ALL}


def imports_of(path: Path) -> set[str]:
    return imported(path.read_text(encoding="utf-8"), name_of(path), path.name == "__init__.py", NAMES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    rooms = {name.split(".")[1] for name in imports_of(path)}
    above = {room for room in rooms if LEVEL[room] > LEVEL[room_of(path)]}
    same = {room for room in rooms if LEVEL[room] == LEVEL[room_of(path)]}
    assert not above, f"{room_of(path)} may not know {above}"
    assert len(ROOMS[LEVEL[room_of(path)]]) > 1 or same <= {room_of(path)}


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles({name_of(path): imports_of(path) for path in ALL}) == []


@pytest.mark.parametrize(
    "code",
    [
        "from .b import x",
        "from . import b",
        "import gan_np.a.b",
        "def f():\n    from gan_np.a.b import x",
        "if TYPE_CHECKING:\n    from gan_np.a import b",
    ],
)
def test_a_circle_is_found_wherever_the_import_stands(code: str) -> None:
    """The negative control: `gan_np.a.b` imports `gan_np.a.c`, which imports it again in one way or another."""
    modules = {"gan_np.a", "gan_np.a.b", "gan_np.a.c"}
    sources = {"gan_np.a": "from . import b", "gan_np.a.b": "from .c import y", "gan_np.a.c": code}
    found = circles({name: imported(text, name, name == "gan_np.a", modules) for name, text in sources.items()})
    assert found == [{"gan_np.a.b", "gan_np.a.c"}]


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
