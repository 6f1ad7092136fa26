"""Images moved, turned and stretched: each output pixel interpolates where an affine map says that it comes from."""

from __future__ import annotations

from gan_np.arrays import Array, array_module


class AffineSample:
    """y = W·x for each image, with W (H·W, H·W) written out: the oracle."""

    def forward(self, x: Array, maps: Array) -> Array:
        """Return y[n, i, j] = Σ k(r − h)·k(s − w)·x[n, h, w], (r, s) = maps[n]·(i, j, 1), k(t) = max(0, 1 − |t|)."""
        return self._applied(x, maps, False)

    def backward(self, dy: Array, maps: Array) -> Array:
        """Return dx, with each Wᵀ."""
        return self._applied(dy, maps, True)

    def _applied(self, images: Array, maps: Array, adjoint: bool) -> Array:
        xp = array_module(images)
        height, width, channels = images.shape[1:]
        i = xp.arange(height, dtype=images.dtype)[:, None]
        j = xp.arange(width, dtype=images.dtype)[None, :]
        made = xp.empty(images.shape, images.dtype)
        for number in range(len(images)):
            along = [(m[0] * i + m[1] * j + m[2]).reshape(-1, 1) for m in maps[number]]
            rows, columns = (
                xp.maximum(1 - xp.abs(place - axis.reshape(1, -1)), 0)
                for place, axis in zip(along, (i, j), strict=True)
            )
            weights = (rows[:, :, None] * columns[:, None, :]).reshape(height * width, height * width)
            pixels = images[number].reshape(height * width, channels)
            made[number] = ((weights.T if adjoint else weights) @ pixels).reshape(height, width, channels)
        return made
