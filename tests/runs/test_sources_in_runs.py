"""Runs on data that are no arrays: resumed to the same bits where that can be done, and saying so where it cannot."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs import checkpoint
from gan_np.runs.loop import InexactResumeWarning
from gan_np.runs.records import read_records
from gan_np.training.sources import stream

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 10, 10, 1), np.uint8)
OPTIONS: dict[str, Any] = {
    "batch_size": 8,
    "sample_every": 0,
    "checkpoint_every": 4,
    "sample_count": 4,
    "progress": False,
    "flip": True,
    "animation": False,
}


def small() -> gn.GAN:
    return gn.models.mlp((8, 8, 1), 4, hidden=8)


def crop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    top, left = rng.integers(0, 3, 2)
    return image[top : top + 8, left : left + 8]


def mirrored(image: np.ndarray) -> np.ndarray:
    return image[:, ::-1]


class Items:
    """A length and items, some slower to read than others."""

    def __init__(self, images: np.ndarray = IMAGES) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> np.ndarray:
        time.sleep(number % 5 / 5000)
        return self.images[number]


def batches() -> Iterator[np.ndarray]:
    for start in range(0, 48, 8):
        yield IMAGES[start : start + 8, 1:9, 1:9]


def outcome(run: Path) -> dict[str, Any]:
    tensors, description = checkpoint.read(run)
    log = [{k: v for k, v in record.items() if k != "seconds"} for record in read_records(run / "log.jsonl")]
    return {**{name: value.tobytes() for name, value in tensors.items()}, "about": description, "log": log}


def about(run: Path) -> Any:
    return json.loads((run / "run.json").read_text())


class Killed(Exception):
    pass


def cut(at: int) -> Any:
    def kill(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        if step.number == at:
            raise Killed

    return kill


def no_thread_is_left() -> bool:
    return not [thread for thread in threading.enumerate() if thread.name == "gan_np reads ahead"]


@pytest.mark.parametrize("kind", ["array", "items"])
def test_cut_off_and_resumed_with_a_transform_and_batches_read_ahead(tmp_path: Path, kind: str) -> None:
    data = IMAGES if kind == "array" else Items()
    gn.train(small(), data, transform=crop, prefetch=0, out=tmp_path / "straight", steps=8, **OPTIONS)
    run = tmp_path / "cut"
    with pytest.raises(Killed):
        gn.train(small(), data, transform=crop, prefetch=3, out=run, steps=8, callbacks=[cut(6)], **OPTIONS)
    assert no_thread_is_left()
    gn.resume(run, images=data, transform=crop, progress=False)
    assert no_thread_is_left()
    straight, resumed = outcome(tmp_path / "straight"), outcome(run)
    for name, value in straight.items():
        assert resumed[name] == value, name
    found = about(tmp_path / "straight")["data"]
    assert (found["kind"], found["count"], found["shape"], found["resumed_exactly"]) == (kind, 50, [8, 8, 1], True)
    assert found["transform"] == "crop"


def test_what_was_read_ahead_is_not_counted(tmp_path: Path) -> None:
    """The negative control: with the place of what was read, a resumed run would skip batches."""
    trainer = gn.train(small(), Items(), transform=crop, prefetch=3, out=tmp_path / "run", steps=5, **OPTIONS)
    _, description = checkpoint.read(tmp_path / "run")
    assert description["training"]["batches"] == trainer.order.position == 5


def test_items_and_an_array_of_the_same_content_give_one_run(tmp_path: Path) -> None:
    inner = np.ascontiguousarray(IMAGES[:, 1:9, 1:9])
    options = {**OPTIONS, "evaluate_every": 4, "evaluate_count": 20}
    gn.train(small(), inner, out=tmp_path / "array", steps=6, **options)
    gn.train(small(), Items(inner), out=tmp_path / "items", steps=6, **options)
    one, other = outcome(tmp_path / "array"), outcome(tmp_path / "items")
    assert one["log"] == other["log"]
    assert one["generator.parameters"] == other["generator.parameters"]
    assert one["about"]["score"] == other["about"]["score"]
    with pytest.raises(ValueError, match="was trained on an array, got data with len and items"):
        gn.resume(tmp_path / "array", images=Items(inner), steps=7)
    with pytest.raises(ValueError, match="fingerprint"):
        gn.resume(tmp_path / "items", images=Items(inner[::-1]), steps=8)
    with pytest.raises(ValueError, match=r"given in Python.*--data PLACE"):
        gn.resume(tmp_path / "items", steps=8)
    assert gn.resume(tmp_path / "items", images=inner, steps=7, progress=False).steps == 7  # the items are the same


def test_a_transform_is_asked_for_again(tmp_path: Path) -> None:
    gn.train(small(), Items(), transform=crop, out=tmp_path / "run", steps=2, **OPTIONS)
    with pytest.raises(ValueError, match=r"transform: .* was trained with one \(crop\); give it again"):
        gn.resume(tmp_path / "run", images=Items(IMAGES[:, :8, :8]), steps=3)
    inner = np.ascontiguousarray(IMAGES[:, :8, :8])
    gn.train(small(), inner, out=tmp_path / "plain", steps=2, **OPTIONS)
    with pytest.raises(ValueError, match=r"transform: .* was trained without one, got mirrored"):
        gn.resume(tmp_path / "plain", images=inner, transform=mirrored, steps=3)


def test_items_that_change_when_they_are_read_again(tmp_path: Path) -> None:
    class Changing(Items):
        rng = np.random.default_rng()

        def __getitem__(self, number: int) -> np.ndarray:
            return self.rng.permutation(self.images[number, :8, :8])

    with pytest.warns(InexactResumeWarning, match="items of this Changing are not the same when they are read again"):
        gn.train(small(), Changing(), out=tmp_path / "run", steps=3, **OPTIONS)
    assert about(tmp_path / "run")["data"]["resumed_exactly"] is False
    with pytest.warns(InexactResumeWarning, match="going on after step 3"):
        gn.resume(tmp_path / "run", images=Changing(), steps=4, progress=False)
    with pytest.raises(ValueError, match="fingerprint"):
        gn.resume(tmp_path / "run", images=Changing(IMAGES[:40]), steps=5, progress=False)


def test_a_stream_begins_anew_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    with pytest.warns(InexactResumeWarning, match="function batches.* have no place to go back to"):
        gn.train(small(), batches, out=run, steps=5, **OPTIONS)
    found = about(run)
    assert (found["data"]["kind"], found["data"]["count"], found["data"]["resumed_exactly"]) == ("stream", None, False)
    before = checkpoint.read(run)[1]["training"]
    with pytest.raises(ValueError, match=r"given in Python"):
        gn.resume(run, steps=7)
    with pytest.raises(ValueError, match="was trained on batches of an iterable, got data with len"):
        gn.resume(run, images=IMAGES[:, :8, :8], steps=7)
    trainer = gn.resume(run, images=batches, steps=7)
    assert "going on after step 5; images: batches of an iterable" in " ".join(capsys.readouterr().err.split())
    assert "anew" in about(run)["sessions"][1]["data"]
    assert "data" not in about(run)["sessions"][0]
    after = checkpoint.read(run)[1]["training"]
    assert (before["batches"], after["batches"], trainer.steps) == (5, 7, 7)
    again = gn.resume(trainer, steps=8, progress=False)  # in this process it goes on where it stands: nothing to say
    assert again.steps == 8
    assert "data" not in about(run)["sessions"][2]
    assert no_thread_is_left()


def test_the_end_of_a_generator_loses_no_step(tmp_path: Path) -> None:
    with pytest.warns(InexactResumeWarning), pytest.raises(gn.training.DataEndedError, match=r"step 7: ") as ended:
        gn.train(small(), batches(), out=tmp_path / "run", steps=12, **OPTIONS)
    assert "step-000006.safetensors" in " ".join(ended.value.__notes__)
    trainer = gn.resume(tmp_path / "run", images=batches(), steps=8)
    assert (trainer.steps, trainer.order.position) == (8, 8)
    assert no_thread_is_left()


def test_what_is_wrong_with_an_item_is_raised_in_its_step(tmp_path: Path) -> None:
    class Breaking(Items):
        def __getitem__(self, number: int) -> np.ndarray:
            if self.used > 70:
                raise OSError("disk gone")
            type(self).used += 1
            return self.images[number, :8, :8]

        used = 0

    with pytest.raises(OSError, match="disk gone") as failure:
        gn.train(small(), Breaking(), out=tmp_path / "run", steps=30, **OPTIONS)
    notes = " ".join(failure.value.__notes__)
    assert "while item" in notes
    assert "--resume" in notes
    assert no_thread_is_left()


def test_a_signal_ends_a_run_that_waits_for_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "KEPT", 16)

    def slow() -> Iterator[np.ndarray]:
        for _ in range(500):
            if waiting.is_set():
                signal.raise_signal(signal.SIGTERM)
            yield IMAGES[:8, :8, :8]

    waiting = threading.Event()

    def wait(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        if step.number == 3:
            waiting.set()

    with pytest.warns(InexactResumeWarning), pytest.raises(gn.runs.Interrupted):
        gn.train(small(), slow, out=tmp_path / "run", steps=10_000, callbacks=[wait], **OPTIONS)
    assert no_thread_is_left()


def test_jobs_need_an_array(tmp_path: Path) -> None:
    gan = gn.models.lapgan((16, 16, 1), 4, levels=1, width=2, hidden=4)
    images = np.zeros((20, 16, 16, 1), np.uint8)
    with pytest.raises(ValueError, match="jobs: several processes share an array"):
        gn.train(gan, Items(images), out=tmp_path / "run", jobs=2, steps=1, batch_size=8)


def test_a_pyramid_is_resumed_on_items(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (30, 16, 16, 1), np.uint8)
    options = {**OPTIONS, "steps": 4}

    def pyramid() -> Any:
        return gn.models.lapgan((16, 16, 1), 4, levels=1, width=2, hidden=4)

    gn.train(pyramid(), Items(images), out=tmp_path / "straight", **options)
    with pytest.raises(Killed):
        gn.train(pyramid(), Items(images), out=tmp_path / "cut", callbacks=[cut(3)], **options)
    gn.resume(tmp_path / "cut", images=Items(images), progress=False)
    one, other = gn.load(tmp_path / "straight"), gn.load(tmp_path / "cut")
    np.testing.assert_array_equal(one.sample(3), other.sample(3))


def test_one_step_at_a_time_and_no_thread_left() -> None:
    steps = gn.iterate(small(), Items(), transform=crop, steps=6, batch_size=8)
    assert [next(steps).number for _ in range(3)] == [1, 2, 3]
    steps.close()
    assert no_thread_is_left()
