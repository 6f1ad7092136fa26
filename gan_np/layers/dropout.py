"""The dropout layer."""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import number

from .binding import bind
from .layer import LAYERS, Layer, LayerPullback, Variables
from .run import Run


@LAYERS.register()
class Dropout(Layer):
    """In training each entry is 0 with probability `rate`, the others divided by 1 − rate; in evaluation, nothing.

    Draws from the run's generator (`network.forward(x, training=True, rng=…)`).
    """

    def __init__(self, rate: float) -> None:
        self.rate = number("rate", rate, 0.0)
        if rate >= 1:
            raise ValueError(f"rate: expected a number below 1, got {rate}")

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.dropout`, whose docstring has the formula and what the pullback needs."""
        if not run.training or self.rate == 0:
            return x, LayerPullback(
                lambda dy, wrt: dy,
                lambda tangent, wrt: (tangent, LayerPullback(lambda dy, wrt: dy)),
                by_example=True,
            )
        if run.rng is None:
            raise ValueError(f"{self!r}: training draws random numbers, pass rng= to forward")
        y, pullback = ops.dropout(x, self.rate, run.rng, wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)
