"""The same networks on a GPU: outputs and gradients as on the CPU."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.arrays import device_of, generator, to_device, to_host

STRUCTURES = {
    "generator": (
        gn.Sequential(
            gn.Dense(2 * 2 * 4, bias=False),
            gn.Reshape(2, 2, 4),
            gn.BatchNorm(activation="relu"),
            gn.ConvTranspose2d(3, 4, stride=2, padding=1),
            gn.LayerNorm(),
            gn.Upsample2d(2, mode="bilinear"),
            gn.Conv2d(1, 3, padding=1, activation="tanh"),
        ),
        (5,),
    ),
    "discriminator": (
        gn.Sequential(
            gn.Dropout(0.3),
            gn.SpectralNorm(gn.Conv2d(6, 4, stride=2, padding=1, activation="leaky_relu")),
            gn.AveragePool2d(2),
            gn.Maxout(2),
            gn.Flatten(),
            gn.Fork(gn.Dense(2, activation="sigmoid"), gn.Dense(1)),
            gn.Concatenate(),
        ),
        (8, 8, 1),
    ),
}


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", STRUCTURES)
def test_forward_and_gradients_as_on_the_cpu(name, dtype, rng):
    structure, shape = STRUCTURES[name]
    x = rng.standard_normal((6, *shape)).astype(dtype)
    dy, results = None, []
    for device in ("cpu", "cuda"):
        network = gn.Network(structure, shape, seed=1, dtype=dtype, device=device)
        y, pullback = network.forward(to_device(x, device), training=True, update_state=True, rng=generator(2))
        assert device_of(y) == network.device
        dy = rng.standard_normal(y.shape).astype(dtype) if dy is None else dy
        dx = pullback(to_device(dy, device))
        gn.SGD(0.01).step(network.parameters, network.gradient)
        results.append([to_host(a) for a in (y, dx, network.parameters.values, network.state.values)])
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    for on_cpu, on_gpu in zip(*results, strict=True):
        np.testing.assert_allclose(on_gpu, on_cpu, rtol=tolerance, atol=tolerance)
