"""Pooling and upsampling layers."""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import ShapeError, choice, pair, shape

from .binding import bind
from .layer import LAYERS, Declaration, Layer, LayerPullback, Shapes, Variables
from .run import Run


@LAYERS.register()
class AveragePool2d(Layer):
    """Mean over disjoint windows: (N, H·kh, W·kw, C) to (N, H, W, C).

    window: (kh, kw), or one integer for both.
    """

    def __init__(self, window: int | tuple[int, int]) -> None:
        self.window = pair("window", window, 1)

    def declare(self, input_shape: Shapes) -> Declaration:
        """The sides must be multiples of the window's."""
        height, width, channels = shape("input", input_shape, 3)
        if height % self.window[0] or width % self.window[1]:
            raise ShapeError(f"the image's sides must be multiples of the window {self.window}")
        return Declaration((height // self.window[0], width // self.window[1], channels))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.average_pool`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.average_pool(x, self.window, wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)


@LAYERS.register()
class Upsample2d(Layer):
    """Enlargement by whole factors: (N, H, W, C) to (N, H·fh, W·fw, C).

    factor: (fh, fw), or one integer for both.
    mode: "nearest" or "bilinear".
    """

    def __init__(self, factor: int | tuple[int, int] = 2, *, mode: str = "nearest") -> None:
        self.factor = pair("factor", factor, 1)
        self.mode = choice("mode", mode, ("nearest", "bilinear"))

    def declare(self, input_shape: Shapes) -> Declaration:
        """Declare an output whose sides are multiplied by the factor."""
        height, width, channels = shape("input", input_shape, 3)
        return Declaration((height * self.factor[0], width * self.factor[1], channels))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """See `ops.upsample_nearest` and `ops.upsample_bilinear`."""
        operation = ops.upsample_nearest if self.mode == "nearest" else ops.upsample_bilinear
        y, pullback = operation(x, self.factor, wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)
