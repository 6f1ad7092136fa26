"""A run goes on with the data and the settings that it has: what is another is refused, what was moved can be named."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.evaluation import evaluate_run
from gan_np.evaluation.trained_on import training_data
from gan_np.runs import Config, build_gan, checkpoint, resume
from gan_np.runs.folder import read_config
from gan_np.schedules import at

OPTIONS = {"batch_size": 8, "sample_every": 0, "animation": False, "sample_count": 4}


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def test_other_labels_for_the_same_images(tmp_path: Path, images: np.ndarray) -> None:
    labels = np.arange(50) % 2
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=2, width=2)
    gn.train(gan, images, labels=labels, out=tmp_path / "run", steps=2, progress=False, **OPTIONS)
    before = checkpoint.find(tmp_path / "run").read_bytes()
    with pytest.raises(ValueError, match=r"labels: not those that .*the images are the same"):
        resume(tmp_path / "run", images=images, labels=1 - labels, steps=4, progress=False)
    assert checkpoint.find(tmp_path / "run").read_bytes() == before
    resume(tmp_path / "run", images=images, labels=labels.astype(np.uint8), steps=4, progress=False)


def test_fewer_steps_than_were_done_are_refused_and_nothing_is_rewritten(tmp_path: Path, images: np.ndarray) -> None:
    run = tmp_path / "run"
    gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), images, out=run, steps=4, progress=False, **OPTIONS)
    before = (run / "config.toml").read_bytes()
    with pytest.raises(ValueError, match=r"steps: .*run is at step 4 already; expected at least that, got 3"):
        resume(run, images=images, steps=3, progress=False)
    assert (run / "config.toml").read_bytes() == before
    assert resume(run, images=images, steps=4, progress=False).steps == 4


def test_an_edited_configuration_is_refused(tmp_path: Path, images: np.ndarray) -> None:
    """Otherwise the network stays as it was while the folder says something else, or half a training has another batch."""
    run = tmp_path / "run"
    gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), images, out=run, steps=2, progress=False, **OPTIONS)
    text = (run / "config.toml").read_text()
    (run / "config.toml").write_text(text.replace("batch_size = 8", "batch_size = 16"))
    with pytest.raises(ValueError, match=r"config\.toml was edited: batch_size is 16 there and 8 in the checkpoint"):
        resume(run, images=images, steps=4, progress=False)
    (run / "config.toml").write_text(text)
    assert resume(run, images=images, steps=4, progress=False).steps == 4


def test_a_checkpoint_from_before_labels_were_compared(tmp_path: Path, images: np.ndarray) -> None:
    from gan_np.runs.fingerprints import check_fingerprints, fingerprints

    old = {"data": fingerprints(images)["data"]}
    check_fingerprints(old, images, np.arange(50), "run")
    with pytest.raises(ValueError, match="images"):
        check_fingerprints(old, images[::-1], None, "run")


def test_instance_noise_goes_on_where_it_was(tmp_path: Path, images: np.ndarray) -> None:
    """0.25 falling over 20 steps is 0.025 after 18 of them, and must not be 0.23 because there are 200 now."""
    deviations: dict[int, float] = {}

    def note(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        deviations[step.number] = at(trainer.instance_noise, trainer.d_optimizer.updates)
        if step.number == 18:
            raise RuntimeError("cut off")

    settings = {"instance_noise": 0.25, "checkpoint_every": 6, **OPTIONS}
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    with pytest.raises(RuntimeError):
        gn.train(gan, images, out=tmp_path / "run", steps=20, progress=False, callbacks=[note], **settings)

    def also(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        deviations[step.number] = at(trainer.instance_noise, trainer.d_optimizer.updates)

    for steps in (24, 28):  # twice: what was planned at first is not forgotten
        resume(tmp_path / "run", images=images, steps=steps, callbacks=[also], progress=False)
    planned = [max(0.25 * (1 - step / 20), 0) for step in range(1, 29)]
    assert [deviations[step] for step in range(1, 29)] == pytest.approx(planned)
    assert read_config(tmp_path / "run").instance_noise_steps == 20


def test_no_other_setting_depends_on_steps() -> None:
    """A new one has to be looked after in `Config.going_on`."""
    from gan_np.runs.build import build_trainer

    options = {"optimizer": "adam", "learning_rate_decay": 1.001, "instance_noise": 0.1}
    built = []
    for config in (Config(steps=20, **options), Config(steps=20, **options).going_on(steps=300)):  # type: ignore[arg-type]
        trainer = build_trainer(gn.models.dcgan((8, 8, 1), 4, width=2), np.zeros((8, 8, 8, 1), np.uint8), config)
        updates = range(0, 400, 7)
        scheduled = trainer.d_optimizer.learning_rate, trainer.g_optimizer.learning_rate, trainer.instance_noise
        built.append([at(each, update) for each in scheduled for update in updates])
    assert built[0] == built[1]


def folder(tmp_path: Path, images: np.ndarray) -> Path:
    np.savez(tmp_path / "data.npz", images=images)
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    settings = {"data": str(tmp_path / "data.npz"), "steps": 2, "progress": False, **OPTIONS}
    gn.train(gan, images, out=tmp_path / "run", **settings)
    (tmp_path / "data.npz").rename(tmp_path / "moved.npz")
    return tmp_path / "run"


def test_moved_data_are_named(tmp_path: Path, images: np.ndarray) -> None:
    run, moved = folder(tmp_path, images), str(tmp_path / "moved.npz")
    for again in (lambda: resume(run, steps=3), lambda: evaluate_run(run, count=20)):
        with pytest.raises(FileNotFoundError) as caught:
            again()
        assert str(tmp_path / "data.npz") in caught.value.__notes__[0]
        assert "--data PLACE" in caught.value.__notes__[0]
    evaluate_run(run, count=20, data=moved)
    assert read_config(run).data.endswith("data.npz"), "evaluating changes nothing"
    resume(run, data=moved, steps=3, progress=False)
    assert read_config(run).data == moved
    resume(run, steps=4, progress=False)
    np.savez(tmp_path / "other.npz", images=images[::-1])
    for refused in (
        lambda: resume(run, data=str(tmp_path / "other.npz")),
        lambda: evaluate_run(run, data=str(tmp_path / "other.npz")),
    ):
        with pytest.raises(ValueError, match="fingerprint"):
            refused()
    assert read_config(run).data == moved


def test_a_relative_place_is_said_in_full(tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    gn.train(
        gn.models.dcgan((8, 8, 1), 4, width=2), images, out="run", data="images", steps=1, progress=False, **OPTIONS
    )
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    with pytest.raises(FileNotFoundError) as caught:
        resume(tmp_path / "run", steps=2)
    assert str(tmp_path / "away" / "images") in caught.value.__notes__[0]


SETTINGS = {"model": "lapgan", "levels": 1, "width": 2, "hidden": 4, "latent_dim": 2, **OPTIONS}


def lapgan(place: Path, images: np.ndarray, **changes: object) -> Path:
    config = Config(**{**SETTINGS, "steps": 2, **changes})  # type: ignore[arg-type]
    gn.train(build_gan(config, (8, 8, 1)), images, out=place, config=config, progress=False)
    return place


def test_a_lapgan_keeps_its_settings_and_its_data(tmp_path: Path, images: np.ndarray) -> None:
    run = lapgan(tmp_path / "run", images)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(FileExistsError, match="not an empty folder"):
        lapgan(run, images, steps=3)
    with pytest.raises(ValueError, match="fingerprint"):
        resume(run, images=images[::-1], steps=3, progress=False)
    text = (run / "config.toml").read_text()
    for kept, edited in (
        ("width = 2", "width = 3"),
        ("batch_size = 8", "batch_size = 4"),
        ("hidden = 4", "hidden = 5"),
    ):
        assert kept in text
        (run / "config.toml").write_text(text.replace(kept, edited))
        with pytest.raises(
            ValueError, match=rf"config\.toml was edited: {kept[: kept.index(' ')]} is \d+ there and \d+"
        ):
            resume(run, images=images, steps=3, progress=False)
        (run / "config.toml").write_text(text)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    resume(run, images=images, steps=3, coarsest_steps=4, progress=False)
    assert [checkpoint.find(level).stem for level in sorted(run.glob("level-*"))] == ["step-000004", "step-000003"]
    assert read_config(run).options["coarsest_steps"] == 4


def test_the_data_of_a_lapgan_are_compared_when_it_is_evaluated(tmp_path: Path, images: np.ndarray) -> None:
    np.savez(tmp_path / "data.npz", images=images)
    run = lapgan(tmp_path / "run", images, data=str(tmp_path / "data.npz"))
    assert np.array_equal(training_data(run, read_config(run)).images, images)
    np.savez(tmp_path / "data.npz", images=images[::-1])
    with pytest.raises(ValueError, match="fingerprint"):
        training_data(run, read_config(run))


def test_schedules_of_the_average_and_of_augmentation_go_on_to_the_same_bits(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    linear = gn.schedules.Linear
    for name, steps in (("whole", 4), ("cut", 2)):
        gan = gn.models.dcgan((8, 8, 1), 4, width=2, augment=["translation"], augment_probability=linear(1.0, 0.0, 4))
        decay = linear(0.1, 0.9, 4)
        gn.train(gan, images, steps=steps, batch_size=4, out=tmp_path / name, average_decay=decay, progress=False)
    went_on = gn.resume(tmp_path / "cut", images=images, steps=4, progress=False).gan
    whole = gn.load(tmp_path / "whole")
    assert whole.average.decay == linear(0.1, 0.9, 4)
    for one, other in ((went_on, whole), (went_on.average, whole.average)):
        ours, theirs = (part.generator if isinstance(part, gn.GAN) else part.network for part in (one, other))
        np.testing.assert_array_equal(ours.parameters.values, theirs.parameters.values)
