"""Random numbers: a key from a seeded generator, made into normal numbers by a kernel."""

from __future__ import annotations

import math

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, DType, Shape
from gan_np.kernels import Problem


def standard_normal(rng: np.random.Generator, shape: Shape, dtype: DType) -> Array:
    """Independent N(0, 1) numbers of this shape, on the host: Box–Muller on the bits of a counter-based generator.

    One word of 64 bits is drawn from `rng`, whatever the shape; it is the key of a Philox 4×32 stream of its own, whose
    blocks threads make in any order. The same state of `rng` gives the same numbers in any dtype, but for rounding.

    >>> import numpy as np, gan_np as gn
    >>> gn.ops.standard_normal(gn.arrays.generator(0), (2, 3), np.dtype(np.float32)).shape
    (2, 3)
    """
    out = np.empty(math.prod(shape), dtype)
    key = int(rng.bit_generator.random_raw())
    if out.size:
        kernels.select("normal", Problem("cpu", out.dtype, out.shape)).forward(key, out)
    return out.reshape(shape)
