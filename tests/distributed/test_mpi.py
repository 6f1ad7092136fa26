"""Several processes under mpiexec: messages, a run with its ends, and going on with another number of them.

Skipped where mpi4py or mpiexec is missing. Every start has a limit of time; a rank that hangs prints its stack.
"""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.distributed import chosen_ranks, started_by
from gan_np.runs import Config, build_gan, load_gan

HERE = Path(__file__).parent
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
LIMIT = 200
MISSING = "mpi4py" if importlib.util.find_spec("mpi4py") is None else "mpiexec" if MPIEXEC is None else ""
needs_mpi = pytest.mark.skipif(bool(MISSING), reason=f"{MISSING} is not installed (the extra `mpi`)")
COMMAND = (
    "import faulthandler, sys; faulthandler.dump_traceback_later(170, exit=True); from gan_np.cli import main; "
    "sys.argv[0] = 'gan-np'; main()"
)
SMALL = {"width": 2, "latent_dim": 3, "batch_size": 12, "checkpoint_every": 5, "sample_count": 4}


def mpiexec(size: int, *words: object) -> list[str]:
    return [str(MPIEXEC), "-n", str(size), sys.executable, *map(str, words)]


def environment() -> dict[str, str]:
    return {**os.environ, "GAN_NP_NUM_THREADS": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"} | {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=environment())


def flags(**settings: object) -> list[str]:
    return [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@needs_mpi
def test_messages_and_trainings_of_two_processes() -> None:
    done = run(*mpiexec(2, HERE / "mpi_script.py", 2))
    assert done.returncode == 0, done.stderr
    assert [done.stdout.count(f"rank {rank} is done") for rank in (0, 1, 2)] == [1, 1, 0]  # lines of both may be joined


@needs_mpi
def test_three_processes_and_an_error_in_one_ends_all() -> None:
    """The messages as above; then rank 2 has no memory left while the others wait for it."""
    done = run(*mpiexec(3, HERE / "mpi_script.py", 3, "fail"))
    assert done.returncode != 0
    assert "rank 2 of 3:" in done.stderr, done.stderr
    assert "MemoryError: planted" in done.stderr
    assert "is done" not in done.stdout
    assert "Timeout" not in done.stderr


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("mpi") / "images.npy"
    np.save(place, np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8))
    return place


@needs_mpi
def test_a_run_is_stopped_killed_and_gone_on_with_by_fewer(tmp_path: Path, images: Path) -> None:
    """Three are stopped by SIGTERM to one of them; three go on and one is killed; two end it, as one would have."""
    place = tmp_path / "run"
    log = place / "log.jsonl"
    words = ["train", "--quiet", *flags(data=images, out=place, steps=36, sample_every=0, **SMALL)]
    code = _until(mpiexec(3, "-c", COMMAND, *words, "--no-animation"), log, 6, signal.SIGTERM, rank=2)
    assert code == 128 + signal.SIGTERM
    stopped = _steps(log)
    assert 6 <= stopped < 36
    assert (place / "checkpoints" / f"step-{stopped:06}.safetensors").exists()

    again = ["train", "--quiet", "--resume", str(place)]
    assert _until(mpiexec(3, "-c", COMMAND, *again), log, stopped + 5, signal.SIGKILL, rank=1) != 0
    assert gn.runs.load_gan(place)  # the newest checkpoint is whole

    done = run(*mpiexec(2, "-c", COMMAND, *again))
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == list(range(1, 37))

    config = Config(data=str(images), steps=36, **SMALL)  # type: ignore[arg-type]
    gan = build_gan(config, (8, 8, 1))
    gn.train(gan, np.load(images), config=config, progress=False)
    found = load_gan(place)
    for player in ("generator", "discriminator"):
        ours, theirs = (getattr(one, player).parameters.values for one in (found, gan))
        assert np.abs(ours - theirs).max() < 2e-6 * np.abs(theirs).max()


@needs_mpi
def test_settings_that_differ_are_refused_once_with_both(tmp_path: Path, images: Path) -> None:
    words = ["-c", COMMAND, "train", *flags(data=images, out=tmp_path / "run", steps=3, **SMALL)]
    one, other = ([sys.executable, *words, "--seed", seed] for seed in ("1", "2"))
    done = run(str(MPIEXEC), "-n", "1", *one, ":", "-n", "1", *other)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("must have the same setting seed; rank 0 has 1, rank 1 has 2") == 1
    assert not (tmp_path / "run").exists()


def _steps(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def _until(command: list[str], log: Path, steps: int, number: signal.Signals, rank: int) -> int:
    """Start, wait until so many steps are logged, send a signal to the process of a rank, and return the exit code."""
    psutil = pytest.importorskip("psutil")
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), start_new_session=True
    )
    try:
        ends = time.monotonic() + 60
        while _steps(log) < steps and time.monotonic() < ends and started.poll() is None:
            time.sleep(0.02)
        names = ("PMI_RANK", "OMPI_COMM_WORLD_RANK")
        for child in psutil.Process(started.pid).children(recursive=True):
            if any(child.environ().get(name) == str(rank) for name in names):
                child.send_signal(number)
                break
        started.communicate(timeout=30)
        return started.returncode
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)


def test_who_was_started_with_others() -> None:
    assert started_by({}) is None
    assert started_by({"PMI_SIZE": "1", "SLURM_NTASKS": "8"}) is None  # a batch script itself is one process
    assert started_by({"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3"}) == ("mpiexec of Open MPI", 4, 3)
    assert started_by({"SLURM_STEP_NUM_TASKS": "2"}) == ("srun of Slurm", 2, 0)


def test_ranks_that_cannot_be_meant() -> None:
    with pytest.raises(ValueError, match="ranks: expected one of 'auto', 'off'"):
        chosen_ranks("all")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ranks: expected"):
        chosen_ranks(3)  # type: ignore[arg-type]


def test_several_processes_need_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ModuleNotFoundError, match=r"2 processes .*gan_np\[mpi\]"):
        chosen_ranks()
    assert chosen_ranks("off").size == 1
