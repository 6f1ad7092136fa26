"""Kernels for the processor, compiled by Numba when first used; registered under the name "numba".

This file imports nothing heavy: what is registered here are stand-ins that load the real implementation at the first call.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import os
import warnings
from collections.abc import Callable
from typing import Any

from .. import reference  # noqa: F401  (registers itself, so that it comes first in the table)
from ..table import OPERATIONS, Problem, register_kernel

NAME = "numba"


@functools.cache
def unusable() -> str | None:
    """Why compiled kernels cannot be used here, or None. Said once, as a warning, since everything is slower without."""
    reason = None
    if importlib.util.find_spec("numba") is None:
        reason = "Numba is not installed"
    elif os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        reason = "NUMBA_DISABLE_JIT is set"
    if reason is not None:
        warnings.warn(f"gan_np computes with NumPy alone, several times slower: {reason}", RuntimeWarning, stacklevel=2)
    return reason


def supports(problem: Problem) -> str | None:
    """Arrays in main memory, where Numba can be used."""
    if problem.device != "cpu":
        return f"computes on the processor, the arrays lie on {problem.device}"
    return unusable()


def winograd_supports(problem: Problem) -> str | None:
    """Phases of 2, 3 or 4 taps along both axes, and channels that fill lines."""
    reason = supports(problem)
    if reason is not None or problem.geometry is None:
        return reason
    (kh, kw), (sh, sw) = problem.geometry.kernel, problem.geometry.stride
    taps = -(-kh // sh), -(-kw // sw)
    if taps[0] != taps[1] or taps[0] not in (2, 3, 4):
        return f"the {sh}×{sw} phases of a {kh}×{kw} kernel have {taps[0]}×{taps[1]} taps, needed 2×2, 3×3 or 4×4"
    panel = 128 // problem.dtype.itemsize
    channels, wide = problem.geometry.small[2], sh * sw * problem.geometry.large[2]
    if channels % panel or wide % panel or problem.geometry.large[2] % (panel // 2):
        return f"{problem.geometry.large[2]} and {channels} channels do not fill panels of {panel} columns"
    return None


class StandIn:
    """An implementation's methods, with the protocol's signatures; the module is imported at the first call."""

    def __init__(self, operation: str, module: str, name: str) -> None:
        protocol = OPERATIONS[operation]
        for method, function in inspect.getmembers(protocol, inspect.isfunction):
            if not method.startswith("_"):
                setattr(self, method, self._forward(module, name, method, function))

    def _forward(self, module: str, name: str, method: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            implementation = getattr(importlib.import_module(f"{__name__}.{module}"), name)()
            real = getattr(implementation, method)
            setattr(self, method, real)  # from now on without this detour
            return real(*arguments, **options)

        signature = inspect.signature(function)
        call.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=list(signature.parameters.values())[1:]
        )
        return call


def _register(operation: str, module: str, name: str, cost: Callable[[Problem], float] | float) -> None:
    register_kernel(operation, NAME, StandIn(operation, module, name), supports=supports, cost=cost)


_register("dense", "dense", "Dense", 0.5)
register_kernel("conv2d", "direct", StandIn("conv2d", "direct.plan", "Direct"), supports=supports)
register_kernel("conv2d", "winograd", StandIn("conv2d", "winograd.plan", "Winograd"), supports=winograd_supports)
