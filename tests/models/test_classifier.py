"""The classifier's network and what is read from it."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.models.classifier import BATCH, softmax


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (9, 13, 3), (32, 32, 4), (64, 64, 3)])
def test_any_pictures(shape: tuple[int, int, int], rng: np.random.Generator) -> None:
    made = gn.models.classifier(shape, classes=3, width=2, features=5)
    images = rng.integers(0, 256, (4, *shape), np.uint8)
    features, probabilities = made.extract(images)
    assert features.shape == (4, 5)
    assert probabilities.shape == (4, 3)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert np.array_equal(made.features(images), features)
    assert np.array_equal(made.predict(images), probabilities.argmax(axis=1))


def test_a_picture_does_not_depend_on_those_beside_it(rng: np.random.Generator) -> None:
    made = gn.models.classifier((8, 8, 1), classes=3, width=2)
    images = rng.integers(0, 256, (BATCH + 3, 8, 8, 1), np.uint8)
    whole = made.features(images)
    assert np.array_equal(made.features(images[-1:]), whole[-1:])
    assert np.array_equal(made.features(images[100:110]), whole[100:110])
    assert not np.array_equal(whole[0], whole[1])


def test_the_head_reads_the_features(rng: np.random.Generator) -> None:
    made = gn.models.classifier((8, 8, 1), classes=3, width=2, dropout=0.0)
    images = rng.integers(0, 256, (5, 8, 8, 1), np.uint8)
    theta = made.network.parameters
    weight, bias = (theta[name] for name in [s.name for s in theta.layout.segments][-2:])
    features, probabilities = made.extract(images)
    assert np.allclose(softmax(features @ weight + bias), probabilities, atol=1e-6)


def test_softmax_of_large_logits() -> None:
    assert np.array_equal(softmax(np.array([[1e4, -1e4]])), [[1.0, 0.0]])


def test_refusals(rng: np.random.Generator) -> None:
    made = gn.models.classifier((8, 8, 1), classes=3, width=2)
    with pytest.raises(TypeError, match="uint8"):
        made.features(rng.integers(0, 256, (2, 8, 8, 1)))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        made.features(2 * rng.random((2, 8, 8, 1)))
    with pytest.raises(gn.ShapeError, match=r"\(8, 8, 1\)"):
        made.features(np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="classes"):
        gn.models.classifier((8, 8, 1), classes=1)
    with pytest.raises(gn.ShapeError, match="at least 8"):
        gn.models.classifier((7, 8, 1), classes=2)
    with pytest.raises(ValueError, match="class_names"):
        gn.models.Classifier(made.network, class_names=("a", "b"))
    with pytest.raises(gn.ShapeError, match="network"):
        gn.models.Classifier(gn.models.dcgan((8, 8, 1), 4, width=2).discriminator)
