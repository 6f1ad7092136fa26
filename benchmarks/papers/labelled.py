"""The label at every layer, as in DCGAN's public code for MNIST."""

from __future__ import annotations

import math
from dataclasses import replace

import gan_np as gn
from gan_np.arrays import Array, array_module
from gan_np.layers import LayerPullback, Run, Variables, Wrt
from gan_np.layers.layer import Shapes


class LabelledChain(gn.Layer):
    """(x, label) → f_n([… f_1([x, label]) …, label]): each layer sees its input joined with the label along the last axis.

    A label (K,) joins an image as K constant planes.
    """

    def __init__(self, *layers: gn.Layer) -> None:
        self.layers = layers

    def declare(self, input_shape: Shapes) -> gn.Declaration:
        """Each layer is built on what the one before gives, and K more channels."""
        shape, (classes,) = input_shape
        children = {}
        for index, layer in enumerate(self.layers):
            children[str(index)] = layer.build((*shape[:-1], shape[-1] + classes))
            shape = children[str(index)].output_shape
        return gn.Declaration(shape, children=children)

    def forward(self, variables: Variables, x: tuple[Array, Array], run: Run) -> tuple[Array, LayerPullback]:
        """Join, apply, join, apply, …."""
        y, label = x
        steps: list[LayerPullback] = []
        for index, layer in enumerate(self.layers):
            asking = run.asking(_needed(run.wrt, index))
            y, step = layer.apply(variables.children[str(index)], _joined(y, label), asking)
            steps.append(step)
        classes = label.shape[1]

        def function(dy: Array, wrt: Wrt) -> tuple[Array | None, Array | None]:
            gradient: Array | None = dy
            of_image, of_label = (bool(each) for each in wrt.of_inputs(2))
            to_label = array_module(label).zeros_like(label) if of_label else None
            for index, step in reversed(list(enumerate(steps))):
                joined = step(gradient, replace(wrt, inputs=_needed(wrt, index)))
                if joined is None:
                    return None, to_label
                if to_label is not None:
                    to_label += joined[..., -classes:].reshape(len(label), -1, classes).sum(axis=1)
                gradient = array_module(joined).ascontiguousarray(joined[..., :-classes])
            return (gradient if of_image else None), to_label

        return y, LayerPullback(function)


def _needed(wrt: Wrt, index: int) -> bool:
    """Whether layer `index` must send a gradient back: for the inputs, or for the parameters of layers before it."""
    return wrt.any_input or (wrt.parameters and index > 0)


def _joined(x: Array, label: Array) -> Array:
    channels = x.shape[-1]
    joined = array_module(x).empty((*x.shape[:-1], channels + label.shape[1]), x.dtype)
    joined[..., :channels] = x
    joined[..., channels:] = label.reshape(len(label), *(1,) * (x.ndim - 2), label.shape[1])
    return joined


def players(classes: int, seed: int, width: int = 64, hidden: int = 1024, device: str = "cpu") -> gn.GAN:
    """The networks of the public code: no biases, batch normalisation without scale or bias, 5×5 kernels, [0, 1]."""
    weight = gn.Normal(0.02)

    def normalised(activation: str) -> gn.BatchNorm:
        return gn.BatchNorm(activation=activation, affine=False)

    def dense(features: int, *after: gn.Layer) -> gn.Layer:
        return gn.Sequential(gn.Dense(features, bias=False, weight_initializer=weight), *after)

    maps = (7, 7, 2 * width)

    def up(channels: int, activation: str | None = None) -> gn.Layer:
        return gn.ConvTranspose2d(
            channels,
            5,
            stride=2,
            padding=2,
            output_padding=1,
            bias=False,
            activation=activation,
            weight_initializer=weight,
        )

    def down(channels: int, activation: str | None = None) -> gn.Layer:
        return gn.Conv2d(channels, 5, stride=2, padding=2, bias=False, activation=activation, weight_initializer=weight)

    generator = LabelledChain(
        dense(hidden, normalised("relu")),
        dense(math.prod(maps), normalised("relu"), gn.Reshape(*maps)),
        gn.Sequential(up(width), normalised("relu")),
        up(1, "sigmoid"),
    )
    discriminator = LabelledChain(
        down(width, "leaky_relu"),
        gn.Sequential(down(2 * width), normalised("leaky_relu"), gn.Flatten()),
        dense(hidden, normalised("leaky_relu")),
        dense(1),
    )
    return gn.GAN(
        gn.Network(generator, ((100,), (classes,)), seed=2 * seed, device=device),
        gn.Network(discriminator, ((28, 28, 1), (classes,)), seed=2 * seed + 1, device=device),
        gn.models.prior.Prior(100, "uniform"),
        "0..1",
        classes=classes,
    )
