"""Philox 4×32 with ten rounds (Salmon, Moraes, Dror and Shaw 2011: "Parallel random numbers: as easy as 1, 2, 3")."""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
STEPS = 0x9E3779B9, 0xBB67AE85
"""What is added to the key after each round: the golden ratio and √3 − 1, as fractions of 2³²."""
ROUNDS, WORD = 10, 0xFFFFFFFF


def philox(xp: Any, counter: tuple[Array, Array, Array, Array], key: int | Array) -> tuple[Array, Array, Array, Array]:
    """The blocks of these counters: four arrays of uint64 below 2³² in, four out.

    key: 64 bits, the lower half first; an array of one uint64 where it lies on a device.

    One round, with high and low the halves of a product of 64 bits:

        c₀, c₁, c₂, c₃  ←  high(M₁·c₂) ⊕ c₁ ⊕ k₀,  low(M₁·c₂),  high(M₀·c₀) ⊕ c₃ ⊕ k₁,  low(M₀·c₀)
    """
    word, half = xp.uint64(WORD), xp.uint64(32)
    first, second = map(xp.uint64, MULTIPLIERS)
    a, b, c, d = counter
    bits = key if hasattr(key, "dtype") else xp.uint64(key)
    left, right = bits & word, bits >> half
    for _ in range(ROUNDS):
        one, other = first * a, second * c
        a, b = (other >> half) ^ b ^ left, other & word
        c, d = (one >> half) ^ d ^ right, one & word
        left, right = (left + xp.uint64(STEPS[0])) & word, (right + xp.uint64(STEPS[1])) & word
    return a, b, c, d


def blocks(xp: Any, count: int, key: int | Array, first: int = 0) -> tuple[Array, Array, Array, Array]:
    """Return `count` blocks of a key's stream from block `first` on, word by word.

    The counter of block i is (i mod 2³², i div 2³², 0, 0).
    """
    index = xp.arange(first, first + count, dtype=xp.uint64)
    nothing = xp.zeros_like(index)
    return philox(xp, (index & xp.uint64(WORD), index >> xp.uint64(32), nothing, nothing), key)
