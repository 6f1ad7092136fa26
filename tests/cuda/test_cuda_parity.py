"""Gate 1: every CUDA kernel in the table against the reference, its `.cu` source run on the processor."""

import pytest
from comparing import FLOAT32, OF_DENSE, ROUNDING, compare, instruction, kernel_of
from on_host import threads_in_order

import gan_np as gn
from gan_np import kernels
from gan_np.kernels.selection import FUSED
from gan_np.testing import KernelError

CUDA = [
    (operation, entry.name)
    for operation in kernels.OPERATIONS
    for entry in kernels.entries(operation)
    if entry.name.startswith("cuda")
]
EXACT = [pair for pair in CUDA if pair[1] == "cuda"]
NAMES_OF = {"dense": OF_DENSE}
"""The names of `ROUNDING` under which an operation's kernels multiply; other operations have all of them."""
BY_INSTRUCTION = [
    (operation, name)
    for operation, entry in CUDA
    for name in [name for name in NAMES_OF.get(operation, ROUNDING) if kernel_of(name) == entry] or [entry]
]
"""Each kernel by each instruction that it multiplies with; one that `ROUNDING` does not know by its own name, as exact."""
ON_TENSOR_CORES = [pair for pair in BY_INSTRUCTION if pair[1] in ROUNDING and pair[1] != "cuda"]


def test_every_operation_has_a_cuda_kernel_that_is_chosen_for_gpu_arrays():
    """But for the dense layer, whose work dense products and bias_activation do."""
    unfused = set(FUSED) - {"logistic"}
    assert {operation for operation, _ in EXACT} == set(kernels.OPERATIONS) - unfused
    for operation, _ in EXACT:
        for case in kernels.list_cases(operation):
            assert kernels.choose(operation, case.problem(FLOAT32, "cuda")).name == "cuda", case.label
    for operation in unfused:
        for case in kernels.list_cases(operation):
            named = [entry.name for entry in kernels.available(operation, case.problem(FLOAT32, "cuda"))]
            assert named == ["reference"]


@pytest.mark.parametrize(("operation", "name"), BY_INSTRUCTION, ids=lambda value: value)
def test_every_order_of_threads(host_gpu, order, operation, name):
    """What rounds is compared with the reference on rounded arrays, and so as strictly."""
    for case in kernels.list_cases(operation):
        compare(case, name)


@pytest.mark.parametrize(("operation", "name"), EXACT, ids=lambda value: value)
def test_parity(host_gpu, operation, name):
    """The public check, on cases that are drawn too."""
    with threads_in_order("shuffled"):
        gn.testing.check_kernel(operation, name, device="cuda")


@pytest.mark.parametrize(("operation", "name"), ON_TENSOR_CORES, ids=lambda value: value)
def test_parity_to_the_rounding_that_was_asked_for(host_gpu, operation, name):
    """The public check: other strides, float64, gradients into place. Their numbers in all cases are looked at above."""
    kernel = kernel_of(name)
    tolerance = {"cuda_tf32": 2e-3, "cuda_bf16": 1e-2}[kernel]
    with threads_in_order("shuffled"), instruction(name):
        cases = kernels.list_cases(operation)[::2]
        gn.testing.check_kernel(operation, kernel, device="cuda", tolerance=tolerance, cases=cases, effort="quick")


@pytest.mark.parametrize(("operation", "name"), ON_TENSOR_CORES, ids=lambda value: value)
def test_what_rounds_is_not_taken_for_exact(host_gpu, operation, name):
    with instruction(name), pytest.raises(KernelError, match="differs by"):
        gn.testing.check_kernel(operation, kernel_of(name), device="cuda", effort="quick")
