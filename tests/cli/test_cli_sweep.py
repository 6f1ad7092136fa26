"""`gan-np sweep` and `gan-np diff`: a sweep from its dry run to its table, within 80 columns, and wrong command lines."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from command_line import gan_np

from gan_np.cli.sweep import _print
from gan_np.evaluation.parts import Table

SETTINGS = ["--model", "mlp", "--hidden", 8, "--batch-size", 8, "--steps", 3, "--sample-every", 0, "--no-animation"]
SWEEP = [*SETTINGS, "--vary", "g_learning_rate=1e-3,1e-2", "--count", 20]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sweep")
    np.save(found / "d.npy", np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8))
    return found


def words(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_a_sweep_and_its_runs_side_by_side(place: Path) -> None:
    command = ["sweep", "--data", "d.npy", *SWEEP, "--out", "s"]
    planned = gan_np(*command, "--dry-run", cwd=place)
    assert planned.returncode == 0, planned.stderr
    assert "0.001 0 3" in words(planned.stdout)
    assert re.search(
        r"2 runs in s: training takes (about [\d.]+|< 0\.1) s, estimated from a few steps", words(planned.stdout)
    )
    assert not (place / "s").exists()
    done = gan_np(*command, "--json", "s.json", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "run 2 of 2: g_learning_rate=0.01,seed=0" in done.stderr
    assert "sorted by sliced Wasserstein 8×8, less is better" in done.stdout
    told = json.loads((place / "s.json").read_text())
    assert told["sorted_by"] == "sliced_wasserstein_8x8"
    best = told["combinations"][0]["runs"][0]["run"]
    assert f"s/{best}" in done.stderr.partition("the best is in:")[2]
    again = gan_np("sweep", "--resume", "s", cwd=place)
    assert (again.stdout, again.returncode) == (done.stdout, 0)
    assert "run 1 of" not in again.stderr
    shown = gan_np("sweep", "--resume", "s", "--show", cwd=place)
    assert shown.stdout == done.stdout
    both = gan_np("diff", *(f"s/g_learning_rate={rate},seed=0/" for rate in ("0.001", "0.01")), cwd=place)
    assert both.returncode == 0, both.stderr
    lines = [line.split() for line in both.stdout.splitlines()]
    assert ["g_learning_rate", "0.001", "0.01"] in lines
    assert ["steps", "done", "3", "of", "3", "3", "of", "3"] in lines
    assert "d_learning_rate" not in both.stdout
    *table, _ = planned.stdout.splitlines()  # below it a sentence, which a terminal breaks
    assert max(map(len, [*table, *done.stdout.splitlines(), *both.stdout.splitlines()])) <= 80


def test_a_table_of_labelled_data_fits_80_columns_without_breaking_a_rate(capsys: pytest.CaptureFixture[str]) -> None:
    figures = ("523.9 (484.4 to 563.3)", "722.3 (720.5 to 724.1)")
    heads = ("g_learning_rate", "Fréchet distance", "sliced Wasserstein 16×16", "seeds", "time")
    rows = (("0.001", *figures, "2", "0.1 s"), ("1000000.0", *figures, "1 of 2, not finite", "12 min"))
    _print(Table(heads, rows, numbers=(1, 2, 3, 4)))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split() == ["g_learning_rate=0.001", "523.9", "722.3", "2", "0.1", "s"] for line in lines)
    assert any(line.split()[:2] == ["g_learning_rate=1000000.0", "523.9"] for line in lines)


def test_a_run_that_fails_makes_the_exit_status_1(place: Path) -> None:
    command = ["sweep", "--data", "d.npy", *SWEEP, "--out", "failing", "--quiet"]
    (place / "failing" / "g_learning_rate=0.01,seed=0").mkdir(parents=True)
    assert gan_np(*command, cwd=place).returncode == 1


def test_a_file_says_what_is_varied_and_flags_count_over_it(place: Path) -> None:
    (place / "sweep.toml").write_text(
        'data = "d.npy"\nmodel = "mlp"\nsteps = 3\nseeds = [4]\n[vary]\nhidden = [4, 8]\nclip_weights = ["none", 0.01]\n'
    )
    command = ["sweep", "--config", "sweep.toml", "--out", "file", "--dry-run"]
    done = gan_np(*command, "--steps", 2, "--clip-weights", 0.1, "--vary", "batch_size=4,8", cwd=place, columns=120)
    assert done.returncode == 0, done.stderr
    rows = [line.split()[:4] for line in done.stdout.splitlines()]
    assert rows[0] == ["hidden", "batch_size", "seed", "steps"]
    assert rows[2:6] == [[hidden, batch, "4", "2"] for hidden in ("4", "8") for batch in ("4", "8")]
    (place / "wrong.toml").write_text('dta = "d.npy"\n')
    wrong = gan_np("sweep", "--config", "wrong.toml", "--vary", "width=4", "--out", "file", cwd=place)
    assert "wrong.toml: settings: there is no setting 'dta'; did you mean 'data'" in words(wrong.stderr)


def test_a_wide_table_has_its_settings_below_each_other(place: Path) -> None:
    vary = ["g_learning_rate=cosine(2e-3, 1e-4, 9)", "d_learning_rate=cosine(2e-3, 1e-4, 9)", "average_decay=0.5"]
    options = [word for text in vary for word in ("--vary", text)]
    done = gan_np("sweep", "--data", "d.npy", *SETTINGS, *options, "--out", "wide", "--dry-run", cwd=place)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    assert "d_learning_rate=cosine(0.002, 0.0001, 9)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["sweep"], 2, "'--out': needed"),
        (["sweep", "--out", "x"], 2, "'--vary': expected at least one setting"),
        (["sweep", "--out", "x", "--vary", "width"], 2, "'--vary': expected NAME=VALUE"),
        (["sweep", "--out", "x", "--vary", "lr=1"], 2, "'--vary': there is no setting 'lr'; did you mean"),
        (["sweep", "--out", "x", "--vary", "width=4", "--vary", "width=8"], 2, "'--vary': width is given twice"),
        (["sweep", "--out", "x", "--vary", "width=4", "--width", "8"], 2, "'--vary': width is given as --width too"),
        (["sweep", "--out", "x", "--vary", "r1=-1"], 2, "'--r1': expected a number of at least 0"),
        (["sweep", "--out", "x", "--vary", "width=4", "--seeds", "a"], 2, "'--seeds': expected numbers"),
        (["sweep", "--out", "x", "--vary", "width=4", "--json", "no/x.json"], 1, "json: there is no folder 'no'"),
        (
            ["sweep", "--out", "x", "--vary", "width=4", "--json", "."],
            1,
            "json: expected the name of a file, got the folder '.'",
        ),
        (["sweep", "--out", ".", "--vary", "width=4"], 1, "out: . exists and is not the folder of a sweep"),
        (["sweep", "--resume", "x"], 1, "x: not the folder of a sweep"),
        (["sweep", "--resume", "x", "--steps", "3", "--seeds", "1"], 2, "'--resume': a sweep keeps its settings"),
        (["diff", "x"], 2, "expected two run folders or more, got x alone"),
        (["diff", "x", "y"], 1, "x: not a run folder"),
    ],
)
def test_wrong_command_lines(place: Path, arguments: list[str], code: int, said: str) -> None:
    done = gan_np(*arguments, cwd=place)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in words(done.stderr)
    assert not (place / "x").exists()


def test_of_several_processes_none_trains(place: Path) -> None:
    several = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}
    done = gan_np("sweep", "--data", "d.npy", *SWEEP, "--out", "x", cwd=place, **several)
    assert done.returncode == 1
    assert "trains one run after another in one process, and mpiexec of Open MPI started 2" in words(done.stderr)
    assert not (place / "x").exists()
