"""A penalty on slopes through layers that are not piecewise linear, on a pretended GPU: the CPU's numbers, no waiting."""

import contextlib

import numpy as np
import pytest

import gan_np as gn
from gan_np.arrays import device_of, to_device, to_host

CRITICS = {
    "group and layer norm": (gn.GroupNorm(2), gn.LayerNorm(activation="tanh")),
    "instance norm": (gn.InstanceNorm(affine=True, activation="sigmoid"), gn.Softplus()),
    "minibatch deviation": (gn.MinibatchStandardDeviation(), gn.Tanh()),
    "residual": (gn.Residual(gn.GroupNorm(4)), gn.Sigmoid()),
}


def numbers(layers, device, rng, forbidden=contextlib.nullcontext):
    conv = gn.SpectralNorm(gn.Conv2d(4, 3, stride=2, padding=1, activation="tanh"))
    structure = gn.Sequential(conv, *layers, gn.Flatten(), gn.Dense(1))
    network = gn.Network(structure, (6, 6, 2), dtype=np.float64, device=device)
    x = to_device(rng.standard_normal((3, 6, 6, 2)), device)
    ones = to_device(np.ones((3, 1)), device)
    with forbidden():
        _, pullback = network.forward(x, training=True, update_state=True)
        slope = pullback(ones, parameters=False, keep=True)
        moved, second = pullback.linear(slope, inputs=True, keep=True)
        dtangent, dx = second(ones, output=ones)
    assert {device_of(array) for array in (slope, moved, dtangent, dx)} == {network.device}
    return [to_host(array) for array in (slope, moved, dtangent, dx, network.gradient.values)]


@pytest.mark.parametrize("name", CRITICS)
@pytest.mark.usefixtures("reference_products")
def test_as_on_the_cpu(name, standin):
    found = [
        numbers(CRITICS[name], device, np.random.default_rng(0), forbidden)
        for device, forbidden in (("cpu", contextlib.nullcontext), ("cuda", standin.no_synchronisation))
    ]
    for on_cpu, on_device in zip(*found, strict=True):
        np.testing.assert_allclose(on_device, on_cpu, rtol=1e-10, atol=1e-12)
