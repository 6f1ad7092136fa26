"""Every kernel of the table on a GPU, in CUDA C++ and in Numba CUDA, against the reference; and sums of one rank by NCCL."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.arrays import to_device, to_host
from gan_np.distributed.nccl import NCCLRanks
from gan_np.ranks import ALONE

pytestmark = pytest.mark.gpu

KERNELS = [
    (operation, entry.name)
    for operation in kernels.OPERATIONS
    for entry in kernels.entries(operation)
    if entry.name in ("cuda", "numba_cuda")
]


@pytest.mark.parametrize(("operation", "name"), KERNELS, ids=[f"{name}-{operation}" for operation, name in KERNELS])
def test_parity(operation, name):
    """In float32, and but for what a device lacks in float64."""
    cases = kernels.list_cases(operation)
    reason = kernels.entry(operation, name).supports(cases[0].problem(np.dtype(np.float32), "cuda"))
    if reason is not None:
        pytest.skip(reason)
    gn.testing.check_kernel(operation, name, device="cuda", effort="quick")


def test_sums_of_one_rank_by_nccl():
    """What one rank alone adds up and gathers is what it gave: the calls, their types and their stream are right."""
    cupy = pytest.importorskip("cupy")
    if not getattr(cupy.cuda.nccl, "available", True):
        pytest.skip("CuPy finds no NCCL")
    ranks = NCCLRanks(ALONE, "cuda:0")
    for dtype in (np.float32, np.float64):
        given = np.arange(6, dtype=dtype).reshape(2, 3)
        array = to_device(given, "cuda:0")
        ranks.all_reduce(array)
        np.testing.assert_array_equal(to_host(array), given)
        first, second = ranks.all_gather(array, array[:, :1])
        np.testing.assert_array_equal(to_host(first), given)
        np.testing.assert_array_equal(to_host(second), given[:, :1])
