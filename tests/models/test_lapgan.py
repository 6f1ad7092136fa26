"""LAPGAN: the pyramid itself, each level's equations and gradients, training by levels, the series."""

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.models import laplacian
from gan_np.models.lapgan import LaplacianLevel
from gan_np.runs import Config, Interrupted, build_gan, load_gan
from gan_np.runs.folder import read_config
from gan_np.runs.opened import steps_done
from gan_np.runs.stages import stage_trainers
from gan_np.training import Trainer


def small_level(**options: object) -> LaplacianLevel:
    level = gn.models.laplacian_level((8, 8, 1), width=2, **options)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    for network in (level.generator, level.discriminator):
        moved = network.parameters.values + 0.3 * rng.standard_normal(len(network.parameters))
        network.parameters.assign(moved.astype(network.dtype))
    return level


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_build_and_invert(levels: int, channels: int) -> None:
    images = np.random.default_rng(0).standard_normal((3, 16, 24, channels))
    pyramid = laplacian.build(images, levels)
    assert [part.shape[1:3] for part in pyramid] == [(16 >> k, 24 >> k) for k in range(levels + 1)]
    np.testing.assert_allclose(laplacian.invert(pyramid), images, rtol=0, atol=1e-14)


def test_bytes_survive_the_pyramid_exactly() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), np.uint8)
    floats = gn.data.to_float(images, "-1..1", np.dtype(np.float32))
    assert np.array_equal(gn.data.to_bytes(laplacian.invert(laplacian.build(floats, 2)), "-1..1"), images)


def test_reduce_and_expand_as_such() -> None:
    constant = np.full((1, 6, 4, 2), 0.7)
    np.testing.assert_allclose(laplacian.reduce(constant), 0.7)
    np.testing.assert_allclose(laplacian.expand(constant), 0.7)
    images = np.random.default_rng(0).standard_normal((2, 6, 4, 2))
    np.testing.assert_allclose(laplacian.reduce(images).mean(axis=(1, 2)), images.mean(axis=(1, 2)))
    np.testing.assert_allclose(laplacian.reduce(images)[0, 1, 0, 1], images[0, 2:4, :2, 1].mean())
    ramp = np.arange(6.0).reshape(1, 6, 1, 1)
    np.testing.assert_allclose(laplacian.expand(ramp)[0, 1:-1, 0, 0], np.arange(10) / 2 + 0.25)


@pytest.mark.parametrize(("side", "levels"), [((7, 8), 1), ((28, 28), 3), ((12, 10), 2)])
def test_sizes_that_do_not_halve(side: tuple[int, int], levels: int) -> None:
    with pytest.raises(gn.ShapeError, match="halved evenly"):
        laplacian.build(np.zeros((1, *side, 1)), levels)
    with pytest.raises(gn.ShapeError, match="halved evenly"):
        gn.models.lapgan((*side, 1), 4, levels=levels)


def test_gradients_of_a_level_s_players() -> None:
    level = small_level(dtype=np.float64)
    gn.testing.check_gradients(level.generator)
    gn.testing.check_gradients(level.discriminator)


def test_a_level_trains_on_real_detail_and_real_low_pass() -> None:
    level = small_level()
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    detail, low = level.examples(images, None)
    floats = gn.data.to_float(images, "-1..1", np.dtype(np.float32))
    np.testing.assert_allclose(low, laplacian.expand(laplacian.reduce(floats)), atol=1e-6)
    np.testing.assert_allclose(detail + low, floats, atol=1e-6)
    judged = level.discriminator((detail, low))
    plain = gn.Network(gn.Sequential(*level.discriminator.structure.layers[1:]), (8, 8, 1))  # type: ignore[attr-defined]
    plain.parameters.assign(level.discriminator.parameters.values.copy())
    plain.state.assign(level.discriminator.state.values.copy())
    np.testing.assert_allclose(judged, plain(floats), atol=1e-5)


def test_a_level_alone_needs_pictures_to_start_from() -> None:
    level = small_level()
    with pytest.raises(ValueError, match="conditioning"):
        level.sample(2)
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    Trainer(level, images, batch_size=4).step()
    assert level.sample(30, 1).shape == (30, 8, 8, 1)


def test_series_follows_the_sampling_equation() -> None:
    gan = gn.models.lapgan((16, 16, 3), 4, levels=1, width=2, hidden=8)
    series = gan.series(5, seed=2)
    assert [images.shape for images in series] == [(5, 8, 8, 3), (5, 16, 16, 3)]
    assert np.array_equal(series[-1], gan.sample(5, seed=2))
    assert np.array_equal(gan.sample(3, seed=2), series[-1][:3]), "whatever the count"
    with gan.levels[0].generator.parameters.edit() as theta:
        theta[...] = 0  # no detail: what is left is the enlargement
    coarse, fine = gan.series(5, seed=2)
    enlarged = laplacian.expand(gn.data.to_float(coarse, "-1..1", np.dtype(np.float32)))
    assert np.abs(fine.astype(int) - gn.data.to_bytes(enlarged, "-1..1")).max() <= 1


def test_reduced_pictures() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5000, 8, 4, 1), np.uint8)
    halved = laplacian.reduced(images, 1)
    assert halved.shape == (5000, 4, 2, 1)
    exact = images.reshape(5000, 4, 2, 2, 2, 1).mean(axis=(2, 4))
    assert np.abs(halved - exact).max() <= 0.51
    assert laplacian.reduced(images, 0) is images


SETTINGS = {
    "model": "lapgan",
    "width": 2,
    "hidden": 8,
    "latent_dim": 4,
    "levels": 1,
    "batch_size": 8,
    "sample_count": 4,
}


@pytest.mark.parametrize("jobs", [1, 2])
def test_trained_by_levels_cut_off_and_resumed(tmp_path: Path, jobs: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    config = Config(steps=4, sample_every=0, animation=False, **SETTINGS)  # type: ignore[arg-type]
    straight = build_gan(config, (16, 16, 1))
    trainer = gn.train(straight, images, out=tmp_path / "straight", config=config, progress=False)
    assert trainer.gan is straight.stages[-1]
    assert np.array_equal(load_gan(tmp_path / "straight").sample(6, 1), straight.sample(6, 1)), "trained in place"
    short = dataclasses.replace(config, steps=2)
    made = build_gan(short, (16, 16, 1))
    gn.train(made, images, out=tmp_path / "two", config=short, progress=False, jobs=jobs)
    assert np.array_equal(load_gan(tmp_path / "two").sample(6, 1), made.sample(6, 1)), "trained in place"
    trainer = gn.runs.resume(tmp_path / "two", images=images, steps=4, progress=False, jobs=jobs)
    assert trainer.steps == 4
    resumed = load_gan(tmp_path / "two")
    assert np.array_equal(resumed.stages[-1].sampler().parameters.values, trainer.gan.sampler().parameters.values)
    if jobs == 1:
        assert np.array_equal(straight.sample(6, 1), resumed.sample(6, 1))
    else:  # other BLAS threads may round otherwise
        assert np.abs(straight.sample(6, 1).astype(int) - resumed.sample(6, 1)).max() <= 2
    assert (tmp_path / "two/samples.png").exists()
    assert not (tmp_path / "two/beginnings").exists()
    assert resumed.recipe == straight.recipe
    assert sorted(path.name for path in (tmp_path / "two").glob("level-*")) == ["level-0-8x8", "level-1-16x16"]


def test_a_signal_in_a_level_names_the_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Going on with the level's folder would train that level and no other."""
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    config = Config(steps=40, sample_every=0, animation=False, **SETTINGS)  # type: ignore[arg-type]
    step = Trainer.step

    def then_send(trainer: Trainer) -> Any:
        if trainer.steps == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(trainer)

    monkeypatch.setattr(Trainer, "step", then_send)
    with pytest.raises(Interrupted, match="after step 4") as stop:
        gn.train(build_gan(config, (16, 16, 1)), images, out=tmp_path / "run", config=config, progress=False)
    assert str(stop.value).endswith(f"--resume {tmp_path / 'run'}")


def test_the_coarsest_level_may_have_other_steps(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    config = Config(steps=2, coarsest_steps=5, sample_every=0, animation=False, **SETTINGS)  # type: ignore[arg-type]
    gn.train(build_gan(config, (16, 16, 1)), images, out=tmp_path / "run", config=config, progress=False)
    assert steps_done(tmp_path / "run") == {"level-0-8x8": 5, "level-1-16x16": 2}
    gn.runs.resume(tmp_path / "run", images=images, steps=3, progress=False)  # goes on with the finer level alone
    assert steps_done(tmp_path / "run") == {"level-0-8x8": 5, "level-1-16x16": 3}
    gn.runs.resume(tmp_path / "run", images=images, coarsest_steps=6, progress=False)
    assert steps_done(tmp_path / "run") == {"level-0-8x8": 6, "level-1-16x16": 3}
    with pytest.raises(ValueError, match=r"steps: .*level-0-8x8 is at step 6 already"):
        gn.runs.resume(tmp_path / "run", images=images, coarsest_steps=5, progress=False)
    with pytest.raises(ValueError, match=r"width: a run keeps its settings, only data, .*coarsest_steps may change"):
        gn.runs.resume(tmp_path / "run", images=images, width=3, progress=False)
    gan = gn.models.lapgan((16, 16, 1), 4, levels=1, width=2, hidden=8)
    small = {"steps": 2, "batch_size": 8, "progress": False}
    gn.train(gan, images, out=tmp_path / "other", coarsest_steps=4, **small)  # type: ignore[arg-type]
    assert steps_done(tmp_path / "other") == {"level-0-8x8": 4, "level-1-16x16": 2}
    with pytest.raises(ValueError, match="coarsest_steps"):
        Config(coarsest_steps=0)


def test_levels_of_detail_have_learning_rates_of_their_own(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    rates = {"detail_g_learning_rate": 3e-4, "detail_d_learning_rate": 7e-4}
    config = Config(steps=1, sample_every=0, animation=False, **{**SETTINGS, **rates})  # type: ignore[arg-type]
    gan = build_gan(config, (16, 16, 1))
    found = [
        [optimizer.learning_rate for optimizer in (trainer.g_optimizer, trainer.d_optimizer)]
        for _, _, trainer in stage_trainers(gan, images, None, config)
    ]
    assert found == [[2e-3, 5e-4], [3e-4, 7e-4]]
    gn.train(gan, images, out=tmp_path / "run", config=config, progress=False)
    kept = [read_config(folder) for folder in sorted((tmp_path / "run").glob("level-*"))]
    assert [[level.g_learning_rate, level.d_learning_rate] for level in kept] == found
    with pytest.raises(ValueError, match="detail_g_learning_rate"):
        Config(detail_g_learning_rate=0.0)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="this folder is no run"):
        load_gan(tmp_path)


def test_levels_that_do_not_double_are_refused() -> None:
    gan = gn.models.lapgan((16, 16, 1), 4, levels=2, width=2, hidden=8)
    for stages in ([gan.stages[0], gan.stages[2]], [gan.stages[0], gan.stages[0]], gan.stages[1:][::-1]):
        with pytest.raises(ValueError, match="stages: expected a LaplacianLevel"):
            gn.models.LAPGAN(stages)
    with pytest.raises(ValueError, match="at least two"):
        gn.models.LAPGAN(gan.stages[:1])


def test_the_coarsest_level_s_players() -> None:
    gan = gn.models.dense_gan((3, 5, 2), 4, hidden=6, dtype=np.float64)
    gn.testing.check_gradients(gan.generator)
    gn.testing.check_gradients(gan.discriminator)
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 5, 2), np.uint8)
    trained = gn.models.dense_gan((3, 5, 2), 4, hidden=6)
    gn.train(trained, images, steps=3, batch_size=4, progress=False)
    assert trained.sample(3).shape == (3, 3, 5, 2)
