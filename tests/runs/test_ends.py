"""However a training ends, its folder can be gone on with or used again, and nothing goes on running."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs import build_gan, checkpoint
from gan_np.runs.config import Config
from gan_np.runs.folder import RunFolder
from gan_np.runs.lock import RunLock
from gan_np.runs.recorder import Recorder
from gan_np.runs.records import read_records
from gan_np.training import Trainer

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
OPTIONS: dict[str, Any] = {
    "steps": 6,
    "batch_size": 8,
    "sample_every": 0,
    "sample_count": 4,
    "animation": False,
    "progress": False,
}


def small(**options: Any) -> gn.GAN:
    return gn.models.dcgan((8, 8, 1), 4, width=2, **options)


def tensors(run: Path) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in checkpoint.read(run)[0].items()}


def files(run: Path) -> set[str]:
    return {path.name for path in run.iterdir()}


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    run = tmp_path_factory.mktemp("straight") / "run"
    gn.train(small(), IMAGES, out=run, **OPTIONS)
    return tensors(run)


@pytest.mark.parametrize("end", ["a callback", "a second Ctrl-C"])
def test_before_the_first_checkpoint_a_run_can_be_gone_on_with(
    tmp_path: Path, straight: dict[str, bytes], end: str
) -> None:
    def callback(trainer: Trainer, step: gn.training.Step) -> None:
        if step.number == 2:
            if end == "a callback":
                raise RuntimeError("of the user's own")
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)

    expected = RuntimeError if end == "a callback" else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        gn.train(small(), IMAGES, out=tmp_path / "run", callbacks=[callback], **OPTIONS)
    (note,) = caught.value.__notes__
    assert "step-000000.safetensors; go on with: gan-np train --resume" in note
    gn.runs.resume(tmp_path / "run", images=IMAGES, progress=False)
    assert tensors(tmp_path / "run") == straight
    assert [record["step"] for record in read_records(tmp_path / "run/log.jsonl")] == list(range(1, 7))
    names = [path.name for path in checkpoint.all_of(tmp_path / "run")]
    assert names == ["step-000006.safetensors"], "the one of the beginning is gone"


@pytest.mark.parametrize("end", [RuntimeError("no room"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_run_that_ends_before_its_first_step_leaves_its_folder_free(
    tmp_path: Path, straight: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, end: BaseException
) -> None:
    def stop(trainer: Trainer) -> None:
        raise end

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", stop)
        with pytest.raises(type(end)):
            gn.train(small(), IMAGES, out=tmp_path / "run", **OPTIONS)
    assert not (tmp_path / "run").exists()
    gn.train(small(), IMAGES, out=tmp_path / "run", **OPTIONS)
    assert tensors(tmp_path / "run") == straight


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_before_the_first_step_leaves_no_folder(
    tmp_path: Path, straight: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    begin = Recorder.__enter__

    def send_first(recorder: Recorder) -> Recorder:  # as when its first grid is compiled
        os.kill(os.getpid(), number)
        return begin(recorder)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "__enter__", send_first)
        with pytest.raises(gn.runs.Interrupted, match=r"before the first step: nothing was trained$") as caught:
            gn.train(small(), IMAGES, out=tmp_path / "runs/run", **OPTIONS)
        assert caught.value.number == number
        assert not (tmp_path / "runs/run").exists()
        (tmp_path / "mine").mkdir()
        with pytest.raises(gn.runs.Interrupted):
            gn.train(small(), IMAGES, out=tmp_path / "mine", **OPTIONS)
    assert files(tmp_path / "mine") <= {".lock"}, "a folder that was there stays"
    gn.train(small(), IMAGES, out=tmp_path / "mine", **OPTIONS)
    assert tensors(tmp_path / "mine") == straight


def test_what_another_process_put_into_the_folder_before_the_lock_was_given_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter = RunLock.__enter__

    def late(lock: RunLock) -> RunLock:
        (tmp_path / "run" / "notes.txt").write_text("of another")
        return enter(lock)

    monkeypatch.setattr(RunLock, "__enter__", late)
    with pytest.raises(FileExistsError):
        gn.train(small(), IMAGES, out=tmp_path / "run", **OPTIONS)
    assert (tmp_path / "run" / "notes.txt").read_text() == "of another"


def test_an_interrupt_before_the_first_step_says_that_nothing_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(trainer: Trainer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "step", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        gn.train(small(), IMAGES, out=tmp_path / "run", **OPTIONS)
    assert caught.value.__notes__ == ["(nothing was trained)"]
    assert not (tmp_path / "run").exists()


KILLED = """
import os, signal, sys
import numpy as np
import gan_np as gn
from gan_np.training import Trainer
step = Trainer.step
def killed(trainer):
    if trainer.steps == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(trainer)
Trainer.step = killed
images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), images, out=sys.argv[1], **{options})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("at", [0, 3])
def test_a_run_that_is_killed_before_its_first_checkpoint(tmp_path: Path, straight: dict[str, bytes], at: int) -> None:
    run = tmp_path / "run"
    arguments = [sys.executable, "-c", KILLED.replace("{options}", repr(OPTIONS)), str(run), str(at)]
    assert subprocess.run(arguments).returncode == -signal.SIGKILL
    if at:
        with pytest.raises(FileExistsError, match="not an empty folder"):
            gn.train(small(), IMAGES, out=run, **OPTIONS)
        gn.runs.resume(run, images=IMAGES, progress=False)
    else:
        (run / ".config.toml.0123abcd").write_text("half of it")  # as a kill at another moment leaves
        gn.train(small(), IMAGES, out=run, **OPTIONS)
        assert not (run / ".config.toml.0123abcd").exists()
    assert tensors(run) == straight


@pytest.mark.parametrize("other", ["notes.txt", ".git", "log.jsonl", "checkpoints/step-000003.safetensors"])
def test_what_is_not_of_a_beginning_is_never_overwritten(tmp_path: Path, other: str) -> None:
    config = Config()
    RunFolder.create(RunFolder.make_place(tmp_path / "run"), config).close()
    (tmp_path / "run" / other).parent.mkdir(exist_ok=True)
    (tmp_path / "run" / other).write_text("something")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        gn.train(small(), IMAGES, out=tmp_path / "run", **OPTIONS)
    assert (tmp_path / "run" / other).read_text() == "something"


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        ("with batch normalisation", {"r1": 1.0}, "penalties: .*d_norm"),
        ("dcgan", {"kernels": "conv2d=nosuch"}, "nosuch"),
        ("dcgan", {"kernels": "nosuch=direct"}, "nosuch"),
        ("dcgan", {"tensorboard": True}, "tensorboardX"),
        ("dcgan", {"objective": "hinge", "smoothing": 0.1}, "smoothing"),
        ("dcgan", {"evaluate_every": 2, "classifier": "nosuch.safetensors"}, "nosuch"),
    ],
    ids=["r1-batch", "kernel", "operation", "tensorboard", "smoothing", "classifier"],
)
def test_a_combination_that_cannot_work_makes_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, options: dict[str, Any], expected: str
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    images = IMAGES
    if model == "residual":
        gan = gn.models.residual_gan((8, 8, 1), 4, width=2, minibatch_deviation=True)
    elif model == "dcgan":
        gan = small()
    else:
        images = IMAGES.repeat(2, axis=1).repeat(2, axis=2)
        gan = gn.models.dcgan((16, 16, 1), 4, width=2)
    with pytest.raises((ValueError, OSError, ImportError), match=expected):
        gn.train(gan, images, out=tmp_path / "run", **OPTIONS, **options)
    assert not (tmp_path / "run").exists()


LAPGAN: dict[str, Any] = {
    "model": "lapgan",
    "width": 2,
    "hidden": 8,
    "latent_dim": 4,
    "levels": 1,
    "batch_size": 8,
    "sample_count": 4,
    "sample_every": 0,
    "animation": False,
}


@pytest.mark.parametrize(
    "options",
    [{"r1": 1.0}, {"kernels": "conv2d=nosuch"}],
    ids=["r1", "kernel"],
)
def test_nor_for_a_lapgan(tmp_path: Path, options: dict[str, Any]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    config = Config(steps=2, **LAPGAN, **options)
    with pytest.raises(ValueError, match=r"penalties|nosuch"):
        gn.train(build_gan(config, (16, 16, 1)), images, out=tmp_path / "run", config=config, progress=False)
    assert not (tmp_path / "run").exists()


def test_a_lapgan_of_which_nothing_was_trained_leaves_its_folder_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    config = Config(steps=2, **LAPGAN)

    def stop(trainer: Trainer) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(Trainer, "step", stop)
    with pytest.raises(RuntimeError, match="no room"):
        gn.train(build_gan(config, (16, 16, 1)), images, out=tmp_path / "run", config=config, progress=False)
    assert not (tmp_path / "run").exists()


def test_a_signal_at_the_end_of_a_level_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    config = Config(steps=3, **LAPGAN)
    save = RunFolder.save_plot

    def then_send(folder: RunFolder, *given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return save(folder, *given)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(RunFolder, "save_plot", then_send)
    with pytest.raises(gn.runs.Interrupted, match="level-0-8x8"):
        gn.train(build_gan(config, (16, 16, 1)), images, out=tmp_path / "run", config=config, progress=False)
    assert files(tmp_path / "run") >= {"level-0-8x8"}
    assert "level-1-16x16" not in files(tmp_path / "run")
    assert signal.getsignal(signal.SIGTERM) is before


PARENT = """
import sys
import numpy as np
import gan_np as gn
from gan_np.runs import Interrupted, build_gan
from gan_np.runs.config import Config

if __name__ == "__main__":
    config = Config(**{options})
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    try:
        gn.train(build_gan(config, (16, 16, 1)), images, out=sys.argv[1], config=config, progress=False, jobs=2)
    except Interrupted as stop:
        print(stop)
        sys.exit(128 + stop.number)
"""
LEVELS = ("level-0-8x8", "level-1-16x16")


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{number}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(what: Any, seconds: float = 150.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_levels_that_train_beside_each_other_end_with_the_process_that_asked(tmp_path: Path, number: int) -> None:
    run, script = tmp_path / "run", tmp_path / "parent.py"
    options = {**LAPGAN, "steps": 1_000_000, "checkpoint_every": 0, "log_every": 1}
    script.write_text(PARENT.replace("{options}", repr(options)))
    parent = subprocess.Popen([sys.executable, script, run], stdout=subprocess.PIPE, text=True)
    try:
        wait_for(
            lambda: all(
                (run / level / "log.jsonl").exists() and read_records(run / level / "log.jsonl") for level in LEVELS
            )
        )
        workers = [int((run / level / ".lock-holder").read_text()) for level in LEVELS]
        assert len({parent.pid, *workers}) == 3
        parent.send_signal(number)
        said, _ = parent.communicate(timeout=150)
    finally:
        parent.kill()
    assert parent.returncode == (-number if number == signal.SIGKILL else 128 + number)
    if number != signal.SIGKILL:
        assert "stopped by SIGTERM after step" in said
        assert said.strip().endswith(f"--resume {run}")
    wait_for(lambda: not any(map(alive, workers)))
    for level in LEVELS:
        (file,) = checkpoint.all_of(run / level)
        assert (
            checkpoint.describe_file(file)["training"]["steps"]
            == read_records(run / level / "log.jsonl")[-1]["step"]
            > 0
        )


def test_an_error_in_one_level_stops_the_other_and_is_raised(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    config = Config(**{**LAPGAN, "steps": 1_000_000, "checkpoint_every": 0, "d_learning_rate": 1e30})
    calm = dataclasses.replace(config, detail_d_learning_rate=1e-4)
    with pytest.raises(ArithmeticError) as caught:
        gn.train(build_gan(calm, (16, 16, 1)), images, out=tmp_path / "run", config=calm, progress=False, jobs=2)
    assert "level-0-8x8" in str(caught.value.__cause__)
    assert "Traceback" in str(caught.value.__cause__)
