"""Convolution and transposed convolution layers."""

from __future__ import annotations

import math

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer, pair, shape

from .binding import bind
from .initializers import ZEROS, Glorot, Initializer
from .layer import LAYERS, Declaration, Layer, LayerPullback, Parameter, Shapes, Variables
from .run import Run


@LAYERS.register()
class Conv2d(Layer):
    """Convolution: x (N, H, W, in_channels) to y (N, H', W', out_channels), H' = ⌊(H + 2·padding − kernel)/stride⌋ + 1.

    y[n, i, j, d] = f(b[d] + Σ_{u,v,c} x[n, i·stride + u − padding, j·stride + v − padding, c] · w[u, v, c, d])

    Parameters: weight (kernel_height, kernel_width, in_channels/groups, out_channels);
    bias (out_channels,) unless bias=False.
    out_channels: the number of channels of y; that of x follows from the network's input shape.
    kernel_size, stride, padding: an integer, or (vertical, horizontal). Padding adds that many zeros on each side.
    groups: how many equal groups the channels of x and of y are divided into. Each group of y is computed from the group
        of x with the same number alone, as in PyTorch. 1 is an ordinary convolution, in_channels a depthwise one.
    activation: "relu", "leaky_relu" (slope 0.2), "tanh", "sigmoid", or an `Activation`: the f of the formula; None is the
        identity. It is computed in the same pass.
    weight_initializer, bias_initializer: how they start, for example `Normal(0.02)` (`gan_np.layers.initializers`).

    >>> import gan_np as gn
    >>> gn.Network(gn.Conv2d(8, 4, stride=2, padding=1), (28, 28, 3), seed=0)
    <Network (28, 28, 3) → (14, 14, 8), 392 parameters, float32 on cpu>
    """

    bilinear = True

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        groups: int = 1,
        bias: bool = True,
        activation: ops.Activation | str | None = None,
        weight_initializer: Initializer = Glorot(),
        bias_initializer: Initializer = ZEROS,
    ) -> None:
        self.out_channels = integer("out_channels", out_channels, 1)
        self.kernel_size = pair("kernel_size", kernel_size, 1)
        self.stride, self.padding = pair("stride", stride, 1), pair("padding", padding, 0)
        self.groups = _groups(groups, self.out_channels)
        self.bias = bias
        self.activation = activation
        self._activation = ops.activation(activation)
        self.weight_initializer, self.bias_initializer = weight_initializer, bias_initializer

    def declare(self, input_shape: Shapes) -> Declaration:
        """Weight and bias for an image (height, width, in_channels)."""
        image = shape("input", input_shape, 3)
        output = ops.conv2d_shape(image, self.out_channels, self.kernel_size, self.stride, self.padding)
        sizes = (*self.kernel_size, _inside(image[2], self.groups), self.out_channels)
        parameters = {"weight": Parameter(sizes, self.weight_initializer, groups=self.groups)}
        if self.bias:
            parameters["bias"] = Parameter((self.out_channels,), self.bias_initializer, "bias")
        return Declaration(output, parameters)

    def multiply_adds(self, input_shape: Shapes) -> int:
        """Every output pixel reads a window of kernel_size in each of in_channels/groups, for each of out_channels."""
        inside = int(input_shape[2]) // self.groups
        return math.prod(self.declare(input_shape).output_shape) * math.prod(self.kernel_size) * inside

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.conv2d`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.conv2d(
            x,
            variables["weight"],
            variables.get("bias"),
            stride=self.stride,
            padding=self.padding,
            groups=self.groups,
            activation=self._activation,
            wrt=run.wrt.of_arrays(2),
            cache=variables.cache,
            recomputable=run.recomputable_of(x),
        )
        return y, bind(pullback, variables, "weight", "bias")


@LAYERS.register()
class ConvTranspose2d(Layer):
    """Transposed (fractionally-strided) convolution, the adjoint of the convolution with the same weights.

    x (N, H, W, in_channels) to y (N, H', W', out_channels), H' = (H − 1)·stride − 2·padding + kernel + output_padding.

    Parameters: weight (kernel_height, kernel_width, out_channels/groups, in_channels), as of the convolution that it
    transposes; bias (out_channels,) unless bias=False.
    out_channels: the number of channels of y; that of x follows from the network's input shape.
    kernel_size, stride, padding, output_padding: an integer, or (vertical, horizontal). Padding takes that many rows and
        columns away on each side of y; output_padding adds as many at the bottom and at the right.
    groups: how many equal groups the channels of x and of y are divided into. Each group of x reaches the group of y with
        the same number alone, as in PyTorch.
    activation: "relu", "leaky_relu" (slope 0.2), "tanh", "sigmoid", or an `Activation`; None is the identity. It is
        computed in the same pass.
    weight_initializer, bias_initializer: how they start, for example `Normal(0.02)` (`gan_np.layers.initializers`).

    >>> import gan_np as gn
    >>> gn.Network(gn.ConvTranspose2d(3, 4, stride=2, padding=1), (14, 14, 8), seed=0)
    <Network (14, 14, 8) → (28, 28, 3), 387 parameters, float32 on cpu>
    """

    bilinear = True

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        output_padding: int | tuple[int, int] = 0,
        groups: int = 1,
        bias: bool = True,
        activation: ops.Activation | str | None = None,
        weight_initializer: Initializer = Glorot(),
        bias_initializer: Initializer = ZEROS,
    ) -> None:
        self.out_channels = integer("out_channels", out_channels, 1)
        self.kernel_size = pair("kernel_size", kernel_size, 1)
        self.stride, self.padding = pair("stride", stride, 1), pair("padding", padding, 0)
        self.output_padding = pair("output_padding", output_padding, 0)
        self.groups = _groups(groups, self.out_channels)
        self.bias = bias
        self.activation = activation
        self._activation = ops.activation(activation)
        self.weight_initializer, self.bias_initializer = weight_initializer, bias_initializer

    def declare(self, input_shape: Shapes) -> Declaration:
        """Weight and bias for an image (height, width, in_channels)."""
        image = shape("input", input_shape, 3)
        output = ops.conv_transpose2d_shape(
            image, self.out_channels, self.kernel_size, self.stride, self.padding, self.output_padding
        )
        _inside(image[2], self.groups)
        sizes = (*self.kernel_size, self.out_channels // self.groups, image[2])
        weight = Parameter(sizes, self.weight_initializer, output_axis=2, groups=self.groups)
        parameters = {"weight": weight}
        if self.bias:
            parameters["bias"] = Parameter((self.out_channels,), self.bias_initializer, "bias")
        return Declaration(output, parameters)

    def multiply_adds(self, input_shape: Shapes) -> int:
        """Every input pixel is written to a window of kernel_size in out_channels/groups, from each of in_channels."""
        return math.prod(input_shape) * math.prod(self.kernel_size) * (self.out_channels // self.groups)

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.conv_transpose2d`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.conv_transpose2d(
            x,
            variables["weight"],
            variables.get("bias"),
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            groups=self.groups,
            activation=self._activation,
            wrt=run.wrt.of_arrays(2),
            cache=variables.cache,
            recomputable=run.recomputable_of(x),
        )
        return y, bind(pullback, variables, "weight", "bias")


def _groups(groups: int, out_channels: int) -> int:
    """`groups`, if out_channels divide into so many."""
    if out_channels % integer("groups", groups, 1):
        raise ValueError(f"groups: out_channels={out_channels} do not divide into {groups} groups")
    return int(groups)


def _inside(channels: int, groups: int) -> int:
    """How many of an image's channels stand in a group."""
    if channels % groups:
        raise ShapeError(f"groups: {channels} channels do not divide into {groups} groups")
    return channels // groups
