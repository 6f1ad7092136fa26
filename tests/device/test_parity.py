import numpy as np
import pytest
import gan_np as gn
from gan_np.arrays import device_of, generator, to_device, to_host

@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quick(standin, dtype, rng):
    structure = gn.Sequential(
            gn.Dense(2 * 2 * 4, bias=False),
            gn.Reshape(2, 2, 4),
            gn.BatchNorm(activation="relu"),
            gn.ConvTranspose2d(3, 4, stride=2, padding=1),
            gn.LayerNorm(),
            gn.Upsample2d(2, mode="bilinear"),
            gn.Conv2d(1, 3, padding=1, activation="tanh"),
        )
    x = rng.standard_normal((6, 5)).astype(dtype)
    dy, results = None, []
    for device in ("cpu", "cuda"):
        network = gn.Network(structure, (5,), seed=1, dtype=dtype, device=device)
        y, pullback = network.forward(to_device(x, device), training=True, update_state=True, rng=generator(2))
        assert device_of(y) == network.device
        dy = rng.standard_normal(y.shape).astype(dtype) if dy is None else dy
        dx = pullback(to_device(dy, device))
        gn.SGD(0.01).step(network.parameters, network.gradient)
        results.append([to_host(a) for a in (y, dx, network.parameters.values, network.state.values)])
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    for on_cpu, on_gpu in zip(*results, strict=True):
        np.testing.assert_allclose(on_gpu, on_cpu, rtol=tolerance, atol=tolerance)

@pytest.mark.parametrize("model", ["dcgan", "mlp", "infogan", "gran", "residual"])
def test_train(standin, model, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    params = {}
    for device in ("cpu", "cuda"):
        options = dict(width=4) if model in ("dcgan", "infogan", "gran", "residual") else dict(hidden=8, maxout_units=6)
        gan = getattr(gn.models, model if model != "residual" else "residual_gan")((8, 8, 1), 4, seed=0, dtype=np.float64, device=device, **options)
        trainer = gn.train(gan, images, steps=3, batch_size=8, progress=False, device=device)
        params[device] = to_host(gan.generator.parameters.values)
        gan.sample(5, seed=1)
    np.testing.assert_allclose(params["cuda"], params["cpu"], rtol=1e-9, atol=1e-9)
    print(standin.synchronisations[:10], len(standin.synchronisations))
