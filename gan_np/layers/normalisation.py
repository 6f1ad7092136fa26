"""Batch normalisation, and layer, group and instance normalisation, which treat each example alone."""

from __future__ import annotations

import math

from gan_np import ops
from gan_np.arrays import Array, Shape
from gan_np.checks import ShapeError, integer, number, shape
from gan_np.ranks import ALONE

from .binding import bind
from .initializers import ONES, ZEROS, Initializer
from .layer import LAYERS, Declaration, Layer, LayerPullback, Parameter, Shapes, State, Variables
from .run import Run


class _Normalisation(Layer):
    """y = f(γ·(x − μ)/√(σ² + ε) + β), with μ and σ² (biased) over what the subclass says.

    epsilon: ε, above 0.
    affine: whether there are γ and β; scale, bias: whether there is that one.
    activation: f, "relu", "leaky_relu" (slope 0.2), "tanh", "sigmoid", or an `Activation`; computed in the same pass.
    scale_initializer, bias_initializer: how γ and β start (`gan_np.layers.initializers`).
    """

    def __init__(
        self,
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        scale: bool = True,
        bias: bool = True,
        activation: ops.Activation | str | None = None,
        scale_initializer: Initializer = ONES,
        bias_initializer: Initializer = ZEROS,
    ) -> None:
        self.epsilon = number("epsilon", epsilon, above=0.0)
        self.affine, self.scale, self.bias = affine, scale, bias
        self.activation = activation
        self._activation = ops.activation(activation)
        self.scale_initializer, self.bias_initializer = scale_initializer, bias_initializer

    def _scale_and_bias(self, sizes: Shape) -> dict[str, Parameter]:
        """γ and β of these sizes, as far as the layer has them."""
        parameters = {}
        if self.affine and self.scale:
            parameters["scale"] = Parameter(sizes, self.scale_initializer, "scale")
        if self.affine and self.bias:
            parameters["bias"] = Parameter(sizes, self.bias_initializer, "bias")
        return parameters


@LAYERS.register()
class BatchNorm(_Normalisation):
    """Batch normalisation (Ioffe and Szegedy 2015) over all axes but the last, for (N, C) and (N, H, W, C).

    In training y = f(γ·(x − μ)/√(σ² + ε) + β), with the mean μ and the (biased) variance σ² of this batch. A forward that
    updates the state also moves the running statistics, running ← (1 − momentum)·running + momentum·batch, with the
    unbiased variance, as in PyTorch. In evaluation the running statistics take the place of μ and σ², so that the output
    for an image does not depend on the other images of its batch.

    Parameters: scale γ (C,) and bias β (C,). affine=False leaves both out, scale=False or bias=False one of them.
    State: running_mean, which starts at 0, and running_variance, which starts at 1.
    momentum: the weight of the newest batch in the running statistics.
    epsilon: ε, which keeps the division finite.
    activation: f, computed in the same pass; None is the identity.
    scale_initializer, bias_initializer: how γ and β start.

    >>> import numpy as np, gan_np as gn
    >>> network = gn.Network(gn.BatchNorm(), (3,), seed=0)
    >>> y, pullback = network.forward(np.random.default_rng(0).normal(5, 2, (100, 3)).astype(np.float32), training=True)
    >>> bool(abs(y.mean()) < 1e-5), bool(abs(y.std() - 1) < 1e-3)
    (True, True)
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
        super().__init__(
            epsilon=epsilon,
            affine=affine,
            scale=scale,
            bias=bias,
            activation=activation,
            scale_initializer=scale_initializer,
            bias_initializer=bias_initializer,
        )

    def declare(self, input_shape: Shapes) -> Declaration:
        """One scale, bias, mean and variance a channel."""
        channels = shape("input", input_shape)[-1:]
        parameters = self._scale_and_bias(channels)
        state = {"running_mean": State(channels, ZEROS), "running_variance": State(channels, ONES)}
        return Declaration(input_shape, parameters, state)

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.batch_norm`, whose docstring has the formula and what the pullback needs."""
        scale, bias, state = variables.get("scale"), variables.get("bias"), variables.state
        wrt = run.wrt.of_arrays(2)
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
        ranks = run.ranks if run.ranks.whole_batch_norm else ALONE
        y, pullback, batch = ops.batch_norm(
            x, scale, bias, epsilon=self.epsilon, activation=self._activation, wrt=wrt, ranks=ranks
        )
        if run.update_state:
            momentum = self.momentum if run.momentum is None else run.momentum
            with variables.edit_state("running_mean", "running_variance") as (mean, variance):
                ops.update_running(mean, variance, batch, momentum)
        return y, bind(pullback, variables, "scale", "bias")


@LAYERS.register()
class LayerNorm(_Normalisation):
    """Layer normalisation (Ba, Kiros and Hinton 2016): each example over all its features.

    y = f(γ·(x − μ)/√(σ² + ε) + β). Parameters: scale γ and bias β of the shape of an example, unless affine=False (or
    scale=False, bias=False alone).
    """

    def declare(self, input_shape: Shapes) -> Declaration:
        """One scale and bias a feature."""
        features = shape("input", input_shape)
        return Declaration(features, self._scale_and_bias(features))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.layer_norm`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.layer_norm(
            x,
            variables.get("scale"),
            variables.get("bias"),
            epsilon=self.epsilon,
            activation=self._activation,
            wrt=run.wrt.of_arrays(2),
        )
        return y, bind(pullback, variables, "scale", "bias")


class _ByChannels(_Normalisation):
    def _groups(self, input_shape: Shape) -> int:
        raise NotImplementedError

    def declare(self, input_shape: Shapes) -> Declaration:
        """One scale and bias a channel."""
        features = shape("input", input_shape)
        ops.groups_of(features, self._groups(features))
        return Declaration(features, self._scale_and_bias(features[-1:]))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.group_norm`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.group_norm(
            x,
            self._groups(x.shape[1:]),
            variables.get("scale"),
            variables.get("bias"),
            epsilon=self.epsilon,
            activation=self._activation,
            wrt=run.wrt.of_arrays(2),
        )
        return y, bind(pullback, variables, "scale", "bias")


@LAYERS.register()
class GroupNorm(_ByChannels):
    """Group normalisation (Wu and He 2018): each example's channels in groups of neighbours, each group over all its pixels.

    y = f(γ·(x − μ)/√(σ² + ε) + β) for (N, C) and (N, H, W, C), μ and σ² of the example's group. Parameters: scale γ (C,) and
    bias β (C,), unless affine=False (or scale=False, bias=False alone).

    groups: of C/groups channels each; C must be a multiple of it.
    """

    def __init__(
        self,
        groups: int,
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        scale: bool = True,
        bias: bool = True,
        activation: ops.Activation | str | None = None,
        scale_initializer: Initializer = ONES,
        bias_initializer: Initializer = ZEROS,
    ) -> None:
        self.groups = integer("groups", groups, 1)
        super().__init__(
            epsilon=epsilon,
            affine=affine,
            scale=scale,
            bias=bias,
            activation=activation,
            scale_initializer=scale_initializer,
            bias_initializer=bias_initializer,
        )

    def _groups(self, input_shape: Shape) -> int:
        return self.groups


@LAYERS.register()
class InstanceNorm(_ByChannels):
    """Instance normalisation (Ulyanov, Vedaldi and Lempitsky 2016): each channel of each image over its pixels.

    y = f((x − μ)/√(σ² + ε)) for (N, H, W, C). As in PyTorch there is no scale γ and bias β unless affine=True, and no
    running statistics.
    """

    def __init__(
        self,
        *,
        epsilon: float = 1e-5,
        affine: bool = False,
        scale: bool = True,
        bias: bool = True,
        activation: ops.Activation | str | None = None,
        scale_initializer: Initializer = ONES,
        bias_initializer: Initializer = ZEROS,
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            affine=affine,
            scale=scale,
            bias=bias,
            activation=activation,
            scale_initializer=scale_initializer,
            bias_initializer=bias_initializer,
        )

    def _groups(self, input_shape: Shape) -> int:
        if math.prod(input_shape[:-1]) < 2:
            raise ShapeError("instance normalisation is over an image's pixels and needs at least 2 of them")
        return input_shape[-1]
