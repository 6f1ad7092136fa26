"""What kernels promise with the features "slope_from_input" and "signs", and that breaking it is seen."""

import numpy as np
import pytest

pytest.importorskip("numba")

from gan_np.kernels.cpu.activation import BiasActivation
from gan_np.kernels.cpu.normalisation import BatchNorm
from gan_np.kernels.cpu.signs import Signs
from gan_np.testing.kernel_places import check_signs, check_slope_from_input
from gan_np.testing.kernels import KernelError

LARGE = (64, 16, 16, 16)
"""Of 1 MiB in float32: small outputs are kept as they are."""


@pytest.fixture
def arrays(rng):
    def of(shape, vectors, dtype=np.float32):
        return [rng.standard_normal(one).astype(dtype) for one in (shape, *[shape[-1:]] * vectors, shape)]

    return of


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 4, 5, 7), (65, 16), LARGE])
def test_the_compiled_kernels_keep_their_promises(shape, dtype, arrays):
    check_slope_from_input(BatchNorm(), arrays(shape, 2, dtype))
    check_signs(BiasActivation(), arrays(shape, 1, dtype))


def test_the_slopes_are_those_of_the_reference(arrays, rng):
    """Numbers, not only agreement of two ways through the same kernel."""
    from gan_np import kernels

    x, scale, bias, dy = arrays((8, 6, 6, 5), 2, np.float64)
    for activation in (kernels.Activation("relu"), kernels.Activation("leaky_relu", 0.2)):
        found = []
        for name in ("numba", "reference"):
            with kernels.use_kernels(batch_norm=name):
                kernel = kernels.select("batch_norm", kernels.Problem("cpu", x.dtype, x.shape))
                y, mean, _, inverse = kernel.forward(x, scale, bias, 1e-5, activation)
                found.append(kernel.backward(dy, x, y, scale, bias, mean, inverse, activation))
        for one, two in zip(*found, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12)


def test_signs_take_a_bit_a_number(arrays):
    y, *_ = arrays(LARGE, 0)
    assert BiasActivation().signs(y).bits.nbytes == y.size // 8
    small = y[:1]
    assert BiasActivation().signs(small) is small


def test_signs_are_those_of_zeros_and_nan_too():
    y = np.resize(np.array([1, -1, 0, -0.0, np.nan, np.inf, -np.inf, 1e-45], np.float32), LARGE)
    dy = np.ones_like(y)
    dz = np.empty(y.size, np.float32)
    Signs(y).through(dy.ravel(), 0.25, dz)
    np.testing.assert_array_equal(dz[:8], np.where(y.ravel()[:8] > 0, 1, 0.25))


class Reader(BatchNorm):
    """Reads y also behind relu."""

    def backward(self, dy, x, y, *given):
        return super().backward(dy + (y - x), x, y, *given)


class Rounded(BiasActivation):
    """Takes 0 for a number above 0."""

    def signs(self, y):
        return np.where(y <= 0, np.float32(1), y)


def test_a_broken_promise_is_seen(arrays):
    with pytest.raises(KernelError, match="reads y behind relu"):
        check_slope_from_input(Reader(), arrays((3, 4, 5, 7), 2))
    with pytest.raises(KernelError, match="other bits from the signs"):
        check_signs(Rounded(), arrays((3, 4, 5, 7), 1))
