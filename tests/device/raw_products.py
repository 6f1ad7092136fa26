"""Products of matrices by a raw kernel, which can be captured where cuBLAS cannot: test doubles for the CUDA kernels.

The stand-in runs the raw kernel as a Python function of NumPy views.
"""

import contextlib

import numpy as np

from gan_np import kernels
from gan_np.arrays import array_module
from gan_np.kernels import reference
from gan_np.kernels.reference.conv2d import DirectPlan
from gan_np.kernels.reference.im2col import PatchPlan


def product(grid, block, arguments, shared):
    """What `multiply` launches."""
    left, right, out, add = arguments
    with np.errstate(all="ignore"):
        out[...] = out + left @ right if add else left @ right


RAW_KERNELS = {"product": product}


def multiply(left, right, into=None):
    """left·right in one launch, into place where given."""
    xp = array_module(left)
    out = xp.empty((left.shape[0], right.shape[1]), left.dtype) if into is None else into.array
    add = np.int32(into is not None and into.add)
    xp.RawKernel("", "product")((1,), (1,), (left, right, out, add))
    return out


class Dense:
    def forward(self, x, weight):
        return multiply(x, weight)

    def input_gradient(self, dz, weight):
        return multiply(dz, weight.T)

    def weight_gradient(self, x, dz, into=None):
        return multiply(x.T, dz, into)


class Plan(PatchPlan):
    def prepare_weight(self, weight):
        return super().prepare_weight(weight).copy()  # so that an old one shows

    def to_small(self, weight, large):
        return multiply(large, weight).reshape(self.geometry.small_shape)

    def to_large(self, weight, small):
        return self.sum_patches(multiply(small, weight.T))

    def to_weight(self, large, small, into=None):
        found = multiply(large.T, small).reshape(self.geometry.weight_shape)
        return reference.placing.place(found, into)


class GroupedPlan(DirectPlan):
    def _product(self, image, matrix):
        xp, groups = array_module(image), self.geometry.groups
        inside, outputs = matrix.shape[0], matrix.shape[1] // groups
        parts = [
            multiply(
                image[..., g * inside : (g + 1) * inside].reshape(-1, inside),
                matrix[:, g * outputs : (g + 1) * outputs],
            )
            for g in range(groups)
        ]
        return xp.concatenate(parts, axis=1).reshape(*image.shape[:3], groups * outputs)

    def _summed_product(self, large, small):
        xp, groups = array_module(large), self.geometry.groups
        inside, outputs = large.shape[3] // groups, small.shape[3] // groups
        parts = [
            multiply(
                large[..., g * inside : (g + 1) * inside].reshape(-1, inside).T,
                small[..., g * outputs : (g + 1) * outputs].reshape(-1, outputs),
            )
            for g in range(groups)
        ]
        return xp.concatenate(parts, axis=1)


class Conv2d:
    def plan(self, geometry):
        return Plan(geometry) if geometry.groups == 1 else GroupedPlan(geometry)


@contextlib.contextmanager
def registered(name="raw"):
    """Both kernels in the table and forced inside the block, all else by the reference."""

    def supports(problem):
        return None if problem.device == "cuda" else "raw kernels run on a GPU"

    kernels.register_kernel("dense", name, Dense, supports=supports, features=kernels.FEATURES, cost=0.0)
    kernels.register_kernel("conv2d", name, Conv2d, supports=supports, features=kernels.FEATURES, cost=0.0)
    try:
        yield
    finally:
        kernels.unregister_kernel("dense", name)
        kernels.unregister_kernel("conv2d", name)
