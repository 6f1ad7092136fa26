"""Convolution in groups on the GPU (`sources/grouped.cu`): a thread sums several numbers, each in a fixed order."""

from __future__ import annotations

from gan_np.arrays import Array

from ..geometry import Geometry
from ..interfaces import Into
from .alignment import pack_of
from .grids import over
from .launcher import Destination, contiguous, launch, new
from .product import reduce_splits

SOURCE = "grouped.cu"
DEFINITIONS = {"float32": {}, "tf32": {"ROUNDED": 32}, "bf16": {"ROUNDED": 16}}
"""Precision → the macros of its variant."""
COLUMNS = 4
"""Places of a row that a thread has sums of, as grouped.cu has it."""
WANTED, MOST_SPLITS = 1 << 17, 128
"""Threads that keep a device busy, and copies of dw that are summed at most."""


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
        g = self.geometry
        sets = -(-g.small[1] // COLUMNS)
        return self._image("grouped_to_small", weight, large, g.small_shape, sets)

    def to_large(self, weight: Array, small: Array) -> Array:
        """Return ∂T/∂a."""
        g = self.geometry
        places = -(-g.large[1] // g.stride[1])  # of a row, a stride apart
        sets = g.stride[1] * -(-places // COLUMNS)
        return self._image("grouped_to_large", weight, small, g.large_shape, sets)

    def _image(self, kernel: str, weight: Array, image: Array, shape: tuple[int, ...], sets: int) -> Array:
        """Return an image of `shape`, whose rows are divided into so many sets of places."""
        result = new(image, shape)
        pack = self._pack(weight, image, result)
        images, rows, _, channels = shape
        count = images * rows * sets * channels // pack
        arguments = (weight, image, result, count, *self._numbers, pack > 1)
        launch(SOURCE, kernel, *over(count), arguments, dtype=image.dtype, definitions=self.definitions)
        return result

    def _pack(self, *arrays: Array) -> int:
        """The channels of a group that a thread takes at once: 16 bytes, where both images' groups consist of them."""
        g = self.geometry
        groups = g.large[2] // g.groups, g.small[2] // g.groups
        return min(pack_of(channels, *arrays) for channels in groups)

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return ∂T/∂w; where w has few numbers, copies of it are summed over some rows of b each, and then added up."""
        g = self.geometry
        shape = g.weight_shape
        destination = Destination.of(into, large, shape)
        result, add = destination.array, destination.add
        pack = self._pack(large, small)
        count, rows = result.size // pack**2, g.batch * g.small[0]
        copies = min(
            WANTED // count, MOST_SPLITS, (large.size + small.size) // result.size
        )  # fewer numbers than are read
        share = -(-rows // max(1, min(rows, copies)))
        splits = -(-rows // share)
        to = result if splits == 1 else new(large, (splits, *shape))
        (blocks,), threads = over(count)
        arguments = (large, small, to, count, *self._numbers, pack > 1, share, add and splits == 1)
        launch(
            SOURCE, "grouped_to_weight", (blocks, splits), threads, arguments,
            dtype=large.dtype, definitions=self.definitions,
        )  # fmt: skip
        if splits > 1:
            reduce_splits(to, splits, result, add, None)
        return destination.written()
