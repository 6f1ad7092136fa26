"""A machine without a GPU that pretends to have one: the stand-in for CuPy of the tests, to try commands on.

The CUDA sources run on the processor there, at sizes of a few images; times mean nothing.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import launches

TESTS = Path(__file__).parents[2] / "tests"
CAPACITY = 1 << 36
"""Bytes of the pretended device: what is never touched takes no memory."""


class Where(NamedTuple):
    """On what a benchmark of a GPU runs."""

    device: str
    """The device of this library's arrays."""
    torch_device: str
    """The device of PyTorch's tensors."""
    compiled: str
    """How PyTorch compiles."""
    nodes: launches.Nodes


def on_gpu(device: str) -> Where:
    """Return the device of a machine that has a GPU."""
    return Where(device, device, "max-autotune", launches.graph_nodes)


def asked_for(device: str, *, pretend: bool, idle: bool = False) -> contextlib.AbstractContextManager[Where]:
    """The stand-in with --pretend, else the GPU of this name."""
    return on_stand_in(idle=idle) if pretend else contextlib.nullcontext(on_gpu(device))


@contextlib.contextmanager
def on_stand_in(*, idle: bool = False) -> Iterator[Where]:
    """Inside, the stand-in is in place of CuPy, and PyTorch computes on the processor.

    idle: its kernels do nothing, so that launches can be counted at any size.

    Raises:
        RuntimeError: there is no compiler for the sources; afterwards, a kernel wrote outside its memory.
    """
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    import pytest
    from standin.install import install, source_runner

    runner = _Idle if idle else source_runner()
    if runner is None:
        raise RuntimeError("pretend: the CUDA sources run on the processor through g++, which is not installed")
    with pytest.MonkeyPatch.context() as patch:
        world = install(patch, raw_module=runner, capacity=CAPACITY)
        if idle:  # what no kernel writes must not be NaN, with which training ends
            patch.setattr("standin.memory.POISON", 0)
        yield Where("cuda", "cpu", "eager", lambda stream: len(world.capture[1]))
    if world.damage:
        raise RuntimeError(f"pretend: {world.damage}")


class _Idle:
    """A module whose kernels take arguments and do nothing."""

    max_dynamic_shared_size_bytes = 1 << 20

    def __init__(self, *, code: str, options: tuple[str, ...] = ()) -> None:
        pass

    def get_function(self, name: str) -> _Idle:
        """Return a function for any name."""
        return self

    def __call__(self, grid: Any, block: Any, values: Any, *, shared_mem: int = 0) -> None:
        pass
