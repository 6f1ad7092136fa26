"""Softplus, from which the GAN objectives are made, and the softmax cross-entropy."""

from __future__ import annotations

from gan_np.arrays import Array, array_module


class Softplus:
    """The function log(1 + eˢ) = max(s, 0) + log(1 + e^−|s|), which never overflows and is exactly s (or 0) at ±1000."""

    def forward(self, s: Array) -> Array:
        """Return softplus, log(1 + eˢ), of each score."""
        xp = array_module(s)
        return xp.maximum(s, 0) + xp.log1p(xp.exp(-xp.abs(s)))

    def derivative(self, s: Array) -> Array:
        """Return 1/(1 + e⁻ˢ), written with e^−|s| on both sides so that small probabilities keep their digits."""
        xp = array_module(s)
        small = xp.exp(-xp.abs(s))
        probability: Array = xp.where(s >= 0, s.dtype.type(1), small) / (1 + small)
        return probability


class SoftmaxCrossEntropy:
    """The loss −log softmax(s)[label] of each row; the largest logit is subtracted first, so that nothing overflows."""

    def forward(self, logits: Array, labels: Array) -> tuple[Array, Array]:
        """Return the losses (N,) and their derivatives (N, classes)."""
        xp = array_module(logits)
        shifted = logits - logits.max(axis=1, keepdims=True)
        exponential = xp.exp(shifted)
        total = exponential.sum(axis=1, keepdims=True)
        rows = xp.arange(len(logits))
        loss = xp.log(total[:, 0]) - shifted[rows, labels]
        exponential /= total
        exponential[rows, labels] -= 1
        return loss, exponential
