"""What every kernel of an operation must do where the random numbers of the parity cases do not go."""

import numpy as np
import pytest

from gan_np import kernels

FLOATS = (np.float32, np.float64)


def implementations(operation, dtype, shape):
    problem = kernels.Problem("cpu", np.dtype(dtype), shape)
    return [(entry.name, entry.implementation) for entry in kernels.available(operation, problem)]


@pytest.mark.parametrize("dtype", FLOATS)
def test_softplus_is_exact_far_out(dtype):
    s = np.array([-1000.0, -1e30, -50.0, 0.0, 50.0, 1000.0, 1e30], dtype)
    for name, kernel in implementations("softplus", dtype, s.shape):
        value, derivative = kernel.forward(s), kernel.derivative(s)
        np.testing.assert_array_equal(value[[0, 1, 5, 6]], np.array([0, 0, 1000, 1e30], dtype), err_msg=name)
        np.testing.assert_array_equal(derivative[[0, 1, 3, 5, 6]], np.array([0, 0, 0.5, 1, 1], dtype), err_msg=name)
        np.testing.assert_allclose(value[[2, 3]], [np.exp(-50.0), np.log(2.0)], rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(derivative[2], np.exp(-50.0), rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("dtype", FLOATS)
def test_cross_entropy_is_exact_far_out(dtype):
    logits = np.array([[1000, 0, -1000], [-1000, 0, 1000], [5, 5, 5]], dtype)
    labels = np.array([0, 0, 2])
    for name, kernel in implementations("softmax_cross_entropy", dtype, logits.shape):
        loss, derivative = kernel.forward(logits, labels)
        np.testing.assert_allclose(loss, [0, 2000, np.log(3)], rtol=1e-6, err_msg=name)
        expected = [[0, 0, 0], [-1, 0, 1], [1 / 3, 1 / 3, -2 / 3]]
        np.testing.assert_allclose(derivative, expected, rtol=1e-6, atol=1e-30, err_msg=name)


@pytest.mark.parametrize("dtype", FLOATS)
def test_equal_pieces_of_maxout_go_to_the_first(dtype):
    x = np.array([[1, 1, 0, 2, 3, 3], [0, 0, 0, -1, -2, -1]], dtype)
    for name, kernel in implementations("maxout", dtype, x.shape):
        y, winner = kernel.forward(x, 3)
        np.testing.assert_array_equal(y, [[1, 3], [0, -1]], err_msg=name)
        np.testing.assert_array_equal(winner, [[0, 1], [0, 0]], err_msg=name)
        dx = kernel.backward(np.ones((2, 2), dtype), winner, 3)
        np.testing.assert_array_equal(dx, [[1, 0, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0]], err_msg=name)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("kind", "left"), [("relu", 0.0), ("leaky_relu", 0.25)])
def test_at_the_kink_the_derivative_is_that_of_the_left(dtype, kind, left):
    z, dy = np.zeros((2, 3), dtype), np.ones((2, 3), dtype)
    activation = kernels.Activation(kind, left)
    for name, kernel in implementations("bias_activation", dtype, z.shape):
        y = kernel.forward(z, None, activation)
        np.testing.assert_array_equal(kernel.backward(dy, y, activation, False)[0], left, err_msg=name)


@pytest.mark.parametrize("dtype", FLOATS)
def test_saturated_activations_neither_overflow_nor_leave_their_range(dtype):
    z = np.array([[-1e4, -30, 30, 1e4]], dtype)
    for name, kernel in implementations("bias_activation", dtype, z.shape):
        sigmoid = kernel.forward(z, None, kernels.Activation("sigmoid"))
        np.testing.assert_allclose(sigmoid, [[0, 0, 1, 1]], atol=1e-6, err_msg=name)
        assert sigmoid.min() >= 0, name
        assert sigmoid.max() <= 1, name
        tanh = kernel.forward(z, None, kernels.Activation("tanh"))
        np.testing.assert_allclose(tanh, [[-1, -1, 1, 1]], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("in_place", [False, True])
def test_bias_activation_uses_its_inputs_memory_only_when_told(in_place, rng):
    z, bias = rng.standard_normal((4, 3)), rng.standard_normal(3)
    for name, kernel in implementations("bias_activation", np.float64, z.shape):
        for activation in (kernels.Activation(), kernels.Activation("relu"), kernels.Activation("leaky_relu", 0.2)):
            given = z.copy()
            y = kernel.forward(given, bias, activation, in_place=in_place)
            assert np.shares_memory(y, given) == in_place, name
            if not in_place:
                np.testing.assert_array_equal(given, z)


@pytest.mark.parametrize("dtype", FLOATS)
def test_batch_norm_keeps_its_digits_far_from_zero(dtype, rng):
    """E[x²] − E[x]² would lose them all: mean 3000, deviation 1."""
    x = (rng.standard_normal((512, 4)) + 3000).astype(dtype)
    for name, kernel in implementations("batch_norm", dtype, x.shape):
        y, mean, variance, _ = kernel.forward(x, None, None, 1e-5, kernels.Activation())
        wide = x.astype(np.float64)
        np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(variance, wide.var(axis=0), rtol=2e-3, err_msg=name)
        np.testing.assert_allclose(y.std(axis=0), 1, rtol=2e-3, err_msg=name)


def test_batch_norm_without_input_gradient(rng):
    x, dy = rng.standard_normal((2, 6, 3))
    scale = rng.standard_normal(3)
    for name, kernel in implementations("batch_norm", np.float64, x.shape):
        activation = kernels.Activation("tanh")
        y, mean, _, inverse = kernel.forward(x, scale, None, 1e-5, activation)
        dx, *everything = kernel.backward(dy, x, y, scale, None, mean, inverse, activation)
        nothing, *narrow = kernel.backward(dy, x, y, scale, None, mean, inverse, activation, need_input=False)
        assert nothing is None, name
        assert dx.shape == x.shape
        for left, right in zip(narrow, everything, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-12, err_msg=name)
