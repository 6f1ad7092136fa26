"""A short training on a GPU: the CPU's numbers, captured and not, and what goes between the two."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.arrays import to_device, to_host

pytestmark = pytest.mark.gpu
STEPS = 12


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8)


def trained(device, images, dtype=np.float64, model="dcgan", **options):
    build = {"dcgan": {"width": 4}, "mlp": {"hidden": 16, "maxout_units": 8}, "residual_gan": {"width": 4}}[model]
    gan = getattr(gn.models, model)((8, 8, 1), 4, device=device, dtype=dtype, **build)
    settings = gn.runs.Config(steps=STEPS, batch_size=16, device=device, optimizer="sgd", **options)
    trainer = gn.runs.build_trainer(gan, images, settings)
    with gn.runs.build.chosen_kernels(settings, {}):
        losses = [trainer.step().numbers()["d_loss"] for _ in range(STEPS)]
    return trainer, losses


@pytest.mark.parametrize("model", ["dcgan", "mlp", "residual_gan"])
def test_the_cpus_numbers_in_float64(model, images):
    (on_cpu, mine), (on_gpu, theirs) = (trained(device, images, model=model) for device in ("cpu", "cuda"))
    assert on_gpu.captured, on_gpu.graph_reason
    np.testing.assert_allclose(theirs, mine, rtol=1e-7)
    for name in ("generator", "discriminator"):
        values = [to_host(getattr(trainer.gan, name).parameters.values) for trainer in (on_cpu, on_gpu)]
        np.testing.assert_allclose(*values, rtol=1e-6, atol=1e-8)


def test_captured_and_not_are_the_same(images):
    (captured, mine), (launched, theirs) = (trained("cuda", images, graph=graph) for graph in (True, False))
    assert captured.captured
    assert not launched.captured
    assert mine == theirs
    np.testing.assert_array_equal(*(to_host(t.gan.generator.parameters.values) for t in (captured, launched)))


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("tf32", 3e-2), ("bf16", 2e-1)])
def test_precisions_stay_near_the_cpu(precision, tolerance, images):
    _, mine = trained("cpu", images, np.float32)
    _, theirs = trained("cuda", images, np.float32, precision=precision)
    np.testing.assert_allclose(theirs, mine, rtol=tolerance)


def test_a_checkpoint_of_a_gpu_is_read_on_the_cpu(images, tmp_path):
    gan = gn.models.dcgan((8, 8, 1), 4, width=4, device="cuda")
    gn.train(gan, images, steps=4, batch_size=16, device="cuda", out=tmp_path / "run", progress=False, sample_count=4)
    there, here = gan.sample(16, seed=3), gn.runs.load_gan(tmp_path / "run").sample(16, seed=3)
    assert np.abs(there.astype(int) - here).max() <= 1


def test_the_same_seed_draws_the_same_z():
    mine, theirs = (gn.models.dcgan((8, 8, 1), 4, width=4, device=device) for device in ("cpu", "cuda"))
    assert np.abs(theirs.sample(8, seed=5).astype(int) - mine.sample(8, seed=5)).max() <= 1


def test_dlpack_gives_the_same_memory():
    array = to_device(np.arange(5.0, dtype=np.float32), "cuda")
    other = gn.from_dlpack(array)
    array += 1
    np.testing.assert_array_equal(to_host(other), np.arange(5.0) + 1)
