"""GRAN: the equations, the gradient through every step, T at sampling, training and resuming."""

from pathlib import Path

import numpy as np
import pytest
from slopes import check_gradient_of

import gan_np as gn
from gan_np.runs import Config, build_gan, load_gan


def small(steps: int = 3, **options: object) -> gn.models.GRAN:
    gan = gn.models.gran((8, 8, 1), 4, draw_steps=steps, width=2, code=5, **options)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    network = gan.generator  # away from the small initial weights, where every kink is near
    moved = network.parameters.values + 0.4 * rng.standard_normal(len(network.parameters))
    network.parameters.assign(moved.astype(network.dtype))
    return gan


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_gradients_through_every_step(steps: int) -> None:
    gn.testing.check_gradients(small(steps, dtype=np.float64).generator)


def test_gradient_of_the_game_through_the_recurrence() -> None:
    gan = small(3, dtype=np.float64)
    g, d, objective = gan.generator, gan.discriminator, gn.objectives.NonSaturating()
    rng = np.random.default_rng(1)
    d.parameters.assign(0.4 * rng.standard_normal(len(d.parameters)))
    z = rng.standard_normal((4, 4))
    fake, g_pullback = g.forward(z, training=True)
    logits, d_pullback = d.forward(fake, training=True)
    g_pullback(d_pullback(objective.generator(logits).gradient, parameters=False), inputs=False)

    def loss() -> float:
        made = g.forward(z, training=True)[0]
        return float(objective.generator(d.forward(made, training=True)[0]).value)

    check_gradient_of(loss, g, g.gradient.values.copy(), rng)


def test_the_paper_s_equations_written_out() -> None:
    """x = σ(Σ ΔC_t) with f and g applied by hand, on batch statistics."""
    gan = small(3, dtype=np.float64)
    g = gan.generator
    z = np.random.default_rng(2).standard_normal((6, 4))
    decoder, encoder = (
        gn.Network(getattr(g.structure.layers[2].layer, name), shape, dtype=np.float64)  # type: ignore[attr-defined]
        for name, shape in (("decoder", ((5,), (5,))), ("encoder", (8, 8, 1)))
    )
    for name, network in (("decoder", decoder), ("encoder", encoder)):
        for segment in network.parameters.layout.segments:
            network.parameters.assign_segment(segment.name, g.parameters[f"2.shared.{name}.{segment.name}"].copy())
    h_z = np.tanh(z @ g.parameters["0.weight"] + g.parameters["0.bias"])
    h_c, canvas = np.zeros((6, 5)), np.zeros((6, 8, 8, 1))
    for _ in range(3):
        drawn = decoder.forward((h_z, h_c), training=True)[0]
        h_c = encoder.forward(drawn, training=True)[0]
        canvas = canvas + drawn
    np.testing.assert_allclose(g.forward(z, training=True)[0], 1 / (1 + np.exp(-canvas)), rtol=1e-12)


def test_series_ends_with_the_sample_and_goes_on_beyond_training() -> None:
    gan = small(3)
    gan.average = gn.averaging.Average(gan.generator)
    series = gan.series(5, seed=3)
    assert gan.draw_steps == 3
    assert [canvas.shape for canvas in series] == [(5, 8, 8, 1)] * 3
    assert np.array_equal(series[-1], gan.sample(5, seed=3))
    longer = gan.series(5, seed=3, steps=5)
    assert np.array_equal(longer[:3], series)
    assert not np.array_equal(longer[4], longer[2])
    with pytest.raises(ValueError, match="not conditional"):
        gan.series(2, labels=1)


@pytest.mark.parametrize("draw_steps", [2, 3])
def test_configured_trained_resumed(tmp_path: Path, draw_steps: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    settings = {
        "model": "gran",
        "draw_steps": draw_steps,
        "width": 2,
        "latent_dim": 3,
        "batch_size": 4,
        "sample_count": 4,
    }
    config = Config(steps=2, sample_every=0, animation=False, **settings)  # type: ignore[arg-type]
    straight = build_gan(config, (16, 16, 1))
    gn.train(straight, images, config=config, steps=4, progress=False)
    gn.train(build_gan(config, (16, 16, 1)), images, config=config, out=tmp_path / "run", progress=False)
    gn.runs.resume(tmp_path / "run", images=images, steps=4, progress=False)
    back = load_gan(tmp_path / "run")
    assert isinstance(back, gn.models.GRAN)
    assert np.array_equal(back.sample(4), straight.sample(4))
    assert [canvas.shape for canvas in back.series(2)] == [(2, 16, 16, 1)] * draw_steps


def test_summary_shows_the_shared_weights_once() -> None:
    assert small().summary().count("Concatenate") == 1


def test_the_series_of_points_is_that_of_their_seed():
    gan = gn.models.gran((8, 8, 1), 3, width=2, draw_steps=3)
    z = gan.prior.of_seed(4, 2, np.dtype(np.float32))
    for given, drawn in zip(gan.decode_series(z), gan.series(2, 4), strict=True):
        assert np.abs(given.astype(int) - drawn).max() <= 1
    with gan.generator.parameters.edit() as theta:
        theta *= 1.5
    assert np.abs(gan.decode_series(z)[-1].astype(int) - gan.series(2, 4)[-1]).max() <= 1, "not the weights before"
