"""A second process that compiles from the other end, while the first step on a new machine waits for its kernels.

Most of Numba's work is Python, which only another process can do at the same time. The process that needs kernels compiles
them in the order in which a training step meets them; this one goes through them the other way round and puts what it
compiles where the first one looks before it compiles anything itself (`cache.py`). They meet in the middle. No process waits
for the other, and neither needs it.

    python -m gan_np.kernels.cpu.warm        # may be run by hand, too
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import threads
from ..cases import convolution_geometry
from ..interfaces import Activation
from . import cache

VARIABLE = "GAN_NP_WARM"
"""0: no second process is started."""


def beside() -> None:
    """Start the second process, if no kernel was ever compiled here and there is a core for it."""
    alone = not hasattr(os, "posix_spawn") or not sys.executable or threads.count() < 2
    if alone or os.environ.get(VARIABLE, "1") == "0" or not _first():
        return
    environment = {**os.environ, VARIABLE: "0", "GAN_NP_NUM_THREADS": "1"}
    silence = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1, 2)]
    # Not a Popen: nobody waits for this process, and a Popen complains about that when it is collected.
    with contextlib.suppress(NotImplementedError, OSError):  # no setsid there, no process to be had: it is not needed
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "gan_np.kernels.cpu.warm"],
            environment,
            file_actions=silence,
            setsid=True,
        )


def _first() -> bool:
    """Whether no kernel was ever compiled here, and what is compiled can be kept for the other process."""
    try:
        new = not cache.folder().exists() and cache.shipped() is None
    except (OSError, RuntimeError):
        return False
    return new and not isinstance(cache.place(), str)


def main() -> None:
    """Run every kernel that a DCGAN's training step in float32 needs once, the last ones first."""
    for work in backwards(np.dtype(np.float32)):
        work()


def implementation(module: str, name: str) -> Any:
    """Make one of the implementations of this folder."""
    return getattr(importlib.import_module(f"{__package__}.{module}"), name)()


def backwards(dtype: Any) -> Iterator[Any]:
    """Functions that each run some of these kernels, the last one that a step needs first."""

    def ones(*shape: int) -> Any:
        return np.ones(shape, dtype)

    leaky = Activation("leaky_relu", 0.2)
    vector = [ones(64) for _ in range(4)]
    yield lambda: implementation("updates", "Adam").step(*vector, 1, 1e-3, 0.5, 0.999, 1e-8)
    # many images: each thread alone; few: all threads together
    plans = []
    for module, name, large, small in (
        ("winograd.plan", "Winograd", (256, 8, 8, 32), 32),
        ("winograd.plan", "Winograd", (2, 8, 8, 32), 32),
        ("few_channels.plan", "FewChannels", (2, 8, 8, 3), 32),
    ):
        geometry = convolution_geometry(large[0], large[1:], small, (4, 4), (2, 2), (1, 1))
        plan = implementation(module, name).plan(geometry)
        plans.append((plan, plan.prepare_weight(ones(*geometry.weight_shape)), geometry))
    for plan, _, geometry in plans:
        yield lambda p=plan, g=geometry: p.to_weight(ones(*g.large_shape), ones(*g.small_shape))
    norm = implementation("normalisation", "BatchNorm")
    image, channels = ones(2, 4, 4, 32), ones(32)
    yield lambda: norm.normalise(image, channels, channels, channels, channels, leaky)
    yield lambda: norm.backward(image, image, image, *[channels] * 4, leaky)
    for plan, weight, geometry in plans:
        yield lambda p=plan, w=weight, g=geometry: p.to_small(w, ones(*g.large_shape))
    activation = implementation("activation", "BiasActivation")
    yield lambda: activation.backward(image, image, leaky, True)
    dense = implementation("dense", "Dense")
    for columns in (1, 64):
        x, w, dz = ones(8, 64), ones(64, columns), ones(8, columns)
        yield lambda x=x, dz=dz: dense.weight_gradient(x, dz)
        yield lambda w=w, dz=dz: dense.input_gradient(dz, w)
    softplus = implementation("losses", "Softplus")
    yield lambda: (softplus.forward(channels), softplus.derivative(channels))
    yield lambda: activation.forward(image, channels, leaky)
    for plan, weight, geometry in plans:
        yield lambda p=plan, w=weight, g=geometry: p.to_large(w, ones(*g.small_shape))
    yield lambda: norm.forward(image, channels, channels, 1e-5, leaky)


if __name__ == "__main__":
    main()
