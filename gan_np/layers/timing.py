"""How long each layer takes inside a `with` block: forward and pullback, without the layers inside it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from gan_np.kernels import Scoped

Result = TypeVar("Result")


class LayerTimes:
    """Calls and seconds by layer and direction. The same layer used in two places counts as one."""

    def __init__(self) -> None:
        self.calls: dict[tuple[int, str], int] = {}
        """(id of the layer, "forward" or "backward") → how often."""
        self.seconds: dict[tuple[int, str], float] = {}
        self.layers: dict[int, Any] = {}
        """Keeps each layer, so that its id stays its own."""
        self._inside: list[float] = []

    def timed(self, layer: Any, direction: str, call: Callable[[], Result]) -> Result:
        """What `call` gives; its time, less that of layers inside it, is added to the layer's."""
        key = id(layer), direction
        self.layers[id(layer)] = layer
        self._inside.append(0.0)
        started = time.perf_counter()
        try:
            return call()
        finally:
            taken = time.perf_counter() - started
            own = taken - self._inside.pop()
            if self._inside:
                self._inside[-1] += taken
            self.calls[key] = self.calls.get(key, 0) + 1
            self.seconds[key] = self.seconds.get(key, 0.0) + own


_active: Scoped[LayerTimes | None] = Scoped("gan_np_layer_times", None)
active = _active.get
"""Who measures here; None outside `time_layers`."""


@contextlib.contextmanager
def time_layers() -> Iterator[LayerTimes]:
    """Add up the time of every layer applied inside the `with` block, in this thread or task, and of its pullback."""
    found = LayerTimes()
    with _active.inside(found):
        yield found
