"""Algorithm 1 on a pretended GPU gives the CPU's numbers, without the host ever waiting for it."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.arrays import to_device, to_host

SMALL = {
    "mlp": {"hidden": 8, "maxout_units": 6},
    "dcgan": {"width": 4},
    "conditional_dcgan": {"width": 4, "classes": 3},
    "infogan": {"width": 4},
    "gran": {"width": 4, "draw_steps": 2},
    "residual_gan": {"width": 4},
    "r3gan": {"width": 4, "group_size": 16, "augment": ["translation"]},
    "laplacian_level": {"width": 4},
}
OPTIONS = {
    "mlp": {"optimizer": "rmsprop", "momentum": 0.5, "learning_rate_decay": 1.01, "weight_decay": 1e-3},
    "dcgan": {"flip": True, "instance_noise": 0.1, "d_steps": 2},
    "residual_gan": {"optimizer": "sgd", "clip_norm": 1.0, "momentum": 0.3, "objective": "hinge"},
    "r3gan": {
        "objective": "relativistic",
        "penalties": "r1(cosine(1, 0.1, 3)), r2(0.5)",
        "beta1": 0.0,
        "beta2": "cosine(0.9, 0.99, 3)",
        "average_decay": "half-life(cosine(0, 100, 3), 8)",
    },
    "conditional_dcgan": {"objective": "least-squares", "share_noise": True},
}
LABELLED = ("conditional_dcgan",)


def make(model, device, dtype=np.float64, **options):
    if model == "laplacian_level":
        from gan_np.models.lapgan import laplacian_level as build

        return build((8, 8, 1), device=device, dtype=dtype, **SMALL[model])
    return getattr(gn.models, model)((8, 8, 1), 4, device=device, dtype=dtype, **(SMALL[model] | options))


def trainer_of(model, device, images, steps=4, build=None, **options):
    gan = make(model, device, **(build or {}))
    labels = np.arange(len(images)) % 3 if model in LABELLED else None
    settings = {"steps": steps, "batch_size": 8, "device": device, **OPTIONS.get(model, {}), **options}
    return gn.runs.build_trainer(gan, images, gn.runs.Config(**settings), labels)


def train(model, device, images, steps=4, build=None, **options):
    trainer = trainer_of(model, device, images, steps, build, **options)
    return trainer, [trainer.step() for _ in range(steps)]


def numbers_of(trainer):
    gan = trainer.gan
    vectors = [v for network in (gan.generator, gan.discriminator) for v in (network.parameters, network.state)]
    vectors.append(gan.average.network.parameters)
    moments = [m for o in (trainer.d_optimizer, trainer.g_optimizer) for m in o.moments.values()]
    return [to_host(vector.values) for vector in vectors] + [to_host(moment) for moment in moments]


def agree(one, other, tolerance=1e-12):
    for mine, theirs in zip(numbers_of(one), numbers_of(other), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("reference_products")
@pytest.mark.parametrize("model", SMALL)
def test_the_same_numbers_as_on_the_cpu(model, standin, images):
    on_cpu, reported = train(model, "cpu", images)
    on_gpu, also = train(model, "cuda", images, graph=False)
    agree(on_gpu, on_cpu)
    for one, other in zip(reported, also, strict=True):
        assert one.numbers().keys() == other.numbers().keys()
        np.testing.assert_allclose(list(one.numbers().values()), list(other.numbers().values()), rtol=1e-12)
        assert float(other.d_loss) == other.numbers()["d_loss"]
    np.testing.assert_array_equal(on_gpu.gan.sample(5, seed=1), on_cpu.gan.sample(5, seed=1))


VARIANTS = [
    ("mlp", {}, {}),
    ("mlp", {"augment": ["colour", "translation", "cutout"]}, {"optimizer": "sgd"}),
    ("mlp", {"packing": 2}, {"clip_weights": 0.01, "objective": "wasserstein", "instance_noise": 0.1}),
    ("dcgan", {}, {}),
    ("dcgan", {"d_norm": "none"}, {"r1": 1.0}),
    ("conditional_dcgan", {}, {}),
    ("infogan", {}, {}),
    ("gran", {}, {}),
    ("residual_gan", {}, {}),
]


@pytest.mark.parametrize(("model", "build", "options"), VARIANTS)
def test_the_host_never_waits_and_the_step_is_captured(model, build, options, capturing, images):
    trainer = trainer_of(model, "cuda", images, 14, build, **options)
    with capturing.no_synchronisation():
        for _ in range(14):
            trainer.step()
    assert trainer.captured
    assert trainer.graph_reason is None
    trainer.settle()
    with kernels.use_kernels(dense="reference", conv2d="im2col"):
        on_cpu, _ = train(model, "cpu", images, steps=14, build=build, **options)
    agree(trainer, on_cpu, 1e-9)


def test_norms_of_many_layers_can_be_captured(capturing, images):
    """More numbers than CuPy joins without sending anything."""
    trainer = trainer_of("dcgan", "cuda", images, 14)
    trainer.norms = {}
    with capturing.no_synchronisation():
        steps = [trainer.step() for _ in range(14)]
    assert trainer.captured
    with kernels.use_kernels(dense="reference", conv2d="im2col"):
        on_cpu = trainer_of("dcgan", "cpu", images, 14)
        on_cpu.norms = {}
        for _ in range(14):
            on_cpu.step()
    found = steps[-1].reading.norms()
    assert found.keys() == on_cpu.norms.keys()
    assert len(found) > 8
    np.testing.assert_allclose(list(found.values()), list(on_cpu.norms.values()), rtol=1e-7)


def test_a_data_set_too_large_for_the_device_is_sent_batch_by_batch(capturing, images, monkeypatch):
    monkeypatch.setattr("gan_np.training.batches.RESIDENT_SHARE", 0.0)
    for model in ("dcgan", "conditional_dcgan"):
        trainer = trainer_of(model, "cuda", images, 10)
        assert not trainer._batches.resident
        with capturing.no_synchronisation():
            for _ in range(10):
                trainer.step()
        assert trainer.captured
        with kernels.use_kernels(dense="reference", conv2d="im2col"):
            on_cpu, _ = train(model, "cpu", images, 10)
        agree(trainer, on_cpu, 1e-9)


def test_what_cannot_be_trained_is_said(standin, images):
    gan = make("mlp", "cuda")
    with pytest.raises(TypeError, match="images: expected a NumPy array, got one on a GPU"):
        gn.training.Trainer(gan, to_device(images, "cuda"))
    gan.discriminator = make("mlp", "cpu").discriminator
    with pytest.raises(ValueError, match="the generator lies on cuda:0, the discriminator on cpu"):
        gn.training.Trainer(gan, images)
    trainer = trainer_of("mlp", "cuda", images)
    with pytest.raises(ValueError, match="device: kernels are tuned for the CPU"):
        next(gn.runs.tune(trainer))
