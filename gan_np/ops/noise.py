"""Random numbers: bits from a seeded generator, made into normal numbers by a kernel."""

from __future__ import annotations

import math

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, DType, Shape
from gan_np.kernels import Problem


def standard_normal(rng: np.random.Generator, shape: Shape, dtype: DType) -> Array:
    """Independent N(0, 1) numbers of this shape, on the host: Box–Muller on the generator's raw bits.

    The same state of the generator gives the same numbers in float32 and float64, but for rounding; half as many words of 64
    bits as numbers are drawn.

    >>> import numpy as np, gan_np as gn
    >>> gn.ops.standard_normal(gn.arrays.generator(0), (2, 3), np.dtype(np.float32)).shape
    (2, 3)
    """
    count = math.prod(shape)
    words = -(-count // 2)
    out = np.empty(2 * words, dtype)
    if words:
        bits = np.asarray(rng.bit_generator.random_raw(words))
        kernels.select("normal", Problem("cpu", out.dtype, out.shape)).forward(bits, out)
    return out[:count].reshape(shape)
