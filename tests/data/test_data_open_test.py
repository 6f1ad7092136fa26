"""The test part of a source, where there is one."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.data.options import NoSuchPart


def test_of_an_npz_file(tmp_path: Path) -> None:
    train, test = np.zeros((3, 8, 8), np.uint8), np.ones((2, 8, 8), np.uint8)
    np.savez(tmp_path / "both.npz", x_train=train, x_test=test, y_train=np.arange(3), y_test=np.arange(2))
    np.savez(tmp_path / "train.npz", x_train=train)
    np.savez(tmp_path / "whole.npz", images=train)
    found = gn.data.open_test(tmp_path / "both.npz")
    assert found is not None
    assert found.images.shape == (2, 8, 8, 1)
    assert found.images.min() == 1
    for name in ("train", "whole"):
        assert gn.data.open_test(tmp_path / f"{name}.npz") is None
        with pytest.raises(NoSuchPart):
            gn.data.open(tmp_path / f"{name}.npz", split="test")


def test_other_errors_are_not_taken_for_a_missing_part(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"no file of arrays")
    np.savez(tmp_path / "unclear.npz", a=np.zeros((3, 8, 8), np.uint8), b=np.zeros((3, 8, 8), np.uint8))
    for name in ("bad", "unclear"):
        with pytest.raises(ValueError, match=name):
            gn.data.open_test(tmp_path / f"{name}.npz")
    with pytest.raises(FileNotFoundError):
        gn.data.open_test(tmp_path / "missing.npz")


def test_of_a_folder(tmp_path: Path) -> None:
    image = np.zeros((8, 8, 1), np.uint8)
    for place in ("parted/train", "parted/test", "whole"):
        gn.data.save_image(image, tmp_path / place / "0.png")
    found = gn.data.open_test(tmp_path / "parted")
    assert found is not None
    assert len(found) == 1
    assert gn.data.open_test(tmp_path / "whole") is None
