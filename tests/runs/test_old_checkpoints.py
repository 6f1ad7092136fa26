"""Checkpoints that the first version wrote, before rooms and names changed, open and draw what they drew then.

`old/` has one of each model, two steps old, on 8×8 images; `drawn.npz` what each drew (a classifier: its probabilities).
"""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs import checkpoint

OLD = Path(__file__).parent / "old"
MODELS = ["dcgan", "mlp", "conditional-dcgan", "gran", "infogan", "residual"]


def drawn(name):
    with np.load(OLD / "drawn.npz") as found:
        return found[name]


def near(found, expected):
    """But for a level of 256, as kernels of other processors round differently."""
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1


def test_there_is_one_of_each_model():
    assert {path.stem for path in OLD.glob("*.safetensors")} == {*MODELS, "classifier"}
    assert (OLD / "lapgan" / "config.toml").exists()


@pytest.mark.parametrize("name", MODELS)
def test_a_model_draws_what_it_drew(name):
    gan = gn.runs.load_gan(OLD / f"{name}.safetensors")
    near(gan.sample(3, seed=4, labels=np.arange(3) if gan.classes else None), drawn(name))


@pytest.mark.parametrize("name", MODELS)
def test_its_training_goes_on(name):
    gan = gn.runs.load_gan(OLD / f"{name}.safetensors")
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), np.uint8)
    trainer = gn.training.Trainer(gan, images, np.arange(24) % 3 if gan.classes else None, batch_size=8)
    checkpoint.restore(trainer, OLD / f"{name}.safetensors")
    assert trainer.step().number == 3
    assert trainer.g_optimizer.updates == 3


def test_a_lapgan_draws_what_it_drew():
    near(gn.runs.load_gan(OLD / "lapgan").sample(3, seed=4), drawn("lapgan"))


def test_a_classifier_says_what_it_said():
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), np.uint8)
    found = gn.load_classifier(OLD / "classifier.safetensors").probabilities(images[:3])
    np.testing.assert_allclose(found, drawn("classifier"), rtol=1e-4, atol=1e-6)
