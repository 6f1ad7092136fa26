"""Softplus and the softmax cross-entropy on the GPU (`sources/losses.cu`)."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

from .grids import THREADS, over
from .launcher import contiguous, launch, new

SOURCE = "losses.cu"


class Softplus:
    """The function log(1 + eˢ) and its derivative."""

    def forward(self, s: Array) -> Array:
        """Return softplus, log(1 + eˢ), of each score."""
        return self._each("softplus", s)

    def derivative(self, s: Array) -> Array:
        """Return 1/(1 + e⁻ˢ)."""
        return self._each("softplus_derivative", s)

    def _each(self, kernel: str, s: Array) -> Array:
        value = new(s, s.shape)
        launch(SOURCE, kernel, *over(s.size), (contiguous(s), value, s.size), dtype=s.dtype)
        return value


class SoftmaxCrossEntropy:
    """The loss −log softmax(s)[label] of each row, which one warp makes.

    A label that is no class gives NaN: to raise an error would be to wait for the device.
    """

    def forward(self, logits: Array, labels: Array) -> tuple[Array, Array]:
        """Return the losses (N,) and their derivatives (N, classes)."""
        logits = contiguous(logits)
        rows, classes = logits.shape
        labels = contiguous(labels if labels.dtype == np.int64 else labels.astype(np.int64))
        loss, derivative = new(logits, (rows,)), new(logits, logits.shape)
        grid = (-(-rows * 32 // THREADS),)
        arguments = (logits, labels, loss, derivative, rows, classes)
        launch(SOURCE, "cross_entropy", grid, (THREADS,), arguments, dtype=logits.dtype)
        return loss, derivative
