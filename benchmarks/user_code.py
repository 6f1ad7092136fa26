"""Loading a person's own module, which registers kernels when it is imported."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path


def load(target: str) -> None:
    """Import `target`: a file (mine.py, folder/mine.py) or a module's name (package.mine).

    Numba starts threads when they are first needed; where it comes with `target` they start now, so that they can be held.

    Raises:
        ModuleNotFoundError: there is no such file or module. Errors inside it are its own.
    """
    before = "numba" in sys.modules
    _import(target)
    if "numba" in sys.modules and not before:
        sys.modules["numba"].get_num_threads()


def _import(target: str) -> None:
    if not target.endswith(".py"):
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        importlib.import_module(target)
        return
    path = Path(target)
    if not path.is_file():
        raise ModuleNotFoundError(f"import: there is no file {target!r}")
    name = f"benchmarks_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where pickle and dataclasses look
    spec.loader.exec_module(module)
