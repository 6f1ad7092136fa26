"""Differentiable augmentation as a layer: the first one of a discriminator."""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import choice, shape

from .binding import bind
from .layer import LAYERS, Declaration, Layer, LayerPullback, Shapes, Variables
from .run import Run


@LAYERS.register()
class DiffAugment(Layer):
    """In training each image is changed at random (Zhao et al. 2020); in evaluation nothing happens.

    As the first layer of D it changes real and generated images alike, and G's gradient passes through it: D cannot
    learn a small data set by heart, and the changes do not leak into what G draws.

    policy: some of "colour", "translation", "cutout"; see `ops.diff_augment`. Draws from the run's generator.
    """

    def __init__(self, *policy: str) -> None:
        if not policy:
            raise ValueError(f"policy: expected some of {', '.join(ops.AUGMENTATIONS)}, got none")
        self.policy = tuple(choice("policy", name, ops.AUGMENTATIONS) for name in policy)

    def __repr__(self) -> str:
        """As written."""
        return f"DiffAugment({', '.join(map(repr, self.policy))})"

    def declare(self, input_shape: Shapes) -> Declaration:
        """Images."""
        return Declaration(shape("input", input_shape, 3))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """See `ops.diff_augment`."""
        if not run.training:
            return x, LayerPullback(
                lambda dy, wrt: dy, lambda tangent, wrt: (tangent, LayerPullback(lambda dy, wrt: dy))
            )
        if run.rng is None:
            raise ValueError(f"{self!r}: training draws random numbers, pass rng= to forward")
        y, pullback = ops.diff_augment(x, self.policy, run.rng, wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)
