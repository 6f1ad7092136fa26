"""Every model from the command line: trained for a moment, sampled in its own way."""

from pathlib import Path

import numpy as np
import pytest
from command_line import gan_np
from PIL import Image

SMALL = ["--steps", "2", "--latent-dim", "3", "--batch-size", "6", "--sample-count", "4", "--quiet"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    images = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 1), np.uint8)
    np.savez(path, images=images, labels=np.arange(30) % 3)
    return path


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize(
    ("model", "training", "sampling", "cells"),
    [
        ("conditional-dcgan", [], ["--label", "2", "--count", "4", "--columns", "4"], (4, 1)),
        ("conditional-dcgan", [], ["--by-class", "--count", "15"], (5, 3)),
        ("gran", ["--draw-steps", "2"], ["--steps", "--count", "5"], (2, 5)),
        ("lapgan", ["--levels", "1", "--hidden", "8"], ["--steps", "--count", "5"], (2, 5)),
        pytest.param(
            "lapgan",
            ["--levels", "1", "--hidden", "8"],
            ["--count", "6", "--columns", "3"],
            (3, 2),
            marks=pytest.mark.campaign,
        ),
        pytest.param(
            "lapgan",
            ["--levels", "1", "--hidden", "8", "--conditional"],
            ["--label", "2", "--steps", "--count", "5"],
            (2, 5),
            marks=pytest.mark.campaign,
        ),
        ("lapgan", ["--levels", "1", "--hidden", "8", "--conditional"], ["--by-class", "--count", "15"], (5, 3)),
        ("infogan", ["--categories", "3"], ["--vary", "1", "--count", "8", "--columns", "4"], (4, 2)),
        ("residual", ["--d-norm", "spectral"], ["--count", "4", "--columns", "2"], (2, 2)),
        (
            "r3gan",
            ["--preset", "r3gan-digits", "--conditional"],
            ["--label", "2", "--count", "4", "--columns", "2"],
            (2, 2),
        ),
        ("mlp", ["--hidden", "8"], ["--count", "4", "--columns", "2"], (2, 2)),
    ],
)
def test_trained_and_sampled(
    tmp_path: Path, images: Path, model: str, training: list[str], sampling: list[str], cells: tuple[int, int]
) -> None:
    run, grid = tmp_path / "run", tmp_path / "grid.png"
    size = [] if model == "mlp" else ["--width", "2"]
    done = gan_np("train", "--data", images, "--model", model, *training, *size, *SMALL, "--out", run)
    assert done.returncode == 0, done.stderr
    done = gan_np("sample", run, *sampling, "--out", grid)
    assert done.returncode == 0, done.stderr
    width, height = size_of(grid)
    unit = 16 + 2
    assert (width / (cells[0] * unit + 2)) == (height / (cells[1] * unit + 2)), "whole pixels of the right grid"
    resumed = gan_np("train", "--resume", run, "--steps", 3, "--quiet")
    assert resumed.returncode == 0, resumed.stderr


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--steps", "sequential"),
        ("--vary=0", "infogan"),
        ("--label=1", "not conditional"),
        ("--by-class", "conditional"),
    ],
)
def test_options_of_other_models_are_refused(tmp_path: Path, images: Path, option: str, words: str) -> None:
    done = gan_np("train", "--data", images, "--width", "2", *SMALL, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    refused = gan_np("sample", tmp_path / "run", option, "--out", tmp_path / "grid.png")
    assert refused.returncode == 1
    assert words in refused.stderr
    assert not (tmp_path / "grid.png").exists()


def test_labels_are_needed_where_a_model_has_them(tmp_path: Path) -> None:
    np.save(tmp_path / "bare.npy", np.zeros((10, 8, 8, 1), np.uint8))
    done = gan_np(
        "train", "--data", tmp_path / "bare.npy", "--model", "conditional-dcgan", *SMALL, "--out", tmp_path / "run"
    )
    assert done.returncode == 1
    assert "needs labels" in done.stderr
    assert not (tmp_path / "run").exists()


def test_lapgan_dry_run(tmp_path: Path, images: Path) -> None:
    done = gan_np("train", "--data", images, "--model", "lapgan", "--levels", 1, "--dry-run", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "Concatenate" in done.stdout
    assert "level-0-8x8: measured on" in done.stdout
    assert "level-1-16x16: measured on" in done.stdout
    assert "conditional = false" in done.stdout
    assert not (tmp_path / "run").exists()


def test_lapgan_profile(images: Path) -> None:
    options = ["--model", "lapgan", "--levels", 1, "--conditional", "--hidden", 8, *SMALL[:-1]]
    done = gan_np("profile", "--data", images, "--repeats", 1, *options)
    assert done.returncode == 0, done.stderr
    assert "level-0-8x8" in done.stdout
    assert "level-1-16x16" in done.stdout
    assert done.stdout.count("everything else") == 2
    assert done.stdout.index("dense") < done.stdout.index("conv2d"), "the coarsest level has no convolutions"


@pytest.mark.parametrize(
    ("model", "training", "frames"),
    [("gran", ["--draw-steps", "3"], 3), ("lapgan", ["--levels", "1", "--hidden", "8", "--conditional"], 2)],
)
def test_drawing_as_an_animation(tmp_path: Path, images: Path, model: str, training: list[str], frames: int) -> None:
    run = tmp_path / "run"
    size = [] if model == "mlp" else ["--width", "2"]
    done = gan_np("train", "--data", images, "--model", model, *training, *size, *SMALL, "--out", run)
    assert done.returncode == 0, done.stderr
    with Image.open(run / "drawing.gif") as drawn, Image.open(run / "samples.png") as grid:
        assert drawn.n_frames == frames
        if model == "gran":
            assert drawn.size == grid.size
            drawn.seek(frames - 1)
            last = np.asarray(drawn.convert("L")).astype(int)
            assert np.abs(last - np.asarray(grid.convert("L"))).max() <= 8, "the last frame is the finished grid"
        drawn.seek(0)
        first = np.asarray(drawn.convert("L")).astype(int)
        drawn.seek(frames - 1)
        assert np.abs(first - np.asarray(drawn.convert("L"))).max() > 0
    assert gan_np("train", "--resume", run, "--steps", 3, "--quiet").returncode == 0


def test_no_drawing_without_animation(tmp_path: Path, images: Path) -> None:
    run = tmp_path / "run"
    done = gan_np("train", "--data", images, "--model", "gran", "--no-animation", *SMALL, "--out", run)
    assert done.returncode == 0, done.stderr
    assert not (run / "drawing.gif").exists()


def test_labels_by_their_names_and_data_that_were_moved(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, level, count in (("cat", 40, 12), ("dog", 200, 4)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(count):
            image = Image.fromarray(rng.integers(level - 20, level + 20, (8, 8), np.uint8))
            image.save(tmp_path / "data" / name / f"{number}.png")
    run, options = tmp_path / "run", [*SMALL[:-1], "--sample-every", "0", "--no-animation"]
    trained = gan_np("train", "--model", "conditional-dcgan", "--data", tmp_path / "data", "--out", run, *options)
    listed = "labels: cat (label 0): 12 images, dog (label 1): 4 images"
    assert listed in trained.stderr
    assert listed in gan_np("show", run).stdout
    for file, label in (("a", "dog"), ("b", "1"), ("c", "0")):
        gan_np("sample", run, "--count", "4", "--label", label, "--out", tmp_path / f"{file}.png")
    dogs, also, cats = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert dogs == also != cats
    assert "rows: cat, dog" in gan_np("sample", run, "--by-class", "--count", "4", "--out", tmp_path / "d.png").stderr
    wrong = gan_np("sample", run, "--label", "cow")
    assert (wrong.returncode, wrong.stderr) == (1, "gan-np: label: expected one of cat (0), dog (1), got 'cow'\n")
    across = gan_np("traverse", run, "--across", "label", "--label", "dog", "--out", tmp_path / "e.png")
    assert across.returncode == 0, across.stderr
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    lost = gan_np("train", "--resume", run, "--steps", "3")
    assert lost.returncode == 1
    assert "name their new place: --data PLACE" in lost.stderr
    found = gan_np("train", "--resume", run, "--steps", "3", "--data", tmp_path / "elsewhere")
    assert found.returncode == 0, found.stderr
    other = gan_np("train", "--resume", run, "--steps", "4", "--width", "3")
    said = " ".join(other.stderr.replace("│", " ").split())
    assert "only --data, --labels, --steps, --device, --precision may change; got --width too" in said
