"""Every kernel in the table against the reference: a new entry is tested by being in the table."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.kernels.cases import conv2d_case

FLOAT32 = np.dtype(np.float32)
ALL = [(operation, entry.name) for operation in kernels.OPERATIONS for entry in kernels.entries(operation)]
ENTRIES = [
    (operation, name)
    for operation, name in ALL
    if any(
        kernels.entry(operation, name).supports(case.problem(FLOAT32)) is None for case in kernels.list_cases(operation)
    )
]
"""Those for NumPy arrays."""


@pytest.mark.parametrize(("operation", "name"), ENTRIES, ids=lambda value: value)
def test_parity(operation, name):
    gn.testing.check_kernel(operation, name)


def test_what_is_not_checked_here_is_for_a_gpu():
    """And is held to the reference in tests/cuda."""
    for operation, name in set(ALL) - set(ENTRIES):
        problem = kernels.list_cases(operation)[0].problem(FLOAT32)
        assert kernels.entry(operation, name).supports(problem) == "it is for arrays on a GPU"


def test_every_operation_has_a_reference_and_cases():
    for operation in kernels.OPERATIONS:
        assert kernels.entries(operation)[0].name == "reference"
        assert kernels.list_cases(operation), operation
        assert kernels.list_cases(operation, size="dcgan"), operation


def test_sizes_of_cases():
    with pytest.raises(ValueError, match="'small' or 'dcgan'"):
        kernels.list_cases(size="large")
    assert {case.operation for case in kernels.list_cases()} == set(kernels.OPERATIONS)


def test_dcgan_convolution_with_every_kernel(rng):
    """One layer of the size that training has, batch 4: blocking and edges that small cases do not reach."""
    weight = rng.standard_normal((4, 4, 64, 128)).astype(np.float32)
    large = rng.standard_normal((4, 32, 32, 64)).astype(np.float32)
    small = rng.standard_normal((4, 16, 16, 128)).astype(np.float32)
    geometry = kernels.Geometry(4, (32, 32, 64), (16, 16, 128), (4, 4), (2, 2), (1, 1))
    case = conv2d_case("64→128 at 32²", geometry)
    expected = case.run(kernels.entry("conv2d", "reference").implementation, weight, large, small)
    for entry in kernels.available("conv2d", case.problem(np.dtype(np.float32))):
        found = case.run(entry.implementation, weight, large, small)
        for key, right in expected.items():
            scale = np.abs(right).max()
            np.testing.assert_allclose(found[key], right, rtol=0, atol=2e-5 * scale, err_msg=f"{entry.name}: {key}")
