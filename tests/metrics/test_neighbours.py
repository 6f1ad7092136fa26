"""Nearest neighbours: against brute force in whole numbers and in float64, in blocks of any size, exactly."""

import numpy as np
import pytest
from real_digits import real_digits

import gan_np.metrics.neighbours as module
from gan_np.metrics import nearest_after_moves, nearest_neighbours


def brute_force(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    one, other = (part.reshape(len(part), -1).astype(np.float64) for part in (queries, references))
    distances: np.ndarray = np.sqrt(((one[:, None] - other) ** 2).sum(axis=2))
    return distances / 255 if queries.dtype == np.uint8 else distances


def some(rng: np.random.Generator, kind: str, count: int, size: int) -> np.ndarray:
    if kind == "bytes":
        return rng.integers(0, 256, (count, size, 1, 1), np.uint8)
    return (1000 + rng.standard_normal((count, size))).astype(kind)


@pytest.mark.parametrize("kind", ["bytes", "float32", "float64"])
@pytest.mark.parametrize("size", [3, 1024, 1500])
@pytest.mark.parametrize("block_bytes", [1, 40_000, 1 << 25])
def test_against_brute_force(
    kind: str, size: int, block_bytes: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    queries, references = some(rng, kind, 7, size), some(rng, kind, 23, size)
    expected = brute_force(queries, references)
    found = nearest_neighbours(queries, references, 4)
    order = np.argsort(expected, axis=1, kind="stable")[:, :4]
    np.testing.assert_allclose(found.distances, np.take_along_axis(expected, order, axis=1), rtol=1e-12)
    np.testing.assert_allclose(np.take_along_axis(expected, found.indices, axis=1), found.distances, rtol=1e-12)


@pytest.mark.parametrize("kind", ["bytes", "float32", "float64"])
def test_replays_are_at_distance_zero(kind: str, rng: np.random.Generator) -> None:
    """Far from 0, where ‖x‖² − 2⟨x, y⟩ + ‖y‖² in float32 leaves anything but 0."""
    references = some(rng, kind, 40, 700)
    if kind != "bytes":
        references += references.dtype.type(1e5)
    queries = references[[3, 17, 39]]
    found = nearest_neighbours(queries, references)
    assert found.distances.tolist() == [[0.0], [0.0], [0.0]]
    assert found.indices.tolist() == [[3], [17], [39]]


def test_nearest_by_one_grey_level_in_full_range() -> None:
    """Two references that differ by 1 in one byte of 12,288: squared distances near 8·10⁸, where float32 steps are 64."""
    references = np.zeros((2, 64, 64, 3), np.uint8)
    references[1, 0, 0, 0] = 1
    query = np.full((1, 64, 64, 3), 255, np.uint8)
    found = nearest_neighbours(query, references, 2)
    assert found.indices.tolist() == [[1, 0]]
    squares = np.rint((found.distances * 255) ** 2).astype(int)
    assert squares.tolist() == [[12288 * 255**2 - 509 - 0, 12288 * 255**2]]


def test_none_is_its_own_neighbour(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 2000)
    points = some(rng, "bytes", 60, 30)
    found = nearest_neighbours(points, points, 3, exclude_self=True)
    expected = brute_force(points, points)
    np.fill_diagonal(expected, np.inf)
    np.testing.assert_allclose(found.distances, np.sort(expected, axis=1)[:, :3], rtol=1e-12)
    assert not (found.indices == np.arange(60)[:, None]).any()


def test_moves_find_a_shifted_and_a_mirrored_copy(rng: np.random.Generator) -> None:
    references = np.zeros((5, 12, 12, 1), np.uint8)
    references[:, 3:9, 3:9] = rng.integers(1, 256, (5, 6, 6, 1))
    queries = np.stack([np.roll(references[2], (1, -1), (0, 1)), references[4][:, ::-1]])
    assert (nearest_neighbours(queries, references).distances > 0).all()
    shifted = nearest_after_moves(queries, references, 1)
    assert shifted.distances[0, 0] == 0
    assert shifted.indices[0, 0] == 2
    assert shifted.distances[1, 0] > 0
    mirrored = nearest_after_moves(queries, references, 1, mirror=True)
    assert mirrored.distances[:, 0].tolist() == [0, 0]
    assert mirrored.indices[:, 0].tolist() == [2, 4]


def test_real_digits() -> None:
    training, test = real_digits()
    found = nearest_neighbours(test[::2000], training[::10], 2)
    np.testing.assert_allclose(
        found.distances, np.sort(brute_force(test[::2000], training[::10]), axis=1)[:, :2], rtol=1e-12
    )


@pytest.mark.parametrize(
    ("queries", "references", "k", "error", "words"),
    [
        (np.zeros((2, 3), int), np.zeros((2, 3)), 1, TypeError, "queries"),
        (np.zeros((2, 3)), np.zeros((2, 3), np.float32), 1, TypeError, "references"),
        (np.zeros((2, 3)), np.zeros((2, 4)), 1, ValueError, "references"),
        (np.zeros((2, 3)), np.full((2, 3), np.nan), 1, ValueError, "NaN"),
        (np.zeros((2, 3)), np.zeros((2, 3)), 3, ValueError, "k"),
        (np.zeros((0, 3)), np.zeros((2, 3)), 1, ValueError, "queries"),
    ],
)
def test_refusals(queries: np.ndarray, references: np.ndarray, k: int, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        nearest_neighbours(queries, references, k)
