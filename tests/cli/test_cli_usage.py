"""Wrong command lines: exit code 2, the option named, and nothing read or made before."""

import inspect
import math
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import gan_np as gn
from gan_np.cli import app
from gan_np.cli.commands import COMMANDS, function_of, load_command
from gan_np.cli.evaluate import show_report
from gan_np.constructors import choices_of, kinds_of
from gan_np.evaluation.parts import Section, Table
from gan_np.evaluation.report import Report
from gan_np.runs.config import Config, options_for, owners
from gan_np.runs.suggestions import ELSEWHERE, suggestions

FUNCTIONS = {name: function_of(name) for name in COMMANDS}
RUN_FIRST = ("sample", "show", "neighbours", "traverse", "evaluate", "walk")
FINITE_OF_ANY_SIGN = ("across_range", "down_range")


def numeric_options() -> list[tuple[str, str, type]]:
    """(command, option, int or float) of every option that takes a number."""
    found = []
    for name, callback in FUNCTIONS.items():
        for parameter in inspect.signature(callback, eval_str=True).parameters.values():
            kind = typing.get_args(parameter.annotation)[0]
            kinds = {
                *(kind, *typing.get_args(kind)),
                *(part for t in typing.get_args(kind) for part in typing.get_args(t)),
            }
            number = next((number for number in (int, float) if number in kinds), None)
            if number is not None:
                found.append((name, parameter.name, number))
    for kind, chosen in Config().chosen().items():
        for option in options_for(kind, chosen):
            alternatives = {type(one) for one in choices_of(option.kind)} or set(kinds_of(option.kind))
            number = next((number for number in (int, float) if number in alternatives), None)
            if number is not None:
                found.append(("train", option.name, number))
    return found


def use(*arguments: object) -> tuple[int, str]:
    """The exit code and what is printed, without the frame around it; 1 for an error that main() would print."""
    done = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "80", "NO_COLOR": "1"})
    return done.exit_code, " ".join(done.output.replace("│", " ").split()) + repr(done.exception)


def test_the_walk_finds_the_numbers() -> None:
    found = numeric_options()
    assert ("train", "steps", int) in found
    assert ("train", "clip_norm", float) in found
    assert ("traverse", "across_range", float) in found
    assert len(found) > 80


@pytest.mark.parametrize(
    ("command", "option", "kind"), numeric_options(), ids=lambda value: getattr(value, "__name__", value)
)
def test_numbers_out_of_their_range(
    command: str, option: str, kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flag = f"--{option.replace('_', '-')}"
    run = ["no-such-run"] if command in RUN_FIRST else []
    width = 2 if option in FINITE_OF_ANY_SIGN else 1
    wrong = [-(10**9)] if kind is int else [math.nan, math.inf, -1e9]
    for value in wrong[: -1 if option in FINITE_OF_ANY_SIGN else None]:
        code, printed = use(command, *run, *(["--across", "axis:0"] if width == 2 else []), flag, *[value] * width)
        assert code == 2, printed
        assert flag in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--device", "gpu"], "'--device': expected 'cpu', 'cuda' or 'cuda:N'"),
        (["sample", "no-run", "--device", "cuda:x"], "'--device'"),
        (["train-classifier", "--device", "gpu"], "'--device'"),
        (["train", "--kernels", "dense=fastest"], "no kernel 'fastest'"),
        (["train", "--augment", "colr"], "'--augment': expected one of 'colour'"),
        (["train-classifier", "--augment", "colr"], "'--augment': expected one of 'colour'"),
        (["train-classifier", "--channels", "2"], "'--channels'"),
        (["train", "--channels", "2"], "'--channels'"),
        (["train", "--objective", "hinge", "--smoothing", "0.1"], "'--smoothing': belongs to"),
        (["train", "--precision", "bf16"], "'--precision'"),
        (["train", "--resume", "no-run", "--d-norm", "none"], "'--resume': a run keeps its settings"),
        (["profile", "--model", "residual", "--d-norm", "batches"], "'--d-norm'"),
        (["tune", "--d-steps", "0"], "'--d-steps'"),
        (["traverse", "no-run"], "'--across': expected a factor"),
        (["traverse", "no-run", "--keep", "smile"], "'--keep': expected NAME=FACTOR"),
        (["train", "--model", "dcgn", "--hidden", "16"], "'--model': expected one of"),
        (["train", "--preset", "r3gan-digit", "--blocks", "1"], "r3gan-digit"),
        (["train", "--data", ""], "'--data': expected a name or a path, got an empty text"),
        (["sample", "no-run", "--by-class", "--label", "1"], "'--by-class'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_options_that_cannot_be_meant(arguments: list[str], words: str) -> None:
    code, printed = use(*arguments)
    assert code == 2, printed
    assert words in printed


def test_a_folder_that_is_taken_is_refused_before_data_are_read(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    code, printed = use("train", "--out", tmp_path / "taken", "--data", tmp_path / "nothing.npz")
    assert (code, "FileExistsError" in printed) == (1, True), printed
    with pytest.raises(FileExistsError, match=r"out: .*taken exists"):
        gn.train(gn.models.dcgan((8, 8, 1), 3, width=2), np.zeros((8, 9, 9, 1), np.uint8), out=tmp_path / "taken")
    code, printed = use("train", "--out", tmp_path / "taken", "--data", tmp_path / "nothing.npz", "--dry-run")
    assert "nothing.npz" in printed


def test_columns_that_have_no_room_are_told_apart_by_what_they_belong_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    heads = ("figure", "samples", "95 % interval", "real\nimages", "95 % interval", "better")
    table = Table(heads, (("a distance", "1.25", "[1.1, 1.4]", "0.25", "[0.1, 0.3]", "lower"),), optional=(4, 5))
    report = Report("Evaluation", {})
    report.add(Section("figures", "Figures", tables=(table,)))
    show_report(report)
    assert "has them: 95 % interval of real images" in " ".join(capsys.readouterr().out.split())


def test_a_wrong_file_of_settings_is_not_a_wrong_command_line(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("steps = -1")
    code, printed = use("train", "--config", tmp_path / "bad.toml")
    assert code == 1
    assert "steps: expected an integer of at least 1" in printed


@pytest.mark.parametrize(
    ("given", "meant", "not_meant"),
    [
        ("--lr", ["--g-learning-rate", "--d-learning-rate"], ["--flip", "--r1"]),
        ("--bs", ["--batch-size"], ["--jobs", "--seed"]),
        ("--epochs", ["--steps"], []),
        ("--stpes", ["--steps"], []),
        ("--beta", ["--beta1", "--beta2"], []),
        ("--rate", ["--g-learning-rate"], ["--latent"]),
        ("--latent-size", ["--latent-dim"], []),
        ("--output", ["--out"], []),
    ],
)
def test_an_unknown_option(given: str, meant: list[str], not_meant: list[str]) -> None:
    code, printed = use("train", given, 3)
    assert code == 2
    assert "No such option" in printed
    for name in meant:
        assert name in printed
    for name in not_meant:
        assert name not in printed


def test_the_library_has_the_same_guesses() -> None:
    with pytest.raises(ValueError, match=r"unknown name 'lr'; did you mean 'g_learning_rate' or 'd_learning_rate'"):
        Config.from_mapping({"lr": 1e-3})


def test_what_other_programs_say_stands_for_settings_that_there_are() -> None:
    ours = {name for callback in FUNCTIONS.values() for name in inspect.signature(callback).parameters} | set(owners())
    assert set(ELSEWHERE.values()) <= ours
    assert not set(ELSEWHERE) & ours
    assert suggestions("zzzz", sorted(ours)) == []


def test_the_default_of_d_norm_fits_the_model(tmp_path: Path) -> None:
    np.save(tmp_path / "tiny.npy", np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8))
    small = ["--steps", 1, "--width", 2, "--latent-dim", 2, "--batch-size", 4, "--quiet"]
    code, printed = use(
        "train", "--data", tmp_path / "tiny.npy", "--model", "residual", *small, "--out", tmp_path / "run"
    )
    assert code == 0, printed
    assert 'd_norm = "spectral"' in (tmp_path / "run" / "config.toml").read_text()
    assert "d_norm=" not in use("show", tmp_path / "run")[1]
    code, printed = use("train", "--resume", tmp_path / "run", "--steps", 2, "--quiet")
    assert code == 0, printed
    assert Config().d_norm == "batch"
    assert Config(model="residual", d_norm="none").d_norm == "none"


def test_r1_names_the_option_that_it_needs(tmp_path: Path) -> None:
    np.save(tmp_path / "tiny.npy", np.random.default_rng(0).integers(0, 256, (20, 16, 16, 1), np.uint8))
    small = [
        "--data",
        tmp_path / "tiny.npy",
        "--steps",
        1,
        "--width",
        2,
        "--latent-dim",
        2,
        "--batch-size",
        4,
        "--quiet",
    ]
    code, printed = use("train", *small, "--r1", 1, "--out", tmp_path / "run")
    assert code == 1
    assert "--d-norm" in printed
    assert not (tmp_path / "run").exists()
    code, printed = use("train", *small, "--r1", 1, "--d-norm", "none", "--out", tmp_path / "run")
    assert code == 0, printed


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name):
    assert COMMANDS[name].help == " ".join(load_command(name).help.split("\n\n")[0].split())


def test_the_list_of_commands_needs_no_command():
    code = (
        "import sys; from gan_np.cli import main; sys.argv[1:] = ['--help']\ntry: main()\nfinally: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "gan_np.cli.commands" in loaded
    assert not {"numpy", "gan_np.cli.train", "gan_np.runs.config", "gan_np.models"} & set(loaded)
