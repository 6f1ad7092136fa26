"""⟨∂T/∂b, b⟩ = ⟨∂T/∂a, a⟩ = ⟨∂T/∂w, w⟩ = T(w, a, b), for every plan: whatever its preparations are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_np import kernels
from gan_np.kernels.cases import convolution_geometry

NAMES = [entry.name for entry in kernels.entries("conv2d")]
# Relative to ‖∂T‖·‖·‖: Winograd's transforms lose a few digits.
TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 2e-5}


def supported():
    for name in NAMES:
        for case in kernels.list_cases("conv2d"):
            for dtype in TOLERANCE:
                if kernels.entry("conv2d", name).supports(case.problem(dtype)) is None:
                    yield pytest.param(name, case.geometry, dtype, id=f"{name} {case.label} {dtype}")


def check_identity(name, geometry, dtype, rng):
    plan = kernels.entry("conv2d", name).implementation.plan(geometry)
    shapes = geometry.weight_shape, geometry.large_shape, geometry.small_shape
    weight, large, small = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    w, a, b = plan.prepare_weight(weight), plan.prepare_large(large), plan.prepare_small(small)
    pairs = (plan.to_small(w, a), small), (plan.to_large(w, b), large), (plan.to_weight(a, b), weight)
    values, sizes = [], []
    for derivative, argument in pairs:
        assert derivative.shape == argument.shape
        wide = derivative.astype(np.float64).ravel()
        values.append(wide @ argument.astype(np.float64).ravel())
        sizes.append(np.linalg.norm(wide) * np.linalg.norm(argument))
    assert max(values) - min(values) <= TOLERANCE[dtype] * max(sizes), values


@pytest.mark.parametrize(("name", "geometry", "dtype"), list(supported()))
def test_identity(name, geometry, dtype, rng):
    check_identity(name, geometry, dtype, rng)


@st.composite
def geometries(draw):
    if draw(st.booleans()):  # DCGAN's, which fast kernels are made for, or any
        kernel, stride, padding = (4, 4), (2, 2), (1, 1)
    else:
        kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
        stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
        padding = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    sides = [draw(st.integers(max(1, k - 2 * p), 9)) for k, p in zip(kernel, padding, strict=True)]
    batch, before, after = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return convolution_geometry(batch, (*sides, before), after, kernel, stride, padding)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(geometry=geometries())
def test_identity_for_any_geometry(name, geometry):
    dtype = np.dtype(np.float64)
    problem = kernels.Problem("cpu", dtype, geometry.large_shape, geometry)
    if kernels.entry("conv2d", name).supports(problem) is None:
        check_identity(name, geometry, dtype, np.random.default_rng(0))


def test_the_identity_sees_a_wrong_contraction(plant, rng):
    class Wrong(kernels.reference.conv2d.DirectPlan):
        def to_weight(self, large, small, into=None):
            gradient = super().to_weight(large, small, into)
            gradient[0, 0, 0, 0] *= 1.01
            return gradient

    class Kernel:
        def plan(self, geometry):
            return Wrong(geometry)

    with pytest.raises(AssertionError):
        check_identity(plant("conv2d", Kernel()), kernels.list_cases("conv2d")[1].geometry, np.dtype(np.float64), rng)
