"""Products on a GPU, as strictly as on the host: against the reference on arrays rounded as its tensor cores do."""

import sys
from pathlib import Path

import numpy as np
import pytest

from gan_np.arrays import to_device
from gan_np.kernels.cases import conv2d_case, convolution_geometry, dense_case

sys.path.insert(0, str(Path(__file__).parents[1] / "cuda"))

from comparing import BF16_WARPGROUPS, INSTRUCTIONS, OF_DENSE, ROUNDING, WARPGROUPS, compare

from gan_np.kernels.cuda import product
from gan_np.kernels.cuda.launcher import compute_capability

pytestmark = pytest.mark.gpu

GEOMETRIES = {
    "chunks": convolution_geometry(2, (6, 5, 8), 24, (4, 4), (2, 2), (1, 1)),
    "odd": convolution_geometry(3, (15, 13, 67), 133, (3, 2), (1, 2), (1, 0)),
    "many small images": convolution_geometry(30, (3, 5, 8), 12, (2, 3), (1, 2), (0, 1)),
    "few channels": convolution_geometry(2, (64, 64, 3), 64, (4, 4), (2, 2), (1, 1)),
    "64→128 at 32²": convolution_geometry(2, (32, 32, 64), 128, (4, 4), (2, 2), (1, 1)),
    "256→512 at 8²": convolution_geometry(2, (8, 8, 256), 512, (4, 4), (2, 2), (1, 1)),
}


def here(name):
    """Skips what this GPU does not have."""
    capability = compute_capability(to_device(np.zeros(1, np.float32), "cuda"))
    if name in (WARPGROUPS, BF16_WARPGROUPS) and capability != product.HOPPER_CAPABILITY:
        pytest.skip(f"warpgroups: compute capability {capability}, they are Hopper's")


@pytest.mark.parametrize("name", list(ROUNDING))
@pytest.mark.parametrize("label", list(GEOMETRIES))
def test_convolution(name, label):
    here(name)
    compare(conv2d_case(label, GEOMETRIES[label]), name)


@pytest.mark.parametrize("name", OF_DENSE)
def test_dense(name):
    compare(dense_case("split", 9, 3000, 20), name)
    compare(dense_case("large", 130, 37, 140), name)


@pytest.mark.parametrize("name", list(ROUNDING))
@pytest.mark.parametrize("label", ["odd", "64→128 at 32²"])
def test_every_tile(name, label, monkeypatch):
    here(name)
    if label == "odd" and name == BF16_WARPGROUPS:
        pytest.skip("its lines are not aligned, so that warps do it")
    for tile in product.TILES[INSTRUCTIONS[name]].values():
        monkeypatch.setattr(product, "choose_tile", lambda *given, tile=tile: tile)
        compare(conv2d_case(label, GEOMETRIES[label]), name)
