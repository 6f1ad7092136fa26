"""The command line as a user meets it: its output, its exit code, signals, a terminal.

What does not need a process of its own is run in this one.
"""

import os
import pty
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from command_line import gan_np
from PIL import Image

SMALL = ["--steps", "6", "--width", "2", "--latent-dim", "4", "--batch-size", "8", "--sample-count", "4"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "tiny.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8))
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from gan_np.cli import main; main()", *map(str, arguments)]


@pytest.fixture(scope="module")
def run(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    done = subprocess.run(command("train", "--data", images, "--out", out, *SMALL), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"gan-np sample {out}" in done.stderr
    return out


def test_as_a_module(run: Path, tmp_path: Path) -> None:
    """The same program where the command is not on the path."""
    out = tmp_path / "drawn.png"
    start = [sys.executable, "-m", "gan_np"]
    done = subprocess.run([*start, "sample", run, "--out", out], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert out.exists()
    assert subprocess.run([*start, "paint"], capture_output=True, timeout=120).returncode == 2


def test_train_leaves_a_run(run: Path) -> None:
    for name in ("samples.png", "losses.png", "log.jsonl", "config.toml", "training.gif"):
        assert (run / name).stat().st_size > 0
    settings = tomllib.loads((run / "config.toml").read_text())
    assert settings["steps"] == 6
    assert settings["width"] == 2


def test_default_folder_is_the_first_free_one(images: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        done = gan_np("train", "--data", images, "--quiet", *SMALL, cwd=tmp_path)
        assert done.returncode == 0
        assert done.stdout == done.stderr == ""
        assert (tmp_path / f"runs/tiny-dcgan-{number}/samples.png").exists()


def test_flags_over_file_over_defaults(images: Path, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(f'data = "{images}"\nwidth = 3\nlatent_dim = 5\nsteps = 4\nbatch_size = 8\n')
    done = gan_np("train", "--config", tmp_path / "my.toml", "--steps", 2, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    settings = tomllib.loads((tmp_path / "run/config.toml").read_text())
    assert (settings["steps"], settings["width"], settings["seed"]) == (2, 3, 0)


def test_sample_same_seed_same_file(run: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = gan_np("sample", run, "--count", 5, "--seed", seed, "--out", tmp_path / f"{name}.png")
        assert done.returncode == 0, done.stderr
    first, same, other = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in "abc")
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_resume(images: Path, tmp_path: Path) -> None:
    options = ["--data", images, *SMALL]
    assert gan_np("train", *options, "--out", tmp_path / "straight", "--steps", 9).returncode == 0
    assert gan_np("train", *options, "--out", tmp_path / "two").returncode == 0
    done = gan_np("train", "--resume", tmp_path / "two", "--steps", 9)
    assert done.returncode == 0, done.stderr
    grids = [(tmp_path / name / "samples.png").read_bytes() for name in ("straight", "two")]
    assert grids[0] == grids[1]
    refused = gan_np("train", "--resume", tmp_path / "two", "--width", 3)
    assert refused.returncode == 2
    assert "width" in refused.stderr


def test_show(run: Path) -> None:
    done = gan_np("show", run)
    assert done.returncode == 0, done.stderr
    assert "step 6 of 6" in done.stdout
    assert "loss of D" in done.stdout
    assert "width=2" in done.stdout
    assert re.search("[▁▂▃▄▅▆▇█]{6}", done.stdout)


def test_profile(images: Path) -> None:
    done = gan_np("profile", "--data", images, *SMALL, "--repeats", 2)
    assert done.returncode == 0, done.stderr
    for words in ("conv2d", "to_small", "adam", "everything else", "ms a step", "by layer", "BatchNorm", "optimisers"):
        assert words in done.stdout


def test_tune_and_train_with_it(images: Path, tmp_path: Path) -> None:
    options = ["--data", images, *SMALL]
    done = gan_np("tune", *options, "--rounds", 1, "--out", tmp_path / "tuned.json")
    assert done.returncode == 0, done.stderr
    for words in ("chosen", "cost model", "conv2d", "adam"):
        assert words in done.stdout
    assert f"wrote {tmp_path / 'tuned.json'}" in done.stderr
    done = gan_np("train", *options, "--tuned", tmp_path / "tuned.json", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    (tmp_path / "tuned.json").unlink()
    done = gan_np("train", "--resume", tmp_path / "run", "--steps", 8)
    assert done.returncode == 0, done.stderr
    refused = gan_np("train", *options, "--tuned", tmp_path / "tuned.json", "--out", tmp_path / "other")
    assert refused.returncode == 1
    assert "tuned: there is no file" in refused.stderr
    assert not (tmp_path / "other").exists()
    refused = gan_np("tune", *options, "--out", tmp_path / "no" / "tuned.json")
    assert refused.returncode == 1
    assert "out: there is no folder" in refused.stderr


def test_dry_run_writes_nothing(images: Path, tmp_path: Path) -> None:
    done = gan_np("train", "--data", images, *SMALL, "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("width = 2", "ConvTranspose2d", "ms a step", "MB"):
        assert words in done.stdout
    assert "hint" not in done.stdout
    assert not list(tmp_path.iterdir())


def test_dry_run_says_the_hints_that_are_known_before_the_first_step(images: Path, tmp_path: Path) -> None:
    done = gan_np("train", "--data", images, *SMALL, "--model", "r3gan", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "is without the relativistic objective, R1 and R2" in done.stdout
    assert '--objective relativistic, --penalties "r1(1), r2(1)" and --beta1 0.0' in done.stdout


def test_help_fits_80_columns_and_names_every_setting() -> None:
    done = gan_np("train", "--help")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    for flag in ("--objective", "--optimizer", "--d-steps", "--steps", "--batch-size", "--seed", "--out", "--resume"):
        assert flag in done.stdout
    for group in ("Data", "Model", "Game", "Optimiser", "Training", "Output"):
        assert f"─ {group} ─" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "--stpes", "3"], 2, "--steps"),
        (["train", "--steps", "many"], 2, "integer"),
        (["train", "--model", "dcgna"], 2, "dcgan"),
        (["train", "--steps", "0"], 2, "steps"),
        (["train", "--data", "no-such-thing"], 1, "no-such-thing"),
        (["train", "--device", "gpu"], 2, "'cpu', 'cuda'"),
        (["sample", "no-such-run"], 1, "no-such-run"),
        (["show", "."], 1, "config.toml"),
        (["sample"], 2, "RUN"),
        ([], 2, "train"),
    ],
)
def test_errors(arguments: list[str], code: int, words: str, images: Path, tmp_path: Path) -> None:
    if arguments[:1] == ["train"] and "--data" not in arguments:
        arguments = [*arguments, "--data", str(images)]
    done = gan_np(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr + done.stdout
    assert words.lower() in (done.stderr + done.stdout).lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("step = 3", "did you mean 'steps'"),
        ('steps = "3"', "steps: expected an integer"),
        ("steps = 3.5", "steps: expected an integer"),
        ('optimizer = "adma"', "did you mean 'adam'"),
        ("steps = = 3", "not a TOML file"),
    ],
)
def test_configuration_files_are_checked(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(text)
    done = gan_np("train", "--config", tmp_path / "bad.toml")
    assert done.returncode == 1
    assert words in done.stderr


def test_numbers_that_are_not_finite_have_their_own_exit_code(images: Path, tmp_path: Path) -> None:
    rates = ["--optimizer", "sgd", "--g-learning-rate", "1e30", "--d-learning-rate", "1e30", "--steps", "200"]
    done = gan_np("train", "--data", images, *SMALL, *rates, "--out", tmp_path / "run")
    assert done.returncode == 3, done.stderr
    assert re.search(r"step \d+: the (loss|gradient|weights) of [DG]", done.stderr)
    assert "last good checkpoint" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_saves_and_says_so(images: Path, tmp_path: Path, number: int, code: int) -> None:
    options = ["--data", images, *SMALL, "--steps", 100_000, "--out", tmp_path / "run"]
    process = subprocess.Popen(command("train", *options), stderr=subprocess.PIPE, text=True)
    log = tmp_path / "run/log.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == code, printed
    assert "saved" in printed
    assert "--resume" in printed
    assert list((tmp_path / "run/checkpoints").glob("step-*.safetensors"))


INTERRUPTED = """
import ctypes, sys, time
import gan_np.runs.loop as loop
from gan_np.cli import main
def at_once(*_, **__):
    raise KeyboardInterrupt
def lost(*_, **__):
    ctypes.CFUNCTYPE(None)(at_once)()  # as while Numba compiles
    raise RuntimeError("no compiled object yet")
def unnoticed(*_, **__):
    ctypes.CFUNCTYPE(None)(at_once)()
    for _ in range(6000):  # nothing fails: the interrupt has to come again
        time.sleep(0.01)
loop.build_trainer = {"at once": at_once, "lost": lost, "unnoticed": unnoticed}[sys.argv.pop(1)]
main()
"""


@pytest.mark.parametrize("where", ["at once", "lost", "unnoticed"])
def test_an_interrupt_before_the_training_is_one_line(images: Path, tmp_path: Path, where: str) -> None:
    options = ["train", "--data", images, *SMALL, "--out", tmp_path / "run"]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, where, *map(str, options)], capture_output=True, text=True
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_progress_bar_on_a_terminal(images: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    settings = {**os.environ, "COLUMNS": "110", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command("train", "--data", images, *SMALL, "--steps", 40, "--out", tmp_path / "run"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=settings,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side has closed
            break
        if not part:
            break
        shown += part
    assert process.wait(timeout=60) == 0
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    for words in ("40/40", "steps/s", "left", "real", "fake", "━"):
        assert words in text
