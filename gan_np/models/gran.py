"""GRAN: an image drawn in steps on a canvas, by one network used again and again (Im, Kim, Jiang and Memisevic 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, array_module
from gan_np.checks import integer, shape
from gan_np.layers import (
    Concatenate,
    Declaration,
    Dense,
    Flatten,
    Layer,
    LayerPullback,
    Normal,
    Run,
    Variables,
    Wrt,
)
from gan_np.layers.layer import LAYERS, Arrays, Shapes
from gan_np.networks import Loop, Network, Sequential
from gan_np.schedules import Schedule

from .augmentation import Augmentation, augmentation
from .dcgan import Normalisation, Pyramid, discriminator_layers, generator_layers
from .gan import GAN, TRANSIENT
from .prior import Kind, Prior
from .registered import register


@register("gran")
def gran(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    draw_steps: int = 3,
    width: int = 32,
    code: int = 128,
    kernel_size: Literal[4, 5] = 4,
    latent: Kind = "normal",
    augment: Sequence[Augmentation] = (),
    augment_probability: float | Schedule = 1.0,
    d_norm: Normalisation = "batch",
    packing: int = 1,
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> GRAN:
    """A generator that adds to a canvas T = `draw_steps` times, with the same weights each time:

        h_z = tanh(W z),  h_{c,0} = 0,  C_0 = 0
        ΔC_t = f([h_z, h_{c,t}]),  h_{c,t+1} = g(ΔC_t),  C_{t+1} = C_t + ΔC_t,  t = 0 … T−1
        x = σ(C_T)

    draw_steps: how often the generator adds to its canvas.
    code: features of what g says of the canvas.
    latent_dim: k, the size of z.
    latent: the distribution of z, see `Prior`.
    width: channels of D's first layer; each further one has twice as many.
    kernel_size: of the convolutions.
    augment: differentiable augmentation of what D sees: some of colour, translation, cutout.
    augment_probability: of each image that it is augmented; a schedule over D's updates.
    d_norm: what normalises D.
    packing: how many images D judges together (PacGAN).

    f, the decoder, is DCGAN's generator and g, the encoder, its discriminator with a code of `code` features at its end.
    z is the same at every step; every step has batch statistics of its own. D is DCGAN's. Images in [0, 1].
    The rest as in `dcgan`.

    >>> import gan_np as gn
    >>> gan = gn.models.gran((8, 8, 1), 4, draw_steps=3, width=2, code=5)
    >>> [canvas.shape for canvas in gan.series(2, seed=1)]          # two samples, the canvas after each of three steps
    [(2, 8, 8, 1), (2, 8, 8, 1), (2, 8, 8, 1)]

    Raises:
        ShapeError, ValueError, TypeError: as `dcgan`; draw_steps (at most 100) or code below 1.
    """
    pyramid = Pyramid.of(image_shape, width, kernel_size)
    height, wide, channels = pyramid.image_shape
    layers = discriminator_layers(pyramid, d_norm)
    discriminator = Sequential(*augmentation(augment, augment_probability), *layers)
    options = {"dtype": dtype, "device": device}
    structure = _generator(pyramid, code, integer("draw_steps", draw_steps, 1, 100))
    return GRAN(
        Network(structure, (latent_dim,), seed=2 * seed, **options),
        Network(discriminator, (height, wide, integer("packing", packing, 1) * channels), seed=2 * seed + 1, **options),
        Prior(integer("latent_dim", latent_dim, 1), latent),
        "0..1",
        packing=packing,
    )


@register()
@dataclass
class GRAN(GAN):
    """A GAN whose generator draws in steps."""

    _canvases: tuple[tuple[int, int, bool], list[GRAN]] | None = field(
        default=None, kw_only=True, repr=False, metadata=TRANSIENT
    )

    @property
    def draw_steps(self) -> int:
        """T, how often the generator adds to its canvas."""
        return self._loop()[1].applications

    def series(
        self, count: int, seed: int = 0, *, labels: Any = None, average: bool = True, steps: int | None = None
    ) -> list[Array]:
        """The canvas after each step for `count` samples of a seed: as many uint8 (count, H, W, C), on the host.

        steps: T at sampling time, another than that of training if wished; batch statistics are those of a fixed noise.
        """
        return [shorter.sample(count, seed, labels=labels) for shorter in self._shorter(steps, average)]

    def decode_series(self, z: Array, *, labels: Any = None, average: bool = True, seed: int = 0) -> list[Array]:
        """The canvas after each step for given points z (N, k); what fewer steps take is kept for the next call."""
        version = id(network := self.sampler(average=average)), network.parameters.version, average
        if self._canvases is None or self._canvases[0] != version:
            self._canvases = version, self._shorter(None, average)
        return [shorter.decode(z, labels=labels) for shorter in self._canvases[1]]

    def _shorter(self, steps: int | None, average: bool) -> list[GRAN]:
        """The same weights with 1, 2, … steps (None: up to T)."""
        structure, (place, loop) = self.generator.structure, self._loop()
        assert isinstance(structure, Sequential)
        wanted = loop.applications if steps is None else integer("steps", steps, 1)
        theta = self.sampler(average=average).parameters
        found = []
        for length in range(1, wanted + 1):
            layers = [*structure.layers[:place], loop.replaced(steps=length), *structure.layers[place + 1 :]]
            g = self.generator
            network = Network(Sequential(*layers), g.input_shape, dtype=g.dtype, device=g.device)
            network.parameters.assign(theta.values)
            network = self.with_own_statistics(network)
            found.append(replace(self, generator=network, average=None, _canvases=None))
        return found

    def _loop(self) -> tuple[int, Loop]:
        """The place of the loop in the generator's chain, and the loop."""
        structure = self.generator.structure
        assert isinstance(structure, Sequential)
        ((place, loop),) = ((place, layer) for place, layer in enumerate(structure.layers) if isinstance(layer, Loop))
        return place, loop


def _generator(pyramid: Pyramid, code: int, steps: int) -> Sequential:
    integer("code", code, 1)
    decoder = Sequential(Concatenate(), *generator_layers(pyramid, output=None))
    # D's convolutions, without the dense layer that gives its logit, and a code instead.
    encoder = Sequential(*discriminator_layers(pyramid, "batch")[:-2], Flatten(), Dense(code, activation="tanh"))
    return Sequential(
        Dense(code, activation="tanh", weight_initializer=Normal(0.1)),
        EmptyCanvas(code, pyramid.image_shape),
        Loop(DrawStep(decoder, encoder), steps),
        FinishedCanvas("sigmoid"),
    )


@LAYERS.register()
class EmptyCanvas(Layer):
    """h_z to (h_z, h_c, C) with h_c and C all 0."""

    def __init__(self, code: int, image_shape: tuple[int, int, int]) -> None:
        self.code, self.image_shape = integer("code", code, 1), shape("image_shape", image_shape, 3)

    def declare(self, input_shape: Shapes) -> Declaration:
        """(K,) to ((K,), (code,), image)."""
        return Declaration((shape("input", input_shape, 1), (self.code,), self.image_shape))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[tuple[Array, Array, Array], LayerPullback]:
        """Only h_z has a gradient."""
        xp = array_module(x)
        empty = xp.zeros((len(x), self.code), x.dtype), xp.zeros((len(x), *self.image_shape), x.dtype)
        return (x, *empty), LayerPullback(lambda dy, wrt: dy[0], name=repr(self))


@LAYERS.register()
class DrawStep(Layer):
    """(h_z, h_c, C) to (h_z, g(ΔC), C + ΔC) with ΔC = f([h_z, h_c]).

    Pullback of (d_z, d_h, d_C):  d_ΔC = d_C + gᵀd_h;  (e_z, e_h) = fᵀd_ΔC;  result (d_z + e_z, e_h, d_C).
    """

    def __init__(self, decoder: Layer, encoder: Layer) -> None:
        self.decoder, self.encoder = decoder, encoder

    def declare(self, input_shape: Shapes) -> Declaration:
        """The decoder must give the canvas's shape, the encoder that of h_c."""
        h_z, h_c, _ = input_shape
        decoder = self.decoder.build((h_z, h_c))
        encoder = self.encoder.build(decoder.output_shape)
        return Declaration(
            (h_z, encoder.output_shape, decoder.output_shape),
            children={"decoder": decoder, "encoder": encoder},
            title="DrawStep",
        )

    def forward(self, variables: Variables, x: Arrays, run: Run) -> tuple[Arrays, LayerPullback]:
        """One addition to the canvas."""
        h_z, h_c, canvas = x
        children = variables.children
        drawn, through_decoder = self.decoder.apply(children["decoder"], (h_z, h_c), run.asking(run.wrt.any_input))
        code, through_encoder = self.encoder.apply(children["encoder"], drawn, run.asking(run.wrt.anything))

        def function(dy: Arrays, wrt: Wrt) -> Arrays:
            d_z, d_h, d_canvas = dy
            total = d_canvas
            if d_h is not None:  # after the last step nobody reads the code
                through = through_encoder(d_h, replace(wrt, inputs=True))
                total = through if d_canvas is None else d_canvas + through
            into = through_decoder(total, replace(wrt, inputs=wrt.any_input))
            if not wrt.any_input:
                return None
            e_z, e_h = into
            return (e_z if d_z is None else d_z + e_z), e_h, d_canvas

        return (h_z, code, canvas + drawn), LayerPullback(function, name=repr(self))


@LAYERS.register()
class FinishedCanvas(Layer):
    """(h_z, h_c, C) to f(C)."""

    def __init__(self, activation: str) -> None:
        self.activation = activation
        self._activation = ops.activation(activation)

    def declare(self, input_shape: Shapes) -> Declaration:
        """The canvas alone."""
        return Declaration(input_shape[2])

    def forward(self, variables: Variables, x: Arrays, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.activate`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.activate(x[2], self._activation, wrt=(run.wrt.any_input, False))
        return y, LayerPullback(lambda dy, wrt: (None, None, pullback(dy, (wrt.any_input, False))[0]), name=repr(self))


__all__ = ["GRAN", "DrawStep", "EmptyCanvas", "FinishedCanvas", "gran"]
