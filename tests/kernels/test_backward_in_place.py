"""What a kernel promises with the feature "backward_in_place", and that breaking it is seen."""

import numpy as np
import pytest

pytest.importorskip("numba")

from gan_np.kernels.cpu.activation import BiasActivation
from gan_np.kernels.cpu.normalisation import BatchNorm
from gan_np.testing.kernel_places import check_backward_in_place
from gan_np.testing.kernels import KernelError

KERNELS = {"bias_activation": BiasActivation, "batch_norm": BatchNorm}


@pytest.fixture
def arrays(rng):
    def of(operation):
        shapes = [(3, 4, 5, 7), *[(7,)] * (2 if operation == "batch_norm" else 1), (3, 4, 5, 7)]
        return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]

    return of


@pytest.mark.parametrize("operation", KERNELS)
def test_the_compiled_kernels_keep_their_promise(operation, arrays):
    check_backward_in_place(operation, KERNELS[operation](), arrays(operation))


@pytest.mark.parametrize("operation", KERNELS)
def test_a_gradient_with_gaps_is_written_over_too(operation, arrays):
    *given, dy = arrays(operation)
    spread = np.zeros((*dy.shape[:-1], 2 * dy.shape[-1]), dy.dtype)[..., ::2]
    spread[...] = dy
    check_backward_in_place(operation, KERNELS[operation](), [*given, spread])


def elsewhere(base):
    """Leaves dy as it is."""
    return type(base.__name__, (base,), {"backward_in_place": base.backward})


def rounded(base):
    """Changes a bit."""

    def change(self, dy, *given):
        found = base.backward_in_place(self, dy, *given)
        dy.flat[-1] = np.nextafter(dy.flat[-1], np.float32(9))
        return found

    return type(base.__name__, (base,), {"backward_in_place": change})


def greedy(base):
    """Writes over another array as well."""

    def change(self, dy, first, *given):
        found = base.backward_in_place(self, dy, first, *given)
        first[...] = 0
        return found

    return type(base.__name__, (base,), {"backward_in_place": change})


@pytest.mark.parametrize("operation", KERNELS)
@pytest.mark.parametrize(
    ("broken", "fault"),
    [(elsewhere, "not in dy's memory"), (rounded, "gives other bits"), (greedy, "changed another array")],
)
def test_a_broken_promise_is_seen(operation, broken, fault, arrays):
    with pytest.raises(KernelError, match=fault):
        check_backward_in_place(operation, broken(KERNELS[operation])(), arrays(operation))
