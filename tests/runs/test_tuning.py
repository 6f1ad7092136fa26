"""Tuning: what is timed, chosen and kept; training and resuming with it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.runs import CheckpointError, checkpoint, confirm, save_tuned, tune, tuning
from gan_np.runs.build import tuned_kernels
from gan_np.runs.config import Config
from gan_np.training import Trainer

OPTIONS = {"steps": 8, "batch_size": 8, "sample_every": 4, "checkpoint_every": 2, "sample_count": 4, "progress": False}


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def small() -> gn.GAN:
    return gn.models.dcgan((8, 8, 1), 4, width=2)


ALONE = ("running", "accuracy", "images")
"""Operations that have one kernel on the processor."""


@pytest.fixture
def contrary(images: np.ndarray, tmp_path: Path) -> Path:
    """A file that has another kernel than the cost model's for every problem of a step, where there is another."""
    trainer, choices = Trainer(small(), images, batch_size=8), {}
    with kernels.record_problems() as found:
        trainer.step()
    for operation, problem, _ in found:
        by_cost = kernels.choose(operation, problem).name
        others = [entry.name for entry in kernels.available(operation, problem) if entry.name != by_cost]
        assert others or operation in ALONE
        if others:
            choices[operation, problem] = others[-1]
    path = tmp_path / "contrary.json"
    path.write_text(kernels.tuned_text(kernels.to_records(choices), {}), encoding="utf-8")
    return path


class Slow:
    """The reference, after a rest."""

    def __init__(self, wrong: bool = False) -> None:
        self.inner, self.wrong = kernels.entry("average", "reference").implementation, wrong

    def step(self, average, values, decay, skip=None):  # type: ignore[no-untyped-def]
        self.inner.step(average, values, decay * 1.001 if self.wrong else decay, skip)


def test_every_problem_of_a_step_is_timed(images: np.ndarray, tmp_path: Path) -> None:
    trainer = Trainer(small(), images, batch_size=8)
    found = list(tune(trainer, rounds=1))
    assert {result.operation for result in found} >= {
        "conv2d", "dense", "batch_norm", "bias_activation", "normal", "softplus", "adam", "average"
    }  # fmt: skip
    for result in found:
        names = {entry.name for entry in kernels.available(result.operation, result.problem)}
        assert set(result.seconds) == names
        assert result.chosen in names
        assert result.seconds[result.chosen] <= (1 + tuning.MARGIN) * min(result.seconds.values())
        assert not result.faulty
    path = save_tuned(tmp_path / "tuned.json", found)
    assert kernels.read_tuned(path) == {(r.operation, r.problem): r.chosen for r in found}
    about = json.loads(path.read_text(encoding="utf-8"))
    assert {"processor", "threads", "versions", "date"} <= set(about["machine"])
    assert set(about["choices"][0]["milliseconds"]) == set(found[0].seconds)


@pytest.mark.parametrize("model", [gn.models.dcgan, gn.models.r3gan, gn.models.infogan])
def test_whatever_runs_in_a_step_has_a_choice(images: np.ndarray, model: Any) -> None:
    """Also the gradients of an epilogue whose forward pass a convolution did."""
    trainer = Trainer(model((8, 8, 1), 4, width=4), images, batch_size=8)
    found = {(result.operation, result.problem): result for result in tune(trainer, rounds=1)}
    assert not any(result.faulty for result in found.values())
    with kernels.profile() as total:
        trainer.step()
    assert {(work.operation, problem) for work, problem in total.of_problems} - set(found) == set()


def test_a_kernel_with_wrong_numbers_is_left_out(images: np.ndarray, plant) -> None:  # type: ignore[no-untyped-def]
    """Even where the cost model has it."""
    trainer = Trainer(small(), images, batch_size=8)
    wrong = plant("average", Slow(wrong=True), cost=1e-9)
    results, trials = confirm(
        trainer := Trainer(small(), images, batch_size=8), list(tune(trainer, rounds=1)), rounds=1
    )
    (result,) = (result for result in results if result.operation == "average")
    assert result.by_cost == wrong
    assert "average differs by" in result.faulty[wrong]
    assert wrong not in result.seconds
    assert result.chosen != wrong
    assert all(trial.operation != "average" for trial in trials), "no trial could bring it back"


@pytest.mark.parametrize(("gap", "changed"), [(2 * tuning.MARGIN, True), (0.5 * tuning.MARGIN, False)])
def test_the_fastest_is_chosen_and_near_ties_stay(
    images: np.ndarray, monkeypatch: pytest.MonkeyPatch, gap: float, changed: bool
) -> None:
    def timed(candidates, rounds):  # type: ignore[no-untyped-def]
        return {name: 1.0 if name == "reference" else 1.0 + gap for name in candidates}

    monkeypatch.setattr(tuning, "in_turn", timed)
    for result in tune(Trainer(small(), images, batch_size=8)):
        assert result.chosen == ("reference" if changed else result.by_cost)


@pytest.mark.parametrize(("with_them", "kept"), [(0.9, True), (0.999, False), (1.5, False)])
def test_changes_must_make_a_step_faster(
    images: np.ndarray, monkeypatch: pytest.MonkeyPatch, with_them: float, kept: bool
) -> None:
    trainer = Trainer(small(), images, batch_size=8)
    monkeypatch.setattr(
        tuning, "in_turn", lambda candidates, rounds: dict.fromkeys(candidates, 1.0) | {"reference": 0.5}
    )
    found = list(tune(trainer))
    monkeypatch.setattr(tuning, "in_turn", lambda candidates, rounds: {"without": 1.0, "with": with_them})
    results, trials = confirm(trainer, found)
    assert {trial.kept for trial in trials} == {kept}
    assert sum(trial.problems for trial in trials) == sum(result.chosen != result.by_cost for result in found) > 0
    assert [result.chosen for result in results] == [result.chosen if kept else result.by_cost for result in found]


def test_turns_alternate_and_the_hopeless_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    now, order = [0.0], []
    monkeypatch.setattr(tuning.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(tuning.time, "sleep", lambda seconds: None)

    def takes(name: str, seconds: float):  # type: ignore[no-untyped-def]
        def run() -> None:
            order.append(name)
            now[0] += seconds

        return run

    found = tuning.in_turn({"a": takes("a", 1.0), "b": takes("b", 2.0), "c": takes("c", 9.0)}, 3)
    assert found == {"a": 1.0, "b": 2.0, "c": 9.0}
    assert "".join(order) == "aaaabbbbcccc" + "ab" * 3


def test_a_tuned_choice_changes_what_runs(images: np.ndarray, contrary: Path) -> None:
    ran = []
    for options in ({}, {"tuned": str(contrary)}):
        with kernels.profile() as total:
            gn.train(small(), images, **{**OPTIONS, **options, "steps": 1})
        ran.append({(work.operation, work.implementation) for work in total.calls})
    assert {operation for operation, _ in ran[0]} == {operation for operation, _ in ran[1]}
    # Beside a choice for all that came up: what hints compute beside the training, the loss of a D that knows nothing.
    beside = {("logistic", "reference")}
    assert ran[0] & ran[1] <= beside | {(operation, "reference") for operation in ALONE}


def test_iterate_follows_it_and_forced_names_win(images: np.ndarray, contrary: Path) -> None:
    with kernels.profile() as total:
        list(gn.runs.iterate(small(), images, steps=1, batch_size=8, tuned=str(contrary), kernels="adam=numba"))
    ran = {(work.operation, work.implementation) for work in total.calls}
    assert ("adam", "numba") in ran
    assert ("average", "reference") in ran


def outcome(run: Path) -> dict[str, object]:
    tensors, description = checkpoint.read(run)
    return {name: value.tobytes() for name, value in tensors.items()} | {"training": description["training"]}


def test_resumed_bit_for_bit_though_the_file_is_gone(images: np.ndarray, contrary: Path, tmp_path: Path) -> None:
    gn.train(small(), images, out=tmp_path / "straight", tuned=str(contrary), **OPTIONS)
    gn.train(small(), images, out=tmp_path / "plain", **OPTIONS)
    gn.train(small(), images, out=tmp_path / "cut", tuned=str(contrary), **{**OPTIONS, "steps": 4})
    contrary.unlink()
    with kernels.profile() as total:
        gn.runs.resume(tmp_path / "cut", images=images, steps=8, progress=False)
    assert outcome(tmp_path / "straight") == outcome(tmp_path / "cut")
    assert {work.implementation for work in total.calls if work.operation == "adam"} == {"reference"}
    # the negative control: other kernels round otherwise
    tensors = [checkpoint.read(tmp_path / name)[0]["generator.parameters"] for name in ("straight", "plain")]
    assert tensors[0].tobytes() != tensors[1].tobytes()
    np.testing.assert_allclose(*tensors, atol=1e-2)
    assert "kernels" not in checkpoint.describe_file(tmp_path / "plain")["training"]


def test_a_choice_made_around_the_training_is_kept_too(images: np.ndarray, contrary: Path, tmp_path: Path) -> None:
    choices = kernels.read_tuned(contrary)
    with kernels.use_tuned(choices):
        gn.train(small(), images, out=tmp_path / "run", **{**OPTIONS, "steps": 2})
    assert checkpoint.tuned_of(checkpoint.describe_file(tmp_path / "run"), "run") == choices


def test_a_machine_that_lacks_a_kernel(images: np.ndarray, tmp_path: Path, plant) -> None:  # type: ignore[no-untyped-def]
    name, file = plant("average", Slow()), tmp_path / "tuned.json"
    count = small().generator.parameters.values.size
    choices = {("average", kernels.Problem("cpu", np.dtype(np.float32), (count,))): name}
    file.write_text(kernels.tuned_text(kernels.to_records(choices), {}), encoding="utf-8")
    gn.train(small(), images, out=tmp_path / "run", tuned=str(file), **{**OPTIONS, "steps": 2})
    before = outcome(tmp_path / "run")
    entry = kernels.entry("average", name)
    kernels.unregister_kernel("average", name)
    try:
        with pytest.raises(CheckpointError, match=f"kernels chosen for this training: .*has no kernel '{name}'"):
            gn.runs.resume(tmp_path / "run", images=images, steps=4, progress=False)
        with pytest.raises(ValueError, match=rf"tuned: .*tuned\.json: choice 0: .*has no kernel '{name}'"):
            gn.train(small(), images, out=tmp_path / "new", tuned=str(file), **OPTIONS)
        assert not (tmp_path / "new").exists(), "raised before anything was made"
    finally:
        kernels.register_kernel("average", name, entry.implementation)
    assert outcome(tmp_path / "run") == before
    gn.runs.resume(tmp_path / "run", images=images, steps=4, progress=False)


class TestWhatAFileIsFor:
    """A warning where it was measured elsewhere, or for other batches; nothing where it fits."""

    def file(self, path: Path, **there: object) -> Path:
        shape = (32, 5)
        choices = {("dense", kernels.Problem("cpu", np.dtype(np.float32), shape)): "reference"}
        path.write_text(kernels.tuned_text(kernels.to_records(choices), tuning.machine() | there), encoding="utf-8")
        return path

    def choices(self, path: Path, batch_size: int = 32) -> kernels.Choices:
        return tuned_kernels(Config(tuned=str(path), batch_size=batch_size))

    def test_one_that_fits_says_nothing(self, tmp_path: Path) -> None:
        assert len(self.choices(self.file(tmp_path / "t.json"))) == 1  # warnings are errors here

    @pytest.mark.parametrize(
        ("there", "words"),
        [
            ({"processor": "Abacus 3000"}, "another processor, Abacus 3000; here it is"),
            ({"threads": 4096}, "another number of threads, 4096"),
        ],
    )
    def test_another_machine(self, tmp_path: Path, there: dict[str, object], words: str) -> None:
        with pytest.warns(UserWarning, match=rf"tuned: .*t\.json was measured on {words}"):
            assert self.choices(self.file(tmp_path / "t.json", **there))

    def test_another_batch(self, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match=r"tuned: nothing in .*t\.json matches batches of 8: it was made for 32"):
            self.choices(self.file(tmp_path / "t.json"), 8)


def test_what_was_timed_in_an_earlier_stage_is_not_timed_again(images: np.ndarray) -> None:
    known = {(r.operation, r.problem): r for r in tune(Trainer(small(), images, batch_size=8), rounds=1)}
    assert not list(tune(Trainer(small(), images, batch_size=8), rounds=1, known=known))
    assert len(known) == len(set(known))


def test_a_convolution_is_timed_with_its_bias_and_activation(images: np.ndarray, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Once, whoever does them, and named by both its images."""
    timed = []
    real = tuning._tuned

    def watched(operation, problem, cases, rounds):  # type: ignore[no-untyped-def]
        timed.extend(case for case in cases if operation == "conv2d")
        return real(operation, problem, cases, rounds)

    monkeypatch.setattr(tuning, "_tuned", watched)
    for result in tune(Trainer(small(), images, batch_size=8), rounds=1):
        assert not result.faulty
    labels = [case.label for case in timed]
    assert any("leaky_relu" in label for label in labels), labels
    assert any("tanh and bias" in label for label in labels), labels
    assert all(" ↔ " in label and " by 2×2" in label for label in labels), labels
    assert len(labels) == len(set(labels))


def test_an_epilogue_that_is_wrong_is_found(images: np.ndarray, plant) -> None:  # type: ignore[no-untyped-def]
    class Forgetful:
        """The reference, with an epilogue that leaves the activation out."""

        def plan(self, geometry):  # type: ignore[no-untyped-def]
            plan = kernels.entry("conv2d", "reference").implementation.plan(geometry)

            class WithEpilogue(type(plan)):  # type: ignore[misc]
                def to_small_with_epilogue(self, weight, large, bias, activation):  # type: ignore[no-untyped-def]
                    y = self.to_small(weight, large)
                    return y if bias is None else y + bias

            plan.__class__ = WithEpilogue
            return plan

    wrong = plant("conv2d", Forgetful(), cost=None)
    found = [r for r in tune(Trainer(small(), images, batch_size=8), rounds=1) if r.operation == "conv2d"]
    assert any("small" in result.faulty.get(wrong, "") for result in found)
