"""Full disks, read-only folders, no HOME, children of this process: what surrounds a training."""

import contextlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.data.cache import decoded
from gan_np.files import write_atomically
from gan_np.runs import checkpoint
from gan_np.runs.config import Config
from gan_np.runs.folder import RunFolder

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def theta_after(steps: int) -> bytes:
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    for _ in gn.runs.iterate(gan, IMAGES, steps=steps, batch_size=8):
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
        gn.runs.resume(run, images=IMAGES, steps=400, progress=False)
    assert checkpoint.find(run).read_bytes() == before
    assert not list(run.rglob(".*.safetensors.*")), "no half-written file stays"
    filler.unlink()
    trainer = gn.runs.resume(run, images=IMAGES, steps=6, progress=False)
    assert trainer.gan.generator.parameters.values.tobytes() == theta_after(6)


OUTPUTS: dict[str, Callable[[Path], object]] = {
    "image": lambda path: gn.save_grid(IMAGES, path.with_suffix(".png"), zoom=8),
    "animation": lambda path: gn.data.images.save_animation(
        IMAGES.reshape(5, 10, 8, 8, 1), path.with_suffix(".gif"), zoom=16
    ),
    "bytes": lambda path: write_atomically(path, bytes(200_000)),
}


@pytest.mark.parametrize("kind", list(OUTPUTS))
def test_full_disk_cuts_no_file_short_and_is_named(small_disk: Path, kind: str) -> None:
    OUTPUTS[kind](small_disk / "output")
    (file,) = small_disk.iterdir()
    before = file.read_bytes()
    with pytest.raises(OSError, match="No space"):
        fill(small_disk / "filler")
    with pytest.raises(OSError, match="No space") as caught:
        OUTPUTS[kind](small_disk / "output")
    assert caught.value.filename == str(file)
    assert str(file) in str(caught.value)
    assert file.read_bytes() == before
    assert sorted(path.name for path in small_disk.iterdir()) == sorted(["filler", file.name])


def test_full_disk_names_the_log(small_disk: Path) -> None:
    folder = RunFolder.create(RunFolder.make_place(small_disk / "run"), Config())
    with pytest.raises(OSError, match="No space"):
        fill(small_disk / "filler")
    with pytest.raises(OSError, match=r"log\.jsonl"):
        folder.log({"step": 1, "text": "x" * 100_000})
    with contextlib.suppress(OSError):  # the file may try again
        folder.close()


def test_full_disk_names_the_decoded_images(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(small_disk)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=1 << 40))  # filled by another meanwhile
    with pytest.raises(OSError, match=r"No space.*decoded.*\.npy"):
        decoded(
            small_disk,
            "source",
            1,
            lambda: ((1000, 64, 64, 1), (np.zeros((10, 64, 64, 1), np.uint8) for _ in range(100))),
        )
    assert not list((small_disk / "decoded").iterdir())


def test_a_link_in_the_place_of_an_output_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")
    (tmp_path / "grid.png").symlink_to("kept")
    gn.save_grid(IMAGES, tmp_path / "grid.png")
    assert (tmp_path / "kept").read_text() == "as it was"
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(sys.platform == "win32", reason="modes")
def test_files_have_the_mode_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        path = write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_lock_that_is_a_link_is_left_alone(tmp_path: Path, kind: str) -> None:
    victim, run = tmp_path / "victim", tmp_path / "run"
    victim.write_text("precious")
    run.mkdir()
    (run / ".lock").symlink_to(victim) if kind == "symbolic" else (run / ".lock").hardlink_to(victim)
    with pytest.raises(FileExistsError, match="found a link"):
        gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), IMAGES, out=run, steps=1, progress=False)
    assert victim.read_text() == "precious"
    (run / ".lock").unlink()
    (run / ".lock-holder").symlink_to(victim)
    gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), IMAGES, out=run, steps=1, batch_size=8, progress=False)
    assert victim.read_text() == "precious"


ELSEWHERE = """
import os, sys
sys.modules["fcntl"] = None  # as on Windows
for name in ("getuid", "fork", "register_at_fork", "sched_getaffinity", "posix_spawn", "O_CLOEXEC", "O_NOFOLLOW"):
    if name != "getuid" or sys.argv[2] == "no owners":
        vars(os).pop(name, None)
import numpy as np, gan_np as gn
from gan_np.runs.lock import RunLock
images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
def again(trainer, step):
    try:
        RunLock(sys.argv[1]).__enter__()
    except BlockingIOError as error:
        print(error)
gan = gn.models.dcgan((8, 8, 1), 4, width=2)
gn.train(gan, images, out=sys.argv[1], steps=1, batch_size=8, progress=False, callbacks=[again])
gn.runs.resume(sys.argv[1], images=images, steps=2, progress=False)
print(os.getpid())
"""


@pytest.mark.parametrize("owners", ["owners", "no owners"])
def test_what_only_some_systems_have_is_not_needed(tmp_path: Path, owners: str) -> None:
    """A training where the modules and functions that Windows lacks are missing; a second one is refused all the same."""
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, tmp_path / "run", owners], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused, number = done.stdout.splitlines()
    assert f"process {number} is writing this run" in refused


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
