"""Runs side by side: settings that differ, defaults of what a file does not name, stages, what was measured."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs.differences import RunDifferences

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), np.uint8)
OLD = Path(__file__).parent / "old" / "lapgan"


def trained(place: Path, model: str = "mlp", **options: object) -> Path:
    gan = gn.models.mlp((8, 8, 1), 4, hidden=4) if model == "mlp" else gn.models.dcgan((8, 8, 1), 4, width=2)
    settings = {"steps": 4, "batch_size": 8, "progress": False, "animation": False, "sample_every": 0, **options}
    gn.train(gan, IMAGES, out=place, **settings)
    return place


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("runs")
    return {
        "one": trained(place / "one"),
        "rate": trained(place / "rate", g_learning_rate=1e-3, evaluate_every=2, evaluate_count=20),
        "same": Path(shutil.copytree(place / "one", place / "same")),
        "dcgan": trained(place / "dcgan", "dcgan"),
    }


def rows(found: RunDifferences, part: str = "settings") -> dict[str, tuple[str, ...]]:
    return {name: tuple(cells) for name, *cells in found.rows()[part]}


def test_what_differs_and_nothing_else(runs: dict[str, Path]) -> None:
    found = gn.runs.diff(runs["one"], runs["rate"])
    assert found.names == ("one", "rate")
    assert rows(found) == {
        "g_learning_rate": ("0.002", "0.001"),
        "evaluate_every": ("0", "2"),
        "evaluate_count": ("1000", "20"),
    }
    assert rows(gn.runs.diff(runs["one"], runs["same"])) == {}
    whole = gn.runs.diff(runs["one"], runs["same"]).rows(all_settings=True)["settings"]
    assert ("steps", "4", "4") in whole


def test_a_setting_that_a_file_does_not_name_has_its_default(runs: dict[str, Path], tmp_path: Path) -> None:
    def edited(name: str, line: str) -> Path:
        (tmp_path / name).mkdir()
        lines = (runs["one"] / "config.toml").read_text().splitlines(True)
        text = "".join(line if one.startswith("d_steps") else one for one in lines)
        (tmp_path / name / "config.toml").write_text(text)
        return tmp_path / name

    older, other = edited("older", ""), edited("other", "d_steps = 2\n")
    assert rows(gn.runs.diff(runs["one"], older)) == {}, "the default is what the other names"
    found = gn.runs.diff(other, older)
    assert rows(found) == {"d_steps": ("2", "1 (default)")}
    assert [run["defaults"] for run in found.to_mapping()["runs"]] == [[], ["d_steps"]]


def test_an_option_of_one_model_is_missing_in_the_other(runs: dict[str, Path]) -> None:
    found = rows(gn.runs.diff(runs["one"], runs["dcgan"]))
    assert found["width"] == ("–", "2")
    assert found["hidden"] == ("4", "–")
    assert "latent_dim" not in found


def test_an_older_run_of_several_stages_beside_one_of_today(runs: dict[str, Path]) -> None:
    found = gn.runs.diff(OLD, runs["one"])
    figures = rows(found, "figures")
    assert figures["level-0-4x4: steps done"] == ("2 of 2", "–")
    assert figures["level-1-8x8: steps done"] == ("2 of 2", "–")
    assert figures["steps done"] == ("–", "4 of 4")
    assert rows(found)["coarsest_steps"] == ("2", "–")


def test_what_was_measured_is_last_and_best(runs: dict[str, Path], tmp_path: Path) -> None:
    figures = rows(gn.runs.diff(runs["one"], runs["rate"]), "figures")
    assert figures["Fréchet distance"][0] == "–"
    assert float(figures["Fréchet distance"][1].split()[0]) > 0
    assert float(figures["sliced Wasserstein, 256 samples"][0]) > 0
    assert float(figures["seconds per step"][0]) > 0
    log = runs["rate"] / "log.jsonl"
    records = [json.loads(line) for line in log.read_text().splitlines()]
    best = min(record["evaluation/frechet_distance"] for record in records if "evaluation/frechet_distance" in record)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "config.toml").write_text((runs["rate"] / "config.toml").read_text())
    records[-1]["evaluation/frechet_distance"] = best + 7
    records[1]["evaluation/frechet_distance"] = best
    (copy / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (copy / "evaluation.json").write_text(
        json.dumps({"facts": {"features": "mine"}, "figures": {"frechet_distance": {"value": 2.5}}})
    )
    found = gn.runs.diff(runs["rate"], copy)
    assert rows(found, "figures")["Fréchet distance"][1] == f"{best + 7:.4g} (best {best:.4g} at 2)"
    assert rows(found, "figures")["evaluate: Fréchet distance"] == ("–", "2.5")
    assert found.to_mapping()["runs"][1]["figures"]["Fréchet distance"]["best"] == {"value": best, "step": 2}
    assert "evaluate: features" not in rows(found, "figures"), "one run alone has been evaluated"
    assert "<table>" in found._repr_html_()


def test_a_run_with_something_of_one_s_own_is_shown_as_its_file_has_it(runs: dict[str, Path], tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    text = (runs["one"] / "config.toml").read_text().replace('"non-saturating"', '"mine-for-diff"')
    (own / "config.toml").write_text(text)
    assert rows(gn.runs.diff(runs["one"], own))["objective"] == ("non-saturating", "mine-for-diff")


def test_what_cannot_be_compared(runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="runs: expected two run folders or more"):
        gn.runs.diff(runs["one"])
    with pytest.raises(ValueError, match=r"runs: .*one is given twice"):
        gn.runs.diff(runs["one"], runs["rate"], runs["one"].parent / "rate" / ".." / "one")
    with pytest.raises(FileNotFoundError, match="not a run folder"):
        gn.runs.diff(runs["one"], tmp_path)


def test_a_folder_of_runs_names_those_in_it(tmp_path: Path) -> None:
    from gan_np.runs.folder import read_settings

    for name in "abcd":
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.toml").touch()
    words = rf"not a run folder \(there is no config.toml in it; runs in it: {tmp_path / 'a'}, .*c and 1 more\)$"
    with pytest.raises(FileNotFoundError, match=words):
        read_settings(tmp_path)
