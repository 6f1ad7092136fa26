"""Samples come from a network with its batch normalisation in the weights, made anew whenever the weights move."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.layers import BatchNorm

TOLERANCE = 2e-6
"""Of pixels in [−1, 1]: folding rounds the weights once."""


def dcgan() -> gn.models.GAN:
    gan = gn.models.dcgan((8, 8, 1), 4, width=4)
    gan.with_own_statistics(gan.generator)
    return gan


def test_the_same_pictures() -> None:
    gan, z = dcgan(), np.random.default_rng(0).standard_normal((19, 4)).astype(np.float32)
    np.testing.assert_allclose(gan.generate(z), gan.generator(z), atol=TOLERANCE)
    used = gan._with_fewer_passes(gan.sampler())
    assert not any(isinstance(layer, BatchNorm) for layer in used.structure.layers)
    assert used is gan._with_fewer_passes(gan.sampler()), "made once"


@pytest.mark.parametrize("moved", ["parameters", "state"])
def test_whatever_moves_is_seen(moved: str) -> None:
    gan, z = dcgan(), np.ones((2, 4), np.float32)
    before = gan.generate(z)
    with getattr(gan.generator, moved).edit() as values:
        values *= values.dtype.type(1.5)
    after = gan.generate(z)
    assert np.abs(after - before).max() > 100 * TOLERANCE
    np.testing.assert_allclose(after, gan.generator(z), atol=TOLERANCE)


def test_networks_that_have_nothing_to_fold() -> None:
    gan = gn.models.mlp((4, 4, 1), 3, hidden=5)
    assert gan._with_fewer_passes(gan.sampler()) is gan.sampler()


@pytest.mark.parametrize("layer", [gn.Conv2d, gn.ConvTranspose2d])
def test_normalisation_behind_groups(layer, rng) -> None:
    structure = gn.Sequential(layer(6, 3, groups=3), gn.BatchNorm(activation="relu"))
    network = gn.Network(structure, (4, 5, 9), dtype=np.float64)
    for vector in (network.parameters, network.state):
        vector.assign(vector.values + rng.random(len(vector)))
    x = rng.standard_normal((2, 4, 5, 9))
    folded = gn.folded(network)
    assert len(folded.structure.layers) == 1
    np.testing.assert_allclose(folded(x), network(x), atol=1e-12)
