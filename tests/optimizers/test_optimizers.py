"""Optimisers on a network's vectors: decay, clipping, schedules, moments, restoring. Formulas: tests/ops, PyTorch parity."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.vectors import Gradient, Layout, Vector

MAKERS = {
    "sgd": lambda **o: gn.SGD(0.1, **o),
    "momentum": lambda **o: gn.SGD(0.1, momentum=0.9, **o),
    "adam": lambda **o: gn.Adam(0.01, **o),
    "rmsprop": lambda **o: gn.RMSprop(0.01, **o),
    "rmsprop with momentum": lambda **o: gn.RMSprop(0.01, momentum=0.5, **o),
}
EVERY = pytest.mark.parametrize("name", MAKERS)

LAYOUT = Layout([("w", (2, 3), "weight"), ("b", (3,), "bias"), ("g", (3,), "scale"), ("v", (4,), "weight")])
WEIGHTS = [slice(0, 6), slice(12, 16)]
OTHERS = slice(6, 12)


def vectors(rng, dtype=np.float64):
    theta, gradient = Vector(LAYOUT, np.dtype(dtype)), Gradient(LAYOUT, np.dtype(dtype))
    theta.assign(rng.standard_normal(16).astype(dtype))
    return theta, gradient


def write(gradient, values):
    for segment in gradient.layout.segments:
        into = gradient.slot(segment.name)
        assert not into.add
        into.array[...] = values[segment.start : segment.stop].reshape(segment.shape)


@EVERY
def test_a_step_moves_theta_and_spends_the_gradient(name, rng):
    theta, gradient = vectors(rng)
    before, version = theta.values.copy(), theta.version
    optimizer = MAKERS[name]()
    write(gradient, rng.standard_normal(16))
    optimizer.step(theta, gradient)
    assert (theta.values != before).all()
    assert theta.version == version + 1
    assert not gradient.started
    assert optimizer.updates == 1


@EVERY
def test_nothing_was_added(name, rng):
    """A forgotten pullback, or a second step on the same gradient."""
    theta, gradient = vectors(rng)
    before = theta.values.copy()
    optimizer = MAKERS[name]()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="nothing was added since the last step; call a pullback first"):
            optimizer.step(theta, gradient)
        np.testing.assert_array_equal(theta.values, before)
        assert optimizer.updates == 0
    write(gradient, rng.standard_normal(16))
    optimizer.step(theta, gradient)
    with pytest.raises(RuntimeError, match="nothing was added"):
        optimizer.step(theta, gradient)


@EVERY
def test_reading_the_gradient_is_not_adding(name, rng):
    theta, gradient = vectors(rng)
    np.testing.assert_array_equal(gradient.values, 0)
    with pytest.raises(RuntimeError, match="nothing was added"):
        MAKERS[name]().step(theta, gradient)


def test_segments_that_nothing_wrote_to_do_not_move(rng):
    theta, gradient = vectors(rng)
    write(gradient, np.ones(16))
    gn.SGD(0.1).step(theta, gradient)
    before = theta.values.copy()
    gradient.slot("b").array[...] = 1
    gn.SGD(0.1).step(theta, gradient)
    np.testing.assert_array_equal(np.flatnonzero(theta.values != before), [6, 7, 8])


@EVERY
def test_weight_decay_reaches_weights_only(name, rng):
    decayed, plain = (vectors(np.random.default_rng(1)) for _ in range(2))
    values = rng.standard_normal(16)
    for (theta, gradient), decay in ((decayed, 0.1), (plain, 0.0)):
        optimizer = MAKERS[name](weight_decay=decay)
        for _ in range(2):
            write(gradient, values)
            optimizer.step(theta, gradient)
    np.testing.assert_array_equal(decayed[0].values[OTHERS], plain[0].values[OTHERS])
    for part in WEIGHTS:
        assert (decayed[0].values[part] != plain[0].values[part]).all()


def test_weight_decay_is_l2(rng):
    theta, gradient = vectors(rng)
    before, values = theta.values.copy(), rng.standard_normal(16)
    write(gradient, values)
    gn.SGD(0.5, weight_decay=0.2).step(theta, gradient)
    for part in WEIGHTS:
        np.testing.assert_allclose(theta.values[part], before[part] - 0.5 * (values + 0.2 * before)[part], rtol=1e-13)
    np.testing.assert_allclose(theta.values[OTHERS], before[OTHERS] - 0.5 * values[OTHERS], rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("clip", [0.1, 1.0, 100.0])
def test_clip_norm_covers_the_whole_gradient(clip, dtype, rng):
    theta, gradient = vectors(rng, dtype)
    before, values = theta.values.copy(), rng.standard_normal(16).astype(dtype)
    write(gradient, values)
    gn.SGD(1.0, clip_norm=clip).step(theta, gradient)
    moved = before - theta.values
    expected = values * min(1.0, clip / np.linalg.norm(values))
    np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-6)
    assert np.linalg.norm(moved) <= clip * (1 + 1e-5)


def test_clip_value(rng):
    theta, gradient = vectors(rng)
    before, values = theta.values.copy(), rng.standard_normal(16)
    write(gradient, values)
    gn.SGD(1.0, clip_value=0.5).step(theta, gradient)
    np.testing.assert_allclose(before - theta.values, np.clip(values, -0.5, 0.5), rtol=1e-12)
    assert (np.abs(values) > 0.5).any()


def test_clip_value_comes_before_clip_norm_and_decay_after(rng):
    theta, gradient = vectors(rng)
    before, values = theta.values.copy(), 3 * rng.standard_normal(16)
    write(gradient, values)
    gn.SGD(1.0, clip_value=0.5, clip_norm=0.7, weight_decay=0.1).step(theta, gradient)
    expected = np.clip(values, -0.5, 0.5)
    expected *= 0.7 / np.linalg.norm(expected)
    for part in WEIGHTS:
        expected[part] += 0.1 * before[part]
    np.testing.assert_allclose(before - theta.values, expected, rtol=1e-12)


def test_a_gradient_of_zero_survives_clip_norm(rng):
    theta, gradient = vectors(rng, np.float32)
    before = theta.values.copy()
    write(gradient, np.zeros(16, np.float32))
    gn.SGD(1.0, clip_norm=1.0).step(theta, gradient)
    np.testing.assert_array_equal(theta.values, before)


def test_a_learning_rate_schedule_is_asked_with_the_updates_number(rng):
    asked = []

    def schedule(update):
        asked.append(update)
        return 0.1 * (update + 1)

    theta, gradient = vectors(rng)
    optimizer = gn.SGD(schedule)
    for update in range(3):
        before = theta.values.copy()
        write(gradient, np.ones(16))
        optimizer.step(theta, gradient)
        np.testing.assert_allclose(before - theta.values, 0.1 * (update + 1), rtol=1e-12)
    assert asked == [0, 0, 1, 2]  # once when it was given, to see that it can be


@pytest.mark.parametrize("optimizer", [gn.SGD, gn.RMSprop])
def test_a_momentum_schedule(optimizer, rng):
    """A momentum that is 0 at first and then 0.5: the same as by hand."""
    theta, gradient = vectors(rng)
    made = optimizer(0.1, momentum=lambda update: 0.5 * (update > 0))
    values = rng.standard_normal((3, 16))
    velocity, second, expected = np.zeros(16), np.zeros(16), theta.values.copy()
    for update, g in enumerate(values):
        write(gradient, g)
        made.step(theta, gradient)
        second = 0.99 * second + 0.01 * g * g
        change = g if optimizer is gn.SGD else g / (np.sqrt(second) + 1e-8)
        velocity = 0.5 * (update > 0) * velocity + change
        expected -= 0.1 * velocity
    np.testing.assert_allclose(theta.values, expected, rtol=1e-11)


@EVERY
def test_restore_continues_exactly(name, rng):
    values = rng.standard_normal((6, 16)).astype(np.float32)
    straight, broken = (vectors(np.random.default_rng(2), np.float32) for _ in range(2))
    optimizer = MAKERS[name]()
    for g in values:
        write(straight[1], g)
        optimizer.step(*straight)
    first = MAKERS[name]()
    for g in values[:3]:
        write(broken[1], g)
        first.step(*broken)
    saved = first.updates, {key: moment.copy() for key, moment in first.moments.items()}
    second = MAKERS[name]()
    second.restore(*saved)
    assert second.updates == 3
    for g in values[3:]:
        write(broken[1], g)
        second.step(*broken)
    np.testing.assert_array_equal(broken[0].values, straight[0].values)
    for key, moment in optimizer.moments.items():
        np.testing.assert_array_equal(second.moments[key], moment)


def test_restored_moments_are_copies(rng):
    theta, gradient = vectors(rng)
    moments = {"first": np.ones(16), "second": np.ones(16)}
    optimizer = gn.Adam()
    optimizer.restore(5, moments)
    write(gradient, rng.standard_normal(16))
    optimizer.step(theta, gradient)
    assert (moments["first"] == 1).all()


def test_restore_refuses_another_kinds_moments():
    with pytest.raises(ValueError, match=r"moments: expected \('first', 'second'\), got \('velocity',\)"):
        gn.Adam().restore(3, {"velocity": np.zeros(4)})


@pytest.mark.parametrize(
    ("make", "slots"),
    [
        (lambda: gn.SGD(), ()),
        (lambda: gn.SGD(momentum=0.5), ("velocity",)),
        (lambda: gn.SGD(momentum=lambda update: 0.0), ("velocity",)),
        (lambda: gn.Adam(), ("first", "second")),
        (lambda: gn.RMSprop(), ("second",)),
        (lambda: gn.RMSprop(momentum=0.5), ("second", "velocity")),
    ],
)
def test_moments_by_name(make, slots, rng):
    optimizer = make()
    assert dict(optimizer.moments) == {}
    theta, gradient = vectors(rng, np.float32)
    write(gradient, rng.standard_normal(16).astype(np.float32))
    optimizer.step(theta, gradient)
    assert tuple(optimizer.moments) == slots == optimizer.slots
    for moment in optimizer.moments.values():
        assert moment.shape == (16,)
        assert moment.dtype == np.float32


@pytest.mark.parametrize("name", ["momentum", "adam", "rmsprop"])
def test_one_optimizer_serves_one_theta(name, rng):
    optimizer = MAKERS[name]()
    theta, gradient = vectors(rng)
    write(gradient, np.ones(16))
    optimizer.step(theta, gradient)
    network = gn.Network(gn.Dense(2), (3,), dtype=np.float64)
    network.forward(np.ones((1, 3)))[1](np.ones((1, 2)))
    before = network.parameters.values.copy()
    with pytest.raises(ValueError, match=r"theta: has 8 values, but .* has 16: one optimiser, one θ"):
        optimizer.step(network.parameters, network.gradient)
    np.testing.assert_array_equal(network.parameters.values, before)
    assert network.gradient.started, "the gradient is still there"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: gn.SGD(-0.1), ValueError, "learning_rate: expected a number of at least 0"),
        (lambda: gn.SGD("fast"), TypeError, "learning_rate: expected a number, got 'fast'"),
        (lambda: gn.SGD(momentum=1.5), ValueError, "momentum: expected a number"),
        (lambda: gn.Adam(beta1=1.0), ValueError, "beta1: expected a number"),
        (lambda: gn.Adam(beta2=-0.1), ValueError, "beta2: expected a number"),
        (lambda: gn.Adam(epsilon=0.0), ValueError, "epsilon: expected a number greater than 0"),
        (lambda: gn.RMSprop(decay=2), ValueError, "decay: expected a number"),
        (lambda: gn.RMSprop(epsilon=0), ValueError, "epsilon: expected a number greater than 0"),
        (lambda: gn.RMSprop(momentum=-1), ValueError, "momentum: expected a number"),
        (lambda: gn.Adam(weight_decay=-1), ValueError, "weight_decay: expected a number"),
        (lambda: gn.Adam(clip_norm=0), ValueError, "clip_norm: expected a number greater than 0"),
        (lambda: gn.Adam(clip_value=0), ValueError, "clip_value: expected a number greater than 0"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


@EVERY
def test_a_quadratic_is_minimised(name, rng):
    """θ → target under ½‖θ − target‖²."""
    theta, gradient = vectors(rng)
    target = rng.standard_normal(16)
    optimizer = MAKERS[name]()
    for _ in range(1500):
        write(gradient, theta.values - target)
        optimizer.step(theta, gradient)
    np.testing.assert_allclose(theta.values, target, atol=0.05)


def test_names():
    assert gn.optimizers.OPTIMIZERS["adam"] is gn.Adam
    assert gn.optimizers.OPTIMIZERS["sgd"] is gn.SGD
    assert gn.optimizers.OPTIMIZERS["rmsprop"] is gn.RMSprop
