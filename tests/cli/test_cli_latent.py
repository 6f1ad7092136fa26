"""gan-np traverse and gan-np neighbours, on runs of a moment."""

import functools
import json
import operator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import gan_np as gn
from gan_np import cli
from gan_np.cli import app

EXPECTED = functools.reduce(operator.or_, cli.EXPECTED)

SMALL = ["--steps", "2", "--width", "2", "--latent-dim", "3", "--batch-size", "6", "--sample-count", "4", "--quiet"]


@dataclass
class Done:
    """What a command left: as a process would, without the seconds that starting one takes."""

    returncode: int
    stdout: str
    stderr: str


def gan_np(*arguments: object) -> Done:
    result = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(app, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, EXPECTED | SystemExit):
        raise result.exception
    said = f" {result.exception}" if isinstance(result.exception, EXPECTED) else ""
    return Done(result.exit_code, result.stdout, result.stderr + said)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    images = np.random.default_rng(0).integers(0, 256, (80, 16, 16, 1), np.uint8)
    labels = np.arange(80) % 3
    np.savez(path, x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, images: Path) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    models = {
        "dcgan": [],
        "conditional-dcgan": [],
        "infogan": ["--categories", "3"],
        "gran": ["--draw-steps", "2"],
        "lapgan": ["--levels", "1", "--hidden", "8"],
    }
    for model, options in models.items():
        done = gan_np("train", "--data", images, "--model", model, *options, *SMALL, "--out", root / model)
        assert done.returncode == 0, done.stderr
    return {model: root / model for model in models}


@pytest.mark.parametrize(
    ("model", "options", "shape"),
    [
        ("dcgan", ["--across", "axis:0", "--down", "closed-form:1"], (7, 5)),
        ("conditional-dcgan", ["--across", "principal:0", "--down", "label", "--rows", "3"], (7, 3)),
        ("infogan", ["--across", "code:1", "--down", "category", "--rows", "3", "--columns", "4"], (4, 3)),
        ("gran", ["--across", "closed-form:0", "--across-range", "-1", "1"], (7, 1)),
        ("lapgan", ["--across", "principal:0", "--down", "axis:2", "--index", "3"], (7, 5)),
    ],
)
def test_traverse(
    tmp_path: Path, runs: dict[str, Path], model: str, options: list[str], shape: tuple[int, int]
) -> None:
    out = tmp_path / "grid.png"
    if "--down" not in options:
        options = [*options, "--rows", "1"]
    done = gan_np("traverse", runs[model], *options, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "across:" in done.stderr
    with Image.open(out) as image:
        ratio = image.width / image.height
    assert ratio == pytest.approx((18 * shape[0] + 2) / (18 * shape[1] + 2), rel=1e-9)


def test_the_direction_of_a_class(tmp_path: Path, runs: dict[str, Path]) -> None:
    """Of a classifier that tells nothing apart but light from dark, through the file that the command reads."""
    reader = gn.models.classifier((16, 16, 1), classes=2)
    reader.class_names = ("dark", "light")
    gan = gn.runs.load_gan(runs["dcgan"])
    logits = reader.network(gn.data.to_float(gan.sample(400), "0..1", np.dtype(np.float32)))[1]
    bias = next(s.name for s in reader.network.parameters.layout.segments if s.shape == (2,))
    with reader.network.parameters.edit() as theta:
        reader.network.parameters.layout.view(theta, bias)[...] = [np.median(logits[:, 1] - logits[:, 0]), 0]
    file = tmp_path / "reader.safetensors"
    gn.runs.save_classifier(file, reader)
    out = tmp_path / "grid.png"
    given = ["traverse", runs["dcgan"], "--across", "class:light", "--classifier", file, "--out", out, "--rows", "1"]
    done = gan_np(*given)
    assert done.returncode == 0, done.stderr
    assert "class:light" in done.stderr
    kept = gan_np("traverse", runs["dcgan"], "--keep", "lamp=class:light", "--classifier", file)
    assert kept.returncode == 0, kept.stderr
    direction = gn.latent.read_directions(runs["dcgan"])["lamp"]
    decoder = gn.latent.Decoder(gan)
    z = decoder.points(2000, 0)
    light = reader.predict(decoder(z)) == 1
    assert 0.3 < light.mean() < 0.7
    expected = z[light].mean(axis=0) - z[~light].mean(axis=0)
    cosine = direction.vector @ expected / np.linalg.norm(expected) / np.linalg.norm(direction.vector)
    assert cosine == pytest.approx(1, abs=1e-6)


def test_directions_are_kept_under_names(tmp_path: Path, runs: dict[str, Path]) -> None:
    done = gan_np("traverse", runs["dcgan"], "--keep", "pose=closed-form:0", "--keep", "smile=principal:1")
    assert done.returncode == 0, done.stderr
    assert "[pose]" in (runs["dcgan"] / "directions.toml").read_text()
    by_name, by_source = tmp_path / "one.png", tmp_path / "two.png"
    assert gan_np("traverse", runs["dcgan"], "--across", "pose", "--down", "smile", "--out", by_name).returncode == 0
    source = ["--across", "closed-form:0", "--down", "principal:1"]
    assert gan_np("traverse", runs["dcgan"], *source, "--out", by_source).returncode == 0
    with Image.open(by_name) as one, Image.open(by_source) as two:
        difference = np.asarray(one).astype(int) - np.asarray(two)
        assert np.abs(difference).max() <= 1, "names are kept with nine digits"
        assert np.asarray(one).std() > 0
    listed = gan_np("traverse", runs["dcgan"], "--names")
    assert "pose: eigenvector 0" in listed.stdout


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("dcgan", [], "across"),
        ("dcgan", ["--across", "label"], "conditional"),
        ("dcgan", ["--across", "code:1"], "infogan"),
        ("dcgan", ["--across", "axis:3"], "axis:3"),
        ("dcgan", ["--across", "glasses"], "glasses"),
        ("dcgan", ["--across", "axis:0", "--across-range", "2", "-2"], "high"),
        ("dcgan", ["--across", "axis:0", "--label", "1"], "not conditional"),
        ("conditional-dcgan", ["--across", "axis:0", "--label", "7"], "labels"),
        ("dcgan", ["--across", "class:7"], "--classifier"),
        ("dcgan", ["--keep", "label=axis:0"], "name"),
        ("dcgan", ["--keep", "axis:0"], "NAME=FACTOR"),
    ],
)
def test_traverse_refuses(tmp_path: Path, runs: dict[str, Path], model: str, options: list[str], words: str) -> None:
    done = gan_np("traverse", runs[model], *options, "--out", tmp_path / "grid.png")
    without_the_run = words in ("across", "NAME=FACTOR")
    assert done.returncode == (2 if without_the_run else 1)
    assert words in done.stderr
    assert not (tmp_path / "grid.png").exists()


@pytest.mark.parametrize("model", ["dcgan", "conditional-dcgan", "infogan", "lapgan"])
def test_neighbours(tmp_path: Path, runs: dict[str, Path], model: str) -> None:
    out = tmp_path / "near" / "sheet.png"
    done = gan_np("neighbours", runs[model], "--count", 20, "--show", 3, "--nearest", 2, "--cells", 2, "--out", out)
    assert done.returncode == 0, done.stderr
    searches = ["pixels"] if model == "lapgan" else ["pixels", "discriminator"]
    found = json.loads(out.with_suffix(".json").read_text())
    for name in searches:
        assert found[name]["samples"] == 20
        assert found[name]["held_out"] == 20
        assert found[name]["training"] == 60
        assert 0 <= found[name]["p_nearer"] <= 1
        assert f"{name}: 20 samples" in done.stdout
    assert ("discriminator" in found) == (model != "lapgan")
    with Image.open(out) as image:
        ratio = image.width / image.height
    assert ratio == pytest.approx((18 * (1 + 3 * len(searches)) + 2) / (18 * 3 + 2), rel=1e-9)


def test_neighbours_in_the_features_of_a_classifier(tmp_path: Path, images: Path, runs: dict[str, Path]) -> None:
    known = tmp_path / "classifier.safetensors"
    small = ["--steps", 2, "--width", 2, "--batch-size", 8]
    done = gan_np("train-classifier", "--data", images, *small, "--out", known)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "n.png"
    done = gan_np("neighbours", runs["dcgan"], "--classifier", known, "--count", 10, "--out", out)
    assert done.returncode == 0, done.stderr
    assert list(json.loads(out.with_suffix(".json").read_text()))[2:] == ["pixels", "discriminator", "classifier"]


def test_a_run_that_replays_its_data_is_found(tmp_path: Path, images: Path, runs: dict[str, Path]) -> None:
    """The generator of a real run folder, made to draw one training image whatever z is: its bias is that image."""
    from gan_np.data import load
    from gan_np.evaluation.memorisation import memory_of
    from gan_np.runs import load_gan

    gan, training = load_gan(runs["dcgan"]), load(images)
    object.__setattr__(gan, "sample", lambda count, seed=0, **options: training[np.arange(count) % 60])
    memory = memory_of(runs["dcgan"], gan, count=40, show=5, nearest=1, cells=0)
    assert memory.found["pixels"][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(memory.shown, training[:5])
    for test in memory.tests.values():
        assert test.verdict == "copies", test


def test_neighbours_needs_pictures_that_were_not_seen(tmp_path: Path, runs: dict[str, Path]) -> None:
    images = np.random.default_rng(1).integers(0, 256, (40, 16, 16, 1), np.uint8)
    np.save(tmp_path / "whole.npy", images)
    run = tmp_path / "run"
    assert gan_np("train", "--data", tmp_path / "whole.npy", *SMALL, "--out", run).returncode == 0
    drawn = gan_np("neighbours", run, "--count", 10, "--show", 3, "--out", tmp_path / "n.png")
    assert drawn.returncode == 0, drawn.stderr
    for words in ("no test for copies", "has no test part", "--held-out DATA", "--hold-out 0.1"):
        assert words in drawn.stderr
    found = json.loads((tmp_path / "n.json").read_text())
    assert set(found) == {"run", "seed", "untested"}
    assert (tmp_path / "n.png").exists()
    others = np.random.default_rng(2).integers(0, 256, (30, 16, 16, 1), np.uint8)
    np.save(tmp_path / "more.npy", np.concatenate([images[:4], others]))
    given = ["--held-out", tmp_path / "more.npy", "--count", 10, "--out", tmp_path / "n.png"]
    done = gan_np("neighbours", run, *given)
    assert done.returncode == 0, done.stderr
    assert "left out 4 held-out images" in done.stderr
    np.save(tmp_path / "whole.npy", images[::-1])
    changed = gan_np("neighbours", run, *given)
    assert changed.returncode == 1
    assert "fingerprint" in changed.stderr


def test_neighbours_gives_no_verdict_where_the_held_out_pictures_are_of_another_kind(
    tmp_path: Path, runs: dict[str, Path]
) -> None:
    """As they are in pixels: that holds for all searches, also where a network does not tell the two kinds apart."""
    other = np.random.default_rng(3).integers(0, 80, (40, 16, 16, 1), np.uint8)
    np.save(tmp_path / "dark.npy", other)
    done = gan_np(
        "neighbours", runs["dcgan"], "--held-out", tmp_path / "dark.npy", "--count", 20, "--out", tmp_path / "n.png"
    )
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.count("no verdict: the held-out images do not come from where the training images come from") == 2
    )
    found = json.loads((tmp_path / "n.json").read_text())
    assert [found[name]["verdict"] for name in ("pixels", "discriminator")] == ["other source"] * 2
    assert found["pixels"]["p_source"] < 1e-5
