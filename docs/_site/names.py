"""The public names of the library, room by room: what `__all__` says, or what stands in the file without an underscore."""

import ast
import inspect
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import gan_np

ROOMS = {
    "models": ["models"],
    "distributed": ["distributed", "ranks"],
    "training-and-runs": ["runs", "training", "training.hints"],
    "data": ["data"],
    "layers": ["layers"],
    "networks": ["networks"],
    "objectives": ["objectives", "penalties", "schedules", "optimizers", "averaging"],
    "operations": ["ops", "arrays", "devices", "checks", "registry", "cuda_graph", "display"],
    "metrics": ["metrics"],
    "evaluation": ["evaluation", "sweeps"],
    "latent": ["latent"],
    "explore": ["explore"],
    "interop": ["interop", "interop.onnx", "interop.torch"],
    "kernels": ["kernels"],
    "testing": ["testing"],
}
"""Pages of the reference, and the modules whose names each has."""


def module_of(room):
    """The module gan_np.ROOM."""
    found = gan_np
    for part in room.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            __import__(f"{found.__name__}.{part}")
            found = getattr(found, part)
    return found


def names_of(room):
    """The public names of a module, in alphabetical order, capitals first."""
    module = module_of(room)
    names = getattr(module, "__all__", None)
    if names is None:
        names = _written_in(module)
    return sorted(names)


def _written_in(module):
    found = []
    for node in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
    return [name for name in found if not name.startswith("_") and not isinstance(getattr(module, name), TypeVar)]


def spelled(room, name):
    """As users write it: gan_np.NAME where the library itself offers the name, gan_np.ROOM.NAME otherwise."""
    if name in gan_np.__all__ and getattr(gan_np, name) is getattr(module_of(room), name):
        return f"gan_np.{name}"
    return f"gan_np.{room}.{name}"


def kind_of(thing):
    """ "module", "class", "function" or "data"."""
    if isinstance(thing, ModuleType):
        return "module"
    if inspect.isclass(thing):
        return "class"
    return "function" if inspect.isroutine(thing) else "data"


def text_after(room, name):
    """The string under an assignment to a name, in the module or in one of its folder; None where there is none."""
    module = module_of(room)
    file = Path(module.__file__)
    for node in ast.parse(file.read_text(encoding="utf-8")).body:  # under another name where it was made
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            name = alias.name if alias.asname == name else name
    files = sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
    for candidate in files:
        body = ast.parse(candidate.read_text(encoding="utf-8")).body
        for node, following in pairwise(body):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            targets = [one for target in targets for one in getattr(target, "elts", [target])]
            if (
                isinstance(node, ast.Assign | ast.AnnAssign)
                and any(isinstance(target, ast.Name) and target.id == name for target in targets)
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
                and isinstance(following.value.value, str)
            ):
                return inspect.cleandoc(following.value.value)
    return None


def everything():
    """(room, name, object) of every public name; one that two rooms offer comes once, with the first."""
    seen = set()
    for rooms in ROOMS.values():
        for room in rooms:
            for name in names_of(room):
                thing = getattr(module_of(room), name)
                if spelled(room, name) not in seen:
                    seen.add(spelled(room, name))
                    yield room, name, thing
