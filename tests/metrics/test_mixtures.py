"""Modes against mixtures that are known."""

import math

import numpy as np
import pytest

from gan_np import ShapeError
from gan_np.metrics import class_modes, mixture_modes, mixtures, reverse_kl


def circle(count):
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def drawn(rng, means, deviation, count, modes=None):
    picked = rng.integers(0, len(means), count) if modes is None else rng.choice(modes, count)
    return means[picked] + deviation * rng.standard_normal((count, 2))


def test_an_exact_sampler_has_all_modes_the_share_within_3_sigma_and_almost_no_divergence(rng):
    means, count = circle(8), 20_000
    found = mixture_modes(drawn(rng, means, 0.01, count), means, 0.01)
    share = 1 - math.exp(-9 / 2)
    assert found.covered == 8
    assert found.high_quality_error == pytest.approx(math.sqrt(share * (1 - share) / count), rel=0.1)
    assert found.high_quality == pytest.approx(share, abs=4 * found.high_quality_error)
    assert 0 < found.reverse_kl < 4 * 7 / (2 * count)
    assert found.counts.sum() == round(found.high_quality * count)


def test_the_share_grows_with_the_distance_as_the_gaussian_says(rng):
    means, count = circle(8), 20_000
    samples = drawn(rng, means, 0.01, count)
    for within in (1.0, 2.0):
        share = 1 - math.exp(-(within**2) / 2)
        assert mixture_modes(samples, means, 0.01, within=within).high_quality == pytest.approx(share, abs=0.015)


def test_a_collapsed_sampler_has_one_mode_and_log_k(rng):
    means = circle(8)
    found = mixture_modes(drawn(rng, means, 0.01, 500, modes=[3]), means, 0.01)
    assert (found.covered, found.reverse_kl) == (1, pytest.approx(math.log(8)))
    assert found.counts[3] == found.counts.sum()


def test_samples_between_modes_belong_to_none(rng):
    means = np.array([[0.0, 0.0], [1.0, 0.0]])
    between = np.array([[0.5, 0.0], [0.31, 0.0], [0.29, 0.0]])
    found = mixture_modes(between, means, 0.1)
    assert found.counts.tolist() == [1, 0]  # 0.31 is farther than 3σ = 0.3, 0.29 is not
    nothing = mixture_modes(between[:2], means, 0.1)
    assert (nothing.covered, nothing.high_quality) == (0, 0.0)
    assert math.isnan(nothing.reverse_kl)


def test_a_sample_in_reach_of_two_modes_counts_for_the_nearer(rng):
    found = mixture_modes(np.array([[0.4, 0.0]]), np.array([[0.0, 0.0], [1.0, 0.0]]), 1.0)
    assert found.counts.tolist() == [1, 0]


def test_blocks_change_nothing(rng, monkeypatch):
    means = circle(5)
    samples = drawn(rng, means, 0.1, 57)
    whole = mixture_modes(samples, means, 0.1)
    monkeypatch.setattr(mixtures, "BLOCK", 40)
    assert mixture_modes(samples, means, 0.1).counts.tolist() == whole.counts.tolist()


def test_classes_are_modes_too():
    found = class_modes(np.array([0, 0, 0, 2, -1]), 4)
    assert (found.covered, found.high_quality, found.counts.tolist()) == (2, 0.8, [3, 0, 1, 0])
    assert found.reverse_kl == pytest.approx(0.75 * math.log(3) + 0.25 * math.log(1))


def test_the_divergence_is_the_reverse_one():
    assert reverse_kl(np.array([1, 3])) == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5))
    assert reverse_kl(np.array([7, 7, 7])) == 0
    assert reverse_kl(np.array([5, 0])) == pytest.approx(math.log(2))  # finite although a mode is missing: KL(q‖p)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mixture_modes(np.zeros((2, 3)), np.zeros((2, 2)), 1.0), ShapeError, "got \\(2, 3\\) and \\(2, 2\\)"),
        (lambda: mixture_modes(np.zeros((0, 2)), np.zeros((2, 2)), 1.0), ShapeError, "N, K ≥ 1"),
        (lambda: mixture_modes(np.zeros((2, 2)), np.zeros((2, 2)), 0.0), ValueError, "deviation"),
        (lambda: mixture_modes(np.full((2, 2), np.nan), np.zeros((2, 2)), 1.0), ValueError, "NaN"),
        (lambda: class_modes(np.array([0.5]), 2), TypeError, "labels: expected integers"),
        (lambda: class_modes(np.array([2]), 2), ValueError, "labels: expected −1 to 1, got 2 to 2"),
        (lambda: class_modes(np.zeros((2, 2), int), 2), ShapeError, "labels: expected"),
        (lambda: reverse_kl(np.array([-1, 2])), ValueError, "counts: expected no negative"),
        (lambda: reverse_kl(np.zeros((0,))), ShapeError, "counts: expected"),
    ],
)
def test_errors_say_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()
