"""The part of a data set that is held out: seeded, of each label its share, and nothing of it left to train on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from image_files import some_images

from gan_np.data import Dataset
from gan_np.data.hold_out import divided, rows_held_out, taken


@given(
    labels=some.lists(some.integers(-3, 5), min_size=2, max_size=60),
    share=some.floats(0.01, 0.9),
)
def test_of_each_label_its_share_and_never_all(labels, share):
    labels = np.array(labels, np.int64)
    values, counts = np.unique(labels, return_counts=True)
    if counts.max() < 2:
        with pytest.raises(ValueError, match=r"each of .* labels occurs once"):
            rows_held_out(len(labels), share, labels)
        return
    rows = rows_held_out(len(labels), share, labels)
    held = np.array([(labels[rows] == value).sum() for value in values])
    assert (np.diff(rows) > 0).all()
    assert len(rows) >= 1
    assert (held < counts).all()
    assert (abs(held - share * counts) <= 1).all()
    if (counts > 2).all() and share <= 0.5:
        assert len(rows) == max(1, round(share * len(labels)))


def test_without_labels_a_share_and_at_least_one():
    for count, share, expected in (100, 0.1, 10), (3, 0.1, 1), (2, 0.9, 1), (7, 0.5, 4):
        rows = rows_held_out(count, share)
        assert len(np.unique(rows)) == len(rows) == expected
        assert 0 <= rows.min() <= rows.max() < count


def test_the_draw_stays_what_it_is():
    """Runs cut their data again at each start: another draw would train on what was held out before."""
    assert rows_held_out(20, 0.2).tolist() == [9, 16, 18, 19]
    assert rows_held_out(20, 0.2, np.arange(20) % 2).tolist() == [7, 12, 16, 17]


def test_it_is_no_stretch_of_the_data():
    rows = rows_held_out(1000, 0.1)
    assert rows.min() < 100
    assert rows.max() > 900
    assert abs(rows.mean() - 500) < 100


@pytest.mark.parametrize(
    ("count", "share", "words"), [(1, 0.1, "of 1 nothing"), (5, 0, "above 0"), (5, 0.95, "hold_out")]
)
def test_what_cannot_be_held_out(count, share, words):
    with pytest.raises(ValueError, match=words):
        rows_held_out(count, share)


def test_both_parts_are_all_there_is():
    data = Dataset(some_images(30), np.arange(30) % 3, ("a", "b", "c"), "x", ("said",), ("warned",))
    kept, held = divided(data, 0.2)
    assert len(kept) + len(held) == 30
    rows = rows_held_out(30, 0.2, data.labels)
    np.testing.assert_array_equal(held.images, data.images[rows])
    assert held.labels.tolist() == data.labels[rows].tolist()
    everything = {image.tobytes() for image in kept.images} | {image.tobytes() for image in held.images}
    assert len(everything) == 30
    assert kept.class_names == held.class_names == ("a", "b", "c")
    assert (kept.warned, held.decided) == ((), ())
    other = divided(data, 0.2, by_label=False)[1]
    np.testing.assert_array_equal(other.images, data.images[rows_held_out(30, 0.2)])


@pytest.mark.parametrize(
    "values", [some_images(40), np.random.default_rng(0).normal(size=(40, 3))], ids=["bytes", "f64"]
)
def test_much_of_a_file_goes_to_the_cache_and_not_into_memory(tmp_path, cache, monkeypatch, values):
    np.save(tmp_path / "a.npy", values)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    rows = rows_held_out(40, 0.5)
    assert not isinstance(taken(mapped, rows), np.memmap)  # little
    monkeypatch.setattr("gan_np.data.hold_out.IN_MEMORY", 100)
    monkeypatch.setattr("gan_np.data.hold_out.per_chunk", lambda shape, size: 7)
    assert not isinstance(taken(values, rows), np.memmap)  # in memory already
    for _ in range(2):
        found = taken(mapped, rows)
        assert isinstance(found, np.memmap)
        assert str(cache) in str(found.filename)
        np.testing.assert_array_equal(found, values[rows])
