"""When Numba CUDA kernels are used, what they say where they cannot be, and what choosing costs."""

import subprocess
import sys
import types

import numpy as np
import pytest

from gan_np import kernels
from gan_np.kernels.numba_cuda import usable

FLOAT32 = np.dtype(np.float32)
GPU = kernels.Problem("cuda", FLOAT32, (3, 4))


def no_compiler():
    raise OSError("libNVVM cannot be found.\nMore.")


@pytest.fixture
def numba_cuda(monkeypatch):
    """Says what `numba.cuda` is here: a module, or an error of importing it."""
    usable.unusable.cache_clear()

    def pretend(found, compiler=object):
        def load(name):
            if isinstance(found, Exception):
                raise found
            return found if name == "numba.cuda" else types.SimpleNamespace(NVVM=compiler, NvvmSupportError=OSError)

        monkeypatch.setattr(usable.importlib, "import_module", load)

    yield pretend
    monkeypatch.undo()
    usable.unusable.cache_clear()
    kernels.selection._choose.cache_clear()


def test_reasons(numba_cuda, monkeypatch):
    supports = kernels.entry("dense", "numba_cuda").supports
    assert supports(kernels.Problem("cpu", FLOAT32, (3, 4))) == "it is for arrays on a GPU"
    assert supports(GPU._replace(dtype=np.dtype(np.float16))) == "it has no float16"
    numba_cuda(types.SimpleNamespace(is_available=lambda: False, cuda_error=lambda: "no driver"))
    assert supports(GPU) == "numba.cuda finds no GPU (no driver)"
    usable.unusable.cache_clear()
    numba_cuda(types.SimpleNamespace(is_available=lambda: True), no_compiler)
    assert supports(GPU).startswith("numba.cuda finds no compiler")
    assert supports(GPU).endswith("(libNVVM cannot be found.)")
    usable.unusable.cache_clear()
    numba_cuda(ImportError("broken"))
    assert supports(GPU) == "numba.cuda cannot be imported (broken)"
    usable.unusable.cache_clear()
    monkeypatch.setattr(usable.importlib.util, "find_spec", lambda name: None)
    assert supports(GPU) == "Numba is not installed"
    usable.unusable.cache_clear()
    with (
        pytest.raises(ValueError, match=r"cannot do .*: Numba is not installed"),
        kernels.use_kernels(dense="numba_cuda"),
    ):
        kernels.select("dense", GPU)


def test_used_where_it_is_named_alone(numba_cuda):
    numba_cuda(types.SimpleNamespace(is_available=lambda: True))
    assert kernels.choose("dense", GPU).name == "cuda"
    with kernels.use_kernels(dense="numba_cuda"):
        assert kernels.choose("dense", GPU).name == "numba_cuda"


def test_choosing_another_kernel_does_not_import_numba():
    code = (
        "import sys, numpy as np; from gan_np import kernels;"
        "problem = kernels.Problem('cuda', np.dtype(np.float32), (3, 4));"
        "print(kernels.choose('dense', problem).name, 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cuda", "False"]
