"""The two objectives: closed forms at any logit, smoothing, derivatives, errors."""

import math

import numpy as np
import pytest
from scipy import special

import gan_np as gn
from gan_np.objectives import Minimax, NonSaturating, value

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SMOOTHINGS = pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
PLAYERS = ("real", "fake", "generator")


def closed_form(objective, player, logits):
    """Loss and derivative in float64, from log σ."""
    s = logits.astype(np.float64)
    keep = 1 - objective.smoothing
    if player == "real":
        loss = -(keep * special.log_expit(s) + objective.smoothing * special.log_expit(-s))
        slope = special.expit(s) - keep
    elif player == "fake":
        loss, slope = -special.log_expit(-s), special.expit(s)
    elif isinstance(objective, Minimax):
        loss, slope = special.log_expit(-s), -special.expit(s)
    else:
        loss, slope = -special.log_expit(s), -special.expit(-s)
    return loss.mean(), slope / s.size


@FLOATS
@SMOOTHINGS
@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("objective", [Minimax, NonSaturating])
def test_closed_forms(objective, player, smoothing, dtype, rng):
    chosen = objective(smoothing=smoothing)
    logits = (5 * rng.standard_normal((16, 1))).astype(dtype)
    loss = getattr(chosen, player)(logits)
    expected = closed_form(chosen, player, logits)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(loss.value, expected[0], rtol=tolerance)
    np.testing.assert_allclose(loss.gradient, expected[1], rtol=tolerance, atol=tolerance * 1e-2)
    assert loss.gradient.dtype == dtype
    assert loss.gradient.shape == logits.shape
    assert np.asarray(loss.value).dtype == dtype
    assert np.ndim(loss.value) == 0


FAR = [
    (Minimax(), "real", -1000.0, 1000.0, -1.0),
    (Minimax(), "real", 1000.0, 0.0, 0.0),
    (Minimax(), "fake", -1000.0, 0.0, 0.0),
    (Minimax(), "fake", 1000.0, 1000.0, 1.0),
    (Minimax(), "generator", -1000.0, 0.0, 0.0),
    (Minimax(), "generator", 1000.0, -1000.0, -1.0),
    (NonSaturating(), "generator", -1000.0, 1000.0, -1.0),
    (NonSaturating(), "generator", 1000.0, 0.0, 0.0),
    (NonSaturating(), "real", -1000.0, 1000.0, -1.0),
    (NonSaturating(), "fake", 1000.0, 1000.0, 1.0),
    (NonSaturating(smoothing=0.25), "real", -1000.0, 750.0, -0.75),
    (NonSaturating(smoothing=0.25), "real", 1000.0, 250.0, 0.25),
]


@FLOATS
@pytest.mark.parametrize(("objective", "player", "logit", "loss", "slope"), FAR)
def test_exact_at_a_thousand(objective, player, logit, loss, slope, dtype):
    found = getattr(objective, player)(np.array([[logit]], dtype))
    assert found.value == loss
    assert found.gradient.item() == slope


@FLOATS
def test_at_zero(dtype):
    zeros = np.zeros((4, 1), dtype)
    for objective in (Minimax(), NonSaturating()):
        np.testing.assert_allclose(objective.real(zeros).value, math.log(2), rtol=1e-6)
        np.testing.assert_allclose(objective.real(zeros).gradient, -0.125, rtol=1e-6)
    np.testing.assert_allclose(value(zeros, zeros), -math.log(4), rtol=1e-6)


def test_minimax_is_the_game(rng):
    """D minimises −V, G minimises the part of V that it can reach."""
    real, fake = 3 * rng.standard_normal((2, 10, 1))
    game = Minimax()
    np.testing.assert_allclose(game.real(real).value + game.fake(fake).value, -value(real, fake), rtol=1e-14)
    np.testing.assert_allclose(game.generator(fake).value, -game.fake(fake).value, rtol=1e-14)
    np.testing.assert_allclose(game.generator(fake).gradient, -game.fake(fake).gradient, rtol=1e-14)


def test_both_objectives_give_the_discriminator_the_same(rng):
    logits = rng.standard_normal((5, 1))
    for player in ("real", "fake"):
        one, other = (getattr(objective(smoothing=0.1), player)(logits) for objective in (Minimax, NonSaturating))
        assert one.value == other.value
        np.testing.assert_array_equal(one.gradient, other.gradient)


def test_smoothing_reaches_real_pictures_only(rng):
    logits = rng.standard_normal((5, 1))
    plain, smoothed = NonSaturating(), NonSaturating(smoothing=0.1)
    assert plain.real(logits).value != smoothed.real(logits).value
    for player in ("fake", "generator"):
        assert getattr(plain, player)(logits).value == getattr(smoothed, player)(logits).value


def test_smoothing_moves_the_best_logit():
    """With target 0.9 the loss on real images is least at logit log 9."""
    objective = NonSaturating(smoothing=0.1)
    best = np.full((3, 1), math.log(9))
    np.testing.assert_allclose(objective.real(best).gradient, 0, atol=1e-15)
    for shift in (-0.1, 0.1):
        assert objective.real(best + shift).value > objective.real(best).value


@SMOOTHINGS
@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("objective", [Minimax, NonSaturating])
def test_gradients_against_finite_differences(objective, player, smoothing, rng):
    chosen = objective(smoothing=smoothing)
    logits = 2 * rng.standard_normal((6, 1))
    loss = getattr(chosen, player)

    def operation(logits):
        found = loss(logits)
        return np.asarray(found.value).reshape(1), lambda dy: (found.gradient * dy,)

    gn.testing.check_operation(operation, logits)


def test_where_each_generator_learns(rng):
    """Minimax saturates where D is sure of itself, the other form does not."""
    sure = np.full((1, 1), -20.0)
    assert abs(Minimax().generator(sure).gradient.item()) < 1e-8
    assert abs(NonSaturating().generator(sure).gradient.item() + 1) < 1e-8


def test_logits_are_not_modified(rng):
    logits = rng.standard_normal((5, 1))
    logits.flags.writeable = False
    for objective in (Minimax(smoothing=0.1), NonSaturating(smoothing=0.1)):
        for player in PLAYERS:
            getattr(objective, player)(logits)


@pytest.mark.parametrize("smoothing", [0.5, 1.0, -0.1, float("nan")])
def test_smoothing_leaves_the_target_above_one_half(smoothing):
    with pytest.raises(ValueError, match="smoothing: expected"):
        NonSaturating(smoothing=smoothing)


def test_names_and_repr():
    assert gn.objectives.OBJECTIVES["minimax"] is Minimax
    assert gn.objectives.OBJECTIVES["non-saturating"] is NonSaturating
    assert repr(Minimax(smoothing=0.1)) == "Minimax(smoothing=0.1)"
