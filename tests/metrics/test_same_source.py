"""Whether two sets come from one place: the level that is kept, what is seen, and the moments by all permutations."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from real_digits import real_digits

from gan_np.metrics import same_source_test
from gan_np.metrics.same_source import own_set_z


def test_mean_and_variance_are_those_over_all_choices(rng: np.random.Generator) -> None:
    """Over all ways to call 4 of 9 points the first set, z has mean 0 and deviation 1, whatever the graph."""
    for _ in range(5):
        nearest = (np.arange(9) + rng.integers(1, 9, 9)) % 9
        values = []
        for chosen in combinations(range(9), 4):
            first = np.zeros(9, bool)
            first[list(chosen)] = True
            values.append(own_set_z(nearest, first))
        assert len(values) == 126
        assert np.mean(values) == pytest.approx(0, abs=1e-9)
        assert np.std(values) == pytest.approx(1, rel=1e-9)


def test_small_p_values_come_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    tests = [same_source_test(rng.standard_normal((200, 3)), rng.standard_normal((70, 3)), seed=i) for i in range(300)]
    for values in ([t.p_distances for t in tests], [t.p_neighbours for t in tests]):
        assert 0.05 < np.mean(np.array(values) < 0.1) < 0.16  # 0.1 expected, deviation 0.017
        assert 0.4 < np.mean(np.array(values) < 0.5) < 0.6
    assert all(test.holds for test in tests)


def test_equal_images_do_not_tell_the_sets_apart() -> None:
    """All distances are 0: whichever image is found first must not depend on the set."""
    for shape in ((60, 40), (40, 60), (2, 10)):
        training, held_out = (np.ones((count, 3)) for count in shape)
        assert same_source_test(training, held_out).holds
    rng = np.random.default_rng(0)
    few = rng.integers(0, 256, (200, 3), np.uint8)
    assert same_source_test(few[rng.integers(0, 200, 1000)], few[rng.integers(0, 200, 150)]).p > 1e-3


def test_what_is_seen() -> None:
    rng = np.random.default_rng(0)
    training = rng.standard_normal((600, 3))
    assert same_source_test(training, rng.standard_normal((200, 3))).holds
    farther = same_source_test(training, 3 * rng.standard_normal((200, 3)))
    assert (farther.z_distances > 5, farther.holds) == (True, False)
    doubles = same_source_test(training, training[:200] + 1e-3 * rng.standard_normal((200, 3)))
    assert (doubles.z_distances < -5, doubles.holds) == (True, False)
    # One of two clusters: as near as the others, and together.
    middle = np.where(np.arange(600)[:, None] % 2, 20.0, -20.0)
    part = same_source_test(training + middle, rng.standard_normal((200, 3)) + 20)
    assert abs(part.z_distances) < 4
    assert (part.z_neighbours > 5, part.holds) == (True, False)


@pytest.mark.parametrize("seed", range(4))
def test_digits(seed: int) -> None:
    training, test = real_digits()
    rng = np.random.default_rng(seed)
    known = training[rng.permutation(60000)[:4000]]
    unseen = test[rng.permutation(10000)]
    assert same_source_test(known, unseen[:1000], seed=seed).holds  # by other people, and no matter
    assert same_source_test(known, unseen[:100], seed=seed).holds
    for other in (255 - unseen, unseen[:, ::-1], np.roll(unseen, 1, 2), unseen // 2, test[:5000]):
        assert not same_source_test(known, other[rng.permutation(len(other))[:300]], seed=seed).holds


def test_one_training_image_is_too_few() -> None:
    with pytest.raises(ValueError, match="training images"):
        same_source_test(np.zeros((1, 3)), np.zeros((10, 3)))
