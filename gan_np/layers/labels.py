"""Labels as inputs: spread over an image as planes, or multiplied with features."""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array, array_module
from gan_np.checks import ShapeError, integer, shape

from .fitting import added
from .layer import LAYERS, Along, Declaration, Layer, LayerPullback, Shapes, Variables
from .run import Run, Wrt


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
        return self._spread(x), LayerPullback(lambda dy, wrt: dy.sum(axis=(1, 2)), self._linear, by_example=True)

    def _linear(self, tangent: Array, wrt: object) -> tuple[Array, LayerPullback]:
        return self._spread(tangent), LayerPullback(lambda dy, wrt: dy.sum(axis=(1, 2)))

    def _spread(self, x: Array) -> Array:
        planes = array_module(x).empty((len(x), self.height, self.width, x.shape[1]), x.dtype)
        planes[...] = x[:, None, None, :]
        return planes


@LAYERS.register()
class InnerProduct(Layer):
    """(a, b), each (N, K), to their products ⟨aₙ, bₙ⟩, (N, 1): a score for an image's features and its label's.

    Linearised at (a, b) a pair (ȧ, ḃ) gives ⟨ȧ, b⟩ + ⟨a, ḃ⟩, which depends on a and b:

        dȧ = dẏ·b,   dḃ = dẏ·a,   da = dẏ·ḃ,   db = dẏ·ȧ.
    """

    def declare(self, input_shape: Shapes) -> Declaration:
        """Two vectors of one length."""
        if len(input_shape) != 2 or input_shape[0] != input_shape[1]:
            raise ShapeError(f"expected two vectors of one length, got {input_shape}")
        shape("input", input_shape[0], 1)
        return Declaration((1,))

    def forward(self, variables: Variables, x: tuple[Array, Array], run: Run) -> tuple[Array, LayerPullback]:
        """The pullback gives (dy·b, dy·a)."""
        a, b = x
        kept = x if run.wrt.any_input else None

        def scaled(dy: Array, pair: tuple[Array, Array] | None, wrt: Wrt) -> tuple[Array | None, Array | None]:
            assert pair is not None
            first, second = wrt.of_inputs(2)
            return dy * pair[1] if first else None, dy * pair[0] if second else None

        def linear(tangent: tuple[Array, Array], wrt: Wrt) -> tuple[Array, Any]:
            assert kept is not None
            moved = _products(tangent[0], kept[1]) + _products(kept[0], tangent[1])
            return moved, lambda dmoved, wrt: (scaled(dmoved, kept, wrt), scaled(dmoved, tangent, wrt))

        def slope(dy: Array, wrt: Wrt, scale: Array | None) -> tuple[tuple[Array | None, Array | None], Along]:
            def along(tangent: Any, wrt: Wrt) -> tuple[Array | None, tuple[Array | None, Array | None]]:
                assert kept is not None
                first, second = (None, None) if tangent is None else tangent
                moved = added(
                    None if first is None else _products(first, kept[1]),
                    None if second is None else _products(kept[0], second),
                )
                wanted = wrt.of_inputs(2)
                rest = [
                    dy * other if want and other is not None else None
                    for want, other in zip(wanted, (second, first), strict=True)
                ]
                return moved, (rest[0], rest[1])

            return scaled(dy, kept, wrt), along

        return _products(a, b), LayerPullback(lambda dy, wrt: scaled(dy, kept, wrt), linear, repr(self), slope=slope)


def _products(a: Array, b: Array) -> Array:
    products: Array = (a * b).sum(axis=1, keepdims=True)
    return products
