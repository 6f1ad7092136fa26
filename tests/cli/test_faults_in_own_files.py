"""Errors in files of one's own, run by --import: one line with the file and the line where it went wrong."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import gan_np as gn
from gan_np.cli import app
from gan_np.cli.flags import as_flags

MODEL = """
import gan_np as gn


@gn.models.register("mine-{name}")
def made(data_shape, latent_dim=2, *, seed=0, device="cpu"):
{body}
"""


def main(*arguments: object) -> tuple[int, str]:
    code = "from gan_np.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import gan_np\n\nx = nothing\n", "failed with NameError: name 'nothing' is not defined (mine.py, line 3)"),
        ("def f(:\n", "SyntaxError"),
    ],
    ids=["name", "syntax"],
)
def test_a_file_that_fails(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    done = CliRunner().invoke(app, ["train", "--import", str(file)], env={"COLUMNS": "300", "NO_COLOR": "1"})
    assert done.exit_code == 2
    printed = " ".join(done.output.replace("│", " ").split())
    assert words in printed
    assert "mine.py, line" in printed


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        (
            "wrong",
            "    return gn.nothing",
            "AttributeError: module 'gan_np' has no attribute 'nothing' (mine.py, line 7)",
        ),
        (
            "none",
            "    gn.models.mlp(data_shape, 2, hidden=4)",
            "'mine-none' is to return a model such as a gan_np.GAN, got None",
        ),
    ],
)
def test_a_model_function_that_fails(name: str, body: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MODEL.format(name=name, body=body))
    np.save(tmp_path / "images.npy", np.zeros((4, 8, 8, 1), np.uint8))
    found, printed = main(
        "train", "--import", tmp_path / "mine.py", "--model", f"mine-{name}", "--data", tmp_path / "images.npy",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert (found, "Traceback" in printed) == (1, False), printed
    assert words in printed
    assert not (tmp_path / "run").exists()


def test_a_size_that_the_model_refuses_is_refused_before_images_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_np.runs.open_data", lambda *_: pytest.fail("images were read"))
    for size, words in (("1000", "got 1000×1000"), ("4", "expected sides from 8")):
        done = CliRunner().invoke(app, ["train", "--image-size", size], env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert done.exit_code == 2, done.output
        assert "--image-size" in done.output
        assert words in done.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a tenth of d_learning_rate and g_learning_rate", "a tenth of --d-learning-rate and --g-learning-rate"),
        ('try instance_noise=0.1 or d_norm="none".', "try --instance-noise 0.1 or --d-norm none."),
        ("G's loss, r1 and steps; no_setting=3", "G's loss, r1 and steps; no_setting=3"),
        ("minibatch_deviation=True, clip_weights=0.01,", "--minibatch-deviation, --clip-weights 0.01,"),
    ],
)
def test_advice_has_flags(text: str, words: str) -> None:
    assert as_flags(text) == words


def test_hints_of_the_command_line_have_flags(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(20, 2)))
    arguments = [
        "train", "--data", tmp_path / "rows.npy", "--model", "mlp", "--hidden", 4, "--maxout-units", 4,
        "--objective", "wasserstein", "--steps", 2, "--batch-size", 4, "--out", tmp_path / "run",
    ]  # fmt: skip
    code, printed = main(*arguments)
    assert code == 0, printed
    assert '--penalties "wasserstein(10)"' in printed
    assert "--clip-weights 0.01" in printed
    assert "penalties=" in (tmp_path / "run" / "hints.jsonl").read_text()  # as Python writes it, for `gn.open_run`
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "run"), "--no-grid"])
    assert "--clip-weights 0.01" in shown.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cosine(2e-4, 0, 5000", "got 'cosine(2e-4, 0, 5000', in which ( is not closed"),
        ("cosine(2e-4, 0, 5000))", "in which ) closes nothing"),
        ("piecewise([1, 2), 3)", "in which ) closes nothing"),
        ("cosine(2e-4 0)", "(invalid syntax"),
    ],
)
def test_a_schedule_with_a_missing_bracket(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="g_learning_rate: ") as caught:
        gn.runs.Config(g_learning_rate=text)
    assert words in str(caught.value)


LISTS = """
import gan_np as gn


@gn.models.register("lists-of-numbers")
def lists(data_shape, latent_dim: int = 2, *, sizes: tuple[int, ...] = (4,), rate: float = 0.5):
    return gn.models.mlp(data_shape, latent_dim, hidden=sizes[0], maxout_units=4)
"""


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--sizes", "4,x", "expected a list of integers, got '4,x'"),
        ("--sizes", "4;5", "expected a list of integers, got '4;5'"),
        ("--rate", "x", ", got 'x'"),
    ],
)
def test_numbers_that_are_none_are_named_with_their_flag(flag: str, value: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "lists.py"
    file.write_text(LISTS)
    arguments = ["train", "--import", str(file), "--model", "lists-of-numbers", flag, value]
    try:
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "NO_COLOR": "1"})
    finally:
        gn.models.MODELS.unregister("lists-of-numbers")
    assert done.exit_code == 2
    assert f"'{flag}'" in done.output
    assert words in done.output
