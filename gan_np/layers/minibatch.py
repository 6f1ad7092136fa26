"""Statistics of the batch shown to D, so that it sees when generated images are all alike."""

from __future__ import annotations

from gan_np.arrays import Array, array_module, require_same
from gan_np.checks import number, shape

from .layer import LAYERS, Declaration, Layer, LayerPullback, Shapes, Variables
from .run import Run, Wrt


@LAYERS.register()
class MinibatchStandardDeviation(Layer):
    """One more channel that holds a single number: how much the batch varies (Karras et al. 2018).

        s[i, j, c] = √(mean_n (x[n, i, j, c] − μ[i, j, c])² + ε),   m = mean s,   y = [x, m]

    x (N, H, W, C) to y (N, H, W, C + 1). With dm = Σ dy[…, C]:

        dx = dy[…, :C] + dm·(x − μ)/(N·s) / (H·W·C)

    (the terms through μ vanish, since x − μ sums to 0 over n). The same in training and in evaluation: an image's score
    depends on its batch-mates, which is the purpose.
    """

    def __init__(self, epsilon: float = 1e-8) -> None:
        self.epsilon = number("epsilon", epsilon, above=0.0)

    def declare(self, input_shape: Shapes) -> Declaration:
        """One more channel."""
        height, width, channels = shape("input", input_shape, 3)
        return Declaration((height, width, channels + 1))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """The image with the number beside it."""
        require_same("minibatch standard deviation", x=x)
        xp = array_module(x)
        centred = x - x.mean(axis=0)
        deviation = xp.sqrt((centred * centred).mean(axis=0) + x.dtype.type(self.epsilon))
        y = xp.empty((*x.shape[:3], x.shape[3] + 1), x.dtype)
        y[..., :-1] = x
        y[..., -1] = deviation.mean()
        # What m's derivative is made of; nothing is kept where no input gradient will be asked for.
        slope = centred / (deviation * x.dtype.type(x.size)) if run.wrt.any_input else None

        def pullback(dy: Array, wrt: Wrt) -> Array | None:
            if not wrt.any_input:
                return None
            dx: Array = dy[..., :-1] + dy[..., -1].sum() * slope
            return dx

        return y, LayerPullback(pullback, name=repr(self))
