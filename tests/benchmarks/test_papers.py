"""`python -m benchmarks papers`: each recipe for a moment, runs that are kept, tables, the page."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.papers import page, runs
from benchmarks.papers.catalogue import RECIPES
from benchmarks.papers.command import RESULTS
from benchmarks.papers.recipe import Job, Size
from benchmarks.papers.savepoint import Savepoint
from benchmarks.papers.summary import kept, number, rows

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Bars that stand for digits: class k is a bright row k·2 + 4, with noise."""
    rng = np.random.default_rng(0)

    def part(count):
        labels = np.arange(count) % 10
        images = rng.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        images[np.arange(count), 2 * labels + 4] += 190
        return images, labels

    (x_train, y_train), (x_test, y_test) = part(6000), part(200)
    file = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(file, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return str(file)


@pytest.mark.parametrize(
    ("recipe", "cases"),
    [
        ("parzen", "gan,training-pictures"),
        ("ring", "pac4"),
        ("grid", "pac2"),
        ("infogan", "infogan"),
        ("neighbour", "real,dcgan"),
        ("minimax", "minimax,non-saturating"),
        ("stacked", "pac2"),
        ("penalties", "gan-none,relativistic-r1-r2"),
        ("stacked-r3gan", "relativistic-r1-r2"),
    ],
)
def test_each_recipe_for_a_moment(recipe, cases, measured, data, tmp_path):
    images = tmp_path / "images"
    code, result, printed = measured(
        "papers", recipe, "--quick", "--updates", "2", "--cases", cases, "--data", data, "--images", str(images)
    )
    assert code == 0
    assert [run["case"] for run in result["runs"]] == cases.split(",")
    for run in result["runs"]:
        assert run["finished"]
        assert run["quick"]
        assert run["updates"] in (0, 2)
        assert set(RECIPES[recipe].measures) >= set(run["values"]) - {"deviation"}
        assert any(value is not None for value in run["values"].values())
        assert run["machine"]["cpu"]
        if run["updates"]:
            assert (images / f"{run['case']}-0.png").read_bytes().startswith(b"\x89PNG")
    assert "--quick" in printed
    assert "differs:" in printed


def test_bars_are_told_apart_by_their_nearest_neighbour(measured, data):
    _, result, _ = measured("papers", "neighbour", "--quick", "--cases", "real", "--data", data)
    assert result["runs"][0]["values"]["error"] == 0


def test_minimax_saturates_where_d_is_fast(measured, data):
    _, result, _ = measured("papers", "minimax", "--quick", "--updates", "40", "--cases", "minimax", "--data", data)
    values = result["runs"][0]["values"]
    assert values["judged"] < 0.05
    assert values["minimax_norm"] < 0.05 * values["non_saturating_norm"]


def test_what_is_there_is_not_run_again_and_what_is_not_finished_is(tmp_path, capsys):
    arguments = ["papers", "ring", "--quick", "--updates", "1", "--cases", "gan", "--out", str(tmp_path)]
    assert main(arguments) == 0
    file = tmp_path / "ring" / "gan-0.json"
    first = file.read_bytes()
    capsys.readouterr()
    main(arguments)
    assert "there already" in capsys.readouterr().out
    assert file.read_bytes() == first
    record = json.loads(first)
    for change in ({"finished": False}, {"size": {**record["size"], "updates": 7}}):
        file.write_text(json.dumps({**record, **change}))
        main(arguments)
        assert "there already" not in capsys.readouterr().out
        found = json.loads(file.read_bytes())
        assert found["finished"]
        assert found["values"] == record["values"]  # same seed, same numbers


@pytest.mark.parametrize(("recipe", "case"), [("ring", "pac2"), ("parzen", "gan"), ("neighbour", "dcgan")])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(recipe, case, data, tmp_path, monkeypatch):
    chosen = RECIPES[recipe]
    job = Job(case, 0, Size(3, 100, 1, chosen.paper.patience), True, data, None)
    save, file, states, stopping = Savepoint.save, tmp_path / "stopped.json", {}, [False]

    def watched(self, update, extra):
        save(self, update, extra)
        if stopping[0] and update == 2:
            raise KeyboardInterrupt
        states[self.file.stem, update] = self.file.read_bytes()

    monkeypatch.setattr(Savepoint, "save", watched)
    whole = runs.perform(chosen, job, tmp_path / "whole.json")
    stopping[0] = True
    with pytest.raises(KeyboardInterrupt):
        runs.perform(chosen, job, file)
    stopping[0] = False
    stopped = runs.read(file)
    assert (stopped["updates"], stopped["finished"]) == (2, False)
    resumed = runs.perform(chosen, job, file)
    assert resumed["finished"]
    for part in ("updates", "values", "history"):
        assert resumed[part] == whole[part]
    assert states["stopped", 3] == states["whole", 3]  # weights, statistics, moments, generators, order
    assert resumed["seconds"] >= stopped["seconds"]  # rounded to tenths
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stopped.json", "whole.json"]


def test_fewer_updates_than_a_stopped_run_has_made_are_refused(tmp_path):
    job = Job("gan", 0, Size(3, 100, 1), True, "", None)
    file = tmp_path / "gan-0.json"
    runs.write(file, {**record("gan", 0, finished=False), "updates": 5})
    file.with_suffix(".state").touch()
    with pytest.raises(ValueError, match="was stopped after 5 updates; expected at least as many, got 3"):
        runs.perform(RECIPES["ring"], job, file)


def record(case, seed, finished=True, **values):
    return {
        "recipe": "ring", "case": case, "seed": seed, "finished": finished, "quick": False, "updates": 40_000,
        "values": {"modes": None, "high_quality": None, "reverse_kl": None, **values},
        "processor_seconds": 60.0, "machine": {"cpu": "a processor"}, "date": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip


def test_a_row_is_mean_and_standard_error_over_seeds_under_the_papers():
    found = {"gan": [record("gan", seed, modes=m, high_quality=0.5) for seed, m in enumerate((6, 7, 8))]}
    table = rows(RECIPES["ring"], found)
    titles = [row.title for row in table]
    assert titles == ["GAN, the paper", "GAN, ours", "PacGAN2, the paper", "PacGAN4, the paper"]
    assert table[0].cells == ("6.3 ± .5", "98.2 ± .2", ".45 ± .09")
    assert table[1].cells == ("7.0 ± 0.6", "50.0 ± 0.0", "")  # 1/√3 = 0.577
    assert (table[1].seeds, table[1].updates) == ("3", "40,000 of 400,000")


def test_one_seed_has_no_error_and_what_did_not_end_is_said():
    found = {"pac2": [record("pac2", 0, modes=8), record("pac2", 1, finished=False)]}
    ours = next(row for row in rows(RECIPES["ring"], found) if row.title == "PacGAN2, ours")
    assert ours.cells[0] == "8.0 (1 of 2 seeds)"
    assert ours.seeds == "2 (1 not to the end)"


def test_what_spans_powers_of_ten_is_a_median_with_its_range():
    recipe = RECIPES["minimax"]
    found = {"minimax": [record("minimax", seed, minimax_norm=n) for seed, n in enumerate((2e-12, 3e-9, 0.8))]}
    (ours,) = rows(recipe, found)
    assert ours.cells[list(recipe.measures).index("minimax_norm")] == "3.0e-09 (2.0e-12 to 0.800)"


def test_small_numbers_are_not_rounded_away():
    assert [number(0.0, 3), number(1.234, 1), number(2e-12, 3), number(0.0004, 3)] == [
        "0.000",
        "1.2",
        "2.0e-12",
        "4.0e-04",
    ]


def test_the_page_has_the_tables_of_the_runs_that_are_kept(tmp_path):
    text = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
    copy = tmp_path / "papers.md"
    copy.write_text(text, encoding="utf-8")
    page.update(copy, RESULTS, RECIPES)
    assert copy.read_text(encoding="utf-8") == text, "run: python -m benchmarks papers --page docs/papers.md"


def test_a_run_that_changes_changes_the_page(tmp_path):
    (tmp_path / "ring").mkdir()
    (tmp_path / "ring" / "gan-0.json").write_text(json.dumps(record("gan", 0, modes=5)), encoding="utf-8")
    assert kept(tmp_path, RECIPES["ring"])["gan"][0]["values"]["modes"] == 5
    table = page.table(RECIPES["ring"], tmp_path)
    assert "| GAN, ours | 5.0 |  |  | 1 | 40,000 of 400,000 |" in table
    assert "All runs of this table together took 1.0 minutes of one core (a processor; 2026-01-02)." in table
    assert "Not run yet." in page.table(RECIPES["grid"], tmp_path)


def test_a_page_without_a_place_is_refused(tmp_path):
    (tmp_path / "page.md").write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="expected one “<!-- table parzen -->”"):
        page.update(tmp_path / "page.md", tmp_path, RECIPES)


def test_kept_runs_are_whole_and_in_the_size_they_say():
    for name, recipe in RECIPES.items():
        for case, records in kept(RESULTS, recipe).items():
            for each in records:
                assert (each["recipe"], each["case"], each["quick"]) == (name, case, False)
                assert each["updates"] <= each["size"]["updates"]
                assert set(recipe.measures) >= set(each["values"])


def test_without_a_name_they_are_listed(capsys):
    assert main(["papers"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{name}: {recipe.title}" in printed for name, recipe in RECIPES.items())


def test_progress_is_drawn(measured, tmp_path):
    pytest.importorskip("matplotlib")
    image = tmp_path / "progress.png"
    measured("papers", "ring", "--quick", "--updates", "1", "--cases", "gan", "--plot", str(image))
    assert image.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("rings", "did you mean 'ring'"),
        ("ring --cases pac3", "cases: expected one of 'gan', 'pac2', 'pac4'"),
        ("ring --updates 0", "updates: expected an integer of at least 1"),
        ("ring --seeds 0,-1", "seeds: expected an integer of at least 0"),
        ("--page nowhere.md", "nowhere.md"),
        ("ring --device cuda", "device: ring runs on the CPU"),
    ],
)
def test_wrong_options_say_what_was_expected(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["papers", *arguments.split()])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
