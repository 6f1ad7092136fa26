"""Checkpoints: what is in them, and files that are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import gan_np as gn
from gan_np.training import CheckpointError, Trainer, checkpoint, load_gan, restore


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def trained(images: np.ndarray, steps: int, **options: object) -> Trainer:
    trainer = Trainer(gn.models.dcgan((8, 8, 1), 4, width=2), images, batch_size=8, **options)  # type: ignore[arg-type]
    for _ in range(steps):
        trainer.step()
    return trainer


@pytest.mark.parametrize("average_decay", [0.0, 0.99])
def test_model_comes_back(tmp_path: Path, images: np.ndarray, average_decay: float) -> None:
    gan = trained(images, 3, average_decay=average_decay).gan
    path = checkpoint.save(tmp_path / "model.safetensors", gan)
    back = load_gan(path)
    assert np.array_equal(back.sample(5, 1), gan.sample(5, 1))
    assert np.array_equal(back.sample(5, 1, average=False), gan.sample(5, 1, average=False))
    assert (back.average is None) == (average_decay == 0)
    assert back.recipe == gan.recipe


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"d_optimizer": gn.SGD(0.1, momentum=0.9)},
        {"g_optimizer": gn.RMSprop(1e-3), "share_noise": True},
        {"average_decay": 0.0, "d_steps": 2},
    ],
)
def test_training_goes_on_bit_for_bit(tmp_path: Path, images: np.ndarray, options: dict[str, object]) -> None:
    def fresh() -> dict[str, object]:
        copied = {}
        for name, value in options.items():
            copied[name] = type(value)(value.learning_rate) if isinstance(value, gn.RMSprop) else value  # type: ignore[attr-defined]
            if isinstance(value, gn.SGD):
                copied[name] = gn.SGD(value.learning_rate, momentum=value.momentum)
        return copied

    straight = trained(images, 7, **fresh())
    path = checkpoint.save(tmp_path / "at-3.safetensors", (first := trained(images, 3, **fresh())).gan, first)
    resumed = trained(images, 0, **fresh())
    restore(resumed, path)
    while resumed.steps < 7:
        resumed.step()
    one, other = (checkpoint._tensors(trainer.gan, trainer) for trainer in (straight, resumed))
    assert set(one) == set(other)
    for name in one:
        assert np.array_equal(one[name], other[name]), name
    assert checkpoint.describe(straight.gan, straight) == checkpoint.describe(resumed.gan, resumed)
    assert np.array_equal(straight.gan.sample(5), resumed.gan.sample(5))


def test_refusals(tmp_path: Path, images: np.ndarray) -> None:
    trainer = trained(images, 1)
    path = checkpoint.save(tmp_path / "good.safetensors", trainer.gan, trainer)
    with pytest.raises(FileNotFoundError, match="no such"):
        load_gan(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_gan(tmp_path)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=r"cut\.safetensors"):
        load_gan(cut)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": np.zeros(3)}, foreign)
    with pytest.raises(CheckpointError, match="not written by gan_np"):
        load_gan(foreign)
    with pytest.raises(CheckpointError, match="another optimiser of G"):
        restore(trained(images, 0, g_optimizer=gn.SGD(0.1, momentum=0.5)), path)
    other = Trainer(gn.models.dcgan((8, 8, 1), 4, width=3), images, batch_size=8)
    with pytest.raises(CheckpointError, match="layers"):
        restore(other, path)
    alone = checkpoint.save(tmp_path / "alone.safetensors", trainer.gan)
    with pytest.raises(CheckpointError, match="without training state"):
        restore(trained(images, 0), alone)


def test_another_version_is_refused(tmp_path: Path, images: np.ndarray) -> None:
    gan = trained(images, 1).gan
    path = checkpoint.save(tmp_path / "new.safetensors", gan)
    description = checkpoint.describe(gan) | {"format_version": 99}
    save_file(load_file(path), path, {"gan_np": json.dumps(description)})
    with pytest.raises(CheckpointError, match="99"):
        load_gan(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = checkpoint.write_atomically(tmp_path / "file", b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_gan_of_one_s_own_cannot_be_saved_without_a_recipe(tmp_path: Path) -> None:
    made = gn.models.dcgan((8, 8, 1), 4, width=2)
    own = gn.GAN(made.generator, made.discriminator, made.prior, "-1..1")
    with pytest.raises(ValueError, match="recipe"):
        checkpoint.save(tmp_path / "x.safetensors", own)
