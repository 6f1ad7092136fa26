"""Vectors, float images and augmentation on a schedule on a pretended GPU: what the CPU computes, captured and replayed."""

import numpy as np
import pytest

import gan_np as gn


def points() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([rng.normal(1e6, 5, 100), rng.normal(0, 1e-3, 100)], 1)


def floats() -> np.ndarray:
    return np.random.default_rng(0).random((30, 8, 8, 1)).astype(np.float32)


def plane(device):
    return gn.models.mlp((2,), 4, hidden=8, maxout_units=4, maxout_pieces=2, device=device)


def dcgan(device, **options):
    return gn.models.dcgan((8, 8, 1), 4, width=2, device=device, **options)


def fading(device):
    schedule = gn.schedules.Linear(1.0, 0.0, 8)
    return dcgan(device, augment=["translation", "cutout"], augment_probability=schedule)


CASES = {
    "vectors": (points, plane, {}),
    "float images with flips": (floats, dcgan, {"flip": True}),
    "augmentation on a schedule": (lambda: (255 * floats()).astype(np.uint8), fading, {}),
}


@pytest.fixture(params=[True, False], ids=["data on the GPU", "data sent"])
def resident(request, monkeypatch):
    monkeypatch.setattr("gan_np.training.batches.RESIDENT_SHARE", 0.25 if request.param else 0.0)
    return request.param


def trained(device, case, **settings):
    data, make, options = CASES[case]
    gan = make(device)
    trainer = gn.train(gan, data(), device=device, steps=8, batch_size=8, progress=False, **options, **settings)
    return gan.sample(5), trainer


@pytest.mark.parametrize("case", CASES)
def test_captured_and_not_captured_are_the_same(case, capturing, resident):
    (one, captured), (other, launched) = (trained("cuda", case, graph=graph) for graph in (True, False))
    assert (captured.captured, launched.captured) == (True, False)
    np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("reference_products")
@pytest.mark.parametrize("case", CASES)
def test_as_on_the_cpu(case, standin, resident):
    (one, _), (other, _) = (trained(device, case, graph=False) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(
        other.astype(float), one.astype(float), rtol=1e-4, atol=2 if one.dtype == np.uint8 else 1e-3
    )
