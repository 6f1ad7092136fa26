"""Systems that nothing of this ran on: what Linux alone has is taken away, and what Windows refuses is refused."""

import os
import runpy
import subprocess
import sys
import types
from pathlib import Path

import pytest
import setuptools

from gan_np import files
from gan_np.runs import folder

ROOT = Path(__file__).parents[2]

ELSEWHERE = """
import importlib, os, pkgutil, signal, sys
import concurrent.futures.process, multiprocessing.connection, multiprocessing.popen_spawn_posix, numba, socket, subprocess
import PIL.Image, rich.console, typer  # what others do on their systems is their affair

MODULES = ("fcntl", "grp", "pwd", "resource", "termios", "posix", "syslog")
NAMES = (
    "fork", "getuid", "geteuid", "sched_getaffinity", "sched_yield", "posix_spawn", "register_at_fork", "sysconf",
    "O_NOFOLLOW", "O_DIRECTORY", "killpg", "setsid", "nice", "getloadavg", "uname", "chown", "mkfifo", "POSIX_SPAWN_OPEN",
)
for name in MODULES:
    sys.modules[name] = None
for name in NAMES:
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM", "SIGCHLD", "SIGQUIT", "SIGPIPE"):
    if hasattr(signal, name):
        delattr(signal, name)
import mmap
del mmap.MADV_HUGEPAGE
"""
IMPORT = """
import gan_np, gan_np.kernels
OPTIONAL = ("cupy", "mpi4py", "onnx", "onnxruntime", "starlette", "uvicorn", "matplotlib", "IPython", "torch", "numba_cuda",
            "wandb", "mlflow", "trackio", "tensorboardX", "cuda", "pyarrow")
for package in (gan_np, gan_np.kernels):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if ".numba_cuda" in found.name or found.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] not in OPTIONAL:
                raise
print("imported")
"""
TRAIN = """
os.environ["NUMBA_DISABLE_JIT"] = "1"  # asked when a kernel is first needed: nothing is compiled here
import warnings
import numpy as np
import gan_np as gn
from gan_np.runs.lock import RunLock
warnings.filterwarnings("ignore", message=".*gan_np computes with NumPy alone.*")
images = np.zeros((8, 8, 8, 1), np.uint8)
place = sys.argv[1]
gn.train(gn.models.mlp((8, 8, 1), 2, hidden=4), images, steps=2, batch_size=4, out=place, progress=False)
gn.resume(place, images=images, steps=3, progress=False)
with RunLock(place):
    try:
        RunLock(place).__enter__()
    except BlockingIOError:
        print("locked")
print(gn.load(place).sample(1).shape)
"""


def test_every_module_is_imported_and_a_run_is_trained_without_what_linux_alone_has(tmp_path):
    environment = {**os.environ, "GAN_NP_CACHE": str(tmp_path / "cache"), "GAN_NP_WARM": "0"}
    code = ELSEWHERE + IMPORT + TRAIN
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:3] == ["imported", "locked", "(1, 8, 8, 1)"]


def test_a_file_that_is_open_elsewhere_is_replaced_when_it_is_free(tmp_path, monkeypatch):
    """Windows refuses to replace a file that another process reads."""
    target, tries, replace = tmp_path / "log", [], os.replace
    target.write_text("old", encoding="utf-8")

    def held(source, place):
        tries.append(source)
        if len(tries) < 3:
            raise PermissionError(13, "used by another process", str(place))
        replace(source, place)

    monkeypatch.setattr(files.os, "replace", held)
    with pytest.raises(PermissionError):
        files.write_atomically(target, b"new")  # elsewhere there is no such reason: at once
    assert len(tries) == 1
    monkeypatch.setattr(files, "sys", types.SimpleNamespace(platform="win32"))
    tries.clear()
    files.write_atomically(target, b"new")
    assert (target.read_bytes(), len(tries)) == (b"new", 3)
    monkeypatch.setattr(files, "PATIENCE", 0.05)
    tries[:] = [None] * -10_000
    monkeypatch.setattr(files.os, "replace", lambda source, place: (_ for _ in ()).throw(PermissionError(13, "held")))
    with pytest.raises(PermissionError, match="held"):
        files.write_atomically(target, b"newer")
    assert [path.name for path in tmp_path.iterdir()] == ["log"], "and nothing is left beside it"


def test_a_checkpoint_that_is_read_elsewhere_stays_until_later(tmp_path, monkeypatch):
    old = tmp_path / "step-000001.safetensors"
    old.write_bytes(b"")
    with monkeypatch.context() as refusing:
        refusing.setattr(
            Path, "unlink", lambda self, missing_ok=False: (_ for _ in ()).throw(PermissionError(13, "held"))
        )
        folder._remove(old)
    assert old.exists()
    folder._remove(old)
    folder._remove(old)
    assert not old.exists()


def test_help_is_printed_whatever_the_encoding_of_the_output():
    done = subprocess.run(
        [sys.executable, "-m", "gan_np", "train", "--help"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert b"--batch-size" in done.stdout


def test_links_for_type_checkers_on_windows(tmp_path, monkeypatch):
    """Junctions to folders and second names of files, which take no right."""
    made = []
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    link = runpy.run_path(str(ROOT / "setup.py"))["link"]
    monkeypatch.setitem(sys.modules, "_winapi", types.SimpleNamespace(CreateJunction=lambda *both: made.append(both)))
    monkeypatch.setitem(link.__globals__, "sys", types.SimpleNamespace(platform="win32"))
    (tmp_path / "package").mkdir()
    (tmp_path / "file.py").write_text("x = 1\n", encoding="utf-8")
    link(tmp_path / "package", tmp_path / "junction")
    link(tmp_path / "file.py", tmp_path / "again.py")
    assert made == [(str(tmp_path / "package"), str(tmp_path / "junction"))]
    assert (tmp_path / "again.py").read_text(encoding="utf-8") == "x = 1\n"
    assert not (tmp_path / "again.py").is_symlink()
