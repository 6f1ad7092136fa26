"""`gan-np show` of runs that are not as they should be, and what other commands say of a wrong folder or file."""

import contextlib
import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.cli import main

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), np.uint8)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[int, str]:
    """A command's exit code, and all that it printed."""
    monkeypatch.setattr(sys, "argv", ["gan-np", *map(str, arguments)])
    printed, code = io.StringIO(), 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
    return code, " ".join(printed.getvalue().split())


def trained(place: Path, **options: object) -> Path:
    gan = gn.models.mlp((8, 8, 1), 4, hidden=4)
    settings = {"steps": 4, "checkpoint_every": 2, "batch_size": 8, "progress": False, "animation": False}
    gn.train(gan, IMAGES, out=place, **settings, **options)
    return place


def test_a_checkpoint_that_was_cut_short_is_named_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = trained(tmp_path / "run")
    code, whole = run(monkeypatch, "show", place)
    assert code == 0
    assert "damaged" not in whole
    os.truncate(place / "checkpoints/step-000004.safetensors", 700)
    code, text = run(monkeypatch, "show", place)
    assert code == 0
    assert "damaged, and passed over when the run goes on: " in text
    assert "step-000004.safetensors: not a readable checkpoint" in text
    assert "loss of D" in text


class Mine(gn.objectives.NonSaturating):
    """As one of a user's own file, which is not there when the run is looked at."""


def test_what_is_not_registered_is_not_needed_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = gn.objectives.OBJECTIVES
    registry.register("mine")(Mine)
    try:
        place = trained(tmp_path / "run", objective="mine")
        code, known = run(monkeypatch, "show", place)
        assert code == 0
        assert "not registered" not in known
    finally:
        registry.unregister("mine")
    code, text = run(monkeypatch, "show", place)
    assert code == 0, text
    assert "step 4 of 4" in text
    assert "objective 'mine' (--import FILE registers it)" in text
    assert "steps=4" in text
    assert "learning_rate" not in text, "those are the usual ones"
    opened = gn.open_run(place)
    assert (opened.done, opened.settings["objective"]) == (4, "mine")
    assert "step 4 of 4" in opened._repr_html_()
    with pytest.raises(ValueError, match=r"config\.toml: objective: expected one of .*got 'mine'.*--import FILE"):
        _ = opened.config


def test_what_is_wrong_with_settings_names_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = trained(tmp_path / "run")
    file = place / "config.toml"
    file.write_text(file.read_text().replace("steps = 4", "steps = -4"))
    for command in (("show", place), ("evaluate", place), ("train", "--resume", place)):
        code, text = run(monkeypatch, *command)
        assert code == 1
        assert f"{file}: steps: expected an integer of at least 1" in text
    given = tmp_path / "given.toml"
    given.write_text('steps = "many"\n')
    code, text = run(monkeypatch, "train", "--config", given, "--out", tmp_path / "other")
    assert code == 1
    assert f"{given}: steps: expected an integer, got 'many'" in text


def test_a_folder_that_is_no_run_says_which_are_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"^\. \(.*\): this folder is no run: .*there are runs in it: digits$"):
        gn.load(".")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"^empty: this folder is no run: .*or a file that gan_np\.save wrote$"):
        gn.load("empty")
