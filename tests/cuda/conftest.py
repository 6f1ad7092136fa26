"""Tests of the `.cu` sources on the processor; see `on_host/`. A machine without g++ skips them with that reason."""

from pathlib import Path

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


def pytest_collection_modifyitems(config, items):
    """Without --campaign, what repeats another test is left out: all of it takes several minutes more."""
    if config.getoption("--campaign"):
        return
    left_out = [item for item in items if Path(item.path).parent == Path(__file__).parent and _said_elsewhere(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _said_elsewhere(item):
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if item.path.name == "test_cuda_products.py":
        # test_cuda_parity.py goes through all orders of threads for each kernel.
        repeated = given.get("order") in ("forward", "reversed") or "aligned-forward" in item.name
        by_warps = item.originalname == "test_bias_and_activation_on_the_way" and "by warps" in item.name
        return repeated or by_warps or item.originalname == "test_pipelines"
    if item.originalname == "test_operands_that_move_on_wrongly":
        return given["kernel"] != "cuda"  # the lines that are changed are those of all three
    return item.path.name == "test_negative_controls.py" and "bf16" in str(given.get("kernel", ""))
