"""Directions from principal components of early activations (GANSpace, Härkönen et al. 2020)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array, to_device, to_host
from gan_np.checks import integer
from gan_np.models import GAN
from gan_np.models.gan import joined

from .directions import Direction
from .first_layer import early_network

BATCH = 256


def principal(
    gan: GAN,
    count: int = 10,
    *,
    samples: int = 2000,
    layers: int | None = None,
    labels: Any = None,
    seed: int = 0,
    average: bool = True,
) -> list[Direction]:
    """z-directions of the first principal components of what an early layer gives.

    Activations y_i of `samples` points z_i, centred; V the first components of their covariance; x_i = Vᵀ·y_i; then U
    minimises Σ_i ‖z_i − z̄ − U·x_i‖², by least squares, and column j of U is the direction of component j. The strength
    is the share of the variance of y that component j has.

    layers: how many of G's layers lie before the activations; None for the first dense layer with its normalisation and
        activation. labels: of a conditional model, as in `sample`.

    >>> import gan_np as gn
    >>> gan = gn.models.mlp((8, 8, 1), 4, hidden=16)
    >>> [direction.name for direction in gn.latent.principal(gan, 2, samples=100)]
    ['principal:0', 'principal:1']
    """
    integer("samples", samples, gan.prior.dim + 2)
    integer("count", count, 1)
    network = early_network(gan, layers, average=average)
    z = gan.prior.of_seed(seed, samples, network.dtype)
    chosen = gan.chosen_labels(labels, samples)
    context = None if chosen is None else gan.context_of(chosen)
    parts = []
    for start in range(0, samples, BATCH):
        rows = slice(start, start + BATCH)
        given = joined(to_device(z[rows], network.device), None if context is None else context[rows])
        y = network(given)
        parts.append(to_host(y[0] if isinstance(y, tuple) else y).reshape(len(z[rows]), -1))
    return directions_of(z, np.concatenate(parts), count)


def directions_of(z: Array, activations: Array, count: int) -> list[Direction]:
    """The same for given points z (N, k) and activations y (N, D)."""
    y = activations.astype(np.float64)
    y -= y.mean(axis=0)
    # From the smaller of yᵀy and y·yᵀ: coordinates x = V^T y are √eigenvalue times eigenvectors of the latter.
    if y.shape[1] <= len(y):
        values, vectors = np.linalg.eigh(y.T @ y)
        scores = y @ vectors
    else:
        values, scores = np.linalg.eigh(y @ y.T)
    total = float((y * y).sum())
    points = z.astype(np.float64) - z.mean(axis=0, dtype=np.float64)
    found = []
    for number in range(min(count, len(values))):
        column = len(values) - 1 - number
        x = scores[:, column]
        # Coordinates of components are uncorrelated, so least squares goes one column at a time.
        vector = points.T @ x / (x @ x)
        share = float(values[column]) / total
        found.append(
            Direction(
                f"principal:{number}", vector, f"principal component {number}, {share:.1%} of the variance", share
            )
        )
    return found
