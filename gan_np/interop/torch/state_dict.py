"""The parameters of a PyTorch model, module by module."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import shown
from gan_np.files import regular

Modules: TypeAlias = "dict[str, dict[str, Array]]"
"""Parameters by the name of their module and their own; of spectral normalisation "weight" is the one before it, with "u"
and "v" beside it."""

_PARTS = {
    "parametrizations.weight.original": "weight",
    "parametrizations.weight.0._u": "u",
    "parametrizations.weight.0._v": "v",
    "weight_orig": "weight",
    "weight_u": "u",
    "weight_v": "v",
}
"""The two ways in which PyTorch writes spectral normalisation."""


def read(source: Any) -> Modules:
    """The modules of a state_dict, of a model or of a file, in their order.

    Raises:
        FileNotFoundError, ValueError, TypeError: not such a thing, see `load_torch`.
    """
    if isinstance(source, str | Path):
        source = _from_file(Path(source))
    elif callable(getattr(source, "state_dict", None)):
        source = source.state_dict()
    if not isinstance(source, Mapping):
        raise TypeError(f"source: expected a state_dict, a module of PyTorch or a file, got {shown(source)}")
    if nested := [str(name) for name, value in source.items() if isinstance(value, Mapping)]:
        raise ValueError(
            f"source: expected a state_dict, got one of several things with {', '.join(map(repr, nested[:5]))}; give the "
            "state_dict that is meant of them"
        )
    found: Modules = {}
    for full, value in source.items():
        module, own = _split(str(full).removeprefix("module."))  # nn.DataParallel
        found.setdefault(module, {})[own] = _array(str(full), value)
    for name, parts in found.items():
        if "weight_g" in parts or any(own.startswith("parametrizations.") for own in parts):
            raise ValueError(
                f"source: {name!r} has parameters {', '.join(map(repr, parts))}, of a parametrisation that is not known "
                "(spectral normalisation is); remove it in PyTorch first"
            )
    if not found:
        raise ValueError("source: the state_dict is empty")
    return found


def _split(full: str) -> tuple[str, str]:
    """The name of the module, and of the parameter in it."""
    for ending, own in _PARTS.items():
        if full == ending or full.endswith(f".{ending}"):
            return full[: -len(ending)].rstrip("."), own
    if (at := full.find("parametrizations.")) >= 0 and (at == 0 or full[at - 1] == "."):
        return full[:at].rstrip("."), full[at:]
    module, _, own = full.rpartition(".")
    return module, own


def _array(name: str, value: Any) -> Array:
    """A tensor of PyTorch, or an array, as an array on the host."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float().numpy() if str(value.dtype) == "torch.bfloat16" else value.numpy()
    if not isinstance(value, np.ndarray):
        raise TypeError(f"source: {name!r}: expected a tensor, got {shown(value)}")
    return value


def _from_file(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return _from_safetensors(path)
    if suffix in (".pth", ".pt", ".bin", ".ckpt"):
        return _from_pickle(path)
    raise ValueError(f"source: expected a file that ends in .safetensors or .pth, got {str(path)!r}")


def _from_safetensors(path: Path) -> dict[str, Array]:
    """Read without PyTorch. The format does not keep the order of a state_dict: names are in alphabetical order, numbers in
    them by size."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(regular(path), framework="numpy") as opened:
            if "gan_np" in (opened.metadata() or {}):
                raise ValueError("a file of gan_np itself, open it with gan_np.load")
            names = sorted(opened.keys(), key=_by_number)
            kinds = {name: opened.get_slice(name).get_dtype() for name in names}
            for name, kind in kinds.items():
                if kind not in ("F16", "F32", "F64", "I64", "I32"):
                    raise ValueError(f"{name!r} is {kind}; save it as float32")
            return {name: opened.get_tensor(name) for name in names}
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"source: {path} cannot be read: {error}") from error


def _by_number(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)|\.", name) if part]


def _from_pickle(path: Path) -> Any:
    """Read by PyTorch with weights_only=True, so that nothing in the file is executed."""
    regular(path)
    try:
        torch = importlib.import_module("torch")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"source: {path} can only be read by PyTorch: install it, or save the state_dict as .safetensors there"
        ) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or foreign file fails in many ways
        first = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"source: {path} cannot be read as weights alone (save module.state_dict() in PyTorch): {first}"
        ) from error
