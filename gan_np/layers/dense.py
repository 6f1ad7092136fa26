"""The dense (fully connected) layer."""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import integer, shape

from .binding import bind
from .initializers import ZEROS, Glorot, Initializer
from .layer import LAYERS, Declaration, Layer, LayerPullback, Parameter, Shapes, Variables
from .run import Run


@LAYERS.register()
class Dense(Layer):
    """y = f(x·W + b) for x (N, in_features): y (N, out_features).

    Parameters: weight (in_features, out_features), bias (out_features,) unless bias=False.
    activation: "relu", "leaky_relu" (slope 0.2), "tanh", "sigmoid", or an `Activation`; computed in the same pass.
    weight_initializer, bias_initializer: how they start, as `Normal(0.02)` (`gan_np.layers.initializers`).
    """

    bilinear = True

    def __init__(
        self,
        out_features: int,
        *,
        bias: bool = True,
        activation: ops.Activation | str | None = None,
        weight_initializer: Initializer = Glorot(),
        bias_initializer: Initializer = ZEROS,
    ) -> None:
        self.out_features = integer("out_features", out_features, 1)
        self.bias = bias
        self.activation = activation
        self._activation = ops.activation(activation)
        self.weight_initializer, self.bias_initializer = weight_initializer, bias_initializer

    def declare(self, input_shape: Shapes) -> Declaration:
        """Weight and bias for an input (in_features,)."""
        (features,) = shape("input", input_shape, 1)
        parameters = {"weight": Parameter((features, self.out_features), self.weight_initializer)}
        if self.bias:
            parameters["bias"] = Parameter((self.out_features,), self.bias_initializer, "bias")
        return Declaration((self.out_features,), parameters)

    def multiply_adds(self, input_shape: Shapes) -> int:
        """Return in_features·out_features."""
        return int(input_shape[0]) * self.out_features

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """See `ops.dense`, which takes its kernels from the table (`kernels/selection.py`)."""
        y, pullback = ops.dense(
            x, variables["weight"], variables.get("bias"), activation=self._activation, wrt=run.wrt.of_arrays(2)
        )
        return y, bind(pullback, variables, "weight", "bias")
