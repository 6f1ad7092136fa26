"""Softplus, its derivative, and the softmax cross-entropy with its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import Array

from . import elementary
from .chunks import ROW_BLOCK, chunk_length, chunks_of, next_span, require_memory
from .compiled import inner
from .functions import Cells, Given, Integers, Result, compiled_function
from .memory import get, put
from .pool import parallel, state

softplus, logistic, exponential = elementary.softplus, elementary.logistic, elementary.exponential


@inner
def _softplus_part(index: int, thread: int, chunks: Any, s: Any, derivative: bool, y: Any) -> None:
    start, stop = next_span(chunks, thread, s.size, False)
    if derivative:
        for i in range(start, stop):
            put(y, i, logistic(get(s, i)))
    else:
        for i in range(start, stop):
            put(y, i, softplus(get(s, i)))


@compiled_function
def _softplus(state: Cells, s: Given, derivative: bool, y: Result) -> None:
    chunks = chunks_of(state, s.size, chunk_length(s.size, ROW_BLOCK))
    require_memory(parallel(state, _softplus_part, chunks.number, (chunks, s, derivative, y)))


class Softplus:
    """The function log(1 + eˢ), exact at any finite s, and its derivative."""

    def forward(self, s: Array) -> Array:
        """Return log(1 + eˢ), as max(s, 0) + log(1 + e^−|s|)."""
        y = np.empty(s.shape, s.dtype)
        _softplus[s.dtype](state(), s.ravel(), False, y.reshape(-1))
        return y

    def derivative(self, s: Array) -> Array:
        """Return 1/(1 + e⁻ˢ)."""
        y = np.empty(s.shape, s.dtype)
        _softplus[s.dtype](state(), s.ravel(), True, y.reshape(-1))
        return y


@inner
def _cross_entropy_part(
    index: int, thread: int, chunks: Any, logits: Any, labels: Any, loss: Any, derivative: Any
) -> None:
    """Compute losses and derivatives of some rows: first the largest logit, then Σ e^(s − largest), then what follows."""
    real, classes = logits.dtype.type, logits.size // labels.size
    start, stop = next_span(chunks, thread, labels.size, False)
    for row in range(start, stop):
        at, label = row * classes, get(labels, row)
        largest = get(logits, at)
        for j in range(1, classes):
            value = get(logits, at + j)
            largest = value if value > largest else largest  # NaN needs no care: the sum below has it
        for j in range(classes):
            put(derivative, at + j, exponential(get(logits, at + j) - largest))
        total = real(0.0)
        for j in range(classes):
            total += get(derivative, at + j)
        put(loss, row, math.log(total) - (get(logits, at + label) - largest))
        for j in range(classes):
            put(derivative, at + j, get(derivative, at + j) / total)
        put(derivative, at + label, get(derivative, at + label) - real(1.0))


@compiled_function
def _cross_entropy(state: Cells, logits: Given, labels: Integers, loss: Result, derivative: Result) -> None:
    rows = max(chunk_length(logits.size, ROW_BLOCK) // max(logits.size // max(labels.size, 1), 1), 1)
    chunks = chunks_of(state, labels.size, rows)
    require_memory(parallel(state, _cross_entropy_part, chunks.number, (chunks, logits, labels, loss, derivative)))


class SoftmaxCrossEntropy:
    """The loss −log softmax(s)[label] of each row, and its derivative."""

    def forward(self, logits: Array, labels: Array) -> tuple[Array, Array]:
        """Return the losses (N,) and their derivatives softmax(s) − onehot(label), (N, classes)."""
        dtype = logits.dtype
        loss, derivative = np.empty(len(logits), dtype), np.empty(logits.shape, dtype)
        numbers = labels.ravel().astype(np.int64, copy=False)
        _cross_entropy[dtype](state(), logits.ravel(), numbers, loss, derivative.reshape(-1))
        return loss, derivative
