"""Noise: the bits of Philox 4×32, the same numbers whoever makes them, and their distribution."""

import numpy as np
import pytest
from scipy import stats

import gan_np as gn
from gan_np import kernels
from gan_np.kernels import threads
from gan_np.kernels.reference.philox import blocks, philox

ONES = 0xFFFFFFFF
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
"""Counter, key and block from the authors' own test vectors."""
PROBLEM = kernels.Problem("cpu", np.dtype(np.float64), (4,))
KERNELS = [entry.name for entry in kernels.available("normal", PROBLEM)]


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN)
def test_known_answers(counter, key, block):
    found = philox(np, tuple(np.array([word], np.uint64) for word in counter), key[0] | key[1] << 32)
    assert tuple(int(word[0]) for word in found) == block


def drawn(name, count, key=0xFEDCBA9876543210, dtype=np.float64):
    out = np.empty(count, dtype)
    kernels.entry("normal", name).implementation.forward(key, out)
    return out


@pytest.mark.parametrize("name", KERNELS)
def test_a_shorter_draw_is_the_beginning_of_a_longer_one(name):
    many = drawn(name, 100_003)
    for count in (1, 2, 3, 4, 5, 1023, 1024, 1025, 70_001):
        np.testing.assert_array_equal(drawn(name, count), many[:count])


@pytest.mark.parametrize("name", [name for name in KERNELS if "first" in kernels.entry("normal", name).features])
@pytest.mark.parametrize("first", [1, 5, 256, 1 << 33])
def test_a_part_of_a_draw_begins_with_any_block(name, first):
    whole = np.empty(5000)
    kernels.entry("normal", name).implementation.forward(7, whole, first - 1)
    part = np.empty(4321)
    kernels.entry("normal", name).implementation.forward(7, part, first)
    np.testing.assert_array_equal(part, whole[4 : 4 + 4321])
    x = np.ones(4321)
    dropout = kernels.entry("dropout", name).implementation
    mask = dropout.forward(np.ones(5000), 0.3, 7, first - 1)[1]
    np.testing.assert_array_equal(dropout.forward(x, 0.3, 7, first)[1], mask[4 : 4 + 4321])


@pytest.mark.parametrize("name", KERNELS)
def test_numbers_of_threads_and_both_halves_of_the_key(name):
    with threads.held_to(1):
        alone = drawn(name, 100_003)
    with threads.held_to(3):
        np.testing.assert_array_equal(drawn(name, 100_003), alone)
    for other in (0xFEDCBA9876543211, 0xFEDCBA9976543210):
        assert abs(np.corrcoef(drawn(name, 100_003, other), alone)[0, 1]) < 0.02


@pytest.mark.parametrize("name", KERNELS)
def test_distribution(name):
    numbers = drawn(name, 400_000)
    assert stats.kstest(numbers, "norm").pvalue > 1e-3
    pairs = numbers.reshape(-1, 4)
    assert np.abs(np.corrcoef(pairs.T) - np.eye(4)).max() < 0.015
    assert np.abs(np.corrcoef((pairs**2).T) - np.eye(4)).max() < 0.015, "the two numbers of a pair share their radius"


def test_the_same_state_gives_the_same_numbers_in_both_dtypes():
    single, double = (
        gn.ops.standard_normal(gn.arrays.generator(7), (1000, 3), np.dtype(kind)) for kind in (np.float32, np.float64)
    )
    np.testing.assert_allclose(single, double, atol=2e-6)


def test_one_word_is_drawn_whatever_the_shape():
    for shape in ((0,), (1,), (1000, 33)):
        used, fresh = gn.arrays.generator(1), gn.arrays.generator(1)
        gn.ops.standard_normal(used, shape, np.dtype(np.float32))
        fresh.bit_generator.random_raw()
        assert used.bit_generator.random_raw() == fresh.bit_generator.random_raw()


MASKS = [entry.name for entry in kernels.available("dropout", PROBLEM)]


def mask(name, count, rate, key=0xFEDCBA9876543210, dtype=np.float64):
    return kernels.entry("dropout", name).implementation.forward(np.ones(count, dtype), rate, key)[1]


@pytest.mark.parametrize("name", MASKS)
def test_masks_are_the_bits_of_the_key(name):
    """Word by word as the reference makes them, in both dtypes; a shorter mask is the beginning of a longer one."""
    words = np.stack(blocks(np, 25_001, 0xFEDCBA9876543210), axis=1).reshape(-1)
    expected = words >= round(0.3 * 2**32)
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(mask(name, 100_003, 0.3, dtype=dtype), expected[:100_003])
    for count in (1, 2, 3, 5, 1023, 1024, 1025, 70_001):
        np.testing.assert_array_equal(mask(name, count, 0.3), expected[:count])
    with threads.held_to(3):
        np.testing.assert_array_equal(mask(name, 100_003, 0.3), expected[:100_003])


@pytest.mark.parametrize("name", MASKS)
def test_rates_at_the_ends(name):
    assert mask(name, 10_000, 0.0).all()
    assert not mask(name, 10_000, 1 - 1e-12).any()


@pytest.mark.parametrize("name", MASKS)
def test_what_is_dropped_is_0_even_where_it_is_not_finite(name):
    kernel = kernels.entry("dropout", name).implementation
    x = np.full(1000, np.nan)
    x[::2] = np.inf
    y, kept = kernel.forward(x, 0.5, 1)
    np.testing.assert_array_equal(y[kept == 0], 0)
    np.testing.assert_array_equal(y[kept == 1], x[kept == 1])
    assert 400 < kept.sum() < 600
