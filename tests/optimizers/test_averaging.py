"""Averages of weights, and statistics recomputed for them."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.averaging import Average, recompute_statistics


def network(seed=0):
    structure = gn.Sequential(gn.Dense(4), gn.BatchNorm(), gn.Dense(2))
    return gn.Network(structure, (3,), seed=seed, dtype=np.float64)


def set_parameters(target, values):
    target.parameters.assign(np.broadcast_to(np.asarray(values, float), (len(target.parameters),)).copy())


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_warm_up(decay, rng):
    """d = min(decay, (1 + n)/(10 + n)) at update n."""
    source = network()
    average = Average(source, decay)
    expected = source.parameters.values.copy()
    for n in range(30):
        theta = rng.standard_normal(len(source.parameters))
        set_parameters(source, theta)
        average.update()
        d = min(decay, (1 + n) / (10 + n))
        expected = d * expected + (1 - d) * theta
        np.testing.assert_allclose(average.network.parameters.values, expected, rtol=1e-12, atol=1e-14)
    assert average.updates == 30


def test_a_constant_is_its_own_average():
    source = network()
    average = Average(source, 0.99)
    for _ in range(5):
        average.update()
    np.testing.assert_allclose(average.network.parameters.values, source.parameters.values, rtol=1e-13)


def test_the_source_is_not_touched(rng):
    source = network()
    before, state = source.parameters.values.copy(), source.state.values.copy()
    average = Average(source)
    average.update()
    average.network.forward(rng.standard_normal((5, 3)), training=True, update_state=True)
    np.testing.assert_array_equal(source.parameters.values, before)
    np.testing.assert_array_equal(source.state.values, state)
    assert source.parameters.version == 1


def test_an_update_moves_the_averages_version():
    """So that its prepared weights are prepared again."""
    average = Average(network())
    version = average.network.parameters.version
    average.update()
    assert average.network.parameters.version == version + 1


def test_a_wild_walk_is_smoothed(rng):
    source = network()
    average = Average(source, 0.99)
    for _ in range(2000):
        set_parameters(source, 1 + rng.standard_normal(len(source.parameters)))
        average.update()
    np.testing.assert_allclose(average.network.parameters.values, 1, atol=0.4)


@pytest.mark.parametrize("decay", [-0.1, 1.5])
def test_decay_lies_between_0_and_1(decay):
    with pytest.raises(ValueError, match="decay: expected a number"):
        Average(network(), decay)


def first_layer(made, x):
    return x @ made.parameters["0.weight"] + made.parameters["0.bias"]


def test_statistics_of_one_batch(rng):
    made, x = network(), rng.standard_normal((32, 3))
    recompute_statistics(made, [x])
    z = first_layer(made, x)
    np.testing.assert_allclose(made.state["1.running_mean"], z.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(made.state["1.running_variance"], z.var(axis=0, ddof=1), rtol=1e-12)


def test_statistics_of_several_batches_are_their_plain_mean(rng):
    """For batches of one size: the mean of the union, and the mean of the unbiased variances within batches."""
    made, batches = network(), rng.standard_normal((7, 16, 3))
    recompute_statistics(made, iter(batches))
    union = first_layer(made, batches.reshape(-1, 3))
    np.testing.assert_allclose(made.state["1.running_mean"], union.mean(axis=0), rtol=1e-11)
    within = [first_layer(made, batch).var(axis=0, ddof=1) for batch in batches]
    np.testing.assert_allclose(made.state["1.running_variance"], np.mean(within, axis=0), rtol=1e-11)


def test_statistics_of_large_batches_are_those_of_the_union(rng):
    """Where every batch has the union's mean the variances agree too, up to the count in the denominator."""
    made, rows = network(), rng.standard_normal((256, 3))
    batches = [rng.permutation(rows) for _ in range(4)]
    recompute_statistics(made, batches)
    union = first_layer(made, np.concatenate(batches))
    np.testing.assert_allclose(made.state["1.running_mean"], union.mean(axis=0), rtol=1e-11)
    np.testing.assert_allclose(made.state["1.running_variance"], union.var(axis=0) * 256 / 255, rtol=1e-11)


def test_what_was_there_before_does_not_matter(rng):
    one, other = network(), network()
    other.state.assign(1e6 * rng.random(len(other.state)))
    batches = rng.standard_normal((3, 16, 3))
    for made in (one, other):
        recompute_statistics(made, batches)
    np.testing.assert_allclose(one.state.values, other.state.values, rtol=1e-9)


def test_parameters_and_gradients_stay(rng):
    made = network()
    theta = made.parameters.values.copy()
    recompute_statistics(made, rng.standard_normal((3, 16, 3)))
    np.testing.assert_array_equal(made.parameters.values, theta)
    assert made.parameters.version == 1
    assert not made.gradient.started


def test_no_batches():
    with pytest.raises(ValueError, match="batches: expected at least one"):
        recompute_statistics(network(), [])


def test_averaged_weights_need_statistics_of_their_own(rng):
    """With the trained network's running statistics the average's output is off; with its own it is normalised."""
    source = network()
    average = Average(source, 0.9)
    x = rng.standard_normal((64, 3))
    for _ in range(20):
        set_parameters(source, source.parameters.values + 0.5 * rng.standard_normal(len(source.parameters)))
        source.forward(x, training=True, update_state=True)
        average.update()
    stale = source.sharing(average.network.parameters)
    recompute_statistics(average.network, [x])
    in_training = average.network.forward(x, training=True)[0]
    own, borrowed = (np.abs(made(x) - in_training).max() for made in (average.network, stale))
    assert own < 0.1 * borrowed
