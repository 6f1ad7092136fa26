"""Pictures of few channels on the GPU with channels of zeros added (`sources/padding.cu`).

A pixel is then a chunk of 16 bytes, which one instruction copies; pixels of three numbers are copied number by number, and
working out where each lies had taken most of a convolution's time.
"""

from __future__ import annotations

from gan_np.arrays import Array

from ..geometry import Geometry
from .grids import over
from .launcher import launch, new
from .limits import LARGEST

CHANNELS = 4
"""Of float32 in a chunk."""


def pays(g: Geometry, precision: str) -> bool:
    """Whether the large picture is padded: its patches are then a third longer or more, which tensor cores do not mind."""
    return precision != "float32" and g.large[2] < CHANNELS and g.batch * g.large[0] * g.large[1] * CHANNELS <= LARGEST


def widened(g: Geometry) -> Geometry:
    """The geometry with the padded picture."""
    return g._replace(large=(*g.large[:2], CHANNELS))


def padded(array: Array, columns: int, wide: int) -> Array:
    """A C-contiguous array, seen as rows of so many numbers, as rows (rows, wide) that end in zeros; wide: whole chunks."""
    rows = array.size // columns
    to = new(array, (rows, wide))
    grid, block = over(to.size // (16 // to.itemsize))
    launch("padding.cu", "pad", grid, block, (array, to, rows, columns, wide), dtype=array.dtype)
    return to
