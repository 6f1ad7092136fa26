"""Other libraries beside the kernels, method by method, where they are installed: NumPy and SciPy, PyTorch, onnxruntime."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.kernels import Case

from . import peers
from .kernel_calls import Call, calls
from .kernel_work import Amount

PEERS = {"scipy": "scipy", "torch": "torch", "onnxruntime": "onnxruntime"}
"""Name for --peer → the module that must be installed. Each has a module `peers/NAME_ops.py`."""

Made = dict[str, tuple[Callable[[], Any], Callable[[Any], list[Array]]]]
"""Method → (what is timed, its result as the kernels give it)."""


def peer_calls(
    case: Case, arrays: list[Array], dtype: np.dtype[Any], options: argparse.Namespace, threads: int
) -> Iterator[tuple[str, Call, list[Array]]]:
    """(name, one call, its results) of every library that has the operation; libraries that are not installed are left
    out."""
    wanted = PEERS if options.peer == "all" else [options.peer]
    amounts: dict[str, Amount] | None = None
    for name in wanted:
        if not peers.installed(PEERS[name]):
            continue
        module: Any = importlib.import_module(f".peers.{name}_ops", __package__)
        made: dict[str, Made] = module.methods(case, arrays, threads)
        for variant, found in made.items():
            if amounts is None:
                amounts = _amounts(case, arrays, dtype)
            if variant != name and options.peer == "all":
                continue  # a library's slower ways to do the same, only where it is asked for by name
            for method, (run, to_numpy) in found.items():
                yield variant, Call(method, run, amounts[method]), to_numpy(run())


def _amounts(case: Case, arrays: list[Array], dtype: np.dtype[Any]) -> dict[str, Amount]:
    from gan_np import kernels

    reference = kernels.entry(case.operation, "reference").implementation
    return {call.method: call.amount for call in calls(case, "reference", reference, arrays, dtype)}
