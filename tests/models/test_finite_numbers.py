"""Weights that are not finite draw nothing, in any model and by any door; the message says which network and which layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.averaging import Average
from gan_np.evaluation import evaluate, trunk_features
from gan_np.evaluation.battles import discriminator_logits
from gan_np.latent import closed_form, invert, principal
from gan_np.runs import checkpoint, load_gan
from gan_np.training import NonFiniteError
from gan_np.vectors import Layout, Vector, all_finite, not_finite

SHAPE = (8, 8, 1)
MODELS: dict[str, Callable[[], Any]] = {
    "dcgan": lambda: gn.models.dcgan(SHAPE, 4, width=2),
    "mlp": lambda: gn.models.mlp(SHAPE, 4, hidden=8),
    "conditional": lambda: gn.models.conditional_dcgan(SHAPE, 4, classes=3, width=2),
    "gran": lambda: gn.models.gran(SHAPE, 4, draw_steps=2, width=2, code=3),
    "infogan": lambda: gn.models.infogan(SHAPE, 4, width=2),
    "residual": lambda: gn.models.residual_gan(SHAPE, 4, width=2),
    "r3gan": lambda: gn.models.r3gan(SHAPE, 4, width=2),
}


def spoil(network: gn.Network, value: float, place: int = 3) -> None:
    with network.parameters.edit() as theta:
        theta[place] = value


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("model", MODELS)
def test_no_model_draws(model: str, value: float) -> None:
    gan = MODELS[model]()
    assert gan.sample(2).shape == (2, *SHAPE)
    spoil(gan.generator, value)
    with pytest.raises(
        NonFiniteError, match=r"weights of the generator of 8×8 images in layer \S+ \(.*: 1 of \d+ values"
    ):
        gan.sample(2)
    spoil(gan.generator, 0.0)
    assert gan.sample(2).shape == (2, *SHAPE)  # looked at again after an edit


def test_every_door() -> None:
    gan = gn.models.dcgan(SHAPE, 4, width=2)
    z, images = gan.prior.of_seed(0, 3, np.float32), np.zeros((20, *SHAPE), np.uint8)
    spoil(gan.generator, np.nan)
    doors: list[Callable[[], Any]] = [
        lambda: gan.decode(z),
        lambda: gan.generate(z),
        lambda: gan.sampler(),
        lambda: closed_form(gan),
        lambda: principal(gan, 2, samples=20),
        lambda: invert(gan, images[:1], starts=1, steps=1),
        lambda: evaluate(gan, np.repeat(images, 4, axis=0), count=30),
        lambda: gn.latent.Decoder(gan)(z),
    ]
    for door in doors:
        with pytest.raises(NonFiniteError, match="generator"):
            door()
    spoil(gan.discriminator, np.inf)
    for door in (lambda: trunk_features(gan, images), lambda: discriminator_logits(gan, images, 5)):
        with pytest.raises(NonFiniteError, match="weights of the discriminator of 8×8 images in layer 0"):
            door()
    info = gn.models.infogan(SHAPE, 4, width=2)
    spoil(info.discriminator, np.nan)
    with pytest.raises(NonFiniteError, match="discriminator"):
        info.read_codes(np.zeros((2, *SHAPE), np.float32))
    reader = gn.models.classifier(SHAPE, classes=3, width=2, features=4)
    spoil(reader.network, np.nan)
    with pytest.raises(NonFiniteError, match="classifier"):
        reader.predict(images)


def test_each_level_of_a_lapgan() -> None:
    for level, size in ((0, "8×8"), (1, "16×16")):
        gan = gn.models.lapgan((16, 16, 1), 4, levels=1, width=2, hidden=8)
        spoil(gan.stages[level].generator, np.nan)
        with pytest.raises(NonFiniteError, match=f"generator of {size} images"):
            gan.sample(2)


def test_the_average_and_the_state() -> None:
    gan = gn.models.dcgan(SHAPE, 4, width=2)
    gan.average = Average(gan.generator)
    spoil(gan.average.network, np.nan)
    with pytest.raises(NonFiniteError, match="averaged generator"):
        gan.sample(2)
    assert gan.sample(2, average=False).shape == (2, *SHAPE)
    with gan.generator.state.edit() as state:
        state[0] = np.nan
    with pytest.raises(NonFiniteError, match="state of the generator"):
        gan.sample(2, average=False)


def test_a_checkpoint_opens_and_does_not_draw(tmp_path: Path) -> None:
    gan = gn.models.dcgan(SHAPE, 4, width=2)
    spoil(gan.generator, np.nan)
    file = tmp_path / "bad.safetensors"
    checkpoint.save(file, gan)
    found = load_gan(file)
    assert np.isnan(found.generator.parameters.values[3])
    with pytest.raises(NonFiniteError, match=r"generator of 8×8 images in layer 0\.weight"):
        found.sample(1)


def test_z_and_overflow() -> None:
    """ReLU may hide a NaN of z, and finite weights may overflow: neither becomes an image."""
    gan = gn.models.mlp(SHAPE, 4, hidden=8)
    with pytest.raises(NonFiniteError, match="z: some values"):
        gan.decode(np.full((2, 4), np.nan, np.float32))
    with gan.generator.parameters.edit() as theta:
        theta[...] = np.where(np.random.default_rng(0).random(len(theta)) < 0.5, -1e30, 1e30)
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="overflow"):
        gan.decode(np.array([[1, -1, 1, -1]], np.float32) * np.float32(1e30))


def test_weights_are_looked_at_once_for_each_version(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr("gan_np.vectors.not_finite", lambda layout, values: looked.append(len(values)))
    gan = gn.models.dcgan(SHAPE, 4, width=2)
    for _ in range(3):
        gan.sample(2)
    assert looked == [len(gan.generator.parameters), len(gan.generator.state)]
    spoil(gan.generator, 0.0)
    gan.sample(2)
    assert len(looked) == 3


def test_large_numbers_are_finite() -> None:
    """Their squares overflow float32; they do not."""
    vector = Vector(Layout([("a", (2,), "weight"), ("b", (3,), "bias")]), np.dtype(np.float32))
    vector.assign(np.full(5, 1e30, np.float32))
    assert all_finite(vector.values)
    vector.check_finite("it")
    vector.assign(np.array([1, 1e30, np.inf, 0, np.nan], np.float32))
    assert not all_finite(vector.values)
    assert not_finite(vector.layout, vector.values) == "b (3,): 2 of 3 values are NaN or infinite"
