"""Gate 4: every Numba CUDA kernel that the small cases launch, compiled and assembled for sm_90 with no GPU."""

import importlib.metadata
import re

import pytest
from children import lines

from gan_np import kernels


def missing():
    """Why nothing can be compiled here: Numba's own numba.cuda needs a CUDA toolkit, the package brings what it needs."""
    for name in ("numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink", "cuda-core"):
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return f"the package {name}, of the extra cuda-gates, is missing"
    return None


pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

WIDE = re.compile(r"\b(?:add|mul|fma|div)[.\w]*\.f64")
"""Arithmetic in float64, the conversion of a number of the host aside."""
BARRIERS = {"product": 2, "partial_column_sums": 1, "adam_step": 1, "layer_norm": 6, "layer_norm_gradient": 6}
"""At least: a loop may be unrolled. Kernels that are not named here have none."""
SINES = {"normal"}
"""math.sin and math.cos bring code for large angles, with an array and a product in float64, that is never reached."""
IN_FLOAT64 = {"adam_step", *SINES}
"""The constants of Adam, once a block."""


@pytest.fixture(scope="module")
def compiled():
    return lines("recorded.py")


def test_every_operation_compiles_in_both_dtypes(compiled):
    named = [o for o in kernels.OPERATIONS if "numba_cuda" in [entry.name for entry in kernels.entries(o)]]
    assert {(k["operation"], k["dtype"]) for k in compiled if k["dtype"] != "control"} == {
        (operation, dtype) for operation in named for dtype in ("float32", "float64")
    }


def test_what_the_code_is(compiled):
    for kernel in compiled:
        text, where = kernel["ptx"], (kernel["operation"], kernel["kernel"], kernel["dtype"])
        assert ".target sm_90" in text, where
        assert ".visible .entry" in text, where
        assert ".local" not in text or kernel["kernel"] in SINES, f"an array in slow memory: {where}"
        found, wanted = len(re.findall(r"\bbar(?:rier)?\.sync", text)), BARRIERS.get(kernel["kernel"], 0)
        assert found >= wanted, where
        assert wanted or not found, where


def test_nothing_is_spilled(compiled):
    """And a block of 256 threads finds the registers that it needs, 65,536 a multiprocessor."""
    for kernel in compiled:
        where = (kernel["operation"], kernel["kernel"], kernel["dtype"])
        assert kernel["spilled"] == 0, where
        assert kernel["stack"] == 0 or kernel["kernel"] in SINES, where
        assert 0 < kernel["registers"] <= 128, where


def test_float32_stays_float32(compiled):
    for kernel in compiled:
        if kernel["dtype"] == "float32" and kernel["kernel"] not in IN_FLOAT64:
            assert not WIDE.search(kernel["ptx"]), (kernel["operation"], kernel["kernel"])


def test_a_bare_number_that_widens_a_sum_is_seen(compiled):
    (control,) = (kernel for kernel in compiled if kernel["dtype"] == "control")
    assert WIDE.search(control["ptx"])
