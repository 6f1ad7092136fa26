"""What the command line says of the data: decisions, warnings and advice as lines of its own, with its own flags."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from command_line import gan_np
from PIL import Image

SMALL = ["--steps", "2", "--width", "2", "--latent-dim", "4", "--batch-size", "4", "--sample-count", "4"]


def images_in(folder: Path, *names: str, side: int = 8) -> Path:
    rng = np.random.default_rng(0)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (side, side), np.uint8)).save(folder / name)
    return folder


def test_a_dry_run_tells_what_was_decided(tmp_path: Path) -> None:
    """Parts, files passed over and the range: on standard output, beside the warnings on standard error."""
    folder = images_in(tmp_path / "set", *(f"{part}/{k}.png" for part in ("train", "val", "extra") for k in range(6)))
    for file in (folder / "train").iterdir():
        Image.fromarray(np.random.default_rng(1).integers(0, 4096, (8, 8), np.uint16)).save(file)
    (folder / "notes.xyz").write_text("x")
    done = gan_np("train", "--data", folder, *SMALL, "--dry-run")
    assert done.returncode == 0, done.stderr
    for words in (
        "its part train was taken (6 images); other parts: val (6 images)",
        "passed over extra (6 images)",
        "are read as 0..4095 (12 bits)",
        "passed over 1 file (notes.xyz)",
    ):
        assert words in done.stdout
    assert f"warning: {folder}: integers from" in done.stderr
    assert "--value-range LOW..HIGH" in done.stderr
    assert "--split all" in done.stderr
    for python in ("UserWarning", "warnings.warn", ".py:", "value_range="):
        assert python not in done.stderr + done.stdout.replace("value_range = ", "")


def test_a_range_is_kept_with_the_run_and_read_again(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(-50, 4000, (12, 8, 8)))
    refused = gan_np("train", "--data", "a.npy", *SMALL, cwd=tmp_path)
    assert refused.returncode == 1
    assert "name it with --value-range LOW..HIGH" in refused.stderr
    done = gan_np("train", "--data", "a.npy", "--value-range", "-50..4000", *SMALL, "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "read as -50..4000, as asked for" in done.stderr
    assert tomllib.loads((tmp_path / "run/config.toml").read_text())["value_range"] == "-50..4000"
    assert gan_np("train", "--resume", "run", "--steps", 3, cwd=tmp_path).returncode == 0
    refused = gan_np("train", "--data", "a.npy", "--value-range", "0-1", *SMALL, cwd=tmp_path)
    assert refused.returncode == 2
    assert "Invalid value for '--value-range': expected LOW..HIGH" in refused.stderr


def test_parts_serve_as_held_out_data_unless_all_is_trained_on(tmp_path: Path) -> None:
    names = [f"{part}/{k}.png" for part in ("Train", "Valid") for k in range(30)]
    images_in(tmp_path / "set", *names)
    for split, words in ("train", "test images"), ("all", "has no test part"):
        run = tmp_path / split
        done = gan_np("train", "--data", tmp_path / "set", *SMALL, "--split", split, "--out", run)
        assert done.returncode == 0, done.stderr
        assert f"on {30 if split == 'train' else 60} images" in done.stderr
        found = gan_np("neighbours", run, "--count", 10, "--cells", 0, "--out", tmp_path / "n.png")
        assert (words in found.stderr) == (split == "all"), found.stderr


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nosuch", "data: expected one of"),
        ("no/such", "data: no such file"),
        ("broken", "--skip-broken leaves them out"),
        ("sizes", "--image-size 64"),
        ("heic", "leave them out with --skip-broken"),
    ],
)
@pytest.mark.parametrize("command", ["train", "train-classifier"])
def test_errors_speak_of_flags(kind: str, words: str, command: str, tmp_path: Path) -> None:
    folder = images_in(tmp_path / "set", "a/0.png", "b/1.png")
    if kind == "broken":
        (folder / "c.png").write_bytes(b"x")
    elif kind == "sizes":
        images_in(folder, "a/2.png", side=9)
    elif kind == "heic":
        for number in range(9):
            (folder / f"{number}.heic").write_bytes(b"x")
    done = gan_np(
        command, "--data", folder if folder.exists() and "/" not in kind and kind != "nosuch" else kind, cwd=tmp_path
    )
    assert done.returncode == 1
    assert words in done.stderr
    for python in ("source", "skip_broken", "image_size"):
        assert python not in done.stderr


def test_broken_files_left_out_are_named_in_a_line(tmp_path: Path) -> None:
    folder = images_in(tmp_path / "set", *(f"{k}.png" for k in range(6)))
    (folder / "\x1b[31mred.png").write_bytes(b"x")
    done = gan_np("train", "--data", folder, "--skip-broken", *SMALL, "--out", tmp_path / "run", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(
        f"warning: {folder}: left out 1 of 7 images that cannot be read: \\x1b[31mred.png (not"
    )
    assert done.stderr.count("\n") == 1
