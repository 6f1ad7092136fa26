"""Tests of the `.cu` sources on the processor; see `on_host/`. A machine without g++ skips them with that reason."""

import pytest
from on_host import ORDERS, compiler, pretend_cupy, threads_in_order


@pytest.fixture
def host_gpu():
    """CuPy arrays that are NumPy's in disguise, and raw kernels compiled by g++."""
    if compiler() is None:
        pytest.skip("no g++: the CUDA sources cannot be run on the processor")
    with pretend_cupy() as module:
        yield module


@pytest.fixture(params=ORDERS)
def order(request):
    """All blocks run their threads in this order."""
    with threads_in_order(request.param):
        yield request.param
