"""Dropout."""

from __future__ import annotations

from gan_np.arrays import Array, array_module

from .philox import WORD, blocks


def least_kept(rate: float) -> int:
    """Return the smallest word of 32 bits whose element stays."""
    return min(round(rate * (WORD + 1)), WORD)


class Dropout:
    """Dropout: y = x·m/(1 − rate), where m is 0 with probability `rate` and 1 otherwise."""

    def forward(self, x: Array, rate: float, key: int, first: int = 0) -> tuple[Array, Array]:
        """Return y and the mask m; each block of random bits, from block `first` on, decides four entries."""
        xp = array_module(x)
        words = xp.stack(blocks(xp, -(-x.size // 4), key, first), axis=1).reshape(-1)[: x.size]
        kept = (words >= xp.uint64(least_kept(rate))).astype("uint8").reshape(x.shape)
        return self.backward(x, kept, rate), kept

    def backward(self, dy: Array, kept: Array, rate: float) -> Array:
        """Return dx, the same map of dy, from the mask."""
        xp, real = array_module(dy), dy.dtype.type
        dx: Array = xp.where(kept != 0, dy * real(1 / (1 - rate)), real(0))
        return dx
