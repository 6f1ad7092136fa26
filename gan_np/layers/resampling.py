"""Pooling and upsampling layers, with and without a low-pass."""

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


@LAYERS.register()
class BlurUpsample2d(Layer):
    """Twice the size and a low-pass without weights, (N, H, W, C) to (N, 2·H, 2·W, C) (Karras et al. 2020; R3GAN).

    odd: whether the image becomes 2·H + 1 pixels high, and 2·W + 1 wide; one answer for both, or (vertical, horizontal).
    """

    def __init__(self, odd: bool | tuple[bool, bool] = False) -> None:
        first, second = (odd, odd) if isinstance(odd, bool) else odd
        self.odd = bool(first), bool(second)

    def declare(self, input_shape: Shapes) -> Declaration:
        """The sides are doubled."""
        height, width, channels = shape("input", input_shape, 3)
        return Declaration((2 * height + self.odd[0], 2 * width + self.odd[1], channels))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """See `ops.blur_upsample`."""
        y, pullback = ops.blur_upsample(x, self.odd, wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)


@LAYERS.register()
class BlurDownsample2d(Layer):
    """A low-pass without weights and half the size, (N, H, W, C) to (N, ⌊H/2⌋, ⌊W/2⌋, C) (Karras et al. 2020; R3GAN)."""

    def declare(self, input_shape: Shapes) -> Declaration:
        """The sides are halved."""
        height, width, channels = shape("input", input_shape, 3)
        if min(height, width) < 2:
            raise ShapeError("the image's sides must be at least 2")
        return Declaration((height // 2, width // 2, channels))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """See `ops.blur_downsample`."""
        y, pullback = ops.blur_downsample(x, wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)
