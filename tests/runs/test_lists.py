"""Lists where arrays are expected: taken where that is harmless, refused by name where it is not."""

from typing import Any

import numpy as np
import pytest

import gan_np as gn

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)
LABELS = np.arange(12) % 3


def trained(images: Any, labels: Any) -> bytes:
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=3, width=2)
    gn.train(gan, images, labels=labels, steps=2, batch_size=4, progress=False)
    return gan.generator.parameters.values.tobytes()


def test_lists_train_as_arrays_do() -> None:
    assert trained(list(IMAGES), LABELS.tolist()) == trained(IMAGES, LABELS)


@pytest.mark.parametrize(
    ("images", "labels", "error", "hint"),
    [
        (IMAGES, np.eye(3)[LABELS], ValueError, "labels: expected 12 integers.*labels.argmax"),
        (IMAGES, [1.0] * 12, ValueError, "labels: expected 12 integers"),
        (IMAGES, ["cat"] * 12, TypeError, "labels: expected numbers"),
        (IMAGES, 3, TypeError, "labels: expected a NumPy array"),
        (IMAGES.tolist(), LABELS, TypeError, "images: expected uint8"),
        ([IMAGES[0], IMAGES[0, :4]], LABELS, ValueError, "images: .*differ in shape"),
        ("a/folder", LABELS, TypeError, "images: expected a NumPy array, got str"),
    ],
    ids=["one-hot", "floats", "texts", "a-number", "numbers-as-images", "ragged", "a-path"],
)
def test_others_are_refused_by_name(images: Any, labels: Any, error: type[Exception], hint: str) -> None:
    with pytest.raises(error, match=hint):
        trained(images, labels)
