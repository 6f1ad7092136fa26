"""Blocks of random bits: Philox 4×32-10 (Salmon et al. 2011)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..reference.philox import MULTIPLIERS, ROUNDS, STEPS, WORD
from .compiled import device

# All of one type: Numba makes a float of an int64 and a uint64.
MASK, HALF, NONE = np.uint64(WORD), np.uint64(32), np.uint64(0)
FIRST, SECOND = np.uint64(MULTIPLIERS[0]), np.uint64(MULTIPLIERS[1])
LEFT, RIGHT = np.uint64(STEPS[0]), np.uint64(STEPS[1])


@device
def philox(key: Any, block: Any) -> Any:
    """The four words of a block, each a uint64 below 2³²; see `reference/philox.py`."""
    a, b, c, d = block & MASK, block >> HALF, NONE, NONE
    left, right = key & MASK, key >> HALF
    for _ in range(ROUNDS):
        one, other = FIRST * a, SECOND * c
        a, b = (other >> HALF) ^ b ^ left, other & MASK
        c, d = (one >> HALF) ^ d ^ right, one & MASK
        left, right = (left + LEFT) & MASK, (right + RIGHT) & MASK
    return a, b, c, d
