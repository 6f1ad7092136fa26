"""Full disks, read-only folders, no HOME, children of this process: what surrounds a training."""

import multiprocessing
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.training import checkpoint

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def theta_after(steps: int) -> bytes:
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    for _ in gn.training.iterate(gan, IMAGES, steps=steps, batch_size=8):
        pass
    return gan.generator.parameters.values.tobytes()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", place], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def test_full_disk_loses_nothing_that_was_there(small_disk: Path) -> None:
    run = small_disk / "run"
    options = {"batch_size": 8, "sample_every": 0, "sample_count": 4, "keep": 1, "animation": False, "progress": False}
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    gn.train(gan, IMAGES, out=run, steps=3, **options)
    before = checkpoint.find(run).read_bytes()
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        fill(filler)
    with pytest.raises(OSError, match="No space"):
        gn.training.resume(run, images=IMAGES, steps=400, progress=False)
    assert checkpoint.find(run).read_bytes() == before
    assert not list(run.rglob(".*.safetensors.*")), "no half-written file stays"
    filler.unlink()
    trainer = gn.training.resume(run, images=IMAGES, steps=6, progress=False)
    assert trainer.gan.generator.parameters.values.tobytes() == theta_after(6)


def test_read_only_folder_is_said_before_any_work(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(OSError, match="Read-only"):
        gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), IMAGES, out=small_disk / "run", steps=1, progress=False)


def test_no_home(tmp_path: Path) -> None:
    np.save(tmp_path / "tiny.npy", IMAGES)
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    command = "from gan_np.cli import main; main()"
    arguments = ["train", "--data", "tiny.npy", "--steps", "2", "--width", "2", "--batch-size", "8"]
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/tiny-dcgan-1/samples.png").exists()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_computes_the_same(method: str) -> None:
    expected = theta_after(3)  # the parent has used the library before
    with warnings.catch_warnings():
        # BLAS keeps threads, and Python warns of forks beside threads; that this works is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply_async(theta_after, (3,)).get(timeout=60) == expected


def test_threads_do_not_disturb_each_other() -> None:
    names = ("direct", "im2col")  # what one thread asks for is not what the others get, and all share one pool
    expected, found = {}, {name: list[bytes]() for name in names}
    for name in names:
        with gn.use_kernels(conv2d=name):
            expected[name] = theta_after(5)

    def work(name: str) -> None:
        with gn.use_kernels(conv2d=name):
            found[name].append(theta_after(5))

    threads = [threading.Thread(target=work, args=(name,)) for name in names * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert expected["direct"] != expected["im2col"]
    assert found == {name: [expected[name]] * 2 for name in names}
