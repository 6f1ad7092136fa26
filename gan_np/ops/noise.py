"""Random numbers: a key from a seeded generator, made into numbers by kernels, on the device where they are wanted."""

from __future__ import annotations

import math

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, DType, Shape, empty
from gan_np.devices import CPU
from gan_np.host import drawn
from gan_np.rows import RowsOfBatch

from .pullback import problem


def fresh_key(rng: np.random.Generator, device: str = CPU) -> int | Array:
    """One word of 64 bits from `rng`, the key of a Philox 4×32 stream; off the host an array of one uint64 on the device.

    A captured step finds a new key there at each replay, and kernels make the numbers where they are used.
    """
    if device == CPU:
        return int(rng.bit_generator.random_raw())
    return drawn(lambda: np.array([rng.bit_generator.random_raw()], np.uint64), device)


def standard_normal(rng: np.random.Generator, shape: Shape, dtype: DType, device: str = CPU) -> Array:
    """Independent N(0, 1) numbers of this shape: Box–Muller on the bits of a counter-based generator.

    One word of 64 bits is drawn from `rng`, whatever the shape; it is the key of a Philox 4×32 stream of its own, whose
    blocks threads make in any order. The same state of `rng` gives the same numbers in any dtype and on any
    device, but for rounding.

    >>> import numpy as np, gan_np as gn
    >>> gn.ops.standard_normal(gn.arrays.generator(0), (2, 3), np.dtype(np.float32)).shape
    (2, 3)
    """
    own = math.prod(shape)
    key = fresh_key(rng, device)
    out = empty(own, dtype, device)
    if not own:
        return out.reshape(shape)
    chosen = kernels.choose("normal", problem(out))
    ranks, first = (rng.size, rng.rank * own) if isinstance(rng, RowsOfBatch) else (1, 0)
    if not first:
        chosen.implementation.forward(key, out)
    elif "first" in chosen.features and first % BLOCK == 0:
        chosen.implementation.forward(key, out, first // BLOCK)
    else:
        whole = empty(own * ranks, dtype, device)
        kernels.select("normal", problem(whole)).forward(key, whole)
        out = whole[first : first + own]
    return out.reshape(shape)


BLOCK = 4
"""Numbers that a block of random bits gives: of a whole batch's a part is made alone where it begins with a block."""
