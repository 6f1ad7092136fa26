"""A sweep goes on where it was stopped, trains nothing twice, and outlives runs that fail."""

import dataclasses
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.evaluation import evaluate_run
from gan_np.runs.records import read_records
from gan_np.sweeps import RunResult, SweepInterrupted, SweepResults, performing

SETTINGS = {
    "model": "mlp",
    "hidden": 8,
    "latent_dim": 3,
    "steps": 4,
    "batch_size": 8,
    "sample_every": 0,
    "animation": False,
}
VARY = {"g_learning_rate": [1e-3, 1e-2]}


@pytest.fixture
def data(tmp_path: Path) -> str:
    np.save(tmp_path / "d.npy", np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8))
    return str(tmp_path / "d.npy")


def swept(place: Path, data: str, vary: Any = VARY, told: list[str] | None = None, **options: Any) -> SweepResults:
    options = {"count": 20, "progress": False, "features": "pixels", **options}
    settings = SETTINGS | {"data": data} | options.pop("settings", {})
    tell = None if told is None else told.append
    return gn.sweeps.sweep(settings, vary, out=place / "sweep", tell=tell, **options)


def test_every_run_is_trained_and_measured_as_evaluate_does(tmp_path: Path, data: str) -> None:
    found = swept(tmp_path, data, {"g_learning_rate": [1e-2]}, seeds=(0, 1))
    assert [one.done for one in found.combinations] == [2]
    assert found.by == "sliced_wasserstein_8x8", "there are no labels"
    run = found.best.runs[1]
    assert run.seed == 1
    told = evaluate_run(tmp_path / "sweep" / run.name, count=20, progress=False).to_mapping()["figures"]
    assert run.figures == {key: pytest.approx(one["value"], rel=1e-12) for key, one in told.items()}
    alone = gn.train(
        gn.models.mlp((8, 8, 1), 3, hidden=8, seed=1), np.load(data), steps=4, batch_size=8, seed=1, progress=False,
        g_learning_rate=found.best.varied["g_learning_rate"],
    )  # fmt: skip
    theirs = gn.load(tmp_path / "sweep" / run.name)
    assert np.array_equal(theirs.sample(3), alone.gan.sample(3)), "as trained alone, to the same bits"
    assert "<table>" in found._repr_html_()


def test_what_is_done_is_not_done_again_and_there_may_be_more(tmp_path: Path, data: str) -> None:
    swept(tmp_path, data)
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "sweep").rglob("*.*") if file.name != "sweep.toml"}
    told: list[str] = []
    again = swept(tmp_path, data, told=told)
    assert {file: file.stat().st_mtime_ns for file in files} == files
    assert told == []
    assert gn.sweeps.resume_sweep(tmp_path / "sweep", progress=False).to_mapping() == again.to_mapping()
    more = swept(tmp_path, data, {"g_learning_rate": [1e-2]}, told, seeds=(0, 1), settings={"steps": 6})
    assert [len(one.runs) for one in more.combinations] == [2]
    assert [text for text in told if "from step" in text] == ["run 1 of 2: g_learning_rate=0.01,seed=0, from step 4 on"]
    kept = read_records(tmp_path / "sweep" / "g_learning_rate=0.01,seed=0" / "log.jsonl")
    assert [record["step"] for record in kept] == [1, 2, 3, 4, 5, 6]
    assert all(run.steps == 6 for one in more.combinations for run in one.runs)
    other = swept(tmp_path, data, {"g_learning_rate": [1e-2]}, settings={"steps": 6}, count=21)
    assert other.best.runs[0].figures != more.combinations[0].runs[0].figures, "measured again with another count"


def test_a_classifier_for_data_without_labels_is_refused_before_anything_is_trained(tmp_path: Path, data: str) -> None:
    with pytest.raises(ValueError, match=r"^features: .*d\.npy have no labels; expected pixels, .*, got 'classifier'"):
        swept(tmp_path, data, features="classifier")
    vectors = str(tmp_path / "v.npy")
    np.save(vectors, np.zeros((60, 5), np.float32))
    with pytest.raises(ValueError, match=r"^features: .*v\.npy are vectors; expected pixels"):
        swept(tmp_path, vectors, features="classifier")
    assert not (tmp_path / "sweep").exists()
    assert swept(tmp_path, data, features=None).by == "sliced_wasserstein_8x8", "where nothing was asked for"


def test_a_signal_ends_it_with_the_way_to_go_on(tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = swept(tmp_path / "whole", data, {"g_learning_rate": [1e-2]})
    real = performing.train

    def stopped(gan: Any, images: Any, **options: Any) -> Any:
        def press(trainer: Any, step: Any) -> None:
            if step.number == 2 and "0.01" in str(options["out"]):
                os.kill(os.getpid(), signal.SIGINT)

        return real(gan, images, callbacks=[press], **options)

    monkeypatch.setattr(performing, "train", stopped)
    with pytest.raises(SweepInterrupted, match=r"stopped by SIGINT after step 2; .*gan-np sweep --resume .*sweep$"):
        swept(tmp_path, data)
    monkeypatch.undo()
    plan = gn.sweeps.read_plan(tmp_path / "sweep")
    so_far = performing.results_so_far(plan, tmp_path / "sweep")
    assert [(one.state, one.runs[0].steps) for one in so_far.combinations] == [("done", 4), ("not done", 2)]
    found = gn.sweeps.resume_sweep(tmp_path / "sweep", progress=False)
    resumed = next(one for one in found.combinations if one.varied["g_learning_rate"] == 1e-2)
    assert resumed.runs[0].figures == whole.combinations[0].runs[0].figures, "as if it had not been stopped"


def test_a_signal_with_the_last_step_is_not_lost(tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = performing.train

    def stopped(gan: Any, images: Any, **options: Any) -> Any:
        press = lambda trainer, step: step.number == 4 and os.kill(os.getpid(), signal.SIGTERM)  # noqa: E731
        return real(gan, images, callbacks=[press], **options)

    monkeypatch.setattr(performing, "train", stopped)
    with pytest.raises(SweepInterrupted, match=r"stopped by SIGTERM after .*seed=0; go on with"):
        swept(tmp_path, data)


@pytest.mark.filterwarnings("ignore::gan_np.training.TrainingHint")
def test_a_run_that_is_not_finite_is_a_row_and_not_the_end(tmp_path: Path, data: str) -> None:
    settings = {"objective": "wasserstein", "optimizer": "sgd"}
    vary, told = {"d_learning_rate": [1e30, 1e-3]}, list[str]()
    found = swept(tmp_path, data, vary, told, settings=settings)
    assert [(one.varied["d_learning_rate"], one.state) for one in found.combinations] == [
        (1e-3, "done"),
        (1e30, "not finite"),
    ]
    (trouble,) = found.troubles
    assert "is nan" in trouble.said
    assert found.table().rows[1][1:3] == ("–", "0 of 1, not finite")
    told.clear()
    assert swept(tmp_path, data, vary, told, settings=settings).to_mapping() == found.to_mapping()
    assert told == [], "it is not tried again"
    with pytest.raises(ValueError, match=r"1e\+30,seed=0 was trained with other settings: batch_size"):
        swept(tmp_path, data, {"d_learning_rate": [1e30]}, told, settings=settings | {"batch_size": 3})
    both = gn.runs.diff(*(tmp_path / "sweep" / f"d_learning_rate={rate},seed=0" for rate in ("0.001", "1e+30")))
    assert both.rows()["settings"] == [("d_learning_rate", "0.001", "1e+30")]
    assert both.rows()["figures"][0][1] == "4 of 4"
    assert both.rows()["figures"][0][2].endswith(f"of 4, then not finite ({trouble.said})")
    json.dumps(found.to_mapping(), allow_nan=False)


def test_a_run_that_fails_otherwise_is_tried_again(tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise MemoryError("no room")

    monkeypatch.setattr(performing, "train", failing)
    found = swept(tmp_path, data, {"g_learning_rate": [1e-3]})
    assert [(one.state, one.runs[0].said) for one in found.combinations] == [("failed", "no room")]
    monkeypatch.undo()
    assert swept(tmp_path, data, {"g_learning_rate": [1e-3]}).combinations[0].state == "done"


@pytest.mark.parametrize(
    ("vary", "error", "words"),
    [
        ({"width": [2, 0], "model": ["dcgan"]}, ValueError, "width"),
        ({"data": ["DATA", "nothing.npy"]}, FileNotFoundError, "nothing.npy"),
        ({"conditional": [False, True], "model": ["dcgan"]}, ValueError, "conditional"),
        ({"kernels": ["", "dense=nothing"]}, ValueError, "nothing"),
        ({"classifier": ["", "nothing.safetensors"]}, ValueError, "classifier"),
    ],
)
def test_all_is_checked_before_the_first_is_trained(
    tmp_path: Path, data: str, vary: dict[str, Any], error: type[Exception], words: str
) -> None:
    vary = {name: [data if value == "DATA" else value for value in values] for name, values in vary.items()}
    settings = {name: value for name, value in (SETTINGS | {"data": data}).items() if name not in vary}
    if "model" in vary:
        settings.pop("hidden")
    with pytest.raises(error, match=words) as raised:
        gn.sweeps.sweep(settings, vary, out=tmp_path / "sweep", count=20, progress=False)
    assert not (tmp_path / "sweep").exists()
    assert "with " in " ".join([str(raised.value), *getattr(raised.value, "__notes__", [])])


def test_a_folder_with_something_else_is_refused(tmp_path: Path, data: str) -> None:
    with pytest.raises(FileExistsError, match="is not the folder of a sweep"):
        gn.sweeps.sweep(SETTINGS | {"data": data}, VARY, out=tmp_path)
    one = {"g_learning_rate": [1e-3]}
    swept(tmp_path, data, one)
    with pytest.raises(ValueError, match=r"was trained with other settings: d_steps is 1 there and 2 here"):
        swept(tmp_path, data, one, settings={"d_steps": 2})
    with pytest.raises(ValueError, match=r"steps: .* is at step 4 already; expected at least that, got 3"):
        swept(tmp_path, data, one, settings={"steps": 3})
    (tmp_path / "sweep.toml").write_text("steps = 3\n")  # of the user's own
    with pytest.raises(FileNotFoundError, match="not the folder of a sweep"):
        gn.sweeps.resume_sweep(tmp_path)
    with pytest.raises(FileExistsError, match="is not the folder of a sweep"):
        gn.sweeps.sweep(SETTINGS | {"data": data}, VARY, out=tmp_path)


def test_data_that_were_changed_are_refused_before_anything_is_trained(tmp_path: Path, data: str) -> None:
    before = swept(tmp_path, data)
    np.save(data, 255 - np.load(data))
    for options in ({"seeds": (0, 1)}, {"settings": {"steps": 6}}, {}):
        with pytest.raises(ValueError, match=r"not the images that .*seed=0 was trained on"):
            swept(tmp_path, data, **options)
    assert not list((tmp_path / "sweep").glob("*seed=1")), "figures of other data would stand in the same row"
    Path(data).unlink()
    plan = gn.sweeps.read_plan(tmp_path / "sweep")
    shown = performing.results_so_far(plan, tmp_path / "sweep")
    assert shown.to_mapping() == before.to_mapping(), "to look at them needs no data"


@pytest.mark.filterwarnings("ignore::gan_np.training.TrainingHint")
@pytest.mark.parametrize("labelled", [False, True])
def test_a_run_that_was_not_finite_on_other_data_is_not_taken_as_it_is(tmp_path: Path, labelled: bool) -> None:
    file = tmp_path / "d.npz"
    contents = {
        "images": np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8),
        "labels": np.arange(60) % 2,
    }
    np.savez(file, **contents)
    model = {"model": "conditional-dcgan", "width": 2} if labelled else {"model": "mlp", "hidden": 8}
    settings = {name: value for name, value in SETTINGS.items() if name != "hidden"} | model
    settings |= {"data": str(file), "objective": "wasserstein", "optimizer": "sgd"}
    sweep = lambda: gn.sweeps.sweep(  # noqa: E731
        settings, {"d_learning_rate": [1e30]}, out=tmp_path / "sweep", count=20, features="pixels", progress=False
    )
    assert sweep().combinations[0].state == "not finite"
    other = {"labels": 1 - contents["labels"]} if labelled else {"images": 255 - contents["images"]}
    np.savez(file, **(contents | other))
    place = tmp_path / "sweep" / "d_learning_rate=1e+30,seed=0"
    with pytest.raises(ValueError, match=r"1e\+30,seed=0 was trained on \(their fingerprint differs") as raised:
        sweep()
    assert f"remove the folder {place} " in raised.value.__notes__[0]
    shutil.rmtree(place)
    assert sweep().combinations[0].state == "not finite", "it is trained on the data as they are now"
    np.savez(file, **contents)
    with pytest.raises(ValueError, match="fingerprint differs"):
        sweep()


def test_figures_of_fewer_steps_do_not_count_for_more(tmp_path: Path, data: str) -> None:
    swept(tmp_path, data)
    plan = gn.sweeps.Plan(SETTINGS | {"data": data, "steps": 6}, VARY, count=20, features="pixels")
    shown = performing.results_so_far(plan, tmp_path / "sweep")
    assert [(one.state, one.runs[0].figures) for one in shown.combinations] == [("not done", {})] * 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"settings": "abc"}, "settings: expected a mapping .*, got 'abc'"),
        ({"vary": ["g_learning_rate"]}, "vary: expected a mapping"),
        ({"seeds": 3}, "seeds: expected a list of integers, got 3"),
        ({"out": 3}, "out: expected the path of a folder, got 3"),
    ],
)
def test_an_argument_of_another_type_is_named(tmp_path: Path, data: str, wrong: dict[str, Any], words: str) -> None:
    arguments = {"settings": SETTINGS | {"data": data}, "vary": VARY, "out": tmp_path / "sweep"} | wrong
    with pytest.raises(TypeError, match=words):
        gn.sweeps.sweep(**arguments)
    with pytest.raises(TypeError, match="runs: expected the folders one after another"):
        gn.runs.diff([str(tmp_path), "b"])  # type: ignore[arg-type]


def test_several_stages(tmp_path: Path, data: str) -> None:
    settings = {"data": data, "model": "lapgan", "levels": 1, "hidden": 4, "width": 2, "steps": 2, "batch_size": 8}
    settings |= {"sample_every": 0, "animation": False}
    found = gn.sweeps.sweep(settings, {"coarsest_steps": [3]}, out=tmp_path / "s", count=20, progress=False)
    assert [one.runs[0].steps for one in found.combinations] == [5]
    shown = performing.results_so_far(gn.sweeps.read_plan(tmp_path / "s"), tmp_path / "s")
    assert shown.to_mapping() == found.to_mapping()


def result(rate: float, seed: int, by_network: bool = False, **figures: float) -> RunResult:
    return RunResult(f"{rate},{seed}", {"rate": rate}, seed, "done", figures=figures, by_network=by_network)


def test_rows_are_medians_sorted_by_the_measure() -> None:
    figures = [(1.0, (9, 8, 1)), (2.0, (4, 5, 6)), (3.0, (7, float("nan"), 7))]
    runs = [
        result(rate, seed, by_network=True, sliced_wasserstein_8x8=10 - value, frechet_distance=value)
        for rate, values in figures
        for seed, value in enumerate(values)
    ]
    found = SweepResults.of(runs)
    assert found.by == "frechet_distance"
    assert [row[:2] for row in found.table().rows] == [
        ("2.0", "5 (4 to 6)"),
        ("3.0", "7 (7 to 7)"),
        ("1.0", "8 (1 to 9)"),
    ]
    pixels = SweepResults.of(
        [result(one.varied["rate"], one.seed, **one.figures) for one in runs]  # type: ignore[arg-type]
    )
    assert (pixels.by, pixels.shown) == ("sliced_wasserstein_8x8", ("sliced_wasserstein_8x8",))
    assert pixels.combinations[0].varied == {"rate": 1.0}
    assert SweepResults.of([result(1.0, 0)]).best is None


def test_a_combination_of_which_runs_failed_is_not_the_best() -> None:
    nearly = [result(1.0, 0, frechet_distance=5.0), dataclasses.replace(result(1.0, 1), state="not finite")]
    whole = [result(2.0, seed, frechet_distance=6.0) for seed in (0, 1)]
    found = SweepResults.of([*nearly, *whole])
    assert [one.varied["rate"] for one in found.combinations] == [2.0, 1.0]
    assert found.best is not None
    assert found.best.varied == {"rate": 2.0}
    assert SweepResults.of(nearly).best is None
