"""The softmax cross-entropy with its derivative, a thread for each row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import contiguous, new
from .compiled import cuda, kernel, variants
from .launcher import launch


@variants
def cross_entropies(real: Any) -> Any:
    """A kernel: log Σ eˢ − s[label] and softmax(s) − onehot(label), the largest logit subtracted first."""

    @kernel
    def cross_entropy(logits: Array, labels: Array, loss: Array, derivative: Array, rows: int, classes: int) -> None:
        for row in range(cuda.grid(1), rows, cuda.gridsize(1)):
            start, label = row * classes, labels[row]
            largest = logits[start]
            for i in range(start + 1, start + classes):
                largest = max(largest, logits[i])
            total = real(0)
            for i in range(start, start + classes):
                derivative[i] = real(math.exp(logits[i] - largest))
                total += derivative[i]
            for i in range(start, start + classes):
                derivative[i] /= total
            loss[row] = real(math.nan)
            if label >= 0 and label < classes:
                loss[row] = real(math.log(total)) - (logits[start + label] - largest)
                derivative[start + label] -= real(1)

    return cross_entropy


class SoftmaxCrossEntropy:
    """The loss −log softmax(s)[label] of each row, which one thread makes.

    A label that is no class gives a loss of NaN: to raise an error would be to wait for the device.
    """

    def forward(self, logits: Array, labels: Array) -> tuple[Array, Array]:
        """Return the losses (N,) and their derivatives (N, classes)."""
        logits = contiguous(logits)
        rows, classes = logits.shape
        labels = contiguous(labels if labels.dtype == np.int64 else labels.astype(np.int64))
        loss, derivative = new(logits, (rows,)), new(logits, logits.shape)
        launch(cross_entropies(logits.dtype.type), *over(rows), (logits, labels, loss, derivative, rows, classes))
        return loss, derivative
