"""Runs that hold a part of their data out: never trained on, the same whenever the run is read, and said to be there."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import gan_np as gn
from gan_np.cli import app
from gan_np.data.hold_out import rows_held_out
from gan_np.evaluation import evaluate_run
from gan_np.evaluation.memorisation import memory_of
from gan_np.evaluation.runs import Run
from gan_np.runs import Config, checkpoint
from gan_np.runs.data import open_data, open_test_data

SMALL = {"steps": 2, "batch_size": 4, "sample_every": 0, "sample_count": 4, "animation": False, "progress": False}
COUNT = 120


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8, 1), np.uint8)


@pytest.fixture
def labels() -> np.ndarray:
    return np.sort(np.arange(COUNT) % 3) + 4


def small(**options: object) -> gn.GAN:
    return gn.models.mlp((8, 8, 1), 4, hidden=8, maxout_units=4, maxout_pieces=2, **options)


def command(*words: object) -> str:
    result = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.stderr
    return result.stdout + result.stderr


def without(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.delete(images, rows, axis=0)


@pytest.mark.parametrize("seed", [0, 5])
def test_training_does_not_see_it_whatever_the_seed(images: np.ndarray, seed: int) -> None:
    trainer = gn.train(small(), images, hold_out=0.1, seed=seed, **SMALL)
    np.testing.assert_array_equal(trainer.images, without(images, rows_held_out(COUNT, 0.1)))
    assert len(gn.train(small(), images, **SMALL).images) == COUNT, "the negative control: nothing held out"


def test_of_each_label_its_share(images: np.ndarray, labels: np.ndarray) -> None:
    trainer = gn.train(small(), images, labels=labels, hold_out=0.25, **SMALL)
    rows = rows_held_out(COUNT, 0.25, labels)
    assert np.unique(labels[rows], return_counts=True)[1].tolist() == [10, 10, 10]
    np.testing.assert_array_equal(trainer.images, without(images, rows))


def test_a_training_that_goes_on_cuts_the_same(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    straight = gn.train(small(), images, labels=labels, hold_out=0.1, out=tmp_path / "s", **SMALL | {"steps": 5})
    gn.train(small(), images, labels=labels, hold_out=0.1, out=tmp_path / "r", **SMALL)
    resumed = gn.resume(tmp_path / "r", images=images, labels=labels, steps=5, progress=False)
    np.testing.assert_array_equal(resumed.images, straight.images)
    (ours, about), (theirs, expected) = (checkpoint.read(tmp_path / name) for name in ("r", "s"))
    for name in expected["config"]:
        assert about["config"][name] == expected["config"][name]
    for name, values in theirs.items():
        np.testing.assert_array_equal(ours[name], values)
    gn.resume(resumed, steps=6, progress=False)
    assert checkpoint.describe_file(tmp_path / "r")["data"] == expected["data"]
    with pytest.raises(ValueError, match="needs one label for each image"):
        gn.resume(tmp_path / "r", images=images, steps=7)
    with pytest.raises(ValueError, match="labels: not those"):
        gn.resume(tmp_path / "r", images=images, labels=labels[::-1], steps=7)


def test_the_fingerprint_is_that_of_all_the_data(tmp_path: Path, images: np.ndarray) -> None:
    """A change of an image that is held out, which training does not see, is noticed too."""
    gn.train(small(), images, hold_out=0.1, out=tmp_path / "run", **SMALL)
    changed = images.copy()
    changed[rows_held_out(COUNT, 0.1)[0]] ^= 1
    with pytest.raises(ValueError, match="fingerprint differs"):
        gn.resume(tmp_path / "run", images=changed, steps=3)


def test_an_array_given_without_the_labels_of_its_file(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Labels that training was not given had no say in what it holds out, and get none when the file is opened with them."""
    np.savez(tmp_path / "d.npz", images=images, labels=labels)
    gn.train(small(), images, hold_out=0.1, data=str(tmp_path / "d.npz"), out=tmp_path / "run", **SMALL)
    plain, by_label = rows_held_out(COUNT, 0.1), rows_held_out(COUNT, 0.1, labels)
    assert plain.tolist() != by_label.tolist()
    run = Run.open(tmp_path / "run")
    np.testing.assert_array_equal(run.train.images, without(images, plain))
    assert run.test is not None
    assert run.test.labels is not None
    np.testing.assert_array_equal(run.test.images, images[plain])
    np.testing.assert_array_equal(run.test.labels, labels[plain])
    np.testing.assert_array_equal(gn.resume(tmp_path / "run", steps=3, progress=False).images, without(images, plain))


def test_commands_use_it_and_say_so(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    np.savez(tmp_path / "d.npz", images=images, labels=labels)
    run, data = tmp_path / "run", tmp_path / "d.npz"
    options = [
        "--hold-out",
        0.25,
        "--steps",
        2,
        "--batch-size",
        4,
        "--model",
        "mlp",
        "--hidden",
        8,
        "--sample-every",
        0,
    ]
    assert "30 of them held out" in command("train", "--data", data, *options, "--out", run)
    config = Config(data=str(data), hold_out=0.25)
    rows = rows_held_out(COUNT, 0.25, labels)
    held = open_test_data(config)
    assert held is not None
    np.testing.assert_array_equal(held.images, images[rows])
    assert len(open_data(config)) == COUNT
    assert json.loads((run / "run.json").read_text())["data"]["held_out"] == 30
    assert "90 of 8×8×1, uint8, and 30 more held out" in command("show", run)
    assert "hold_out=0.25" in command("show", run)
    kept = without(images, rows)
    memory = memory_of(run, gn.load(run), count=20, show=3, cells=0)
    np.testing.assert_array_equal(memory.training, kept)
    assert memory.tests["pixels"].held_out == 30
    assert memory.untested is None
    assert memory.seen == 0
    known = tmp_path / "c.safetensors"
    classifier = ("train-classifier", "--data", data, "--steps", 2, "--width", 2, "--out", known)
    assert "of 30 test images" in command(*classifier, "--hold-out", 0.25)
    report = evaluate_run(run, count=30, classifier=known, progress=False)
    assert report.facts["compared with"] == "30 test images"
    assert report.facts["test images"] == "the 30 that the run holds out (hold_out 0.25)"


def test_without_it_evaluation_says_that_it_compares_with_training_images(tmp_path: Path, images: np.ndarray) -> None:
    np.save(tmp_path / "d.npy", images)
    gn.train(small(), images, data=str(tmp_path / "d.npy"), out=tmp_path / "run", **SMALL)
    report = evaluate_run(tmp_path / "run", count=30, progress=False)
    assert "training images (there are no test images)" in report.facts["compared with"]
    assert "test images" not in report.facts
    memory = memory_of(tmp_path / "run", gn.load(tmp_path / "run"), count=10, show=2, nearest=3, cells=0)
    assert memory.tests == {}
    assert memory.untested is not None
    assert "--hold-out" in memory.untested
    assert memory.found["pixels"].shape == (2, 3)


def test_it_goes_before_a_test_part(tmp_path: Path, images: np.ndarray) -> None:
    np.savez(tmp_path / "d.npz", x_train=images[:80], x_test=images[80:])
    config = Config(data=str(tmp_path / "d.npz"), hold_out=0.1)
    held = open_test_data(config)
    assert held is not None
    np.testing.assert_array_equal(held.images, images[:80][rows_held_out(80, 0.1)])
    plain = open_test_data(Config(data=str(tmp_path / "d.npz")))
    assert plain is not None
    assert len(plain) == 40


def test_vectors_too_and_their_mean_is_that_of_what_is_trained_on(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(100, 3))
    table[rows_held_out(100, 0.2)] += 1000
    np.save(tmp_path / "t.npy", table)
    gan = gn.models.mlp((3,), 4, hidden=8, maxout_units=4, maxout_pieces=2)
    gn.train(gan, table, hold_out=0.2, data=str(tmp_path / "t.npy"), out=tmp_path / "run", **SMALL)
    assert np.abs(gan.encoding.mean).max() < 1
    found = memory_of(tmp_path / "run", gn.load(tmp_path / "run"), count=20, show=2, cells=0)
    assert found.tests["columns"].held_out == 20


def test_several_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_this_process(function: Callable[..., None], work: dict[str, tuple[object, ...]], *_: object) -> None:
        for arguments in work.values():
            function(*pickle.loads(pickle.dumps(arguments)))

    monkeypatch.setattr("gan_np.runs.stage_training.run_in_processes", in_this_process)
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    labels = np.arange(40) % 2
    np.savez(tmp_path / "d.npz", images=images, labels=labels)
    rows = rows_held_out(40, 0.25, labels)
    for jobs in (1, 2):
        gan = gn.models.lapgan((16, 16, 1), levels=1, hidden=8)
        place = tmp_path / f"run{jobs}"
        data = gn.data.open(tmp_path / "d.npz")
        options = {**SMALL, "hold_out": 0.25, "data": str(tmp_path / "d.npz"), "jobs": jobs}
        trainer = gn.train(gan, data, out=place, **options)
        assert len(trainer.images) == 30
        again = gn.resume(place, steps=3, progress=False, jobs=jobs)
        assert (again.steps, len(again.images)) == (3, 30)
        run = Run.open(place)
        assert run.test is not None
        np.testing.assert_array_equal(run.test.images, images[rows])
        np.testing.assert_array_equal(run.train.images, without(images, rows))
    changed = images.copy()
    changed[rows[0]] ^= 1
    with pytest.raises(ValueError, match="fingerprint differs"):
        gn.resume(tmp_path / "run1", images=changed, labels=labels, steps=4)


def test_a_loop_of_ones_own(images: np.ndarray) -> None:
    steps = list(gn.runs.iterate(small(), images, hold_out=0.9, steps=2, batch_size=4))
    assert len(steps) == 2
    with pytest.raises(ValueError, match="hold_out"):
        list(gn.runs.iterate(small(), images, hold_out=1.0, steps=2))


def test_a_file_of_labels_that_was_moved(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    np.save(tmp_path / "d.npy", images)
    (tmp_path / "l.csv").write_text("\n".join(map(str, labels)))
    run = tmp_path / "run"
    options = ["--steps", 2, "--batch-size", 4, "--width", 2, "--sample-every", 0, "--model", "conditional-dcgan"]
    where = ["--data", tmp_path / "d.npy", "--labels", tmp_path / "l.csv"]
    command("train", *where, *options, "--out", run)
    assert gn.load(run).classes == 3
    (tmp_path / "l.csv").rename(tmp_path / "m.csv")
    with pytest.raises(FileNotFoundError, match=r"labels: no such file") as caught:
        gn.resume(run, steps=3)
    assert "--labels FILE" in caught.value.__notes__[0]
    command("train", "--resume", run, "--steps", 3, "--labels", tmp_path / "m.csv")
    assert gn.open_run(run).done == 3
    assert gn.resume(run, steps=4, progress=False).steps == 4
