"""Where images begin and end without a dense layer over all pixels: a learned map for each channel."""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import integer, shape

from .binding import bind
from .initializers import FanIn, Initializer, Normal
from .layer import LAYERS, Declaration, Layer, LayerPullback, Parameter, Shapes, Variables
from .run import Run


@LAYERS.register()
class Basis(Layer):
    """Features (N, C) spread over learned maps: y[n, h, w, c] = weight[h, w, c]·x[n, c], (N, height, width, C).

    Behind a dense layer without bias it is where R3GAN's generator begins (Huang et al. 2024): each channel is one map, as
    strong as a linear function of z says.

    Parameters: weight (height, width, C).
    height, width: of the maps. weight_initializer: how they start, N(0, 1) by default.
    """

    def __init__(self, height: int, width: int, *, weight_initializer: Initializer = Normal(1.0)) -> None:
        self.height, self.width = integer("height", height, 1), integer("width", width, 1)
        self.weight_initializer = weight_initializer

    def declare(self, input_shape: Shapes) -> Declaration:
        """(C,) to (height, width, C)."""
        (features,) = shape("input", input_shape, 1)
        output = (self.height, self.width, features)
        return Declaration(output, {"weight": Parameter(output, self.weight_initializer)})

    def multiply_adds(self, input_shape: Shapes) -> int:
        """One for each number of the maps."""
        return self.height * self.width * int(input_shape[0])

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """See `ops.spread`."""
        y, pullback = ops.spread(x, variables["weight"], wrt=run.wrt.of_arrays(1))
        return y, bind(pullback, variables, "weight")


@LAYERS.register()
class WeightedSum(Layer):
    """Each channel of an image summed with learned weights: y[n, c] = Σ_{h, w} weight[h, w, c]·x[n, h, w, c], (N, C).

    A convolution of each channel alone (depthwise), with a kernel as large as the image and no bias; the counterpart of
    `Basis` at the end of R3GAN's discriminator.

    Parameters: weight (height, width, C).
    weight_initializer: how it starts, N(0, 1/(height·width)) by default.
    """

    def __init__(self, *, weight_initializer: Initializer = FanIn()) -> None:
        self.weight_initializer = weight_initializer

    def declare(self, input_shape: Shapes) -> Declaration:
        """(height, width, C) to (C,)."""
        image = shape("input", input_shape, 3)
        return Declaration((image[2],), {"weight": Parameter(image, self.weight_initializer)})

    def multiply_adds(self, input_shape: Shapes) -> int:
        """One for each number of the image."""
        height, width, channels = input_shape
        return int(height) * int(width) * int(channels)

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """See `ops.weighted_sum`."""
        y, pullback = ops.weighted_sum(x, variables["weight"], wrt=run.wrt.of_arrays(1))
        return y, bind(pullback, variables, "weight")
