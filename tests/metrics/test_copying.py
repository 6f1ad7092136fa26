"""The test for copies, on real digits: it finds replays of any kind and leaves real held-out digits alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from real_digits import real_digits

from gan_np.metrics import copying_test


@pytest.fixture(scope="module")
def parts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training digits, held-out ones, and as many others that nobody has seen."""
    mixed = np.random.default_rng(0).permutation(60000)
    training = real_digits()[0]
    return training[np.sort(mixed[:4000])], training[np.sort(mixed[4000:4400])], training[np.sort(mixed[4400:4800])]


def replays(training: np.ndarray, kind: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    chosen = training[rng.permutation(len(training))[:400]]
    if kind == "noise":
        return np.clip(chosen + rng.normal(0, 16, chosen.shape), 0, 255).astype(np.uint8)
    if kind == "shift":  # every one is moved
        moves = [(0, 1), (1, 0), (-1, -1), (1, -1)]
        return np.stack([np.roll(image, moves[i % 4], (0, 1)) for i, image in enumerate(chosen)])
    return chosen


@pytest.mark.parametrize(("kind", "shift"), [("exact", 0), ("noise", 0), ("shift", 1)])
def test_replays_are_copies(parts: tuple[np.ndarray, ...], kind: str, shift: int) -> None:
    training, held_out, _ = parts
    found = copying_test(training, held_out, replays(training, kind), shift=shift)
    assert found.verdict == "copies", found
    assert found.z < -15
    assert found.z_cells is not None
    assert found.z_cells < -3
    assert found.p_whose < 1e-6
    if kind == "exact":
        assert found.samples_to_training["mean"] == 0
        assert found.nearest_share == 1


@pytest.mark.parametrize("shift", [0, 1])
def test_real_digits_are_none(parts: tuple[np.ndarray, ...], shift: int) -> None:
    training, held_out, others = parts
    found = copying_test(training, held_out, others, shift=shift)
    assert found.verdict == "no sign", found
    assert abs(found.z) < 3
    assert found.p_whose > 0.01


def moved_vertically(parts: tuple[np.ndarray, ...], seed: int) -> tuple[np.ndarray, ...]:
    """Other digits for training and held out in each seed, and training digits moved by one pixel up or down."""
    rng, pool = np.random.default_rng(seed), np.concatenate(parts)
    pool = pool[rng.permutation(len(pool))]
    training, held_out = pool[:4000], pool[4000:4400]
    chosen, steps = training[rng.permutation(4000)[:400]], rng.choice([-1, 1], 400)
    samples = np.stack([np.roll(image, step, 0) for image, step in zip(chosen, steps, strict=True)])
    return training, held_out, samples


@pytest.mark.parametrize("seed", range(3))
def test_copies_that_are_no_nearer_than_others_are_found_by_whose_they_are(
    parts: tuple[np.ndarray, ...], seed: int
) -> None:
    """Without moves a digit beside itself is as far as another digit; the third question alone sees it."""
    training, held_out, samples = moved_vertically(parts, seed)
    found = copying_test(training, held_out, samples, shift=0, cells=0)
    assert found.z > -5
    assert found.p_nearest > 0.1
    assert found.p_whose < 1e-4
    assert found.verdict == "copies"


def test_images_are_moved_by_default_and_features_are_not(parts: tuple[np.ndarray, ...]) -> None:
    training, held_out, samples = moved_vertically(parts, 0)
    found = copying_test(training, held_out, samples)
    assert found.shift == 1
    assert found.z < -15
    assert found.verdict == "copies"
    flat = [part.reshape(len(part), -1) for part in (training, held_out, samples)]
    assert copying_test(*flat, cells=0).shift == 0


def test_a_generator_of_few_images_is_no_copier_because_of_whose_they_are(parts: tuple[np.ndarray, ...]) -> None:
    """Five digits that nobody has seen, again and again with a little noise: their five nearest are of T more often than
    not, 80 times each. Counted once for every sample, p would be 0.91 to the power of 400."""
    training, held_out, others = parts
    rng = np.random.default_rng(3)
    for start in range(0, 40, 5):
        noisy = others[start + np.arange(400) % 5] + rng.normal(0, 8, (400, 28, 28, 1))
        found = copying_test(training, held_out, np.clip(noisy, 0, 255).astype(np.uint8), shift=0, cells=0)
        assert found.whose_images < 60
        assert found.p_whose > 0.01
        assert found.verdict != "copies"


def test_a_generator_that_copies_every_second_time(parts: tuple[np.ndarray, ...]) -> None:
    training, held_out, others = parts
    samples = np.concatenate([replays(training, "exact")[:200], others[:200]])
    assert copying_test(training, held_out, samples, shift=0).verdict == "copies"


def test_the_correction_counts_the_tests_that_were_made() -> None:
    rng = np.random.default_rng(0)
    found = copying_test(*(rng.standard_normal((count, 3)) for count in (150, 60, 60)), cells=0)
    weak = replace(found, p_nearer=0.003, p_nearest=1.0, p_whose=1.0)
    assert weak.adjusted == {"nearer": pytest.approx(0.009), "nearest": 1, "whose": 1}
    assert weak.verdict == "near"
    assert replace(weak, p_cells=1.0).verdict == "no sign"  # 4 · 0.003 is above 0.01
    assert replace(weak, p_cells=0.002).verdict == "near"
    alone = replace(found, p_nearer=1.0, p_nearest=1.0, p_whose=0.003)
    assert alone.verdict == "copies"
    assert "altered" in alone.explanation


def test_held_out_images_of_another_kind_give_no_verdict(parts: tuple[np.ndarray, ...]) -> None:
    training, held_out, others = parts
    for held, samples in ((255 - held_out, others), (held_out[:, ::-1], replays(training, "exact"))):
        found = copying_test(training, np.ascontiguousarray(held), samples, shift=0)
        assert found.p_nearer < 1e-10  # what used to be called copies
        assert found.verdict == "other source"
        assert "no verdict" in found.explanation
        assert found.to_mapping()["p_source"] < 1e-20


def test_smooth_pictures_are_near_and_no_copies(parts: tuple[np.ndarray, ...]) -> None:
    training, held_out, others = parts
    padded = np.pad(others.astype(float), ((0, 0), (1, 1), (1, 1), (0, 0)))
    blurred = sum(padded[:, i : i + 28, j : j + 28] * w for i, j, w in KERNEL)
    found = copying_test(training, held_out, np.rint(blurred).astype(np.uint8), shift=0)
    assert found.p_nearer < 1e-4
    assert found.verdict == "near"


KERNEL = [(i, j, (1, 2, 1)[i] * (1, 2, 1)[j] / 16) for i in range(3) for j in range(3)]


def test_too_few_held_out_pictures_are_said_to_be(parts: tuple[np.ndarray, ...]) -> None:
    training, held_out, _ = parts
    found = copying_test(training, held_out[:12], replays(training, "exact")[:100], shift=0, cells=0)
    assert found.verdict == "too few"


def test_p_values_are_uniform_where_nothing_is_copied() -> None:
    """All three sets from one distribution, many times over: small p-values come as often as they say."""
    rng = np.random.default_rng(0)
    tests = [copying_test(*(rng.standard_normal((count, 3)) for count in (150, 60, 60)), cells=0) for _ in range(150)]
    for values in ([t.p_nearer for t in tests], [t.p_nearest for t in tests], [t.p_whose for t in tests]):
        assert np.mean(np.array(values) < 0.1) < 0.2  # 0.1 expected, deviation 0.025; counts are conservative
    assert 0.3 < np.mean(np.array([t.p_nearer for t in tests]) < 0.5) < 0.7


def test_one_copying_cell_is_seen() -> None:
    """Two kinds of points; one is copied, the other drawn too far out, so that the whole shows nothing."""
    rng = np.random.default_rng(0)
    centre = np.where(np.arange(600)[:, None] % 2, 20.0, -20.0) * np.ones((1, 4))
    training, held_out = (centre[:count] + rng.standard_normal((count, 4)) for count in (600, 200))
    samples = centre[:200] + 5 * rng.standard_normal((200, 4))
    samples[::2] = training[:200:2] + 0.02 * rng.standard_normal((100, 4))
    found = copying_test(training, held_out, samples, cells=2)
    assert abs(found.z) < 3
    assert found.p_cells is not None
    assert found.p_cells < 1e-10
    assert found.verdict == "copies"


def test_refusals(parts: tuple[np.ndarray, ...]) -> None:
    training, held_out, _ = parts
    with pytest.raises(ValueError, match="held_out"):
        copying_test(training, held_out[:3], held_out)
    with pytest.raises(ValueError, match="shift"):
        copying_test(np.zeros((20, 3)), np.zeros((20, 3)), np.zeros((20, 3)), shift=1)
