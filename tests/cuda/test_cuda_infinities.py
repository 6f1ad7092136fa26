"""Infinite numbers and gradients whose squares overflow in the `.cu` sources, as in every other kernel."""

import infinite
import numpy as np
import pytest

from gan_np import kernels
from gan_np.arrays import to_device


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("check", infinite.CHECKS)
def test_cuda_kernels(host_gpu, check, dtype):
    operation, run = infinite.CHECKS[check]
    run(kernels.entry(operation, "cuda").implementation, dtype, lambda array: to_device(array, "cuda"))
