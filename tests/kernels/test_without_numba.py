"""Numba missing, broken or disabled; and where compiled kernels are kept. Each in a process of its own."""

import os
import shutil
import subprocess
import sys

import pytest

MISSING = """
import importlib.machinery, sys
find = importlib.machinery.PathFinder.find_spec

def without_numba(name, *rest):
    return None if name.partition(".")[0] in ("numba", "llvmlite") else find(name, *rest)

importlib.machinery.PathFinder.find_spec = without_numba
"""
BROKEN = """
import sys

class Broken:
    def find_spec(self, name, path=None, target=None):
        from importlib.machinery import ModuleSpec
        return ModuleSpec(name, self) if name == "numba" else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        raise ImportError("Numba needs NumPy 1.0 or less")

sys.meta_path.insert(0, Broken())
"""
TRAIN = """
import sys
import warnings
import numpy as np, gan_np as gn
assert "numba" not in sys.modules
images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
gan = gn.models.dcgan((8, 8, 1), 4, width=4)
with warnings.catch_warnings(record=True) as said, gn.kernels.profile() as total:
    warnings.simplefilter("always")
    gn.train(gan, images, steps=2, batch_size=8, progress=False)
    gan.sample(3)
print(len(said), *(f"{warning.category.__name__}: {warning.message}" for warning in said), sep="\\n")
print(sorted({work.implementation for work in total.calls}))
"""


def run(code, **environment):
    """In a process that finds no kernels that came with the library, unless it is told to use them."""
    surroundings = {**os.environ, "GAN_NP_SHIPPED": "0", **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, env=surroundings)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("before", "environment", "reason"),
    [
        (MISSING, {}, "Numba is not installed"),
        (BROKEN, {}, "Numba cannot be imported (Numba needs NumPy 1.0 or less)"),
        ("", {"NUMBA_DISABLE_JIT": "1"}, "NUMBA_DISABLE_JIT is set"),
    ],
    ids=["missing", "broken", "disabled"],
)
def test_the_reference_serves_and_one_warning_says_why(before, environment, reason):
    count, *warned, used = run(before + TRAIN, **environment)
    assert count == "1", warned
    assert warned == [f"RuntimeWarning: gan_np computes with NumPy alone, several times slower: {reason}"]
    assert used == "['im2col', 'reference']"


def test_with_numba_nothing_is_said(tmp_path):
    """The negative control, and the library itself does not import Numba."""
    count, used = run(TRAIN, NUMBA_DISABLE_JIT="0")
    assert count == "0"
    assert "numba" in used
    assert run("import sys, gan_np; print('numba' in sys.modules)") == ["False"]


def test_a_forced_kernel_says_why_it_cannot():
    code = """
import warnings
import numpy as np, gan_np as gn
warnings.simplefilter("ignore")
x = np.ones((3, 2), np.float32)
with gn.use_kernels(dense="numba"):
    try:
        gn.ops.dense(x, x.T.copy())
    except ValueError as error:
        print(error)
"""
    (message,) = run(
        MISSING + code.replace("import numpy", "import warnings; warnings.simplefilter('ignore')\nimport numpy")
    )
    assert "'numba' of 'dense' was asked for but cannot do" in message
    assert message.endswith("Numba is not installed")


# A kernel that is quickly compiled: one function of its own, and those of the pool of threads.
COMPILE = """
import warnings
import numpy as np
from numba.core import event
from gan_np import kernels
with warnings.catch_warnings(record=True) as said, event.install_recorder("numba:compile") as compiled:
    warnings.simplefilter("always")
    total, values = np.random.default_rng(0).standard_normal((2, 40)).astype(np.float32)
    expected = 0.9 * total + 0.1 * values
    kernels.entry("average", "numba").implementation.step(total, values, 0.9)
    assert np.abs(total - expected).max() < 1e-6
print(len(compiled.buffer))
print(*(warning.message for warning in said), sep="\\n")
"""


ALONE = {"GAN_NP_WARM": "0", "GAN_NP_NUM_THREADS": "1"}
"""Nobody compiles beside the thread that counts: no second process, and no thread of the pool."""


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A cache that a process filled, to be copied, and how many functions it compiled."""
    cache = tmp_path_factory.mktemp("compiled")
    count, *said = run(COMPILE, GAN_NP_CACHE=str(cache), **ALONE)
    assert int(count) > 0
    assert said == [""]
    return cache, int(count)


def copied(cache, place):
    """A copy of a filled cache: it is good wherever it lies."""
    return shutil.copytree(cache, place, dirs_exist_ok=True)


def kept(folder):
    """Files of the kernels, with their times."""
    return {
        path.name: path.stat().st_mtime_ns for path in folder.glob("kernels/*/*") if path.suffix in (".nbi", ".nbc")
    }


def test_a_second_process_loads_what_the_first_compiled(tmp_path, first):
    cache, count = first
    files = kept(cache)
    assert len(files) >= 4
    assert run(COMPILE, GAN_NP_CACHE=str(cache), **ALONE) == ["0", ""], "compiled again"
    assert kept(cache) == files
    assert run(COMPILE, GAN_NP_CACHE=str(tmp_path / "other"), **ALONE) == [str(count), ""]


def test_a_folder_that_cannot_be_written(tmp_path):
    """It works, compiling each time, and one warning says so."""
    (tmp_path / "file").write_text("not a folder")
    count, *said = run(COMPILE, GAN_NP_CACHE=str(tmp_path / "file" / "below"))
    assert int(count) > 0
    assert len(said) == 1
    assert "compiled kernels cannot be kept" in said[0]
    assert "GAN_NP_CACHE names another folder" in said[0]


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert len(run(COMPILE, GAN_NP_CACHE=str(tmp_path))[1:]) == 1
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    "damage", ["cut", *(pytest.param(damage, marks=pytest.mark.campaign) for damage in ("emptied", "garbled"))]
)
def test_a_damaged_cache_is_replaced(tmp_path, damage, first):
    copied(first[0], tmp_path)
    for path in tmp_path.glob("kernels/*/*.nb[ic]"):
        data = path.read_bytes()
        path.write_bytes({"cut": data[: len(data) // 2], "emptied": b"", "garbled": data[::-1]}[damage])
    count, *said = run(COMPILE, GAN_NP_CACHE=str(tmp_path))
    assert int(count) > 0
    assert said == [""] or len(said) == 1
