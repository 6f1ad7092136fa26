"""Updates that are left out: the flag as a user gives it, on the host. `check_kernel` asks every kernel of the table."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import ops
from gan_np.averaging import Average

MAKERS = [gn.SGD, lambda: gn.SGD(momentum=0.9), gn.Adam, gn.RMSprop, lambda: gn.RMSprop(momentum=0.5)]


def flag(value):
    return np.array(value, np.int32)


@pytest.mark.parametrize("make", MAKERS)
def test_an_optimiser_leaves_every_bit_and_counts(make, rng):
    network = gn.Network(gn.Sequential(gn.Dense(3)), (2,))
    optimizer = make()

    def update(skip):
        y, pullback = network.forward(rng.standard_normal((4, 2)).astype(np.float32))
        pullback(np.ones_like(y))
        optimizer.step(network.parameters, network.gradient, skip=skip)
        return [array.tobytes() for array in (network.parameters.values, *optimizer.moments.values())]

    first = update(flag(0))
    assert update(flag(3)) == first
    assert optimizer.updates == 2
    assert update(flag(0)) != first


def test_an_average_leaves_every_bit():
    network = gn.Network(gn.Sequential(gn.Dense(3)), (2,))
    average = Average(network, 0.9)
    with network.parameters.edit() as theta:
        theta += 1
    before = average.network.parameters.values.tobytes()
    average.update(skip=flag(1))
    assert average.network.parameters.values.tobytes() == before
    average.update(skip=flag(0))
    assert average.network.parameters.values.tobytes() != before


@pytest.mark.parametrize("wrong", [np.array([1], np.int32), np.array(1), np.array(1.0), np.array(True)])
def test_other_flags_are_refused(wrong):
    vectors = np.ones(3), np.ones(3)
    with pytest.raises(TypeError, match=r"skip: expected a 0-d array of int32 on cpu, got"):
        ops.moving_average(*vectors, 0.5, skip=wrong)
    assert (vectors[0] == 1).all()


def test_a_flag_on_another_device_is_refused(standin):
    theta, skip = standin.module.ones(3), flag(0)
    with pytest.raises(TypeError, match="skip: expected a 0-d array of int32 on cuda"):
        ops.moving_average(theta, standin.module.ones(3), 0.5, skip=skip)
