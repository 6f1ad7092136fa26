"""Images of three classes that a small classifier can tell apart, and generators that are good or bad on purpose."""

import numpy as np

SHAPE = (16, 16, 1)


def striped(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bars along rows, along columns, or a square, of random place and brightness, in noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.integers(0, 60, (count, *SHAPE))
    for image, label in zip(images, labels, strict=True):
        at, bright = rng.integers(1, 11, 2), rng.integers(80, 190)
        if label == 0:
            image[at[0] : at[0] + 3] += bright
        elif label == 1:
            image[:, at[1] : at[1] + 3] += bright
        else:
            image[at[0] : at[0] + 5, at[1] : at[1] + 5] += bright
    return images.astype(np.uint8), labels


class Generator:
    """Gives out images made before, `count` of a seed drawn from them."""

    data_shape = SHAPE

    def __init__(self, images: np.ndarray, labels: np.ndarray | None = None) -> None:
        self.images, self.labels = images, labels
        self.classes = None if labels is None else 3

    def sample(
        self, count: int, seed: int = 0, *, labels: np.ndarray | None = None, average: bool = True
    ) -> np.ndarray:
        rng = np.random.default_rng(seed)
        if labels is None:
            return self.images[rng.permutation(np.arange(count) % len(self.images))]
        return np.stack([self.images[rng.choice(np.flatnonzero(self.labels == label))] for label in labels])
