"""A run interrupted anywhere and resumed ends with the bytes of an uninterrupted one, and a log with each step once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs import Interrupted, checkpoint
from gan_np.runs.records import read_records

OPTIONS = {"steps": 12, "batch_size": 8, "sample_every": 4, "checkpoint_every": 3, "sample_count": 4, "progress": False}


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def small() -> gn.GAN:
    return gn.models.dcgan((8, 8, 1), 4, width=2)


def outcome(run: Path) -> dict[str, object]:
    """All that must agree: every tensor's bytes, the description, the grids, the log without its clock."""
    tensors, description = checkpoint.read(run)
    grids = {path.name: path.read_bytes() for path in sorted((run / "samples").glob("*.png"))}
    log = [{k: v for k, v in record.items() if k != "seconds"} for record in read_records(run / "log.jsonl")]
    return {
        **{name: value.tobytes() for name, value in tensors.items()},
        "about": description,
        "grids": grids,
        "log": log,
    }


class Killed(Exception):
    pass


@pytest.mark.parametrize("at", [3, 4, 7, 11])
def test_cut_off_and_resumed(tmp_path: Path, images: np.ndarray, at: int) -> None:
    def kill(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        if step.number == at:
            raise Killed

    gn.train(small(), images, out=tmp_path / "straight", **OPTIONS)
    with pytest.raises(Killed):
        gn.train(small(), images, out=tmp_path / "cut", callbacks=[kill], **OPTIONS)
    assert read_records(tmp_path / "cut" / "log.jsonl")[-1]["step"] == at
    gn.runs.resume(tmp_path / "cut", images=images, progress=False)
    straight, resumed = outcome(tmp_path / "straight"), outcome(tmp_path / "cut")
    assert [record["step"] for record in resumed["log"]] == list(range(1, 13))  # type: ignore[attr-defined]
    for name, value in straight.items():
        assert resumed[name] == value, name


def test_a_resumed_run_differs_if_a_generator_is_not_restored(
    tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    gn.train(small(), images, out=tmp_path / "straight", **OPTIONS)
    gn.train(small(), images, out=tmp_path / "cut", **{**OPTIONS, "steps": 6})
    monkeypatch.setattr(checkpoint, "restore_generator", lambda rng, state: None)
    gn.runs.resume(tmp_path / "cut", images=images, steps=12, progress=False)
    assert outcome(tmp_path / "straight")["generator.parameters"] != outcome(tmp_path / "cut")["generator.parameters"]


def test_longer_than_planned(tmp_path: Path, images: np.ndarray) -> None:
    gn.train(small(), images, out=tmp_path / "straight", **OPTIONS)
    gn.train(small(), images, out=tmp_path / "short", **{**OPTIONS, "steps": 6})
    gn.runs.resume(tmp_path / "short", images=images, steps=12, progress=False)
    one, other = outcome(tmp_path / "straight"), outcome(tmp_path / "short")
    assert one["generator.parameters"] == other["generator.parameters"]
    assert one["log"] == other["log"]


def test_a_line_that_a_crash_cut_short_is_dropped(tmp_path: Path, images: np.ndarray) -> None:
    gn.train(small(), images, out=tmp_path / "run", **{**OPTIONS, "steps": 6})
    with (tmp_path / "run/log.jsonl").open("a") as log:
        log.write('{"step": 7, "d_l')
    gn.runs.resume(tmp_path / "run", images=images, steps=8, progress=False)
    assert [record["step"] for record in read_records(tmp_path / "run/log.jsonl")] == list(range(1, 9))


def test_a_damaged_checkpoint_is_passed_over_and_named(tmp_path: Path, images: np.ndarray) -> None:
    gn.train(small(), images, out=tmp_path / "straight", **OPTIONS)
    gn.train(small(), images, out=tmp_path / "run", **OPTIONS)
    newest = tmp_path / "run/checkpoints/step-000012.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=r"step-000012\.safetensors"):
        gn.runs.resume(tmp_path / "run", images=images, progress=False)
    assert outcome(tmp_path / "run") == outcome(tmp_path / "straight")


def test_other_pictures_are_refused(tmp_path: Path, images: np.ndarray) -> None:
    gn.train(small(), images, out=tmp_path / "run", **{**OPTIONS, "steps": 3})
    changed = images.copy()
    changed[7, 3, 3, 0] ^= 1
    with pytest.raises(ValueError, match="fingerprint"):
        gn.runs.resume(tmp_path / "run", images=changed, steps=6)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"not a run folder \(there is no config.toml in it\)$"):
        gn.runs.resume(tmp_path)


def test_newest_and_best_are_kept(tmp_path: Path, images: np.ndarray) -> None:
    gn.train(small(), images, out=tmp_path / "run", keep=2, **OPTIONS)
    names = sorted(path.name for path in (tmp_path / "run/checkpoints").iterdir())
    assert names == ["best.safetensors", "step-000009.safetensors", "step-000012.safetensors"]
    scores = [checkpoint.describe_file(path)["score"] for path in checkpoint.all_of(tmp_path / "run")]
    assert checkpoint.describe_file(tmp_path / "run/checkpoints/best.safetensors")["score"] <= min(scores)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_after_the_step_and_says_so(tmp_path: Path, images: np.ndarray, number: int) -> None:
    def send(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        if step.number == 5:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match="step 5") as stop:
        gn.train(small(), images, out=tmp_path / "run", callbacks=[send], **OPTIONS)
    assert stop.value.number == number
    assert signal.getsignal(number) is before
    assert checkpoint.find(tmp_path / "run").name == "step-000005.safetensors"


def test_two_trainings_of_one_run(tmp_path: Path, images: np.ndarray) -> None:
    gn.train(small(), images, out=tmp_path / "run", **{**OPTIONS, "steps": 3})
    refused = []

    def again(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        code = f"import gan_np as gn; gn.runs.resume({str(tmp_path / 'run')!r}, steps=9)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        refused.append(done.returncode == 1 and f"process {os.getpid()} is writing" in done.stderr)

    gn.runs.resume(tmp_path / "run", images=images, steps=4, callbacks=[again], progress=False)
    assert refused == [True]


CHILD = """
import sys, numpy as np, gan_np as gn
images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
run, steps = sys.argv[1], int(sys.argv[2])
from pathlib import Path
if gn.runs.checkpoint.all_of(run):
    gn.runs.resume(run, images=images, steps=steps, progress=False)
else:
    import shutil
    shutil.rmtree(run, ignore_errors=True)  # killed before its first checkpoint
    gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), images, out=run, steps=steps, batch_size=8, sample_every=50,
             checkpoint_every=20, sample_count=4, progress=False)
print("done", flush=True)
"""


def size_of(file: Path) -> int:
    """0 where there is none: the child may be removing it at this moment."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def test_killed_at_random_moments(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """SIGKILL, again and again; in the end the same bytes. `--campaign 100` for two hundred kills."""
    kills = 2 * (request.config.getoption("--campaign") or 1)
    steps = str(100 * kills)
    command = [sys.executable, "-c", CHILD]
    subprocess.run([*command, str(tmp_path / "straight"), steps], check=True, capture_output=True)
    rng = np.random.default_rng(kills)
    done = 0
    while done < kills:
        process = subprocess.Popen([*command, str(tmp_path / "killed"), steps], stdout=subprocess.PIPE, text=True)
        log = tmp_path / "killed" / "log.jsonl"
        size = size_of(log)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and size_of(log) in (0, size):
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0, 0.3)))
        if process.poll() is not None:
            process.communicate()
            break  # it was faster than we are
        process.kill()
        process.communicate()
        done += 1
    subprocess.run([*command, str(tmp_path / "killed"), steps], check=True, capture_output=True)
    print(f"{done} kills")
    assert done >= 1
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "straight")
    assert json.dumps(outcome(tmp_path / "killed")["log"]).count('"step"') == int(steps)
