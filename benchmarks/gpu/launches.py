"""How many kernels a training step launches on a GPU: those of our launcher, and CuPy's own.

What a step does is counted while it is captured as a CUDA graph: every kernel becomes a node, whoever launches it. The same
step launched one by one has the same kernels, and one copy for each thing that the host draws in place of one for all.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

from gan_np.cuda_graph.tape import Draw
from gan_np.training import Trainer

STEPS = 8
"""A step is captured after fewer, if it can be (`gan_np.cuda_graph.capture`)."""

Nodes = Callable[[Any], int]
"""A stream that is capturing → nodes of its graph so far."""


class Launches(NamedTuple):
    """The number of kernels that one step launches."""

    ours: int
    """Kernels of kernels/cuda."""
    others: int
    """CuPy's own kernels and copies on the device."""
    copies: int
    """To the device when launched one by one: images' numbers, noise, learning rates. Captured, it is one."""

    @property
    def launched(self) -> int:
        """Calls that launch something when nothing is captured; a replay is one."""
        return self.ours + self.others + self.copies

    def numbers(self) -> dict[str, int]:
        """For JSON."""
        return {**self._asdict(), "launched": self.launched}


def count(trainer: Trainer, nodes: Nodes) -> Launches:
    """Run a fresh trainer, with graph=True, until its step is captured; the forced kernels are the caller's.

    Raises:
        RuntimeError: the step cannot be captured, or the driver does not say what it captured; the message has the reason.
    """
    cupy: Any = importlib.import_module("cupy")
    launcher: Any = importlib.import_module("gan_np.kernels.cuda.launcher")
    ours = 0
    seen: list[int] = []
    refused: list[Exception] = []
    run, end_capture = launcher._run, cupy.cuda.Stream.end_capture

    def counted(*arguments: Any) -> None:
        nonlocal ours
        ours += 1
        run(*arguments)

    def ended(stream: Any) -> Any:
        try:
            seen.append(nodes(stream))
        except (RuntimeError, OSError, AttributeError) as error:  # raised here it would end the capture, not the count
            refused.append(error)
        return end_capture(stream)

    with mock.patch.object(launcher, "_run", counted), mock.patch.object(cupy.cuda.Stream, "end_capture", ended):
        while not trainer.captured and trainer.steps < STEPS:
            ours = 0
            trainer.step()
    tape = None if trainer._on_device is None else trainer._on_device.steps._tape
    if not trainer.captured or tape is None:
        raise RuntimeError(f"launches cannot be counted, the step is not captured: {trainer.graph_reason}")
    if refused:
        raise RuntimeError(f"launches cannot be counted: {refused[0]}") from refused[0]
    copies = sum(isinstance(work, Draw) for work in tape._work)
    return Launches(ours, seen[0] - ours, copies)


def graph_nodes(stream: Any) -> int:
    """Nodes of the graph that a CuPy stream is capturing, asked of the driver (CuPy keeps no graph to ask later).

    Raises:
        RuntimeError: the driver refuses; the message has the error's number.
    """
    driver = ctypes.CDLL("libcuda.so.1")
    status, number, graph = ctypes.c_int(), ctypes.c_uint64(), ctypes.c_void_p()
    where = ctypes.c_void_p(stream.ptr)
    found = (ctypes.byref(status), ctypes.byref(number), ctypes.byref(graph))
    _asked("cuStreamGetCaptureInfo_v2", driver.cuStreamGetCaptureInfo_v2(where, *found, None, None))
    nodes = ctypes.c_size_t()
    _asked("cuGraphGetNodes", driver.cuGraphGetNodes(graph, None, ctypes.byref(nodes)))
    return nodes.value


def _asked(name: str, error: int) -> None:
    if error:
        raise RuntimeError(f"{name}: the driver gave error {error}")
