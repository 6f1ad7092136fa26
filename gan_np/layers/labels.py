"""Labels as inputs: spread over an image as planes."""

from __future__ import annotations

from gan_np.arrays import Array, array_module
from gan_np.checks import integer, shape

from .layer import LAYERS, Declaration, Layer, LayerPullback, Shapes, Variables
from .run import Run


@LAYERS.register()
class Planes(Layer):
    """Features (N, K) as K constant planes (N, height, width, K), to be joined to an image along its channels.

    The pullback sums over the plane. With one-hot labels behind `Dense(E, bias=False)` these are planes of an embedding.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = integer("height", height, 1), integer("width", width, 1)

    def declare(self, input_shape: Shapes) -> Declaration:
        """(K,) to (height, width, K)."""
        (features,) = shape("input", input_shape, 1)
        return Declaration((self.height, self.width, features))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Repeat the one-hot vector over all places of the image."""
        return self._spread(x), LayerPullback(lambda dy, wrt: dy.sum(axis=(1, 2)), self._linear)

    def _linear(self, tangent: Array, wrt: object) -> tuple[Array, LayerPullback]:
        return self._spread(tangent), LayerPullback(lambda dy, wrt: dy.sum(axis=(1, 2)))

    def _spread(self, x: Array) -> Array:
        planes = array_module(x).empty((len(x), self.height, self.width, x.shape[1]), x.dtype)
        planes[...] = x[:, None, None, :]
        return planes
