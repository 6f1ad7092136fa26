"""The conditional DCGAN: labels reach both players, training follows them, sampling draws what is asked for."""

from pathlib import Path

import numpy as np
import pytest
from slopes import check_gradient_of

import gan_np as gn
from gan_np.runs import Config, build_gan, checkpoint, load_gan
from gan_np.training import Trainer


def two_kinds(count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Images that are bright above (class 0) or below (class 1)."""
    labels = np.arange(count) % 2
    images = np.random.default_rng(0).integers(0, 60, (count, 8, 8, 1), np.uint8)
    images[labels == 0, :4] += 190
    images[labels == 1, 4:] += 190
    return images, labels


@pytest.mark.parametrize("condition", ["planes", "embedding", "projection"])
@pytest.mark.parametrize("d_norm", ["batch", "none"])
def test_gradients_through_both_players(condition: str, d_norm: str) -> None:
    """∂/∂θ_G of G's loss through D, and ∂/∂θ_D over a real and a fake batch, against finite differences."""
    gan = gn.models.conditional_dcgan(
        (8, 8, 1), 3, classes=4, width=2, condition=condition, d_norm=d_norm, dtype=np.float64
    )
    g, d, objective = gan.generator, gan.discriminator, gn.objectives.NonSaturating()
    rng = np.random.default_rng(0)
    for network in (g, d):
        network.parameters.assign(network.parameters.values + 0.3 * rng.standard_normal(len(network.parameters)))
    z, x = rng.standard_normal((5, 3)), rng.standard_normal((5, 8, 8, 1))
    context = gan.context_of(np.array([0, 3, 1, 1, 2]))

    def g_loss() -> float:
        fake = g.forward((z, context), training=True)[0]
        return float(objective.generator(d.forward((fake, context), training=True)[0]).value)

    def d_loss() -> float:
        fake = g.forward((z, context), training=True)[0]
        real, generated = (d.forward((p, context), training=True)[0] for p in (x, fake))
        return float(objective.real(real).value + objective.fake(generated).value)

    fake, g_pullback = g.forward((z, context), training=True)
    logits, d_pullback = d.forward((fake, context), training=True)
    dx, nothing = d_pullback(objective.generator(logits).gradient, inputs=(True, False), parameters=False)
    assert nothing is None
    g_pullback(dx, inputs=False)
    for some_images, loss_of in ((x, objective.real), (fake, objective.fake)):
        logits, pullback = d.forward((some_images, context), training=True, wrt=gn.Wrt(inputs=False))
        pullback(loss_of(logits).gradient)
    for network, loss in ((g, g_loss), (d, d_loss)):
        check_gradient_of(loss, network, network.gradient.values.copy(), rng)


def test_it_learns_what_the_label_means() -> None:
    images, labels = two_kinds()
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=2, width=8)
    gn.train(
        gan,
        images,
        labels=labels,
        steps=150,
        batch_size=16,
        d_learning_rate=2e-3,
        g_learning_rate=5e-3,
        average_decay=0.9,
        progress=False,
    )
    for label in (0, 1):
        some_images = gan.sample(32, seed=1, labels=label).astype(float)
        above, below = some_images[:, :4].mean(), some_images[:, 4:].mean()
        assert (above > below + 60) == (label == 0), (label, above, below)
        assert (below > above + 60) == (label == 1), (label, above, below)


def test_labels_when_sampling() -> None:
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=3, width=2)
    cycled = gan.sample(6, seed=2)
    assert np.array_equal(cycled, gan.sample(6, seed=2, labels=[0, 1, 2, 0, 1, 2]))
    assert np.array_equal(cycled[1], gan.sample(6, seed=2, labels=1)[1])
    assert not np.array_equal(cycled[1], gan.sample(6, seed=2, labels=2)[1])
    with pytest.raises(ValueError, match="expected 0 to 2, got 3"):
        gan.sample(2, labels=3)
    with pytest.raises(TypeError, match="integers"):
        gan.sample(2, labels=1.0)
    with pytest.raises(ValueError, match="not conditional"):
        gn.models.dcgan((8, 8, 1), 4, width=2).sample(2, labels=1)


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        (None, ValueError, "needs one label"),
        (np.zeros(63, int), gn.ShapeError, "64 integers"),
        (np.full(64, 2), ValueError, "0 to 1, got 2"),
        (np.zeros(64), gn.ShapeError, "float64"),
    ],
)
def test_labels_are_checked_before_training(labels: object, error: type[Exception], words: str) -> None:
    images, _ = two_kinds()
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=2, width=2)
    with pytest.raises(error, match=words):
        Trainer(gan, images, labels)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{}, {"condition": "embedding", "augment": "colour", "d_norm": "spectral", "r1": 1.0}]
)
def test_configured_saved_and_resumed(tmp_path: Path, options: dict[str, object]) -> None:
    images, labels = two_kinds()
    settings = {
        "model": "conditional-dcgan",
        "width": 2,
        "latent_dim": 3,
        "batch_size": 8,
        "sample_count": 4,
        **options,
    }
    config = Config(steps=2, sample_every=0, animation=False, **settings)  # type: ignore[arg-type]
    straight = build_gan(config, (8, 8, 1), 2)
    gn.train(straight, images, labels=labels, config=config, steps=5, progress=False)
    gan = build_gan(config, (8, 8, 1), 2)
    gn.train(gan, images, labels=labels, config=config, out=tmp_path / "run", progress=False)
    gn.runs.resume(tmp_path / "run", images=images, labels=labels, steps=5, progress=False)
    assert np.array_equal(load_gan(tmp_path / "run").sample(4), straight.sample(4))
    assert checkpoint.read(tmp_path / "run")[1]["recipe"]["classes"] == 2


def test_data_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="needs labels"):
        build_gan(Config(model="conditional-dcgan"), (8, 8, 1), None)


def test_packing_needs_an_unconditional_model() -> None:
    made = gn.models.conditional_dcgan((8, 8, 1), 4, classes=2, width=2)
    with pytest.raises(ValueError, match="packing"):
        gn.GAN(made.generator, made.discriminator, made.prior, "-1..1", packing=2, classes=2)
