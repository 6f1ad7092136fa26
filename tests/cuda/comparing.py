"""One case of the kernel table on a CUDA kernel, against the reference."""

import numpy as np

from gan_np import kernels
from gan_np.arrays import to_device, to_host
from gan_np.testing.kernels import agree

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
TOLERANCE = {FLOAT32: 2e-5, FLOAT64: 1e-11}


def round_tf32(array):
    """As cvt.rna.tf32: 10 bits after the point, ties away from zero."""
    return ((array.view(np.uint32) + 0x1000) & np.uint32(0xFFFFE000)).view(np.float32)


def round_bf16(array):
    """As cvt.rn.bf16: 7 bits after the point, ties to even."""
    bits = array.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def cut_tf32(array):
    """As Hopper's warpgroups read TF32: without the last 13 bits."""
    return (array.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)


ROUNDING = {"cuda": lambda array: array, "cuda_tf32": round_tf32, "cuda_bf16": round_bf16}


def compare(case, name="cuda", dtype=FLOAT32):
    """A case against the reference in float64 on the rounded arrays: kernels that round are exact but for that.

    Raises:
        KernelError: a result differs by more than the usual rounding of its dtype.
    """
    arrays = case.make(np.random.default_rng(0), dtype)
    wide = [ROUNDING[name](array).astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
    expected = case.run(kernels.entry(case.operation, "reference").implementation, *wide)
    implementation = kernels.entry(case.operation, name).implementation
    found = case.run(implementation, *(to_device(array, "cuda") for array in arrays))
    found = {key: to_host(array) for key, array in found.items()}
    agree(f"{name} {case.operation} {case.label}", found, expected, dtype, TOLERANCE[dtype])
