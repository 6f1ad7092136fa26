"""Maxout: the largest of k linear pieces."""

from __future__ import annotations

from gan_np.arrays import Array, array_module


class Maxout:
    """The largest of k neighbouring features: y[m, c] = max over p of x[m, c·k + p]."""

    def forward(self, x: Array, pieces: int) -> tuple[Array, Array]:
        """Return the maximum, and which piece it came from, the first among equals."""
        grouped = x.reshape(x.shape[0], -1, pieces)
        return grouped.max(axis=2), grouped.argmax(axis=2).astype("uint8")

    def backward(self, dy: Array, winner: Array, pieces: int) -> Array:
        """Return dx, in which only the winner of each group receives dy."""
        xp = array_module(dy)
        dx = xp.where(xp.arange(pieces, dtype=winner.dtype) == winner[:, :, None], dy[:, :, None], dy.dtype.type(0))
        return dx.reshape(dy.shape[0], -1)
