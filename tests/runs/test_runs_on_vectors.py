"""Trainings on vectors, and on images that are not three channels of bytes: run, resumed, sampled, evaluated by commands."""

import json
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.cli import app
from gan_np.runs import checkpoint

SMALL = {"steps": 4, "batch_size": 16, "sample_every": 2, "checkpoint_every": 2, "progress": False}


@pytest.fixture
def table() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([rng.normal(1e6, 5, 300), rng.exponential(2, 300), rng.normal(0, 1e-3, 300)], 1)


def run_command(*words: object) -> None:
    app([str(word) for word in words], standalone_mode=False)


def small(size: int) -> gn.GAN:
    return gn.models.mlp((size,), 4, hidden=8, maxout_units=4, maxout_pieces=2)


def test_samples_have_the_units_and_the_dtype_of_the_data(table: np.ndarray) -> None:
    gan = small(3)
    assert gan.sample(2).dtype == np.float32, "before it has seen data"
    gn.train(gan, table, steps=2, batch_size=16, progress=False)
    samples = gan.sample(200)
    assert (samples.shape, samples.dtype) == ((200, 3), np.float64)
    assert abs(samples[:, 0].mean() - 1e6) < 50
    assert np.abs(samples[:, 2]).max() < 0.1
    np.testing.assert_array_equal(gan.sample(3, seed=4), gan.sample(5, seed=4)[:3])
    assert np.isfinite(gan.decode(gan.prior.of_seed(0, 3, gan.generator.dtype))).all()


def test_a_data_set_brings_its_names_along(table: np.ndarray, tmp_path: Path) -> None:
    gan = small(3)
    gn.train(gan, gn.data.Dataset(table, columns=("a", "b", "c")), out=tmp_path / "run", **SMALL)
    assert (tmp_path / "run" / "samples.csv").read_text().splitlines()[0] == "a,b,c"
    opened = gn.load(tmp_path / "run")
    assert opened.encoding == gan.encoding
    assert opened.encoding.columns == ("a", "b", "c")
    np.testing.assert_array_equal(opened.sample(4), gan.sample(4))


def test_resumed_to_the_same_bits_and_refused_other_data(table: np.ndarray, tmp_path: Path) -> None:
    whole, cut = small(3), small(3)
    gn.train(whole, table, out=tmp_path / "whole", **SMALL)
    gn.train(cut, table, out=tmp_path / "cut", **{**SMALL, "steps": 2})
    trainer = gn.resume(tmp_path / "cut", images=table, steps=4, progress=False)
    np.testing.assert_array_equal(trainer.gan.generator.parameters.values, whole.generator.parameters.values)
    np.testing.assert_array_equal(trainer.gan.sample(5), whole.sample(5))
    with pytest.raises(ValueError, match="fingerprint"):
        gn.resume(tmp_path / "cut", images=table + 1, steps=6, progress=False)


def test_not_standardised_where_asked(table: np.ndarray, tmp_path: Path) -> None:
    gan = small(3)
    gn.train(gan, table, out=tmp_path / "run", standardise=False, **SMALL)
    assert gan.encoding.mean is None
    assert "standardise = false" in (tmp_path / "run" / "config.toml").read_text()
    assert gn.load(tmp_path / "run").encoding == gan.encoding


def test_another_run_s_networks_keep_their_mean(table: np.ndarray, tmp_path: Path) -> None:
    np.savetxt(tmp_path / "t.csv", table, delimiter=",")
    np.savetxt(tmp_path / "u.csv", 2 * table, delimiter=",")
    few = ["--steps", 2, "--batch-size", 16, "--quiet"]
    sizes = ["--hidden", 8, "--maxout-units", 4]
    run_command("train", "--data", tmp_path / "t.csv", "--model", "mlp", *sizes, *few, "--out", tmp_path / "one")
    run_command("train", "--data", tmp_path / "u.csv", "--init-from", tmp_path / "one", *few, "--out", tmp_path / "two")
    one, two = (gn.load(tmp_path / name).encoding for name in ("one", "two"))
    assert one.mean == two.mean


def test_from_the_command_line(table: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savetxt(tmp_path / "t.csv", table, delimiter=",", header="age,weight,score", comments="")
    run = tmp_path / "run"
    sizes = ["--hidden", 8, "--maxout-units", 4, "--batch-size", 16]
    run_command("train", "--data", tmp_path / "t.csv", "--model", "mlp", *sizes, "--steps", 3, "--out", run)
    said = capsys.readouterr().err
    assert "300 vectors of 3 numbers" in said
    assert "samples.csv" in said
    run_command("train", "--resume", run, "--steps", 4, "--quiet")
    run_command("show", run)
    assert "300 of 3, float64" in capsys.readouterr().out
    for name in ("rows.csv", "rows.npy", "rows.png"):
        run_command("sample", run, "--count", 7, "--seed", 2, "--out", tmp_path / name)
    rows = np.load(tmp_path / "rows.npy")
    assert rows.shape == (7, 3)
    written = np.genfromtxt(tmp_path / "rows.csv", delimiter=",", names=True)
    assert written.dtype.names == ("age", "weight", "score")
    np.testing.assert_array_equal(np.array(written.tolist()), rows)
    run_command("evaluate", run, "--count", 100, "--quiet")
    report = json.loads((run / "evaluation.json").read_text())
    assert {"precision", "recall", "frechet_distance"} <= set(report["figures"])
    assert "data:image/png" in (run / "evaluation.html").read_text()
    held_out = tmp_path / "held.csv"
    np.savetxt(held_out, table[::-1] + np.array([0.01, 0, 0]), delimiter=",")
    run_command("neighbours", run, "--held-out", held_out, "--count", 60, "--out", tmp_path / "n.png")
    assert set(json.loads((tmp_path / "n.json").read_text())) >= {"columns", "discriminator"}
    assert not (tmp_path / "n.png").exists(), "there is nothing to draw"


def test_what_needs_images_says_so(table: np.ndarray, tmp_path: Path) -> None:
    gn.train(small(3), table, out=tmp_path / "run", **SMALL)
    with pytest.raises(ValueError, match="vectors of 3 numbers"):
        run_command("traverse", tmp_path / "run", "--across", "axis:0")
    with pytest.raises(ValueError, match="vectors of 3 numbers"):
        _ = small(3).image_shape
    with pytest.raises(ValueError, match="flip"):
        gn.train(small(3), table, flip=True, progress=False)
    np.save(tmp_path / "t.npy", table)
    with pytest.raises(ValueError, match=r"dcgan is for images.*mlp"):
        run_command("train", "--data", tmp_path / "t.npy", "--out", tmp_path / "other")
    with pytest.raises(gn.ShapeError, match=r"vectors \(N, 3\)"):
        gn.train(small(3), table[:, :2], progress=False)
    with pytest.raises(TypeError, match="float32 or float64"):
        gn.train(small(3), table.astype(np.int64), progress=False)


def test_a_penalty_packing_and_instance_noise_on_points() -> None:
    points = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    gan = gn.models.mlp((2,), 2, hidden=4, maxout_units=2, maxout_pieces=2, packing=2)
    penalties = [gn.penalties.R1(0.1), gn.penalties.WassersteinGradientPenalty(1.0)]
    trainer = gn.train(gan, points, steps=2, batch_size=8, penalties=penalties, instance_noise=0.1, progress=False)
    assert trainer.steps == 2


def test_labelled_vectors() -> None:
    labels = np.arange(60) % 3
    points = (labels[:, None] * [10.0, -10.0] + np.random.default_rng(0).normal(size=(60, 2))).astype(np.float32)
    gan = gn.models.dense_gan((2,), 2, hidden=8, classes=3)
    gn.train(gan, gn.data.Dataset(points, labels), steps=2, batch_size=8, progress=False)
    assert gan.sample(4, labels=2).shape == (4, 2)


@pytest.mark.parametrize("size", [2, 6, 40])
def test_pictures_of_vectors(size: int, tmp_path: Path) -> None:
    from PIL import Image

    from gan_np.runs.sample_images import draw

    rng = np.random.default_rng(0)
    samples, real = rng.normal(size=(50, size)), rng.normal(size=(80, size))
    for given in (real, None):
        path = draw(samples, given, tmp_path / "drawn.png")
        assert path is not None
        with Image.open(path) as image:
            assert min(image.size) > 200
            assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 10


def test_an_encoding_that_does_not_go_with_the_networks_is_refused(table: np.ndarray, tmp_path: Path) -> None:
    gan = small(3)
    gan.learn_encoding(table)
    description = checkpoint.describe(gan)
    assert description["encoding"]["encoding"] == "vectors"
    tensors = checkpoint.tensors_of(gan, None)
    for wrong in (
        {"encoding": "images", "arguments": {"pixel_range": "0..1"}},
        {"encoding": "vectors", "arguments": {"size": 4}},
    ):
        with pytest.raises(ValueError, match="does not go with"):
            checkpoint.rebuild(tensors, description | {"encoding": wrong}, "cpu")


def deep(channels: int) -> np.ndarray:
    return np.random.default_rng(0).random((40, 8, 8, channels)).astype(np.float32)


def test_float_images_are_sampled_as_floats(tmp_path: Path) -> None:
    np.save(tmp_path / "deep.npy", deep(1) * 4000)
    run = tmp_path / "run"
    few = ["--width", 2, "--latent-dim", 4, "--steps", 3, "--batch-size", 8, "--quiet"]
    data = ["--data", tmp_path / "deep.npy", "--data-dtype", "float32", "--value-range", "0..4000"]
    run_command("train", *data, *few, "--evaluate-every", 3, "--evaluate-count", 20, "--out", run)
    assert (run / "samples.png").exists()
    gan = gn.load(run)
    samples = gan.sample(6)
    assert samples.dtype == np.float32
    assert len(np.unique((samples * 255) % 1)) > 100, "more than 256 levels"
    run_command("train", "--resume", run, "--steps", 4, "--quiet")
    run_command("evaluate", run, "--count", 20, "--quiet")
    run_command("sample", run, "--count", 4, "--out", tmp_path / "some.npy")
    assert np.load(tmp_path / "some.npy").dtype == np.float32


@pytest.mark.parametrize("channels", [2, 5])
def test_any_number_of_channels(channels: int, tmp_path: Path) -> None:
    images = (deep(channels) * 255).astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    few = ["--width", 2, "--latent-dim", 4, "--steps", 2, "--batch-size", 8, "--quiet", "--flip"]
    run_command("train", "--data", tmp_path / "images.npy", *few, "--out", tmp_path / "run")
    run_command("sample", tmp_path / "run", "--count", 4, "--out", tmp_path / "grid.png")
    run_command("evaluate", tmp_path / "run", "--count", 20, "--quiet")
    assert gn.load(tmp_path / "run").sample(3).shape == (3, 8, 8, channels)


@pytest.mark.parametrize("model", ["lapgan", "gran", "residual", "mlp"])
def test_other_models_of_float_images(model: str) -> None:
    images = deep(1)
    gan = gn.models.MODELS[model]((8, 8, 1), 4, **({"levels": 1, "hidden": 8, "width": 2} if model == "lapgan" else {}))
    gn.train(gan, images, steps=1, batch_size=8, progress=False)
    assert gan.sample(2).dtype == np.float32


def test_a_classifier_of_float_images() -> None:
    images, labels = deep(1), np.arange(40) % 2
    images[labels == 1] *= 0.2
    made = gn.train_classifier(images, labels, width=2, steps=2, progress=False)
    assert len(made.features(images)) == 40
