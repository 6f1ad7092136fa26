"""Errors of a GPU, which come late, brought home to the operation that caused them: a switch for debugging.

A kernel only starts when it is called; if it fails, some later call reports it. With GAN_NP_CUDA_DEBUG=1 in the environment
the host waits after every operation on a GPU, so that the error is that operation's.
"""

from __future__ import annotations

import os
from typing import Any

from gan_np.arrays import array_module, on_host

ENVIRONMENT = "GAN_NP_CUDA_DEBUG"


class DeviceFailure(RuntimeError):
    """Work on a GPU failed; the message names the operation, its kernel and the method."""


class _Attributed:
    """An implementation (or a plan) after each of whose methods the host waits; everything passes through."""

    def __init__(self, inner: Any, operation: str, name: str) -> None:
        self._inner, self._operation, self._name = inner, operation, name

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not callable(method):
            return method

        def call(*arguments: Any, **options: Any) -> Any:
            try:
                result = method(*arguments, **options)
                _wait(arguments)
            except Exception as error:
                if not type(error).__name__.startswith(("CUDA", "CUBLAS")):
                    raise
                raise DeviceFailure(
                    f"{self._operation}, kernel {self._name!r}, {name}: failed on the device: {error}"
                ) from error
            return _Attributed(result, self._operation, self._name) if name == "plan" else result

        return call


def attributed(operation: str, name: str, implementation: Any) -> Any:
    """An implementation for a GPU as it is, or one that waits after each of its methods where the switch is on."""
    if os.environ.get(ENVIRONMENT) != "1":
        return implementation
    return _Attributed(implementation, operation, name)


def _wait(arguments: tuple[Any, ...]) -> None:
    """Until the device of the first array has done all its work."""
    for argument in arguments:
        if hasattr(argument, "dtype") and hasattr(argument, "device") and not on_host(argument):
            module: Any = array_module(argument)
            module.cuda.runtime.deviceSynchronize()
            return
