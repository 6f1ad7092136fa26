"""Debug synchronisation: errors of a GPU, which are reported late, are raised by the operation that caused them.

A kernel only starts when it is called; if it fails, some later call reports it. With GAN_NP_CUDA_DEBUG=1 in the environment
the host waits after every operation on a GPU, so that the error is that operation's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from gan_np.arrays import array_module, on_host

from .proxy import Proxy

ENVIRONMENT = "GAN_NP_CUDA_DEBUG"


class DeviceFailure(RuntimeError):
    """Work on a GPU failed; the message names the operation, its kernel and the method."""


def synchronised(operation: str, name: str, implementation: Any) -> Any:
    """An implementation for a GPU as it is, or one that waits after each of its methods where the switch is on."""
    if os.environ.get(ENVIRONMENT) != "1":
        return implementation

    def wait_after(method: str, call: Callable[[], Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            result = call()
            _wait(arguments)
        except Exception as error:
            if not type(error).__name__.startswith(("CUDA", "CUBLAS")):
                raise
            raise DeviceFailure(f"{operation}, kernel {name!r}, {method}: failed on the device: {error}") from error
        return result

    return Proxy(implementation, wait_after)


def _wait(arguments: tuple[Any, ...]) -> None:
    """Until the device of the first array has done all its work."""
    for argument in arguments:
        if hasattr(argument, "dtype") and hasattr(argument, "device") and not on_host(argument):
            module: Any = array_module(argument)
            module.cuda.runtime.deviceSynchronize()
            return
