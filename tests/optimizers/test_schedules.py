"""Schedules: values over updates, ends, errors."""

import math

import numpy as np
import pytest

import gan_np as gn
from gan_np.expressions import parse
from gan_np.penalties import PENALTIES
from gan_np.schedules import SCHEDULES, ExponentialDecay, Linear, at


def test_exponential_decay_of_the_first_gan():
    """0.1 divided by 1.000004 at each update, down to 1e-6."""
    schedule = ExponentialDecay(0.1, 1.000004, 1e-6)
    assert schedule(0) == 0.1
    assert math.isclose(schedule(1), 0.1 / 1.000004, rel_tol=1e-12)
    assert math.isclose(schedule(250_000), 0.1 * math.exp(-250_000 * math.log(1.000004)), rel_tol=1e-9)
    assert schedule(10_000_000) == 1e-6


def test_exponential_decay_is_one_division_an_update():
    schedule = ExponentialDecay(1.0, 1.5)
    for update in range(10):
        assert math.isclose(schedule(update + 1), schedule(update) / 1.5, rel_tol=1e-12)


def test_linear():
    schedule = Linear(0.5, 0.7, 4)
    assert [round(schedule(update), 12) for update in range(6)] == [0.5, 0.55, 0.6, 0.65, 0.7, 0.7]
    assert schedule(1_000_000) == 0.7
    falling = Linear(1.0, 0.0, 10)
    assert falling(5) == 0.5
    assert falling(10) == 0.0


def test_at():
    assert at(0.5, 100) == 0.5
    assert at(Linear(0.0, 1.0, 10), 5) == 0.5
    assert at(lambda update: update, 3) == 3.0
    assert isinstance(at(1, 0), float)


def test_schedules_are_values():
    """They compare, hash and print: configurations hold them."""
    assert Linear(0.0, 1.0, 10) == Linear(0.0, 1.0, 10)
    assert hash(ExponentialDecay(1.0, 2.0)) == hash(ExponentialDecay(1.0, 2.0))
    assert repr(Linear(0.0, 1.0, 10)) == "Linear(start=0.0, stop=1.0, updates=10)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ExponentialDecay(-1.0, 2.0), "start: expected a number"),
        (lambda: ExponentialDecay(1.0, 0.5), "rate: expected a number of at least 1"),
        (lambda: ExponentialDecay(1.0, 2.0, -1.0), "minimum: expected a number"),
        (lambda: Linear(math.nan, 1.0, 10), "start: expected a finite number"),
        (lambda: Linear(0.0, 1.0, 0), "updates: expected an integer of at least 1"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_half_life():
    """Half of what the average holds is forgotten after so many images; with a half-life of 0 all of it at once."""
    decay = gn.schedules.HalfLife(640, 32)
    np.testing.assert_allclose(np.prod([decay(update) for update in range(20)]), 0.5)
    growing = gn.schedules.HalfLife(gn.schedules.Cosine(0.0, 320.0, 10), 32)
    assert growing(0) == 0
    np.testing.assert_allclose(growing(10) ** 10, 0.5)
    with pytest.raises(ValueError, match="images: expected a number of at least 0"):
        gn.schedules.HalfLife(-1.0, 32)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cosine(1e-3, 0)", "^rate: cosine: needs updates too; it takes start, stop, updates$"),
        ("linear()", "^rate: linear: needs start and stop and updates too"),
        ("cosin(1e-3, 0, 5)", r"schedule 'cosin', which is not registered \(did you mean 'cosine'\?\)"),
        ("warm_pu(1, 5)", r"did you mean 'warm-up'\?"),
    ],
)
def test_text_of_a_schedule_that_is_not_right(text, words):
    with pytest.raises((TypeError, ValueError), match=words):
        parse("rate", text, SCHEDULES, SCHEDULES)


def test_a_schedule_inside_a_penalty_is_looked_for_among_schedules():
    with pytest.raises(ValueError, match=r"needs schedule 'cosin'.*did you mean 'cosine'"):
        parse("penalties", "r1(cosin(1, 0, 5))", PENALTIES, SCHEDULES)
