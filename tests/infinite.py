"""What a kernel must give for infinite numbers and for gradients whose squares overflow, on any device.

Each takes the kernel, a dtype, and `place`, which puts a host array where the kernel works; it raises AssertionError.
"""

import numpy as np

from gan_np.arrays import to_host
from gan_np.kernels import Activation

SLOPES = {"relu": [1, 0, 1, 0], "leaky_relu": [1, 0.25, 1, 0.25], "linear": [1, 1, 1, 1]}
"""f′ at ∞, −∞, 2 and −2."""
HUGE = {np.float32: [1.9e19, 1e20, 3e38], np.float64: [1.4e154, 1e200, 1e308]}


def derivative(kernel, dtype, place):
    """dz and db of `bias_activation` where y is infinite: those of either side, and not NaN."""
    y = np.array([[np.inf, -np.inf, 2.0, -2.0]] * 5, dtype)
    for kind, slopes in SLOPES.items():
        for need_bias in (False, True):
            given = place(np.full_like(y, 3.0)), place(y)
            dz, db = kernel.backward(*given, Activation(kind, 0.25), need_bias)
            np.testing.assert_array_equal(to_host(dz), [[3 * slope for slope in slopes]] * 5)
            if need_bias:
                np.testing.assert_array_equal(to_host(db), [15 * slope for slope in slopes])


def momentum(kernel, dtype, place):
    """`sgd` with an infinite gradient: θ goes to ∓∞ and not to NaN, and its neighbours stay numbers."""
    for nesterov in (False, True):
        theta, velocity = (place(np.zeros(40, dtype)) for _ in range(2))
        gradient = np.ones(40, dtype)
        gradient[3], gradient[7] = np.inf, -np.inf
        kernel.step(theta, place(gradient), velocity, 0.5, 0.5, nesterov)
        expected = np.full(40, -0.75 if nesterov else -0.5, dtype)
        expected[3], expected[7] = -np.inf, np.inf
        np.testing.assert_array_equal(to_host(theta), expected)


def huge(operation, kernel, dtype, place):
    """For a constant gradient the steps of `adam` and `rmsprop` do not depend on its size: 1e20 moves θ as 1 does."""
    moved = []
    for size in (1.0, *HUGE[dtype]):
        theta, first, second = (place(np.zeros(36, dtype)) for _ in range(3))
        gradient = place(np.where(np.arange(36) % 2, size, -size).astype(dtype))
        for count in range(1, 4):
            _step(operation, kernel, theta, gradient, first, second, count)
        assert np.isfinite(to_host(first)).all()
        assert np.isfinite(to_host(second)).all()
        moved.append(to_host(theta))
    assert np.abs(moved[0]).min() > 0.1
    for found in moved[1:]:
        np.testing.assert_allclose(found, moved[0], rtol=1e-5)


def not_hidden(operation, kernel, dtype, place):
    """A gradient that is NaN or infinite makes NaN of its θ, as in PyTorch, and of no other."""
    theta, first, second = (place(np.zeros(3, dtype)) for _ in range(3))
    with np.errstate(invalid="ignore"):
        _step(operation, kernel, theta, place(np.array([np.nan, np.inf, 1.0], dtype)), first, second, 1)
    np.testing.assert_array_equal(np.isnan(to_host(theta)), [True, True, False])


def _step(operation, kernel, theta, gradient, first, second, count):
    if operation == "adam":
        kernel.step(theta, gradient, first, second, count, 0.1, 0.5, 0.999, 1e-8)
    else:
        kernel.step(theta, gradient, second, None, 0.1, 0.99, 1e-8, 0.0)


CHECKS = {
    "derivative": ("bias_activation", derivative),
    "momentum": ("sgd", momentum),
    "huge adam": ("adam", lambda *given: huge("adam", *given)),
    "huge rmsprop": ("rmsprop", lambda *given: huge("rmsprop", *given)),
    "not hidden by adam": ("adam", lambda *given: not_hidden("adam", *given)),
    "not hidden by rmsprop": ("rmsprop", lambda *given: not_hidden("rmsprop", *given)),
}
"""Name → operation and check."""
