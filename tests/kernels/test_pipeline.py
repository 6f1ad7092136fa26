"""How kernels are compiled: by fewer passes than Numba's own, to the same code, and with Python's collector left alone."""

import gc
import os
import re

import numba
import pytest
from numba.core import compiler, errors, types

from gan_np.kernels.cpu.code_generator import KernelDispatcher, _uncollected
from gan_np.kernels.cpu.compiled import compiled
from gan_np.kernels.cpu.panels import pack_panel
from gan_np.kernels.cpu.pipeline import Pipeline

OPTIONS = {
    "nopython": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract"},
    "no_cpython_wrapper": True,
}


def code(pipeline, function, kinds):
    """LLVM's code of a function, without the numbers in its names."""
    dispatcher = KernelDispatcher(function, targetoptions=OPTIONS)
    dispatcher._compiler.pipeline_class = pipeline
    dispatcher.run_by_address = True
    dispatcher.compile(kinds)
    text = dispatcher.overloads[kinds].library.get_llvm_str()
    text = re.sub(r"_ZN[\w$.]*|_v\d+|B\d+| *;.*", "", text)
    return "\n".join(line for line in text.splitlines() if not line.startswith(("source_filename", "@")))


def test_the_code_is_that_of_numbas_own_passes():
    source, target = (types.Array(types.float32, 1, "C", readonly=readonly) for readonly in (True, False))
    kinds = types.int64, types.int64, source, types.int64, types.int64, types.int64, target
    ours, theirs = (code(pipeline, pack_panel.py_func, kinds) for pipeline in (Pipeline, compiler.Compiler))
    assert ours == theirs
    assert len(ours) > 2000


def test_what_the_passes_do_not_look_for_is_refused():
    @compiled
    def closed(count):
        def twice(x):
            return 2 * x

        return twice(count)

    with pytest.raises(errors.NumbaError, match="Failed in nopython mode pipeline"):
        closed(3)
    assert gc.isenabled()

    @numba.njit
    def theirs(count):
        def twice(x):
            return 2 * x

        return twice(count)

    assert theirs(3) == 6, "what users compile has all of Numba"


def test_python_looks_for_cycles_again_when_a_kernel_is_compiled():
    with _uncollected():
        assert not gc.isenabled()
        with _uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
        if hasattr(os, "fork"):
            child = os.fork()
            if child == 0:
                os._exit(0 if gc.isenabled() else 7)
            assert os.waitpid(child, 0)[1] == 0
    assert gc.isenabled()
    gc.disable()
    try:
        with _uncollected():
            pass
        assert not gc.isenabled(), "as it was found"
    finally:
        gc.enable()
