"""A generator that is linear by hand, so that everything about its z is known."""

import numpy as np

import gan_np as gn
from gan_np.models.prior import Prior


def linear_gan(weights: np.ndarray, *, dtype: type = np.float32, kind: str = "normal") -> gn.GAN:
    """G(z) = tanh(z·W) as images (1, features, 1), for a matrix W (k, features)."""
    dim, features = weights.shape
    structure = gn.Sequential(gn.Dense(features, bias=False), gn.layers.Tanh(), gn.Reshape(1, features, 1))
    g = gn.Network(structure, (dim,), dtype=dtype)
    g.parameters.assign_segment("0.weight", weights.astype(dtype))
    d = gn.Network(gn.Sequential(gn.Flatten(), gn.Dense(1)), (1, features, 1), dtype=dtype)
    return gn.GAN(g, d, Prior(dim, kind), "-1..1")


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """A matrix with orthonormal columns."""
    return np.linalg.qr(rng.standard_normal((rows, columns)))[0]
