"""A tuned choice: for each problem the kernel that was found fastest, kept in a file or a checkpoint.

It is a list of records, in JSON:

    {"operation": "conv2d", "device": "cpu", "dtype": "float32", "shape": [64, 32, 32, 64],
     "geometry": {"batch": 64, "large": [32, 32, 64], "small": [16, 16, 128], "kernel": [4, 4], "stride": [2, 2],
                  "padding": [1, 1]},
     "kernel": "winograd"}

The geometry of a grouped convolution has "groups" too, which is 1 where it is not said.

A file, made by `gan-np tune`, has it under "choices", beside a description of the machine that it was measured on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.printable import printable

from .geometry import Geometry
from .selection import OPERATIONS, Choices, Problem, entry

FORMAT = "gan_np tuned kernels"
VERSION = 1
LARGEST = 1 << 40


def to_records(choices: Choices) -> list[dict[str, Any]]:
    """Return the choices as plain values, for JSON."""
    return [
        {
            "operation": operation,
            "device": problem.device,
            "dtype": str(problem.dtype),
            "shape": list(problem.shape),
            "geometry": None if problem.geometry is None else _listed(problem.geometry),
            "kernel": name,
        }
        for (operation, problem), name in choices.items()
    ]


def from_records(records: Any, argument: str) -> dict[tuple[str, Problem], str]:
    """The choices of a list of records, each checked; `argument` is what errors call it.

    Raises:
        ValueError: not such a list, a kernel that is not there, or one that cannot do what it was chosen for.
    """
    if not isinstance(records, list):
        raise ValueError(f"{argument}: expected a list of choices, got {_shown(records)}")
    choices: dict[tuple[str, Problem], str] = {}
    for number, record in enumerate(records):
        place = f"{argument}: choice {number}"
        operation, problem, name = _record(record, place)
        try:
            reason = entry(operation, name).supports(problem)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        if reason is not None:
            raise ValueError(f"{place}: kernel {name!r} of {operation!r} cannot do {problem} here: {reason}")
        if choices.setdefault((operation, problem), name) != name:
            raise ValueError(f"{place}: a second kernel, {name!r}, for {operation!r} of {problem}")
    return choices


def read_tuned(path: str | Path, argument: str = "tuned") -> dict[tuple[str, Problem], str]:
    """The choices in a file of `gan-np tune`; `argument` is what errors call it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not such a file, or its choices cannot be followed here; the message says which and why.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{argument}: there is no file {str(path)!r} (gan-np tune makes one)")
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{argument}: {printable(path)} is not JSON that can be read: {printable(error)}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{argument}: {printable(path)} was not made by gan-np tune (its format is not {FORMAT!r})")
    if found.get("version") != VERSION:
        raise ValueError(
            f"{argument}: {printable(path)} has version {_shown(found.get('version'))}, this library reads {VERSION}"
        )
    return from_records(found.get("choices"), f"{argument}: {printable(path)}")


def read_tuned_machine(path: str | Path) -> dict[str, Any]:
    """The machine that a file of `gan-np tune` was made on, as it describes itself; empty where it does not."""
    found = json.loads(Path(path).read_text(encoding="utf-8")).get("machine")
    return found if isinstance(found, dict) else {}


def tuned_text(choices: list[dict[str, Any]], machine: Mapping[str, Any]) -> str:
    """A file's contents: records, which may say more than `from_records` reads, and where they come from."""
    about = {"format": FORMAT, "version": VERSION, "machine": dict(machine), "choices": choices}
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


def _listed(geometry: Geometry) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in geometry._asdict().items()
        if (name, value) != ("groups", 1)  # so that records of before are written as they were
    }


def _record(record: Any, place: str) -> tuple[str, Problem, str]:
    if not isinstance(record, Mapping):
        raise ValueError(f"{place}: expected an object, got {_shown(record)}")
    operation, name = (_text(record, key, place) for key in ("operation", "kernel"))
    if operation not in OPERATIONS:
        raise ValueError(f"{place}: operation: expected one of {', '.join(OPERATIONS)}, got {_shown(operation)}")
    device, dtype = (_text(record, key, place) for key in ("device", "dtype"))
    if device not in ("cpu", "cuda"):
        raise ValueError(f"{place}: device: expected 'cpu' or 'cuda', got {_shown(device)}")
    if dtype not in ("float32", "float64"):
        raise ValueError(f"{place}: dtype: expected 'float32' or 'float64', got {_shown(dtype)}")
    geometry = record.get("geometry")
    if (geometry is None) == (operation == "conv2d"):
        raise ValueError(f"{place}: geometry: expected for 'conv2d' and nothing else, got {_shown(geometry)}")
    shape = _sizes(record.get("shape"), None, 0, f"{place}: shape")
    return operation, Problem(device, np.dtype(dtype), shape, _geometry(geometry, f"{place}: geometry")), name


def _geometry(given: Any, place: str) -> Geometry | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) | {"groups"} != set(Geometry._fields):
        raise ValueError(f"{place}: expected an object with {', '.join(Geometry._fields)}, got {_shown(given)}")
    (batch,) = _sizes([given["batch"]], 1, 1, f"{place}: batch")
    large, small = (_sizes(given[name], 3, 1, f"{place}: {name}") for name in ("large", "small"))
    kernel, stride = (_sizes(given[name], 2, 1, f"{place}: {name}") for name in ("kernel", "stride"))
    padding = _sizes(given["padding"], 2, 0, f"{place}: padding")
    (groups,) = _sizes([given.get("groups", 1)], 1, 1, f"{place}: groups")
    if large[2] % groups or small[2] % groups:
        raise ValueError(f"{place}: groups: {large[2]} and {small[2]} channels do not divide into {groups} groups")
    return Geometry(
        batch, (large[0], large[1], large[2]), (small[0], small[1], small[2]),
        (kernel[0], kernel[1]), (stride[0], stride[1]), (padding[0], padding[1]), groups,
    )  # fmt: skip


def _sizes(value: Any, count: int | None, least: int, place: str) -> tuple[int, ...]:
    good = isinstance(value, list) and count in (None, len(value))
    if not good or not all(type(size) is int and least <= size <= LARGEST for size in value):
        number = "integers" if count is None else f"{count} integers"
        raise ValueError(f"{place}: expected {number} of at least {least}, got {_shown(value)}")
    return tuple(value)


def _text(record: Mapping[str, Any], key: str, place: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{place}: {key}: expected a text, got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    """Return the text of a value, cut to the length that fits in a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
