"""Activations as layers. Dense, convolution and normalisations can also have one inside: `activation="relu"`."""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer, number, shape

from .binding import bind
from .layer import LAYERS, Declaration, Layer, LayerPullback, Shapes, Variables
from .run import Run


class _Pointwise(Layer):
    """y = f(x), any shape."""

    _activation: ops.Activation

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.activate`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.activate(x, self._activation, wrt=run.wrt.of_arrays(1))
        return y, bind(pullback, variables, "bias")  # which is not there


@LAYERS.register()
class ReLU(_Pointwise):
    """max(x, 0)."""

    _activation = ops.Activation("relu")


@LAYERS.register()
class LeakyReLU(_Pointwise):
    """max(x, slope·x), 0 < slope < 1."""

    def __init__(self, slope: float = 0.2) -> None:
        self.slope = number("slope", slope, above=0.0)
        self._activation = ops.activation(ops.Activation("leaky_relu", self.slope))


@LAYERS.register()
class Tanh(_Pointwise):
    """(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)."""

    _activation = ops.Activation("tanh")


@LAYERS.register()
class Sigmoid(_Pointwise):
    """1/(1 + e⁻ˣ). D gives out logits: leave it off there."""

    _activation = ops.Activation("sigmoid")


@LAYERS.register()
class Softplus(Layer):
    """log(1 + eˣ)."""

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.softplus`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.softplus(x, wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)


@LAYERS.register()
class Maxout(Layer):
    """Maximum over `pieces` neighbouring features (Goodfellow et al. 2013): (…, C·pieces) to (…, C).

    A maxout layer of 240 units with 5 pieces is Dense(240 * 5) followed by Maxout(5).
    """

    def __init__(self, pieces: int) -> None:
        self.pieces = integer("pieces", pieces, 1, 255)

    def declare(self, input_shape: Shapes) -> Declaration:
        """Declare an output whose last axis is divided by the number of pieces."""
        features = shape("input", input_shape)
        if features[-1] % self.pieces:
            raise ShapeError(f"the last axis must be a multiple of pieces={self.pieces}")
        return Declaration((*features[:-1], features[-1] // self.pieces))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.maxout`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.maxout(x, self.pieces, wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)
