"""NaN and infinity stop a training, and the message says where."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.training import NonFiniteError, Trainer


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def small() -> gn.GAN:
    return gn.models.dcgan((8, 8, 1), 4, width=2)


def test_weights(images: np.ndarray) -> None:
    gan = small()
    with gan.discriminator.parameters.edit() as theta:
        gan.discriminator.parameters.layout.view(theta, "2.bias")[...] = np.nan
    with pytest.raises(NonFiniteError, match="step 1: the loss of D is nan"):
        Trainer(gan, images, batch_size=8).step()


def test_gradient_names_player_and_layer(images: np.ndarray) -> None:
    gan = small()
    trainer = Trainer(gan, images, batch_size=8)
    trainer.step()
    generator = gan.generator.forward

    def poisoned(*arguments: object, **options: object) -> object:
        y, pullback = generator(*arguments, **options)  # type: ignore[arg-type]

        def pull(dy: np.ndarray, **asked: bool) -> object:
            result = pullback(dy, **asked)
            gan.generator.gradient.slot("3.bias").array[...] = np.inf
            return result

        return y, pull

    gan.generator.forward = poisoned  # type: ignore[method-assign,assignment]
    before = gan.generator.parameters.values.copy()
    with pytest.raises(NonFiniteError, match=r"step 2: the gradient of G in layer 3\.bias"):
        trainer.step()
    assert np.array_equal(gan.generator.parameters.values, before), "the weights are still good"


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_learning_rate_too_high(tmp_path: Path, images: np.ndarray) -> None:
    with pytest.raises(NonFiniteError, match=r"step \d+: .* of [DG]") as caught:
        gn.train(
            small(),
            images,
            out=tmp_path / "run",
            optimizer="sgd",
            d_learning_rate=1e30,
            g_learning_rate=1e30,
            steps=500,
            batch_size=8,
            checkpoint_every=1,
            sample_every=0,
            progress=False,
        )
    assert any("last good checkpoint" in note for note in caught.value.__notes__)


def test_large_but_finite_numbers_pass(images: np.ndarray) -> None:
    """A sum of squares that overflows float32 is no reason to stop."""
    gan = small()
    trainer = Trainer(gan, images, batch_size=8, g_optimizer=gn.SGD(1e-30))
    original = trainer.objective.generator

    class Steep(gn.objectives.NonSaturating):
        def generator(self, fake: np.ndarray, real: np.ndarray | None = None) -> gn.objectives.Loss:
            loss = original(fake)
            return gn.objectives.Loss(loss.value, loss.gradient * np.float32(1e23))

    trainer.objective = Steep()
    with np.errstate(over="ignore"):
        trainer.step()
    assert np.isfinite(gan.generator.parameters.values).all()
