"""What a kernel of batch normalisation promises with the feature "recomputes", and that breaking it is seen."""

import numpy as np
import pytest

pytest.importorskip("numba")

from gan_np.kernels.cpu.normalisation import BatchNorm
from gan_np.testing.kernel_places import check_recomputed
from gan_np.testing.kernels import KernelError


class Rounded(BatchNorm):
    """Makes y again with one bit changed."""

    def normalise(self, *given):
        y = super().normalise(*given)
        y.flat[-1] = np.nextafter(y.flat[-1], np.float32(9))
        return y


class Reader(BatchNorm):
    """Reads y also where there is no activation."""

    def backward(self, dy, x, y, *given):
        return super().backward(dy + 0 * y + (y - x), x, y, *given)


@pytest.fixture
def arrays(rng):
    shapes = (3, 4, 5, 7), (7,), (7,), (3, 4, 5, 7)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def test_the_compiled_kernel_keeps_its_promise(arrays):
    check_recomputed(BatchNorm(), arrays)


@pytest.mark.parametrize(("kernel", "fault"), [(Rounded, "gives other bits"), (Reader, "reads y")])
def test_a_broken_promise_is_seen(kernel, fault, arrays):
    with pytest.raises(KernelError, match=fault):
        check_recomputed(kernel(), arrays)
