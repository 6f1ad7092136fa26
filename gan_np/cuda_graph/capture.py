"""Training steps on a GPU: launched without waiting for the device, and after a few captured as one CUDA graph.

    step 1, 2        ordinary: kernels are compiled, memory is taken
    step 3           ordinary, on a tape: what the host draws and counts (gan_np/cuda_graph/tape.py)
    step 4 and on    captured once; then for each step the tape again, one copy, one launch of the graph

A graph repeats the same kernels on the same memory. So its arrays come from a pool that lives as long as it does, and the
versions of all vectors move before a capture and after each replay: what was prepared from weights outside the graph must
not be used in it, nor the other way round.
"""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Callable
from typing import Any

from gan_np import kernels
from gan_np.arrays import Array, module_of_device
from gan_np.ops import stacked
from gan_np.vectors import Vector

from .tape import Tape

WARM_UP = 2
DEBUG = "GAN_NP_CUDA_DEBUG"

Numbers = list[Array]
"""0-d arrays on the device."""


class DeviceSteps:
    """Runs one function, a whole step, again and again.

    function: computes the step and gives its outcome, 0-d arrays on `device`.
    vectors: all whose values a step changes.
    constants: all that a captured step has taken for constant, compared before each step; if it changed the step is captured
        anew.
    graph: False for never.
    """

    def __init__(
        self,
        function: Callable[[], Numbers],
        device: str,
        *,
        vectors: Callable[[], list[Vector]],
        constants: Callable[[], tuple[Any, ...]],
        abandon: Callable[[], None],
        graph: bool = True,
    ) -> None:
        self._function, self._device, self._vectors, self._constants = function, device, vectors, constants
        self._abandon = abandon
        self._cupy: Any = module_of_device(device)
        self.reason = _why_not(graph)
        """Why the step is not captured; None while it can be."""
        self._done = 0
        self._key: tuple[Any, ...] | None = None
        self._tape: Tape | None = None
        self._graph: Any = None
        self._report: Any = None
        self._pool: Any = None
        self._changed: list[Vector] = []
        """What a replay changes."""

    @property
    def captured(self) -> bool:
        """Return whether steps are replays of a captured graph."""
        return self._graph is not None

    def run(self) -> Array:
        """One step: its outcome as one vector on the device, which the next replay overwrites (see `captured`)."""
        key = (*self._constants(), kernels.forced_choices(), kernels.tuned_choices())
        if self._key is not None and not _same(key, self._key):
            self._forget()
        self._key = key
        if self._graph is None and self.reason is None and self._tape is not None:
            self._capture(self._tape)
        if self._graph is not None and self._tape is not None:
            self._tape.again()
            self._graph.launch()
            self._touch()
            replayed: Array = self._report
            return replayed
        if self.reason is None and self._done == WARM_UP:
            tape = Tape(self._device)
            with tape.recording():
                report = stacked(self._function())
            self._tape = tape
        else:
            report = stacked(self._function())
        self._done += 1
        return report

    def _capture(self, tape: Tape) -> None:
        cuda = self._cupy.cuda
        stream, pool = cuda.Stream(non_blocking=True), cuda.MemoryPool()
        self._changed = self._vectors()
        self._touch()
        failure: Exception | None = None
        with cuda.using_allocator(pool.malloc), stream:
            stream.begin_capture()
            try:
                with tape.playing():
                    report = stacked(self._function())
            except Exception as error:
                failure = error
            try:
                graph = stream.end_capture()
            except Exception as error:  # a capture that failed may not be ended either: the first reason counts
                failure = failure or error
        self._touch()
        if failure is not None:
            self._refuse(failure)
            return
        self._graph, self._report, self._pool = graph, report, pool

    def _refuse(self, failure: Exception) -> None:
        """Go on without a graph, and say why, once."""
        self._abandon()
        self._tape = None
        self.reason = f"{type(failure).__name__}: {failure}"
        warnings.warn(
            f"training steps are launched kernel by kernel, not as a CUDA graph: {self.reason} (--no-graph, or "
            "graph=False, if that is what you want)",
            RuntimeWarning,
            stacklevel=4,
        )

    def _touch(self) -> None:
        for vector in self._changed:
            vector.touch()

    def _forget(self) -> None:
        self._done, self._key, self._tape = 0, None, None
        self._graph, self._report, self._pool = None, None, None


def _why_not(graph: bool) -> str | None:
    if not graph:
        return "graph=False was asked for"
    if os.environ.get(DEBUG) == "1":
        return f"{DEBUG}=1 waits after every operation"
    return None


def _same(key: tuple[Any, ...], before: tuple[Any, ...]) -> bool:
    """Arrays must be the same objects: the graph knows their addresses."""
    if len(key) == len(before) and all(map(operator.is_, key, before)):  # nearly always
        return True
    return len(key) == len(before) and all(
        now is then or (not hasattr(now, "dtype") and now == then) for now, then in zip(key, before, strict=True)
    )
