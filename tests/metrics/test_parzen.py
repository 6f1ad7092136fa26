"""The Parzen window against closed forms."""

import math

import numpy as np
import pytest

from gan_np import ShapeError
from gan_np.metrics.parzen import DEVIATIONS, parzen_log_likelihoods, parzen_window


def directly(images, samples, deviation):
    """The formula, written down once more, one image and one sample at a time."""
    found = []
    for x in images:
        exponents = [-((x - mu) ** 2).sum() / (2 * deviation**2) for mu in samples]
        peak = max(exponents)
        found.append(peak + math.log(sum(math.exp(e - peak) for e in exponents) / len(samples)))
    return np.array(found) - images.shape[1] * math.log(deviation * math.sqrt(2 * math.pi))


def test_one_kernel_is_a_gaussian(rng):
    multivariate_normal = pytest.importorskip("scipy.stats").multivariate_normal
    mean, points = rng.random((1, 5)), rng.random((7, 5))
    for deviation in (0.1, 1.0, 30.0):
        expected = multivariate_normal(mean[0], deviation**2).logpdf(points)
        np.testing.assert_allclose(parzen_log_likelihoods(points, mean, (deviation,))[0], expected, rtol=1e-12)


def test_it_is_a_mean_over_samples_so_copies_change_nothing(rng):
    samples, points = rng.random((3, 4)), rng.random((5, 4))
    once = parzen_log_likelihoods(points, samples, (0.2,))
    np.testing.assert_allclose(parzen_log_likelihoods(points, np.tile(samples, (6, 1)), (0.2,)), once, rtol=1e-12)


@pytest.mark.parametrize("block", [1, 7, 40, 1 << 20])
def test_blocks_change_nothing(rng, block):
    samples, points = rng.random((11, 4)), rng.random((9, 4))
    found = parzen_log_likelihoods(points, samples, (0.05, 0.5), block=block)
    for values, deviation in zip(found, (0.05, 0.5), strict=True):
        np.testing.assert_allclose(values, directly(points, samples, deviation), rtol=1e-9)


def test_far_points_neither_underflow_nor_overflow():
    samples = np.array([[0.0], [2000.0]])
    (found,) = parzen_log_likelihoods(np.array([[1000.0], [5000.0]]), samples, (0.1,), block=1)
    expected = np.array([-(1000.0**2), -(3000.0**2)]) / 0.02 - math.log(0.1 * math.sqrt(2 * math.pi))
    expected[1] -= math.log(2)  # one of two samples is in reach; both are of the first point
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_many_samples_of_a_gaussian_give_that_gaussian_made_wider(rng):
    points, width = np.array([[0.0], [0.5], [1.5]]), 0.3
    (found,) = parzen_log_likelihoods(points, rng.standard_normal((200_000, 1)), (width,))
    variance = 1 + width**2
    expected = -0.5 * points[:, 0] ** 2 / variance - 0.5 * math.log(2 * math.pi * variance)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_bytes_count_as_0_to_1_and_a_range_twice_as_wide_costs_log_2_a_number(rng):
    samples, points = (rng.integers(0, 256, (count, 2, 2, 1), np.uint8) for count in (20, 6))
    floats = [a.reshape(len(a), -1) / 255 for a in (points, samples)]
    (found,) = parzen_log_likelihoods(points, samples, (0.2,))
    np.testing.assert_allclose(found, parzen_log_likelihoods(*floats, (0.2,))[0], rtol=1e-12)
    (wider,) = parzen_log_likelihoods(*(2 * a - 1 for a in floats), (0.4,))
    np.testing.assert_allclose(found - wider, 4 * math.log(2), rtol=1e-9)


def test_the_deviation_is_chosen_on_validation_pictures_and_the_error_is_over_test_pictures(rng):
    samples, validation, test = (rng.standard_normal((count, 3)) for count in (400, 200, 300))
    found = parzen_window(samples, validation, test)
    scores = [directly(validation, samples, deviation).mean() for deviation in DEVIATIONS]
    np.testing.assert_allclose(found.validation, scores, rtol=1e-9)
    assert found.deviation == DEVIATIONS[int(np.argmax(scores))]
    values = directly(test, samples, found.deviation)
    assert found.log_likelihood == pytest.approx(values.mean())
    assert found.standard_error == pytest.approx(values.std() / math.sqrt(300))


def test_who_replays_the_training_set_scores_higher_than_a_fit_of_it(rng):
    """Why it stands beside a search for neighbours: real images, replayed, beat an honest model."""
    modes = rng.random((30, 20))
    training, validation, test = (
        modes[rng.integers(0, 30, count)] + 0.05 * rng.standard_normal((count, 20)) for count in (2000, 300, 300)
    )
    fit = rng.multivariate_normal(training.mean(axis=0), np.cov(training.T), 2000)
    replayed, fitted = (parzen_window(samples, validation, test) for samples in (training, fit))
    assert replayed.log_likelihood > fitted.log_likelihood + 10 * replayed.standard_error


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.zeros((2, 3)), np.zeros((2, 4)), (1.0,)), ShapeError, "samples: expected 3 numbers each"),
        ((np.zeros((0, 3)), np.zeros((2, 3)), (1.0,)), ShapeError, "images: expected"),
        ((np.zeros(3), np.zeros((2, 3)), (1.0,)), ShapeError, "images: expected"),
        ((np.zeros((2, 3)), np.zeros((2, 3)), (0.0,)), ValueError, "deviations: expected a number greater than 0"),
        ((np.zeros((2, 3)), np.full((2, 3), np.nan), (1.0,)), ValueError, "samples: some numbers are NaN"),
    ],
)
def test_errors_say_what_was_expected(arguments, error, message):
    with pytest.raises(error, match=message):
        parzen_log_likelihoods(*arguments)


def test_no_candidate_is_refused():
    images = np.zeros((2, 3))
    with pytest.raises(ValueError, match="deviations: expected at least one"):
        parzen_window(images, images, images, deviations=())
