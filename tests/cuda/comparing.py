"""One case of the kernel table on a CUDA kernel, against the reference."""

import contextlib
from unittest import mock

import numpy as np

from gan_np import kernels
from gan_np.arrays import to_device, to_host
from gan_np.kernels.cuda import convolution, few_channels, product
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


WARPS, WARPGROUPS = "cuda_tf32 by warps", "cuda_tf32 by warpgroups"
BF16_WARPS, BF16_WARPGROUPS = "cuda_bf16 by warps", "cuda_bf16 by warpgroups"
ROUNDING = {
    "cuda": lambda array: array, WARPS: round_tf32, WARPGROUPS: cut_tf32,
    BF16_WARPS: round_bf16, BF16_WARPGROUPS: round_bf16,
}  # fmt: skip
"""What multiplies, and how it rounds what it multiplies: a kernel's name, and whose tensor cores."""
INSTRUCTIONS = {
    "cuda": product.FMA, WARPS: product.MMA_TF32, WARPGROUPS: product.WGMMA_TF32,
    BF16_WARPS: product.MMA_BF16, BF16_WARPGROUPS: product.WGMMA_BF16,
}  # fmt: skip
OF_DENSE = ["cuda", WARPS, BF16_WARPS]


def kernel_of(name):
    """What the kernel table calls it."""
    return name.partition(" by ")[0]


@contextlib.contextmanager
def instruction(name):
    """A device before Hopper, or one of Hopper's, whose warpgroups then do products of all sizes that they can."""
    who = name.partition(" by ")[2]
    with contextlib.ExitStack() as changes:
        for module in (product, convolution) if who else ():
            capability = {"warps": "80", "warpgroups": "90"}[who]
            changes.enter_context(mock.patch.object(module, "compute_capability", return_value=capability))
            for least in {"WARPGROUP_ROWS", "WARPGROUP_COLUMNS"} & set(vars(module)):
                changes.enter_context(mock.patch.object(module, least, 1))
        yield


def rounding(name, geometry, result):
    """Of what gives one of a case's results: few channels are left to warps, and groups to threads that round as they do."""
    if name == WARPGROUPS and geometry is not None and geometry.groups > 1:
        return round_tf32
    few = geometry is not None and few_channels.share_of(geometry, FLOAT32) is not None
    return round_tf32 if name == WARPGROUPS and few and result == "large" else ROUNDING.get(name, ROUNDING["cuda"])


def compare(case, name="cuda", dtype=FLOAT32):
    """A case against the reference in float64 on the rounded arrays: kernels that round are exact but for that.

    Raises:
        KernelError: a result differs by more than the usual rounding of its dtype.
    """
    arrays = case.make(np.random.default_rng(0), dtype)
    reference = kernels.entry(case.operation, "reference").implementation
    implementation = kernels.entry(case.operation, kernel_of(name)).implementation
    with instruction(name):
        found = case.run(implementation, *(to_device(array, "cuda") for array in arrays))
        found = {key: to_host(array) for key, array in found.items()}
        wanted = {key: rounding(name, case.geometry, key) for key in found}
    on_rounded = {}
    for rounded in set(wanted.values()):
        wide = [rounded(array).astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
        on_rounded[rounded] = case.run(reference, *wide)
    expected = {key: on_rounded[rounded][key] for key, rounded in wanted.items()}
    agree(f"{name} {case.operation} {case.label}", found, expected, dtype, TOLERANCE[dtype])
