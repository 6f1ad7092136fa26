"""Hints of a run: said once, kept in its folder, shown; looking for them changes no bit."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import gan_np as gn
from gan_np.cli import app
from gan_np.cli.flags import as_flags
from gan_np.runs import checkpoint, hinting
from gan_np.runs.hints_file import read_hints
from gan_np.runs.records import read_records
from gan_np.training import TrainingHint

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
OPTIONS: dict[str, Any] = {"batch_size": 8, "sample_every": 0, "sample_count": 4, "animation": False}


def small() -> gn.GAN:
    return gn.models.mlp((8, 8, 1), 4, hidden=8, maxout_units=4)


def test_without_a_progress_bar_pythons_warnings_say_it_once() -> None:
    with pytest.warns(TrainingHint, match="step 0: nothing keeps the slope of D in bounds") as caught:
        gn.train(small(), IMAGES, steps=3, objective="wasserstein", progress=False, **OPTIONS)
    assert len(caught) == 1
    assert caught[0].filename == __file__, "the line that trains"


def test_a_training_that_goes_well_says_nothing_and_has_no_file(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gn.train(small(), IMAGES, steps=3, out=tmp_path / "run", progress=False, **OPTIONS)
    assert not (tmp_path / "run/hints.jsonl").exists()


def test_with_a_progress_bar_a_line_does_and_the_folder_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    gn.train(small(), IMAGES, steps=4, out=run, d_learning_rate=5.0, **OPTIONS)
    assert capsys.readouterr().err.count("hint, step 1: a rate is far too high") == 1
    (hint,) = read_hints(run)
    assert (hint["step"], hint["hint"]) == (1, "rate-too-high")
    assert gn.open_run(run).hints == [hint]
    shown = CliRunner().invoke(app, ["show", str(run)], env={"COLUMNS": "500"})
    assert f"hint, step 1: {as_flags(hint['text'])}" in shown.output
    assert hint["text"].split(":")[0] in gn.open_run(run)._repr_html_()
    gn.resume(run, images=IMAGES, steps=6)
    assert "hint" not in capsys.readouterr().err, "not twice"
    assert read_hints(run) == [hint]


def test_what_lies_behind_the_checkpoint_is_said_again(tmp_path: Path) -> None:
    run = tmp_path / "run"
    gn.train(small(), IMAGES, steps=2, out=run, progress=False, **OPTIONS)
    lines = [{"step": 1, "hint": "one", "text": "early"}, {"step": 9, "hint": "other", "text": "late"}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run / "hints.jsonl").write_text(text + '{"step": 1}\nnothing\n[1]\n{"step": true, "hint": 1, "text": 2}\n')
    assert read_hints(run) == lines
    gn.resume(run, images=IMAGES, steps=3, progress=False)
    assert read_hints(run) == lines[:1]


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hinting, "EVERY", 2)
    monkeypatch.setattr(hinting, "HINTS", {})  # so early every generator draws nearly the same


def test_measuring_changes_no_bit(tmp_path: Path, often: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def tensors(run: Path) -> dict[str, bytes]:
        gn.train(
            gn.models.dcgan((8, 8, 1), 4, width=2),
            IMAGES,
            steps=7,
            out=run,
            instance_noise=0.1,
            progress=False,
            **OPTIONS,
        )
        return {name: value.tobytes() for name, value in checkpoint.read(run)[0].items()}

    measured = tensors(tmp_path / "measured")
    assert [r["step"] for r in read_records(tmp_path / "measured/log.jsonl") if "sample_spread" in r] == [2, 4, 6]
    monkeypatch.setattr(hinting.Adviser, "look", lambda self, step: {})
    assert tensors(tmp_path / "not") == measured


def test_a_resumed_run_knows_what_was_measured(tmp_path: Path, often: None, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    gn.train(small(), IMAGES, steps=4, out=run, progress=False, **OPTIONS)
    made: list[hinting.Adviser] = []
    look = hinting.Adviser.look
    monkeypatch.setattr(hinting.Adviser, "look", lambda self, step: made.append(self) or look(self, step))
    gn.resume(run, images=IMAGES, steps=6, progress=False)
    assert [one.step for one in made[0].course.measured] == [2, 4, 6]
    assert all(np.isfinite([one.g_gradient, one.spread]).all() for one in made[0].course.measured)


def test_a_line_is_logged_where_something_is_measured(tmp_path: Path, often: None) -> None:
    gn.train(small(), IMAGES, steps=6, out=tmp_path / "run", log_every=3, progress=False, **OPTIONS)
    assert [record["step"] for record in read_records(tmp_path / "run/log.jsonl")] == [2, 3, 4, 6]


@pytest.mark.parametrize("objective", ["wasserstein", "relativistic", "relativistic-average"])
def test_where_there_is_no_boundary_there_are_no_accuracies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], objective: str
) -> None:
    run = tmp_path / "run"
    clip = {"clip_weights": 0.01} if objective == "wasserstein" else {}
    gn.train(small(), IMAGES, steps=2, out=run, objective=objective, **clip, **OPTIONS)
    assert set(read_records(run / "log.jsonl")[0]) == {"step", "d_loss", "g_loss", "seconds"}
    assert "real" not in capsys.readouterr().err
    assert "called" not in CliRunner().invoke(app, ["show", str(run)]).output
    assert (run / "losses.png").stat().st_size > 0


def test_the_command_is_quiet_if_asked(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    command = ["train", "--data", str(tmp_path / "images.npy"), "--model", "mlp", "--hidden", "8", "--steps", "2"]
    command += ["--batch-size", "8", "--objective", "wasserstein", "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*command, "--quiet"])
    assert done.exit_code == 0, done.output
    assert "slope" not in done.output
    assert [hint["hint"] for hint in read_hints(tmp_path / "run")] == ["no-constraint"]
