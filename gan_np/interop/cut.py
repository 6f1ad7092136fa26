"""Where images that a generator gives are to be cut to their range, as `GAN.sample` cuts them."""

from __future__ import annotations

from typing import Any

from gan_np.data.images import RANGES
from gan_np.layers import BatchNorm, Conv2d, ConvTranspose2d, Dense, Flatten, Layer, Reshape, Sigmoid, Tanh
from gan_np.models import GAN
from gan_np.models.gran import FinishedCanvas
from gan_np.models.lapgan import LaplacianLevel
from gan_np.networks import Identity, Sequential
from gan_np.ops import activation

BOUNDED = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
"""What the outputs of an activation lie between."""


def range_to_cut_to(gan: GAN) -> tuple[float, float] | None:
    """The range (low, high) to which the outputs of G are to be cut.

    None where there is nothing to cut: vectors, the detail of a LAPGAN's level, and images whose last activation keeps them
    in the range. What the end of a network of one's own gives is not known, so it is cut.
    """
    if gan.pixel_range is None or isinstance(gan, LaplacianLevel):
        return None
    low, high = RANGES[gan.pixel_range]
    ends = _ends(gan.generator.structure)
    return None if ends is not None and low <= ends[0] and ends[1] <= high else (low, high)


def _ends(layer: Layer) -> tuple[float, float] | None:
    """What a layer's outputs are known to lie between; None if that is not known."""
    if isinstance(layer, Sequential):
        last = [one for one in layer.layers if not isinstance(one, Reshape | Flatten | Identity)]
        return _ends(last[-1]) if last else None
    if isinstance(layer, Tanh | Sigmoid):
        return BOUNDED["tanh" if isinstance(layer, Tanh) else "sigmoid"]
    if isinstance(layer, Dense | Conv2d | ConvTranspose2d | BatchNorm | FinishedCanvas):
        chosen: Any = layer.activation
        return BOUNDED.get(activation(chosen).kind)
    return None
