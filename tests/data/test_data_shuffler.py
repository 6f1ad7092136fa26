"""`Shuffler`: exact over epochs, seeded, restored by one integer."""

import itertools
import time

import numpy as np
import pytest

from gan_np.data import Shuffler

SIZES = [(1, 1), (1, 5), (2, 3), (3, 2), (7, 7), (10, 3), (10, 4), (64, 64), (100, 7), (5, 12), (13, 100), (1000, 64)]


def draw(order, count):
    return list(itertools.islice(order, count))


@pytest.mark.parametrize(("count", "batch_size"), SIZES)
def test_each_picture_comes_exactly_once_an_epoch_and_every_batch_is_full(count, batch_size):
    epochs = 4
    batches = draw(Shuffler(count, batch_size, seed=3), -(-epochs * count // batch_size))
    assert all(batch.shape == (batch_size,) and batch.dtype == np.int64 for batch in batches)
    stream = np.concatenate(batches)[: epochs * count].reshape(epochs, count)
    np.testing.assert_array_equal(np.sort(stream, axis=1), np.tile(np.arange(count), (epochs, 1)))


def test_epochs_differ_and_seeds_differ():
    first, second = np.concatenate(draw(Shuffler(100, 50, seed=0), 4)).reshape(2, 100)
    other = np.concatenate(draw(Shuffler(100, 50, seed=1), 2))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, np.arange(100))


def test_same_seed_same_order():
    for one, two in zip(draw(Shuffler(37, 8, seed=5), 20), draw(Shuffler(37, 8, seed=5), 20), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(("count", "batch_size"), SIZES)
def test_seek_and_at_restore_any_position(count, batch_size, rng):
    whole = draw(Shuffler(count, batch_size, seed=9), 40)
    wanderer = Shuffler(count, batch_size, seed=9)
    for position in rng.integers(0, 40, 12):
        wanderer.seek(int(position))
        assert wanderer.position == position
        np.testing.assert_array_equal(next(wanderer), whole[position])
        assert wanderer.position == position + 1
        np.testing.assert_array_equal(next(wanderer.at(int(position))), whole[position])
        assert wanderer.position == position + 1


def test_a_far_position_costs_one_epoch():
    order = Shuffler(50_000, 64, seed=0)
    started = time.perf_counter()
    order.seek(10**15)
    batch = next(order)
    assert time.perf_counter() - started < 1
    assert batch.min() >= 0
    assert batch.max() < 50_000
    assert order.epoch == (10**15 + 1) * 64 // 50_000


def test_epoch_counts_complete_ones():
    order = Shuffler(6, 4)
    seen = []
    for _ in range(4):
        seen.append(order.epoch)
        next(order)
    assert seen == [0, 0, 1, 2]


def test_changing_a_batch_leaves_the_order_alone():
    order = Shuffler(8, 4, seed=0)
    next(order)[:] = -1
    np.testing.assert_array_equal(next(order), draw(Shuffler(8, 4, seed=0), 2)[1])


def test_the_order_is_uniform():
    """Where image 0 comes in an epoch, over 2,000 seeds: chi-square with 9 degrees of freedom, 27.9 is p = 0.001."""
    places = [int(np.flatnonzero(next(Shuffler(10, 10, seed=seed)) == 0)[0]) for seed in range(2000)]
    counts = np.bincount(places, minlength=10)
    assert ((counts - 200) ** 2 / 200).sum() < 27.9


def test_the_order_is_the_documented_one():
    """Checkpoints hold positions only, so the order itself must never change."""
    from gan_np.arrays import generator

    expected = np.concatenate([generator(4, 1 << 30, epoch).permutation(5) for epoch in range(3)])
    np.testing.assert_array_equal(np.concatenate(draw(Shuffler(5, 3, seed=4), 5)), expected)
    assert expected.tolist() == RECORDED


RECORDED = [4, 1, 0, 2, 3, 3, 1, 0, 4, 2, 0, 2, 3, 4, 1]


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ((0, 4), ValueError, "count"),
        ((4, 0), ValueError, "batch_size"),
        ((4, 2.0), TypeError, "batch_size"),
        ((True, 2), TypeError, "count"),
        ((4, 2, -1), ValueError, "seed"),
    ],
)
def test_wrong_arguments(arguments, error, name):
    with pytest.raises(error, match=name):
        Shuffler(*arguments)


@pytest.mark.parametrize(("position", "error"), [(-1, ValueError), (1.5, TypeError)])
def test_wrong_positions(position, error):
    with pytest.raises(error, match="position"):
        Shuffler(4, 2).seek(position)


def test_repr_says_where_it_is():
    assert repr(Shuffler(4, 2).at(3)) == "Shuffler(count=4, batch_size=2, seed=0) at position 3"
