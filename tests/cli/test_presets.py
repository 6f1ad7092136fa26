"""`gan-np train --preset`: what it sets, that flags count more, that the run keeps all of it; wrong ones."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gan_np.cli import app
from gan_np.files import read_toml

SMALL = ("--steps", "4", "--batch-size", "4", "--width", "2", "--sample-count", "4", "--quiet")


def use(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return done.exit_code, " ".join(done.output.split())


@pytest.fixture
def images(tmp_path: Path) -> Path:
    file = tmp_path / "images.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8))
    return file


def test_flags_count_more_and_the_run_keeps_all(tmp_path: Path, images: Path) -> None:
    run = tmp_path / "run"
    code, printed = use(
        "train",
        "--preset",
        "r3gan-cifar",
        "--data",
        images,
        *SMALL,
        "--beta2",
        "0.95",
        "--penalties",
        "r1(3)",
        "--out",
        run,
    )
    assert code == 0, printed
    kept = read_toml(run / "config.toml")
    assert kept["model"] == "r3gan"
    assert kept["objective"] == "relativistic"
    assert kept["penalties"] == "r1(weight=3)"
    assert kept["beta2"] == 0.95
    assert kept["beta1"] == 0.0
    assert kept["flip"] is True
    assert kept["width"] == 2
    assert kept["d_learning_rate"].startswith("cosine(")
    assert kept["d_learning_rate"].endswith(", 4)"), "as long as the steps that are given say"
    assert kept["average_decay"].startswith("half-life(")
    code, printed = use("train", "--resume", run, "--steps", "6", "--quiet")
    assert code == 0, printed


def test_a_file_counts_more_than_a_preset(tmp_path: Path, images: Path) -> None:
    (tmp_path / "own.toml").write_text('width = 3\nbatch_size = 5\nobjective = "hinge"\n')
    code, printed = use(
        "train", "--preset", "r3gan-faces", "--data", images, "--config", tmp_path / "own.toml", "--steps", "2", "--quiet",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, printed
    kept = read_toml(tmp_path / "run" / "config.toml")
    assert (kept["width"], kept["batch_size"], kept["objective"]) == (3, 5, "hinge")
    assert kept["average_decay"].endswith(", 5)"), "the half-life knows the batch"


@pytest.mark.parametrize("command", ["profile", "tune"])
def test_other_commands_that_take_the_settings_of_train_take_presets(command, tmp_path: Path, images: Path) -> None:
    if command == "profile":  # tune takes seconds, and its options the same way
        sizes = ("--data", images, "--width", 2, "--batch-size", 4, "--repeats", 1)
        code, printed = use(command, "--preset", "r3gan-faces", *sizes)
        assert code == 0, printed
        assert "blur" in printed, "kernels of R3GAN's networks"
    code, printed = use(command, "--preset", "r3gan-dogs")
    assert code == 2
    assert "preset" in printed


def test_the_list() -> None:
    code, printed = use("train", "--list-presets")
    assert code == 0
    for name in ("r3gan-digits", "r3gan-cifar", "r3gan-stacked-mnist", "r3gan-faces"):
        assert f"# {name}:" in printed
    assert 'beta2 = "cosine(0.9, 0.99, 8000)"' in printed


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--preset", "r3gan-dogs"), "preset"),
        (("--g-optimizer", "adam(1e-3)", "--g-learning-rate", "0.5"), "has no effect beside"),
        (("--preset", "r3gan-digits", "--r1", "1"), "same penalty"),
        (("--preset", "r3gan-faces"), "--data"),
        (("--preset", "r3gan-digits", "--kernel-size", "4"), "kernel_size"),
    ],
)
def test_wrong_ones(given, words) -> None:
    code, printed = use("train", *given)
    assert code == 2, printed
    assert words in printed or words.replace("_", "-") in printed


def test_a_preset_beside_resume(tmp_path: Path) -> None:
    code, printed = use("train", "--resume", tmp_path, "--preset", "r3gan-digits")
    assert code == 2
    assert "preset" in printed
