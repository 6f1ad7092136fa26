"""Convolution in groups on the GPU (`sources/grouped.cu`): each number is summed by the thread that writes it."""

from __future__ import annotations

from gan_np.arrays import Array

from ..geometry import Geometry
from ..interfaces import Into
from .grids import over
from .launcher import Destination, contiguous, launch, new
from .product import reduce_splits

SOURCE = "grouped.cu"
DEFINITIONS = {"float32": {}, "tf32": {"ROUNDED": 32}, "bf16": {"ROUNDED": 16}}
"""Precision → the macros of its variant."""
WANTED, MOST_SPLITS = 1 << 18, 64
"""Threads that fill a device, and copies of dw that are summed at most."""


class GroupedPlan:
    """The three sums of one geometry; its preparations are identities, but for the order of memory."""

    keeps_large = False
    keeps_small = False

    def __init__(self, geometry: Geometry, precision: str) -> None:
        self.geometry, self.definitions = geometry, DEFINITIONS[precision]
        g = geometry
        self._numbers = (g.batch, *g.large, *g.small, *g.kernel, *g.stride, *g.padding, g.groups)

    def prepare_weight(self, weight: Array) -> Array:
        """Return w in C order."""
        return contiguous(weight)

    def prepare_large(self, large: Array) -> Array:
        """Return a in C order."""
        return contiguous(large)

    def prepare_small(self, small: Array) -> Array:
        """Return b in C order."""
        return contiguous(small)

    def to_small(self, weight: Array, large: Array) -> Array:
        """Return ∂T/∂b."""
        return self._image("grouped_to_small", weight, large, self.geometry.small_shape)

    def to_large(self, weight: Array, small: Array) -> Array:
        """Return ∂T/∂a."""
        return self._image("grouped_to_large", weight, small, self.geometry.large_shape)

    def _image(self, kernel: str, weight: Array, image: Array, shape: tuple[int, ...]) -> Array:
        result = new(image, shape)
        arguments = (weight, image, result, result.size, *self._numbers)
        launch(SOURCE, kernel, *over(result.size), arguments, dtype=image.dtype, definitions=self.definitions)
        return result

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return ∂T/∂w; where w has few numbers, copies of it are summed over some images each, and then added up."""
        shape = self.geometry.weight_shape
        destination = Destination.of(into, large, shape)
        result, add = destination.array, destination.add
        wanted = max(1, min(self.geometry.batch, WANTED // result.size, MOST_SPLITS))
        share = -(-self.geometry.batch // wanted)
        splits = -(-self.geometry.batch // share)
        to = result if splits == 1 else new(large, (splits, *shape))
        (blocks,), threads = over(result.size)
        arguments = (large, small, to, result.size, *self._numbers, share, add and splits == 1)
        launch(
            SOURCE, "grouped_to_weight", (blocks, splits), threads, arguments,
            dtype=large.dtype, definitions=self.definitions,
        )  # fmt: skip
        if splits > 1:
            reduce_splits(to, splits, result, add, None)
        return destination.written()
