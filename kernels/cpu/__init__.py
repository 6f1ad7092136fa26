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


for _operation, _module, _name in (
    ("bias_activation", "activation", "BiasActivation"),
    ("batch_norm", "normalisation", "BatchNorm"),
    ("layer_norm", "normalisation", "LayerNorm"),
    ("maxout", "maxout", "Maxout"),
    ("average_pool", "resampling", "AveragePool"),
    ("upsample_nearest", "resampling", "UpsampleNearest"),
    ("upsample_bilinear", "resampling", "UpsampleBilinear"),
    ("softplus", "losses", "Softplus"),
    ("softmax_cross_entropy", "losses", "SoftmaxCrossEntropy"),
    ("sgd", "updates", "Sgd"),
    ("adam", "updates", "Adam"),
    ("rmsprop", "updates", "Rmsprop"),
    ("average", "updates", "Average"),
):
    _register(_operation, _module, _name, 0.5)
