"""Batch and layer normalisation layers."""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import number, shape

from .binding import asked, bind
from .initializers import ONES, ZEROS, Initializer
from .layer import LAYERS, Declaration, Layer, LayerPullback, Parameter, Shapes, State, Variables
from .run import Run


@LAYERS.register()
class BatchNorm(Layer):
    """Batch normalisation (Ioffe and Szegedy 2015) over all axes but the last, for (N, C) and (N, H, W, C).

    Training: y = f(γ·(x − μ)/√(σ² + ε) + β) with μ, σ² (biased) of this batch, whatever the state says. Where the run
    says update_state, running ← (1 − momentum)·running + momentum·batch, with the unbiased variance, as in PyTorch.
    Evaluation: the same with the running statistics, so an image does not depend on its batch-mates.

    Parameters: scale γ (C,) and bias β (C,), unless affine=False (or scale=False, bias=False alone).
    State: running_mean (from 0) and running_variance (from 1).
    """

    def __init__(
        self,
        *,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
        affine: bool = True,
        scale: bool = True,
        bias: bool = True,
        activation: ops.Activation | str | None = None,
        scale_initializer: Initializer = ONES,
        bias_initializer: Initializer = ZEROS,
    ) -> None:
        self.momentum = number("momentum", momentum, 0.0, 1.0)
        self.epsilon = number("epsilon", epsilon, above=0.0)
        self.affine, self.scale, self.bias = affine, scale, bias
        self.activation = activation
        self._activation = ops.activation(activation)
        self.scale_initializer, self.bias_initializer = scale_initializer, bias_initializer

    def declare(self, input_shape: Shapes) -> Declaration:
        """One scale, bias, mean and variance a channel."""
        channels = shape("input", input_shape)[-1:]
        parameters = {}
        if self.affine and self.scale:
            parameters["scale"] = Parameter(channels, self.scale_initializer, "scale")
        if self.affine and self.bias:
            parameters["bias"] = Parameter(channels, self.bias_initializer, "bias")
        state = {"running_mean": State(channels, ZEROS), "running_variance": State(channels, ONES)}
        return Declaration(input_shape, parameters, state)

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """See `ops.batch_norm`."""
        scale, bias, state = variables.get("scale"), variables.get("bias"), variables.state
        wrt = asked(run.wrt, 2)
        if not run.training:
            y, pullback = ops.batch_norm_inference(
                x,
                state["running_mean"],
                state["running_variance"],
                scale,
                bias,
                epsilon=self.epsilon,
                activation=self._activation,
                wrt=wrt,
            )
            return y, bind(pullback, variables, "scale", "bias")
        y, pullback, batch = ops.batch_norm(x, scale, bias, epsilon=self.epsilon, activation=self._activation, wrt=wrt)
        if run.update_state:
            momentum = self.momentum if run.momentum is None else run.momentum
            with variables.edit_state("running_mean", "running_variance") as (mean, variance):
                ops.update_running(mean, variance, batch, momentum)
        return y, bind(pullback, variables, "scale", "bias")


@LAYERS.register()
class LayerNorm(Layer):
    """Layer normalisation (Ba, Kiros and Hinton 2016): each example over all its features.

    y = γ·(x − μ)/√(σ² + ε) + β. Parameters: scale γ and bias β of the shape of an example, unless affine=False.
    """

    def __init__(self, *, epsilon: float = 1e-5, affine: bool = True) -> None:
        self.epsilon = number("epsilon", epsilon, above=0.0)
        self.affine = affine

    def declare(self, input_shape: Shapes) -> Declaration:
        """One scale and bias a feature."""
        features = shape("input", input_shape)
        if not self.affine:
            return Declaration(features)
        return Declaration(
            features, {"scale": Parameter(features, ONES, "scale"), "bias": Parameter(features, ZEROS, "bias")}
        )

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """See `ops.layer_norm`."""
        y, pullback = ops.layer_norm(
            x, variables.get("scale"), variables.get("bias"), epsilon=self.epsilon, wrt=asked(run.wrt, 2)
        )
        return y, bind(pullback, variables, "scale", "bias")
