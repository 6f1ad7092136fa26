"""What the labels of data stand for: classes by label and by name, and how often each is drawn."""

import numpy as np
import pytest

from gan_np import data
from gan_np.data.labels import MOST_CLASSES, LabelTable

GAPS = np.repeat([0, 7, 200], [4, 2, 1])
FOLDERS = LabelTable.of(np.array([0, 1, 2, 2]), ("1", "2", "10"))
ANIMALS = LabelTable.of(np.array([0, 1, 1, 3]), ("cat", "dog", "eel", "fox"))


def test_gaps_are_closed_and_classes_without_images_are_none() -> None:
    assert LabelTable.of(GAPS) == LabelTable((0, 7, 200), ("0", "7", "200"), (4, 2, 1))
    assert LabelTable.of(np.array([1, 2, 3])).values == (1, 2, 3)
    assert LabelTable.of(np.array([-1, 1])).names == ("-1", "1")
    assert LabelTable((0, 1, 3), ("cat", "dog", "fox"), (1, 2, 1)) == ANIMALS
    table = LabelTable.of(GAPS)
    assert table.classes_of(np.array([200, 0, 7])).tolist() == [2, 0, 1]
    assert table.labels_of(table.classes_of(GAPS)).tolist() == GAPS.tolist()
    assert LabelTable.from_mapping(table.to_mapping()) == table


def test_of_a_model_whose_classes_are_counted() -> None:
    assert LabelTable.of(np.array([0, 2]), classes=4) == LabelTable((0, 1, 2, 3), ("0", "1", "2", "3"), (1, 0, 1, 0))
    assert LabelTable.of(GAPS, classes=3).values == (0, 7, 200)
    with pytest.raises(ValueError, match="expected 0 to 3, got 0 to 200"):
        LabelTable.of(GAPS, classes=4)


def test_many_classes_are_not_all_listed_in_a_message() -> None:
    many = LabelTable.of(np.arange(10, 1010))
    assert many.listed().startswith("one of 10, 11, ")
    assert many.listed().endswith(", 29 and 980 more")
    assert many.shortened().endswith(", 29: 1 image, and 980 more")
    assert str(many).endswith(", 1009: 1 image"), "where they are asked for"
    assert ANIMALS.shortened() == str(ANIMALS)


def test_one_rule_for_labels_and_names() -> None:
    assert LabelTable.of(GAPS).asked([200, 7]).tolist() == LabelTable.of(GAPS).asked(["200", "7"]).tolist() == [2, 1]
    # Folders that are called by numbers: an integer is the label, a text the name.
    assert FOLDERS.asked(2).tolist() == FOLDERS.asked("10").tolist() == 2
    assert FOLDERS.asked("2").tolist() == 1
    with pytest.raises(ValueError, match=r"expected one of 1 \(0\), 2 \(1\), 10 \(2\), got '0'"):
        FOLDERS.asked("0")
    assert ANIMALS.asked(["fox", "3", "dog"]).tolist() == [2, 2, 1]
    for wrong in ("eel", "2", "9" * 5000, "²", ""):
        with pytest.raises(ValueError, match=r"one of cat \(0\), dog \(1\), fox \(3\)"):
            ANIMALS.asked(wrong)
    for number in (2, -1, 2**62, np.array([2**64 - 1], np.uint64)):
        with pytest.raises(ValueError, match="one of cat"):
            ANIMALS.asked(number)
    with pytest.raises(TypeError, match="integers or names, got float64"):
        ANIMALS.asked(1.0)


def test_classes_are_drawn_as_often_as_the_data_have_them() -> None:
    table = LabelTable.of(np.repeat([0, 1, 2], [570, 0, 30]), classes=3)
    drawn = table.drawn(1000)
    assert np.bincount(drawn, minlength=3).tolist() == [950, 0, 50]
    shares = np.array([0.95, 0, 0.05])
    for count in (1, 20, 77, 333):
        assert np.array_equal(table.drawn(count), drawn[:count])
        assert (np.abs(np.bincount(drawn[:count], minlength=3) - count * shares) <= 1).all()
    assert LabelTable.equal(3).drawn(7).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_limits_instead_of_memory() -> None:
    """A label is a value, whatever its size; too many different ones are no classes."""
    far = data.open((np.zeros((3, 8, 8, 1), np.uint8), np.array([0, 2**62, 5])))
    assert far.classes == 3
    assert LabelTable.of(far.labels).values == (0, 5, 2**62)
    with pytest.raises(ValueError, match=r"at most 10,000 classes, got 10,001 different labels"):
        LabelTable.of(np.arange(MOST_CLASSES + 1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"values": [0, 1], "names": ["a", "b"], "counts": [1]},
        {"values": [], "names": [], "counts": []},
        {"values": [1, 0], "names": ["a", "b"], "counts": [1, 1]},
        {"values": [0, 2**63], "names": ["a", "b"], "counts": [1, 1]},
        {"values": [0, 1.0], "names": ["a", "b"], "counts": [1, 1]},
        {"values": [0, 1], "names": ["a", 3], "counts": [1, 1]},
        {"values": [0, 1], "names": ["a", "b"], "counts": [1, -1]},
        {"values": [0, 1], "names": ["a", "b"], "counts": [0, 0]},
        {"values": [0, 1], "names": ["a", "b"], "counts": [1, 10**15]},
        {"values": 3, "names": ["a"], "counts": [1]},
    ],
    ids=["lengths", "empty", "order", "large", "float", "name", "negative", "none", "many", "kind"],
)
def test_impossible_tables(wrong: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        LabelTable.from_mapping(wrong)
