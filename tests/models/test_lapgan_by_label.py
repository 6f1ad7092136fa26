"""LAPGAN conditional on labels: gradients, what is learnt, sampling, checkpoints with batch statistics, older files."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from slopes import check_gradient_of

import gan_np as gn
from gan_np.models.lapgan import AddDetail, LaplacianLevel
from gan_np.runs import Config, build_gan, checkpoint, load_gan
from gan_np.training import Trainer
from gan_np.training.penalty import penalise


def small_level(classes: int | None = 3, **options: object) -> LaplacianLevel:
    level = gn.models.laplacian_level((8, 8, 3 if classes is None else 1), classes=classes, width=2, **options)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    for network in (level.generator, level.discriminator):
        moved = network.parameters.values + 0.3 * rng.standard_normal(len(network.parameters))
        network.parameters.assign(moved.astype(network.dtype))
    return level


def two_kinds(count: int = 64, side: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Images that are bright above (class 0) or below (class 1), sorted by class as data sets on disk often are."""
    labels = np.arange(count) // (count // 2)
    images = np.random.default_rng(0).integers(0, 60, (count, side, side, 1), np.uint8)
    images[labels == 0, : side // 2] += 190
    images[labels == 1, side // 2 :] += 190
    return images, labels


@pytest.mark.parametrize("channels", [(1, 3), (3, 5), (2, 2)])
def test_gradient_of_adding_detail(channels: tuple[int, int]) -> None:
    gn.testing.check_gradients(AddDetail(), input_shape=((3, 4, channels[0]), (3, 4, channels[1])))


def test_detail_is_added_to_the_low_pass_alone() -> None:
    rng = np.random.default_rng(0)
    detail, context = rng.standard_normal((2, 3, 4, 1)), rng.standard_normal((2, 3, 4, 3))
    kept = context.copy()
    whole = gn.Network(AddDetail(), ((3, 4, 1), (3, 4, 3)), dtype=np.float64)((detail, context))
    np.testing.assert_allclose(whole[..., :1], detail + context[..., :1])
    assert np.array_equal(whole[..., 1:], context[..., 1:])
    assert np.array_equal(context, kept)
    with pytest.raises(gn.ShapeError, match="context"):
        gn.Network(AddDetail(), ((3, 4, 2), (3, 4, 1)))


@pytest.mark.parametrize("g_norm", ["batch", "none"])
@pytest.mark.parametrize("classes", [None, 3])
def test_gradient_of_the_game_at_a_level(g_norm: str, classes: int | None) -> None:
    """∂/∂θ_G of G's loss through D, and ∂/∂θ_D over real and generated detail, beside the same context."""
    level = small_level(classes, g_norm=g_norm, dtype=np.float64)
    g, d, objective = level.generator, level.discriminator, gn.objectives.NonSaturating()
    rng = np.random.default_rng(1)
    labels = None if classes is None else np.array([0, 2, 1, 1])
    real, context = level.examples(rng.integers(0, 256, (4, *level.image_shape), np.uint8), labels)
    z = rng.standard_normal((4, 64))

    def judged(detail: np.ndarray) -> np.ndarray:
        return d.forward((detail, context), training=True)[0]

    def made() -> np.ndarray:
        return g.forward((z, context), training=True)[0]

    fake, g_pullback = g.forward((z, context), training=True)
    logits, d_pullback = d.forward((fake, context), training=True)
    dx, nothing = d_pullback(objective.generator(logits).gradient, inputs=(True, False), parameters=False)
    assert nothing is None
    g_pullback(dx, inputs=False)
    for detail, loss_of in ((real, objective.real), (fake, objective.fake)):
        logits, pullback = d.forward((detail, context), training=True, wrt=gn.Wrt(inputs=False))
        pullback(loss_of(logits).gradient)
    check_gradient_of(lambda: objective.generator(judged(made())).value, g, g.gradient.values.copy(), rng)
    check_gradient_of(
        lambda: objective.real(judged(real)).value + objective.fake(judged(made())).value,
        d,
        d.gradient.values.copy(),
        rng,
    )


def test_gradients_of_the_coarsest_level_s_players() -> None:
    gan = gn.models.dense_gan((3, 5, 2), 4, hidden=6, classes=3, dtype=np.float64)
    gn.testing.check_gradients(gan.generator)
    gn.testing.check_gradients(gan.discriminator)


def test_r1_looks_at_the_detail_alone() -> None:
    level = small_level(d_norm="none", dtype=np.float64)
    d, rng = level.discriminator, np.random.default_rng(2)
    some_images = rng.integers(0, 256, (3, 8, 8, 1), np.uint8)
    detail, context = level.examples(some_images, np.array([0, 1, 2]))

    def penalty() -> float:
        d.gradient.spend()
        logits, pullback = d.forward((detail, context), training=True)
        return float(penalise(pullback, logits, gn.penalties.R1(2.0), 2.0, context))

    penalty()
    check_gradient_of(penalty, d, d.gradient.values.copy(), rng)


def test_every_level_learns_what_the_label_means(tmp_path: Path) -> None:
    images, labels = two_kinds()
    settings = {"width": 8, "hidden": 32, "latent_dim": 4, "levels": 1, "batch_size": 16, "sample_count": 4}
    config = Config(
        model="lapgan",
        conditional=True,
        steps=150,
        average_decay=0.9,
        sample_every=0,
        animation=False,
        **settings,  # type: ignore[arg-type]
    )
    gan = build_gan(config, (16, 16, 1), 2)
    gn.train(gan, images, labels=labels, out=tmp_path / "run", config=config, progress=False)
    for label in (0, 1):
        for some_images in gan.series(32, seed=1, labels=label):
            half = some_images.shape[1] // 2
            above, below = some_images[:, :half].astype(float).mean(), some_images[:, half:].astype(float).mean()
            assert (above > below + 60) == (label == 0), (some_images.shape, label, above, below)
            assert (below > above + 60) == (label == 1), (some_images.shape, label, above, below)


def test_the_detail_follows_the_label() -> None:
    """The low-pass is the same for both classes: only the label can tell the finer level which detail to draw."""
    rng = np.random.default_rng(0)
    labels = np.arange(96) % 2
    stripes = np.where(
        labels[:, None] == 0, np.arange(8) % 2, 1 - np.arange(8) % 2
    )  # at the finest scale, in two phases
    images = (100 + 100 * stripes[:, :, None, None] + rng.integers(0, 20, (96, 8, 8, 1))).astype(np.uint8)
    level = gn.models.laplacian_level((8, 8, 1), classes=2, width=4)
    gn.train(level, images, labels=labels, steps=200, batch_size=16, average_decay=0.9, progress=False)
    for label in (0, 1):
        rows = level.sample(32, seed=1, labels=label).astype(float).mean(axis=(0, 2, 3))
        assert (rows[1::2].mean() > rows[::2].mean() + 40) == (label == 0), (label, rows)
        assert (rows[::2].mean() > rows[1::2].mean() + 40) == (label == 1), (label, rows)


def test_labels_when_sampling() -> None:
    gan = gn.models.lapgan((16, 16, 1), 4, levels=1, classes=3, width=2, hidden=8)
    cycled = gan.sample(6, seed=2)
    assert np.array_equal(cycled, gan.sample(6, seed=2, labels=[0, 1, 2, 0, 1, 2]))
    assert not np.array_equal(cycled[1], gan.sample(6, seed=2, labels=2)[1])
    with pytest.raises(ValueError, match="expected 0 to 2, got 3"):
        gan.sample(2, labels=3)
    with pytest.raises(TypeError, match="integers"):
        gan.sample(2, labels=1.0)
    with pytest.raises(ValueError, match="not conditional"):
        gn.models.lapgan((16, 16, 1), 4, levels=1, width=2, hidden=8).sample(2, labels=1)


def test_labels_are_needed(tmp_path: Path) -> None:
    images, _ = two_kinds()
    config = Config(model="lapgan", conditional=True, levels=1, width=2, hidden=8)
    with pytest.raises(ValueError, match="needs labels"):
        build_gan(config, (16, 16, 1), None)
    gan = build_gan(config, (16, 16, 1), 2)
    with pytest.raises(ValueError, match="needs one label"):
        gn.train(gan, images, out=tmp_path / "run", config=config, progress=False)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="needs one"):
        small_level().examples(np.zeros((2, 8, 8, 1), np.uint8), None)


def test_statistics_come_from_all_classes_of_a_sorted_set() -> None:
    images, labels = two_kinds(4000, 8)
    level = gn.models.laplacian_level((8, 8, 1), classes=2, width=2)
    level.prepare(images, labels)
    assert level.conditioning is not None
    assert level.conditioning_labels is not None
    assert len(level.conditioning) == 1024
    assert 0.4 < level.conditioning_labels.mean() < 0.6
    assert set(level.conditioning_labels[:16]) == {0, 1}, "a grid of a few shows all classes"
    assert np.array_equal(level.conditioning[:, 0, 0, 0] > 150, level.conditioning_labels == 0), "labels go with images"


@pytest.mark.parametrize("classes", [None, 2])
def test_a_checkpoint_keeps_the_average_s_statistics(tmp_path: Path, classes: int | None) -> None:
    """They depend on real images, so whoever loads the file cannot recompute them."""
    images, labels = two_kinds(40, 8)
    level = gn.models.laplacian_level((8, 8, 1), classes=classes, width=2)
    trainer = Trainer(level, images, labels, batch_size=8, average_decay=0.9)
    for _ in range(5):
        trainer.step()
    low = np.random.default_rng(0).standard_normal((3, 8, 8, 1)).astype(np.float32)
    wanted = None if classes is None else [0, 1, 1]
    drawn = level.add_detail(low, 1, labels=wanted)
    loaded = load_gan(checkpoint.save(tmp_path / "level.safetensors", level, trainer))
    assert isinstance(loaded, LaplacianLevel)
    assert np.array_equal(loaded.add_detail(low, 1, labels=wanted), drawn)
    assert np.array_equal(
        loaded.add_detail(low, 1, labels=wanted, average=False), level.add_detail(low, 1, labels=wanted, average=False)
    )


def test_cut_off_and_resumed(tmp_path: Path) -> None:
    images, labels = two_kinds(40)
    settings = {"width": 2, "hidden": 8, "latent_dim": 4, "levels": 1, "batch_size": 8, "sample_count": 4}
    given = {"labels": labels, "progress": False}
    for name, steps in (("straight", 4), ("two", 2)):
        config = Config(
            model="lapgan",
            conditional=True,
            steps=steps,
            sample_every=0,
            animation=False,
            **settings,  # type: ignore[arg-type]
        )
        gn.train(build_gan(config, (16, 16, 1), 2), images, out=tmp_path / name, config=config, **given)
    gn.runs.resume(tmp_path / "two", images=images, steps=4, **given)
    straight, resumed = load_gan(tmp_path / "straight"), load_gan(tmp_path / "two")
    assert resumed.classes == 2
    for first, second in zip(straight.series(6, 1, labels=1), resumed.series(6, 1, labels=1), strict=True):
        assert np.array_equal(first, second)
    with pytest.raises(ValueError, match="needs one label"):
        gn.runs.resume(tmp_path / "two/level-1-16x16", images=images, steps=5, progress=False)


def test_checkpoints_from_before_there_were_labels(tmp_path: Path) -> None:
    """Recipes that lack the newer arguments mean two hidden convolutions without normalisation, and no labels."""
    level = small_level(None, g_norm="none", hidden_layers=2)
    newer = ("classes", "hidden_layers", "g_norm")
    level.recipe = {name: value for name, value in level.recipe.items() if name not in newer}
    low = np.random.default_rng(0).standard_normal((3, 8, 8, 3)).astype(np.float32)
    path = checkpoint.save(tmp_path / "old.safetensors", level)
    tensors, description = checkpoint.read(path)
    text = json.dumps(description | {"format_version": 1})
    save_file(tensors, path, {"gan_np": text, "digest": checkpoint.digest(text, tensors)})
    loaded = load_gan(path)
    assert isinstance(loaded, LaplacianLevel)
    assert not len(loaded.generator.state)
    assert np.array_equal(loaded.add_detail(low, 1), level.add_detail(low, 1))
