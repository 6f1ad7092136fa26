"""Pixels of images and numbers of vectors as features, where no classifier is at hand."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from gan_np.arrays import Array
from gan_np.data.encoding import Encoding
from gan_np.data.images import to_float
from gan_np.models import laplacian

LONGEST = 16
_CHUNK = 1024


class FeatureExtractor(Protocol):
    """What makes features of images: a `Classifier`, or `PixelFeatures`."""

    name: str

    def extract(self, images: Array) -> tuple[Array, Array | None]:
        """(features (N, F), probabilities (N, classes) or None) of images (N, H, W, C) or vectors (N, m)."""
        ...


def features_called(reader: FeatureExtractor) -> str:
    """What figures are said to be on: "pixels 14×14 features", or what the reader says itself."""
    said: str = getattr(reader, "features_called", f"{reader.name} features")
    return said


class VectorFeatures:
    """The numbers of vectors as the players see them: standardised, if training did that."""

    name = "standardised columns"

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding

    def extract(self, images: Array) -> tuple[Array, None]:
        """float32 (N, m), and no probabilities."""
        return self.encoding.encode(images, np.dtype(np.float32)), None


def plain_features(gan: Any) -> FeatureExtractor:
    """What reads a model's data without a classifier: pixels of images, numbers of vectors."""
    if len(gan.data_shape) == 1:
        return VectorFeatures(gan.encoding)
    height, width, channels = gan.data_shape
    return PixelFeatures((height, width, channels))


class PixelFeatures:
    """Images halved (means of 2×2) while a side is longer than 16 and both are even, as vectors in [0, 1].

    Distances between pixels see shifts and brightness, not what is shown: figures on them tell a failed generator from a
    working one, and little more.
    """

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        height, width, _ = image_shape
        self.halvings = 0
        while max(height, width) > LONGEST and height % 2 == 0 and width % 2 == 0:
            height, width, self.halvings = height // 2, width // 2, self.halvings + 1
        self.name = f"pixels {height}×{width}"

    def extract(self, images: Array) -> tuple[Array, None]:
        """float32 (N, F), and no probabilities."""
        parts = []
        for start in range(0, len(images), _CHUNK):
            part = to_float(np.ascontiguousarray(images[start : start + _CHUNK]), "0..1", np.dtype(np.float32))
            for _ in range(self.halvings):
                part = laplacian.reduce(part)
            parts.append(part.reshape(len(part), -1))
        return np.concatenate(parts), None
