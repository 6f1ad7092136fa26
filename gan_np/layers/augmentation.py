"""Differentiable augmentation as a layer: the first one of a discriminator."""

from __future__ import annotations

from collections.abc import Callable

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import choice, number, shape

from .binding import bind
from .layer import LAYERS, Declaration, Layer, LayerPullback, Shapes, Variables
from .run import Run


@LAYERS.register()
class DiffAugment(Layer):
    """In training each image is changed at random (Zhao et al. 2020); in evaluation nothing happens.

    As the first layer of D it changes real and generated images alike, and G's gradient passes through it: D cannot
    learn a small data set by heart, and the changes do not leak into what G draws.

    policy: some of "colour", "translation", "cutout", "geometry", "hue"; see `ops.diff_augment`. Draws from the run's
        generator.
    probability: of each image that it is changed at all, from 0 to 1; a schedule (`gan_np.schedules`) goes over the updates
        of the network that the layer is in.

    >>> import gan_np as gn
    >>> gn.DiffAugment("colour", "translation", probability=gn.schedules.Linear(1.0, 0.0, 5000))
    DiffAugment('colour', 'translation', probability=Linear(start=1.0, stop=0.0, updates=5000))
    """

    def __init__(self, *policy: str, probability: float | Callable[[int], float] = 1.0) -> None:
        if not policy:
            raise ValueError(f"policy: expected some of {', '.join(ops.AUGMENTATIONS)}, got none")
        self.policy = tuple(choice("policy", name, ops.AUGMENTATIONS) for name in policy)
        self.probability = probability
        self._probability(0)

    def __repr__(self) -> str:
        """Return the layer as it is written in Python."""
        named = list(map(repr, self.policy))
        if callable(self.probability) or self.probability != 1:
            named.append(f"probability={self.probability!r}")
        return f"DiffAugment({', '.join(named)})"

    def _probability(self, updates: int) -> float:
        value = self.probability(updates) if callable(self.probability) else self.probability
        return number("probability", value, 0.0, 1.0)

    def declare(self, input_shape: Shapes) -> Declaration:
        """Declare an output of the input's shape, which must be that of images."""
        return Declaration(shape("input", input_shape, 3))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.diff_augment`, whose docstring has the formula and what the pullback needs."""
        if not run.training:
            return x, LayerPullback(
                lambda dy, wrt: dy,
                lambda tangent, wrt: (tangent, LayerPullback(lambda dy, wrt: dy)),
                by_example=True,
            )
        if run.rng is None:
            raise ValueError(f"{self!r}: training draws random numbers, pass rng= to forward")
        always = not callable(self.probability) and self.probability == 1
        count = run.updates or (lambda: 0)
        y, pullback = ops.diff_augment(
            x,
            self.policy,
            run.rng,
            probability=None if always else lambda: self._probability(count()),
            wrt=run.wrt.of_arrays(),
        )
        return y, bind(pullback, variables)
