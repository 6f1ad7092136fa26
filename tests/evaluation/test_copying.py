"""The test for copies, on real digits: it finds replays of any kind and leaves real held-out digits alone."""

from __future__ import annotations

import numpy as np
import pytest
from real_digits import real_digits

from gan_np.evaluation import copying_test


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
        return np.stack([np.roll(picture, moves[i % 4], (0, 1)) for i, picture in enumerate(chosen)])
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


def test_shifted_copies_need_moves(parts: tuple[np.ndarray, ...]) -> None:
    """Without moves a digit beside itself is as far as another digit: the reason for `shift`."""
    training, held_out, _ = parts
    assert copying_test(training, held_out, replays(training, "shift"), cells=0).verdict == "no sign"


def test_smooth_pictures_are_near_and_no_copies(parts: tuple[np.ndarray, ...]) -> None:
    training, held_out, others = parts
    padded = np.pad(others.astype(float), ((0, 0), (1, 1), (1, 1), (0, 0)))
    blurred = sum(padded[:, i : i + 28, j : j + 28] * w for i, j, w in KERNEL)
    found = copying_test(training, held_out, np.rint(blurred).astype(np.uint8))
    assert found.p_nearer < 1e-4
    assert found.verdict == "near"


KERNEL = [(i, j, (1, 2, 1)[i] * (1, 2, 1)[j] / 16) for i in range(3) for j in range(3)]


def test_too_few_held_out_pictures_are_said_to_be(parts: tuple[np.ndarray, ...]) -> None:
    training, held_out, _ = parts
    found = copying_test(training, held_out[:12], replays(training, "exact")[:100], cells=0)
    assert found.verdict == "too few held-out pictures"


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
