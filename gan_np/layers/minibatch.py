"""Statistics of the batch shown to D, so that it sees when generated images are all alike."""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array, array_module, require_same
from gan_np.checks import number, shape
from gan_np.ranks import Ranks

from .layer import LAYERS, Declaration, Layer, LayerPullback, Shapes, Variables
from .run import Run, Wrt


@LAYERS.register()
class MinibatchStandardDeviation(Layer):
    """One more channel that holds a single number: how much the batch varies (Karras et al. 2018).

        s[i, j, c] = √(mean_n (x[n, i, j, c] − μ[i, j, c])² + ε),   m = mean s,   y = [x, m]

    x (N, H, W, C) to y (N, H, W, C + 1). With dm = Σ dy[…, C]:

        dx = dy[…, :C] + dm·(x − μ)/(N·s) / (H·W·C)

    (the terms through μ vanish, since x − μ sums to 0 over n). Linearised, with c = x − μ, means over n and
    dṁ = Σ dẏ[…, C],

        ṁ = Σ c·ẋ/(N·s)/(H·W·C),   dx = dṁ·(ẋ − mean(ẋ) − c·mean(c·ẋ)/s²)/(N·s)/(H·W·C).

    (A slope of D's sum of scores is then that of one image in all scores of the batch.) The same in training and in
    evaluation: an image's score depends on its batch-mates, which is the purpose.

    epsilon: ε, above 0.
    """

    def __init__(self, epsilon: float = 1e-8) -> None:
        self.epsilon = number("epsilon", epsilon, above=0.0)

    def declare(self, input_shape: Shapes) -> Declaration:
        """Declare an output with one more channel."""
        height, width, channels = shape("input", input_shape, 3)
        return Declaration((height, width, channels + 1))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """The image with the number beside it."""
        require_same("minibatch standard deviation", x=x)
        xp = array_module(x)
        ranks = run.ranks
        centred = x - _mean(x, ranks)
        deviation = xp.sqrt(_mean(centred * centred, ranks) + x.dtype.type(self.epsilon))
        y = xp.empty((*x.shape[:3], x.shape[3] + 1), x.dtype)
        y[..., :-1] = x
        y[..., -1] = deviation.mean()
        if not run.wrt.any_input:  # nothing is kept
            return y, LayerPullback(lambda dy, wrt: None, name=repr(self))
        total = deviation * x.dtype.type(x.size * ranks.size)
        slope = centred / total  # what m's derivative is made of

        def pullback(dy: Array, wrt: Wrt) -> Array | None:
            if not wrt.any_input:
                return None
            dx: Array = dy[..., :-1] + ranks.total(dy[..., -1].sum(keepdims=True)).reshape(()) * slope
            return dx

        def linear(tangent: Array, wrt: Wrt) -> tuple[Array, Any]:
            moved = xp.empty(y_shape, tangent.dtype)
            moved[..., :-1] = tangent
            moved[..., -1] = ranks.total((slope * tangent).sum(keepdims=True)).reshape(())

            def second(dmoved: Array, wrt: Wrt) -> tuple[Array | None, Array | None]:
                centred = slope * total
                along = _mean(centred * tangent, ranks) / (deviation * deviation)
                bent = (tangent - _mean(tangent, ranks) - centred * along) / total
                return pullback(dmoved, wrt), ranks.total(dmoved[..., -1].sum(keepdims=True)).reshape(()) * bent

            return moved, second

        y_shape = y.shape
        return y, LayerPullback(pullback, linear, repr(self))


def _mean(x: Array, ranks: Ranks) -> Array:
    """Over the examples of the whole batch."""
    if ranks.size == 1:
        mean: Array = x.mean(axis=0)
        return mean
    total: Array = ranks.total(x.sum(axis=0)) / x.dtype.type(len(x) * ranks.size)
    return total
