"""What the papers' recipes are made of, each against something known."""

import itertools

import numpy as np
import pytest

import gan_np as gn
from benchmarks.papers import mixture
from benchmarks.papers.codes import best_matching, confusion
from benchmarks.papers.labelled import LabelledChain
from benchmarks.papers.labelled import players as labelled_players
from benchmarks.papers.likelihood import momentum, players
from benchmarks.papers.simultaneous import SURE, Simultaneous
from benchmarks.papers.stacked import players as stacked_players
from benchmarks.papers.stacked import triples


def small_game(d_weight=1.0, bias=0.0):
    g = gn.Network(gn.Sequential(gn.Dense(8), gn.BatchNorm(activation="relu"), gn.Dense(2)), (3,), seed=0)
    d = gn.Network(gn.Sequential(gn.Dense(10), gn.Maxout(5), gn.Dense(1)), (4,), seed=1)
    d.parameters.assign_segment("2.bias", np.array([bias], np.float32))
    return Simultaneous(g, d, gn.SGD(0.1), gn.SGD(0.1), d_weight)


def moved(network, gradient):
    return network.parameters.values - np.float32(0.1) * gradient


@pytest.mark.parametrize("bias", [0.0, SURE + 5, SURE - 50])
@pytest.mark.parametrize("d_weight", [1.0, 0.5])
def test_one_backward_pass_serves_both_players(rng, d_weight, bias):
    """Against separate forwards and backwards for D and for G, at the same weights."""
    game, twin = small_game(d_weight, bias), small_game(d_weight, bias)
    real, z = rng.standard_normal((5, 4)).astype("f4"), rng.standard_normal((10, 3)).astype("f4")
    objective = gn.objectives.NonSaturating()
    fake, g_pullback = twin.generator.forward(z, training=True)
    for points, loss_of in ((real, objective.real), (fake.reshape(5, 4), objective.fake)):
        logits, pullback = twin.discriminator.forward(points)
        pullback(loss_of(logits).gradient * np.float32(d_weight))
    d_expected = moved(twin.discriminator, twin.discriminator.gradient.values)
    logits, pullback = twin.discriminator.forward(fake.reshape(5, 4))
    g_pullback(pullback(objective.generator(logits).gradient).reshape(10, 2))
    g_expected = moved(twin.generator, twin.generator.gradient.values)

    game.step(real, z)
    np.testing.assert_allclose(game.discriminator.parameters.values, d_expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(game.generator.parameters.values, g_expected, rtol=1e-4, atol=1e-6)
    assert np.abs(g_expected - twin.generator.parameters.values).max() > 1e-3


def test_the_labelled_chain_has_the_right_gradients():
    gn.testing.check_gradients(LabelledChain(gn.Dense(5, activation="tanh"), gn.Dense(3)), input_shape=((4,), (2,)))
    convolution = gn.Conv2d(3, 3, activation="tanh")
    chain = LabelledChain(convolution, gn.Sequential(gn.Flatten(), gn.Dense(1)))
    with pytest.raises(gn.ShapeError):  # the second layer's input is flattened after the label has joined
        gn.Network(LabelledChain(gn.Flatten(), convolution), ((4, 4, 1), (2,)))
    gn.testing.check_gradients(chain, input_shape=((4, 4, 1), (2,)))


def test_a_label_reaches_every_layer():
    gan = labelled_players(10, 0, width=4, hidden=8)
    z = gan.prior.of_seed(0, 2, gan.generator.dtype)
    one, other = (gan.generate(z, gan.context_of(np.full(2, label))) for label in (3, 4))
    assert np.abs(one - other).max() > 1e-4
    names = [segment.name for segment in gan.generator.parameters.layout.segments]
    assert not any("bias" in name or "scale" in name for name in names)


def test_momentum_rises_once_an_epoch_from_one_half_to_seven_tenths():
    at = momentum(updates_per_epoch=500)
    assert [at(0), at(499), at(999)] == [0.5, 0.5, 0.5]
    assert at(125 * 500) == pytest.approx(0.5 + 0.2 * 124 / 249)
    assert at(125 * 500 + 499) == at(125 * 500)
    assert at(250 * 500) == at(400 * 500) == pytest.approx(0.7)


def test_pixels_start_at_the_means_of_the_training_pictures(rng):
    images = rng.integers(0, 256, (50, 4, 4, 1), np.uint8)
    images[:, 0] = 0
    gan = players(images, seed=0)
    theta = gan.generator.parameters["2.bias"].astype(np.float64)
    means = images.reshape(50, -1).mean(axis=0) / 255
    np.testing.assert_allclose(1 / (1 + np.exp(-theta)), means, atol=1e-6)


def test_the_best_matching_is_that_of_all_permutations(rng):
    counts = rng.integers(0, 50, (6, 6))
    found = best_matching(counts)
    assert sorted(found.tolist()) == list(range(6))
    scores = [counts[np.arange(6), list(order)].sum() for order in itertools.permutations(range(6))]
    assert counts[np.arange(6), found].sum() == max(scores)
    greedy = np.array([[5, 4], [4, 0]])
    assert best_matching(greedy).tolist() == [1, 0]  # 8; each row's largest first would be 5


def test_confusion_counts_digits_in_categories():
    counts = confusion(np.array([0, 0, 3]), np.array([7, 7, 1]))
    assert (counts[0, 7], counts[3, 1], counts.sum()) == (2, 1, 3)


def test_the_mixtures_are_the_papers(rng):
    ring, grid = mixture.ring(), mixture.grid()
    assert ring.means.shape == (8, 2)
    np.testing.assert_allclose(np.linalg.norm(ring.means, axis=1), 1)
    assert sorted(map(tuple, grid.means.astype(int).tolist())) == list(itertools.product(range(-4, 5, 2), repeat=2))
    points = grid.draw(rng, 20_000)
    offset = points - 2 * np.rint(points / 2)
    assert offset.std() == pytest.approx(0.05, rel=0.03)


def test_packs_of_points_are_rows_of_the_discriminator():
    g, d = mixture.players(packing=4, seed=0, hidden=4, maxout_units=2)
    assert (g.output_shape, d.input_shape) == ((2,), (8,))


@pytest.mark.parametrize("packing", [1, 2])
def test_stacked_players_end_at_28_by_28(packing):
    gan = stacked_players(packing, 0, width=1)
    assert gan.image_shape == (28, 28, 3)
    assert gan.discriminator.input_shape == (28, 28, 3 * packing)


def test_triples_are_three_digits(rng):
    images = np.arange(5, dtype=np.uint8).repeat(28 * 28).reshape(5, 28, 28, 1)
    found = triples(images, 200, seed=0)
    assert found.shape == (200, 28, 28, 3)
    assert (found == found[:, :1, :1]).all()
    assert len({tuple(t) for t in found[:, 0, 0].tolist()}) > 50
