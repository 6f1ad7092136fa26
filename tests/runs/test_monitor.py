"""Evaluating while a training runs."""

import json
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs import StopTraining, resume
from gan_np.runs.records import read_records

OPTIONS = {
    "steps": 6, "batch_size": 8, "sample_every": 0, "checkpoint_every": 2, "evaluate_every": 2, "evaluate_count": 30,
    "log_every": 4, "progress": False, "animation": False,
}  # fmt: skip


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


@pytest.fixture
def classifier(tmp_path: Path, images: np.ndarray) -> Path:
    labels = np.arange(50) % 2
    path = tmp_path / "c.safetensors"
    gn.train_classifier(images, labels, steps=2, batch_size=8, width=2, features=4, progress=False, out=path)
    return path


def small() -> gn.GAN:
    return gn.models.dcgan((8, 8, 1), 4, width=2)


def evaluations(run: Path) -> dict[int, dict[str, float]]:
    records = read_records(run / "log.jsonl")
    found = {r["step"]: {k: v for k, v in r.items() if k.startswith("evaluation/")} for r in records}
    return {step: figures for step, figures in found.items() if figures}


@pytest.mark.usefixtures("plots_drawn")
def test_written_and_drawn(tmp_path: Path, images: np.ndarray, classifier: Path) -> None:
    gn.train(small(), images, out=tmp_path / "run", classifier=str(classifier), **OPTIONS | {"steps": 7})
    found = evaluations(tmp_path / "run")
    assert list(found) == [2, 4, 6, 7]
    assert {"evaluation/coverage", "evaluation/frechet_distance", "evaluation/recognised"} <= set(found[2])
    assert len({figures["evaluation/frechet_distance"] for figures in found.values()}) == 4  # it moves
    assert (tmp_path / "run/evaluation.png").stat().st_size > 1000
    assert (tmp_path / "run/losses.png").exists()  # lines without figures do not disturb it
    assert (tmp_path / "run/classifier.safetensors").read_bytes() == classifier.read_bytes()


def test_training_is_the_same_with_and_without(tmp_path: Path, images: np.ndarray) -> None:
    one = gn.train(small(), images, out=tmp_path / "a", **OPTIONS)
    two = gn.train(small(), images, out=tmp_path / "b", **OPTIONS | {"evaluate_every": 0})
    assert np.array_equal(one.gan.generator.parameters.values, two.gan.generator.parameters.values)
    assert np.array_equal(one.gan.sample(3), two.gan.sample(3))


def test_a_resumed_run_has_the_same_figures(tmp_path: Path, images: np.ndarray, classifier: Path) -> None:
    options = OPTIONS | {"classifier": str(classifier), "evaluate_every": 3}
    gn.train(small(), images, out=tmp_path / "straight", **options)

    class Cut(Exception):
        pass

    def cut(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        if step.number == 5:
            raise Cut

    with pytest.raises(Cut):
        gn.train(small(), images, out=tmp_path / "cut", callbacks=[cut], **options)
    assert list(evaluations(tmp_path / "cut")) == [3]
    classifier.unlink()  # the run has its own copy
    resume(tmp_path / "cut", images=images, progress=False)
    assert evaluations(tmp_path / "cut") == evaluations(tmp_path / "straight")
    assert list(evaluations(tmp_path / "cut")) == [3, 6]


def test_refused_before_anything_is_made(tmp_path: Path, images: np.ndarray) -> None:
    other = tmp_path / "other.safetensors"
    gn.runs.save_classifier(other, gn.models.classifier((9, 9, 1), classes=2, width=2))
    run = tmp_path / "run"
    with pytest.raises(ValueError, match="reads images of 9×9×1"):
        gn.train(small(), images, out=run, classifier=str(other), **OPTIONS)
    with pytest.raises(FileNotFoundError):
        gn.train(small(), images, out=run, classifier=str(tmp_path / "none"), **OPTIONS)
    with pytest.raises(ValueError, match="out"):
        gn.train(small(), images, **OPTIONS)
    with pytest.raises(ValueError, match="evaluate_count"):
        gn.train(small(), images, out=run, **OPTIONS | {"evaluate_count": 3})
    with pytest.raises(ValueError, match="classifier"):
        gn.train(small(), images, out=run, classifier=str(other), **OPTIONS | {"evaluate_every": 0})
    with pytest.raises(ValueError, match="evaluate_count"):
        gn.train(small(), images[:15], out=run, **OPTIONS)
    assert not run.exists()


def test_stopping_early_still_draws(tmp_path: Path, images: np.ndarray) -> None:
    def stop(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        if step.number == 3:
            raise StopTraining

    gn.train(small(), images, out=tmp_path / "run", callbacks=[stop], **OPTIONS)
    assert list(evaluations(tmp_path / "run")) == [2]
    assert (tmp_path / "run/evaluation.png").exists()
    assert json.loads((tmp_path / "run/log.jsonl").read_text().splitlines()[0])["step"] == 2
