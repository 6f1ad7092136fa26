"""Gate 4: every Numba CUDA kernel in the table against the reference, run by Numba's simulator; and that this can fail."""

import re
from importlib.util import find_spec
from pathlib import Path

import infinite
import pytest
from broken import BARRIER, BROKEN
from children import lines

from gan_np import kernels

ORDERS = ("forward", "reversed")
pytestmark = pytest.mark.skipif(find_spec("numba") is None, reason="Numba is not installed")

NAMED = [operation for operation in kernels.OPERATIONS if "numba_cuda" in [e.name for e in kernels.entries(operation)]]


WORK = [(operation, order) for operation in NAMED for order in ORDERS]


def every_day(operation, order):
    """One order of threads for each operation, the two by turns; --campaign runs both for all, twice as long."""
    return ORDERS[NAMED.index(operation) % 2] == order


@pytest.fixture(scope="module")
def faults(request):
    campaign = request.config.getoption("--campaign")
    chosen = [f"{operation}:{order}" for operation, order in WORK if campaign or every_day(operation, order)]
    return {(line["check"], line["order"]): line["fault"] for line in lines("simulated.py", *chosen)}


@pytest.fixture(scope="module")
def controls():
    return {line["check"]: line for line in lines("simulated.py", "broken")}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("operation", NAMED)
def test_parity_in_the_simulator(faults, operation, order):
    """The public check: other strides, float32 and float64, gradients into place, threads in either order."""
    if (operation, order) not in faults:
        pytest.skip("left to --campaign: every day each operation runs in one order of threads")
    assert faults[operation, order] is None


def test_infinite_numbers_and_huge_gradients():
    found = lines("simulated.py", "infinite")
    assert {line["check"] for line in found} == set(infinite.CHECKS)
    assert [line for line in found if line["fault"] is not None] == []


def test_nothing_else_was_checked(faults):
    assert {operation for operation, _ in faults} == set(NAMED)
    assert {order for _, order in faults} == set(ORDERS)


@pytest.mark.parametrize("label", [label for label, *_ in BROKEN])
def test_what_is_broken_is_caught(controls, label):
    assert controls[label]["changed"]
    assert controls[label]["caught"]


def test_every_barrier_is_among_the_controls():
    folder = Path(kernels.__file__).parent / "numba_cuda"
    sources = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
    barriers = {f"{name}: barrier {i}" for name, text in sources.items() for i in range(len(re.findall(BARRIER, text)))}
    assert barriers == {label for label, *_ in BROKEN if "barrier" in label}
