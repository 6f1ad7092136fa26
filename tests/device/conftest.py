"""Host code for a GPU, run on the stand-in with the reference kernels."""

import numpy as np
import pytest
import raw_products
from standin import install

from gan_np import kernels

PRODUCTS = ("dense", "dense_layer", "conv2d")
POINTWISE = [operation for operation in kernels.OPERATIONS if operation not in PRODUCTS]


@pytest.fixture(autouse=True)
def reference_kernels(monkeypatch):
    """On either device: what is compared is where numbers lie and who waits for whom, not how they are computed."""
    with kernels.use_kernels(**dict.fromkeys(POINTWISE, "reference")):
        yield


@pytest.fixture
def reference_products():
    """Products of matrices by the reference too, which on a GPU means cuBLAS."""
    with kernels.use_kernels(dense="reference", conv2d="im2col"):
        yield


@pytest.fixture
def capturing(monkeypatch):
    """A pretended machine on which products of matrices can be captured."""
    world = install(monkeypatch, raw_kernels=raw_products.RAW_KERNELS)
    with raw_products.registered():
        yield world
    assert not world.damage, world.damage


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
