"""Samples part by part, by seeds and with truncated z: each is what `sample` gives, whatever is asked for beside it."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.data.labels import LabelTable
from gan_np.models import CHUNK, Prior

MODELS = {
    "mlp": lambda: gn.models.mlp((8, 8, 1), 6, hidden=8),
    "vectors": lambda: gn.models.mlp((3,), 6, hidden=8),
    "conditional": lambda: gn.models.conditional_dcgan((8, 8, 1), 4, classes=3, width=2),
    "infogan": lambda: gn.models.infogan((8, 8, 1), 4, categories=3, width=2),
    "lapgan": lambda: gn.models.lapgan((16, 16, 1), 4, levels=1, width=2, hidden=8),
}


@pytest.mark.parametrize("name", MODELS)
def test_parts_are_what_sample_gives(name: str) -> None:
    gan = MODELS[name]()
    parts = list(gan.stream(70, seed=3))
    assert [len(part) for part in parts] == [64, 6]
    np.testing.assert_array_equal(np.concatenate(parts), gan.sample(70, seed=3))
    np.testing.assert_array_equal(np.concatenate(parts)[:10], gan.sample(10, seed=3))


@pytest.mark.parametrize("name", MODELS)
def test_a_seed_is_the_same_whatever_is_beside_it(name: str) -> None:
    gan = MODELS[name]()
    several = list(gan.of_seeds([3, 11, 7]))
    (alone,) = gan.of_seeds([7])
    np.testing.assert_array_equal(several[2], alone)
    label = gan.label_of_seed(7)
    np.testing.assert_array_equal(alone, gan.sample(1, seed=7, labels=label))


def test_seeds_draw_classes_as_often_as_the_data_have_them() -> None:
    gan = MODELS["conditional"]()
    gan.label_table = LabelTable((2, 5, 9), ("a", "b", "c"), (1, 0, 3))
    drawn = [gan.label_of_seed(seed) for seed in range(400)]
    assert set(drawn) == {2, 9}
    assert 260 < drawn.count(9) < 340


@pytest.mark.parametrize("kind", ["normal", "uniform", "uniform-unit-variance"])
def test_truncation(kind: str) -> None:
    prior, dtype = Prior(5, kind), np.dtype(np.float32)
    z = prior.of_seed(1, 100, dtype)
    np.testing.assert_allclose(prior.of_seed(1, 100, dtype, truncation=gn.models.Truncation(0.25)), z / 4)
    bound = prior.of_seed(1, 100, dtype, truncation=gn.models.Truncation(bound=0.5))
    assert np.abs(bound).max() <= 0.5
    inside = np.abs(z) <= 0.5
    np.testing.assert_array_equal(bound[inside], z[inside])
    assert 0.2 < bound[~inside].std() < 0.35  # as z is within the bound: not heaped up at it
    later = prior.of_seed(1, 40, dtype, start=CHUNK + 3, truncation=gn.models.Truncation(bound=0.5))
    np.testing.assert_array_equal(later, bound[CHUNK + 3 : CHUNK + 43])


def test_codes_are_not_truncated() -> None:
    gan = MODELS["infogan"]()
    z, less = (
        gan.prior.of_seed(0, 50, np.dtype(np.float32), truncation=changed)
        for changed in (None, gn.models.Truncation(0.0))
    )
    for before, after in zip(gan.prior.codes_of(z), gan.prior.codes_of(less), strict=True):
        np.testing.assert_array_equal(before, after)
    assert not gan.prior.noise_of(less).any()


@pytest.mark.parametrize("name", ["mlp", "lapgan"])
def test_truncated_samples(name: str) -> None:
    gan = MODELS[name]()
    same = gan.sample(5, truncation=0.0)
    assert (same == same[0]).all()
    np.testing.assert_array_equal(gan.sample(5, truncation=1.0), gan.sample(5))
    np.testing.assert_array_equal(
        gan.sample(9, truncation=0.5, truncation_bound=1), next(gan.stream(9, truncation=0.5, truncation_bound=1))
    )


def test_what_is_refused() -> None:
    gan = MODELS["mlp"]()
    for options, words in (
        ({"truncation": 1.5}, "truncation: expected a number of at least 0"),
        ({"truncation_bound": 0.01}, "truncation_bound: expected a number of at least 0.1"),
        ({"labels": 3}, "not conditional"),
    ):
        with pytest.raises(ValueError, match=words):
            gan.stream(3, **options)
        with pytest.raises(ValueError, match=words):
            gan.of_seeds([3], **options)
    with pytest.raises(ValueError, match="seeds: expected"):
        gan.of_seeds([3, -1])
    with pytest.raises(ValueError, match="labels: expected 0 to 2"):
        MODELS["conditional"]().of_seeds([3], labels=7)


def test_a_model_that_samples_in_its_own_way_says_how_in_parts() -> None:
    class Own(gn.models.Stages):
        def sample(self, count: int, seed: int = 0, *, labels: object = None, average: bool = True) -> np.ndarray:  # type: ignore[override]
            return np.zeros((count, 2, 2, 1), np.uint8)

        def decode(self, z: np.ndarray, **options: object) -> np.ndarray:
            return np.ones((len(z), 2, 2, 1), np.uint8)

    made = Own([gn.models.dense_gan((2, 2, 1), 3, hidden=4, seed=seed) for seed in (0, 1)])
    with pytest.raises(ValueError, match="Own draws samples in a way of its own"):
        made.stream(5)
