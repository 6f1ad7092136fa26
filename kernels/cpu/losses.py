"""Softplus, its derivative, and the softmax cross-entropy with its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import Array

from . import elementary
from .chunks import LINE, chunk_count, chunk_length, claim, finish, zones
from .compiled import inner
from .entry import Cells, Given, Integers, Result, entry
from .memory import get, put
from .pool import parallel, state

softplus, logistic, exponential = elementary.softplus, elementary.logistic, elementary.exponential


@inner
def _softplus_part(
    index: int, thread: int, taken: Any, count: int, s: Any, derivative: bool, y: Any, length: int
) -> None:
    start = claim(taken, thread, count, False) * length
    stop = min(start + length, s.size)
    if derivative:
        for i in range(start, stop):
            put(y, i, logistic(get(s, i)))
    else:
        for i in range(start, stop):
            put(y, i, softplus(get(s, i)))


@entry
def _softplus(state: Cells, s: Given, derivative: bool, y: Result) -> None:
    length = chunk_length(s.size, LINE)
    count = chunk_count(s.size, length)
    finish(parallel(state, _softplus_part, count, (zones(state), count, s, derivative, y, length)))


class Softplus:
    """log(1 + eˢ), exact at any finite s."""

    def forward(self, s: Array) -> Array:
        """max(s, 0) + log(1 + e^−|s|)."""
        y = np.empty(s.shape, s.dtype)
        _softplus[s.dtype](state(), s.ravel(), False, y.reshape(-1))
        return y

    def derivative(self, s: Array) -> Array:
        """1/(1 + e⁻ˢ)."""
        y = np.empty(s.shape, s.dtype)
        _softplus[s.dtype](state(), s.ravel(), True, y.reshape(-1))
        return y


@inner
def _cross_entropy_part(
    index: int, thread: int, taken: Any, count: int, logits: Any, labels: Any, loss: Any, derivative: Any, rows: int
) -> None:
    """Row by row: the largest logit, Σ e^(s − largest), then what follows from both."""
    real, classes = logits.dtype.type, logits.size // labels.size
    start = claim(taken, thread, count, False) * rows
    for row in range(start, min(start + rows, labels.size)):
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


@entry
def _cross_entropy(state: Cells, logits: Given, labels: Integers, loss: Result, derivative: Result) -> None:
    rows = max(chunk_length(logits.size, LINE) // max(logits.size // max(labels.size, 1), 1), 1)
    count = chunk_count(labels.size, rows)
    given = (zones(state), count, logits, labels, loss, derivative, rows)
    finish(parallel(state, _cross_entropy_part, count, given))


class SoftmaxCrossEntropy:
    """−log softmax(s)[label]."""

    def forward(self, logits: Array, labels: Array) -> tuple[Array, Array]:
        """Losses (N,) and their derivatives softmax(s) − onehot(label)."""
        dtype = logits.dtype
        loss, derivative = np.empty(len(logits), dtype), np.empty(logits.shape, dtype)
        whole = labels.ravel().astype(np.int64, copy=False)
        _cross_entropy[dtype](state(), logits.ravel(), whole, loss, derivative.reshape(-1))
        return loss, derivative
