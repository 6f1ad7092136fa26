"""InfoGAN: the codes, the two heads' gradients through the whole game, training, and codes that are read back."""

from pathlib import Path

import numpy as np
import pytest
from slopes import check_gradient_of

import gan_np as gn
from gan_np.runs import Config, build_gan, load_gan
from gan_np.training import Trainer


def small(**options: object) -> gn.models.InfoGAN:
    return gn.models.infogan((8, 8, 1), 3, categories=3, continuous=2, width=2, **options)  # type: ignore[arg-type]


def test_codes() -> None:
    prior = small().prior
    assert isinstance(prior, gn.models.CodePrior)
    z = prior.draw(np.random.default_rng(0), 3000, np.dtype(np.float32))
    category, codes = prior.codes_of(z)
    assert z.shape == (3000, 8)
    assert np.array_equal(category.sum(axis=1), np.ones(3000))
    np.testing.assert_allclose(category.mean(axis=0), 1 / 3, atol=0.03)
    assert np.abs(codes).max() <= 1
    np.testing.assert_allclose(codes.std(axis=0), 3**-0.5, atol=0.02)
    np.testing.assert_allclose(z[:, :3].std(axis=0), 1, atol=0.04)


def test_auxiliary_value_and_gradient() -> None:
    gan = small(information=0.7, dtype=np.float64)
    rng = np.random.default_rng(0)
    z, read = gan.prior.draw(rng, 6, np.dtype(np.float64)), rng.standard_normal((6, 5))
    category, codes = gan.prior.codes_of(z)  # type: ignore[attr-defined]

    def value(r: np.ndarray) -> float:
        log_q = r[:, :3] - np.log(np.exp(r[:, :3]).sum(axis=1, keepdims=True))
        return 0.7 * float((-(log_q * category).sum(axis=1) + 0.5 * ((codes - r[:, 3:]) ** 2).sum(axis=1)).mean())

    loss = gan.auxiliary(read, z)
    assert loss is not None
    assert float(loss.value) == pytest.approx(value(read), rel=1e-12)
    for place in np.ndindex(read.shape):
        step = np.zeros_like(read)
        step[place] = 1e-6
        assert loss.gradient[place] == pytest.approx(
            (value(read + step) - value(read - step)) / 2e-6, rel=1e-6, abs=1e-9
        )


def test_gradients_of_both_players_with_both_heads() -> None:
    gan = small(dtype=np.float64)
    g, d, objective = gan.generator, gan.discriminator, gn.objectives.NonSaturating()
    rng = np.random.default_rng(3)
    for network in (g, d):
        network.parameters.assign(network.parameters.values + 0.3 * rng.standard_normal(len(network.parameters)))
    z, x = gan.prior.draw(rng, 5, np.dtype(np.float64)), rng.standard_normal((5, 8, 8, 1))

    def both(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return d.forward(images, training=True)[0]  # type: ignore[no-any-return]

    def g_loss() -> float:
        logits, read = both(g.forward(z, training=True)[0])
        return float(objective.generator(logits).value + gan.auxiliary(read, z).value)  # type: ignore[union-attr]

    def d_loss() -> float:
        real, _ = both(x)
        fake, read = both(g.forward(z, training=True)[0])
        return float(objective.real(real).value + objective.fake(fake).value + gan.auxiliary(read, z).value)  # type: ignore[union-attr]

    fake, g_pullback = g.forward(z, training=True)
    (logits, read), d_pullback = d.forward(fake, training=True)
    other = gan.auxiliary(read, z)
    assert other is not None
    g_pullback(d_pullback((objective.generator(logits).gradient, other.gradient), parameters=False), inputs=False)
    (real, _), pullback = d.forward(x, training=True)
    pullback((objective.real(real).gradient, None), inputs=False)
    (logits, read), pullback = d.forward(fake, training=True)
    pullback((objective.fake(logits).gradient, gan.auxiliary(read, z).gradient), inputs=False)  # type: ignore[union-attr]
    for network, loss in ((g, g_loss), (d, d_loss)):
        check_gradient_of(loss, network, network.gradient.values.copy(), rng)


def test_one_trainer_step_is_the_game_with_its_auxiliary() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    step = Trainer(small(), images, batch_size=6).step()
    assert step.auxiliary is not None
    assert float(step.auxiliary) > 0
    assert "auxiliary" in step.numbers()
    plain = Trainer(gn.models.dcgan((8, 8, 1), 3, width=2), images, batch_size=6).step()
    assert "auxiliary" not in plain.numbers()


def test_codes_are_read_back_after_training() -> None:
    """Images of three kinds: after training Q tells which category a generated image was made from."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (96, 8, 8, 1), np.uint8)
    for kind in range(3):
        images[kind::3, :, 2 * kind : 2 * kind + 3] += 180
    gan = gn.models.infogan((8, 8, 1), 3, categories=3, continuous=0, width=8)
    gn.train(
        gan,
        images,
        steps=200,
        batch_size=24,
        d_learning_rate=2e-3,
        g_learning_rate=5e-3,
        average_decay=0.0,
        progress=False,
    )
    z = gan.prior.draw(rng, 200, np.dtype(np.float32))
    category, _ = gan.read_codes(gan.generate(z))
    assert (category == gan.prior.codes_of(z)[0].argmax(axis=1)).mean() > 0.9  # type: ignore[attr-defined]


def test_vary_changes_one_code_only() -> None:
    gan = small()
    seen: list[np.ndarray] = []
    decode = gan.decode
    gan.decode = lambda z, **options: seen.append(z.copy()) or decode(z, **options)  # type: ignore[method-assign,func-returns-value]
    for code in (0, 1, 2):
        assert gan.vary(code, rows=2, columns=4, seed=1).shape == (8, 8, 8, 1)
        z = seen.pop().reshape(2, 4, 8)
        moving = {0: [3, 4, 5], 1: [6], 2: [7]}[code]
        still = [column for column in range(8) if column not in moving]
        assert np.array_equal(z[:, :, still], np.repeat(z[:, :1, still], 4, axis=1))
        assert (z[0, 0, moving] != z[0, 1, moving]).any()
        assert np.array_equal(z[0][:, moving], z[1][:, moving])
    with pytest.raises(ValueError, match="code"):
        gan.vary(3)


def test_configured_saved_and_resumed(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    settings = {"model": "infogan", "width": 2, "latent_dim": 3, "categories": 3, "batch_size": 6, "sample_count": 4}
    config = Config(steps=2, sample_every=0, animation=False, **settings)  # type: ignore[arg-type]
    straight = build_gan(config, (8, 8, 1))
    gn.train(straight, images, config=config, steps=4, progress=False)
    gn.train(build_gan(config, (8, 8, 1)), images, config=config, out=tmp_path / "run", progress=False)
    gn.runs.resume(tmp_path / "run", images=images, steps=4, progress=False)
    back = load_gan(tmp_path / "run")
    assert isinstance(back, gn.models.InfoGAN)
    assert np.array_equal(back.sample(4), straight.sample(4))
