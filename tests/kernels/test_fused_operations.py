"""When a fused operation is chosen, and that it gives what the single operations give."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels, ops

SMALL = kernels.Problem("cpu", np.dtype(np.float32), (32, 16, 16))
LARGE = SMALL._replace(shape=(32, 1200, 1200))


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("GAN_NP_KERNELS", raising=False)


def fused(problem=SMALL):
    return kernels.select_fused("dense_layer", problem)


def test_small_weights_are_fused_and_large_ones_are_not():
    assert fused() is kernels.entry("dense_layer", "numba").implementation
    assert fused(LARGE) is None


@pytest.mark.parametrize("single", ["dense", "bias_activation"])
def test_a_forced_single_operation_is_not_passed_by(single, monkeypatch):
    with gn.use_kernels(**{single: "reference"}):
        assert fused() is None
    monkeypatch.setenv("GAN_NP_KERNELS", f"{single}=reference")
    assert fused() is None


def test_the_fused_operation_itself_can_be_forced():
    with gn.use_kernels(dense_layer="reference", dense="numba"):
        assert fused() is kernels.entry("dense_layer", "reference").implementation
    with gn.use_kernels(dense_layer="numba"), pytest.raises(ValueError, match="does not stay in a cache"):
        fused(LARGE)


@pytest.mark.parametrize("kind", ["linear", "relu", "leaky_relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("with_bias", [True, False])
def test_the_same_numbers_as_unfused(kind, with_bias, rng):
    x, w, b, dy = (rng.standard_normal(shape) for shape in ((20, 9), (9, 7), (7,), (20, 7)))
    activation = kernels.Activation(kind, 0.2 if kind == "leaky_relu" else 0.0)
    found = []
    for forced in ({}, {"dense": "reference"}):
        with gn.use_kernels(**forced):
            y, pullback = ops.dense(x, w, b if with_bias else None, activation=activation)
            found.append([y, *(part for part in pullback(dy) if part is not None)])
            moved, linearised = pullback.linear(x[::-1].copy())
            for of_output in (None, dy[::-1].copy()):
                found[-1] += [moved, *(part for part in linearised(dy, of_output) if part is not None)]
    assert len(found[0]) == len(found[1])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 9), (2, 9), (3, 9), (9, 1), (9, 3), (9, 7)], ids=str)
def test_infinite_inputs_come_out_infinite(shape, rng):
    """∞ and −∞ come out as such; no NaN where none is due, as ∞ times a zero that only pads would give."""
    weight, bias = np.abs(rng.standard_normal(shape)) + 0.1, rng.standard_normal(shape[1])
    x = rng.standard_normal((20, shape[0]))
    x[3], x[7, 0] = np.inf, -np.inf
    expected = (x[:, :, None] * weight).sum(axis=1) + bias  # BLAS pads too, and warns of the NaN that it then drops
    assert np.isposinf(expected[3]).all()
    assert np.isneginf(expected[7]).all()
    found = kernels.entry("dense_layer", "numba").implementation.forward(
        x, weight, bias, kernels.Activation("linear", 0.0)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
