"""Differentiable augmentation: each change's adjoint, alone and in front of a discriminator."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import ops

POLICIES = [(name,) for name in ops.AUGMENTATIONS] + [
    ("colour", "translation", "cutout"),
    ("geometry", "cutout", "hue"),
]


@pytest.mark.parametrize("policy", POLICIES, ids="-".join)
@pytest.mark.parametrize("image", [(6, 5, 3), (9, 8, 1), (1, 1, 4), (16, 3, 2)])
def test_gradients(policy, image):
    gn.testing.check_gradients(gn.DiffAugment(*policy), image)


def test_in_front_of_a_discriminator():
    layers = gn.DiffAugment("colour", "translation", "cutout"), gn.Conv2d(2, 3, activation="leaky_relu"), gn.Flatten()
    gn.testing.check_gradients(gn.Sequential(*layers, gn.Dense(1)), (9, 8, 3))


def test_a_wrong_adjoint_is_caught(monkeypatch):
    from gan_np.ops import augmentation

    def forward_both_ways(x, rng):
        ((move, _, offset),) = augmentation._translation(x, rng)
        return [(move, move, offset)]

    monkeypatch.setitem(augmentation._MAKERS, "translation", forward_both_ways)
    with pytest.raises(gn.testing.GradientError):
        gn.testing.check_gradients(gn.DiffAugment("translation"), (9, 8, 1))


def test_what_each_change_does():
    x = np.random.default_rng(0).standard_normal((64, 16, 24, 3))
    brighter, _ = ops.diff_augment(x, ["translation"], np.random.default_rng(1))
    zeros = (brighter == 0).all(axis=3)
    assert zeros.mean() > 0.02
    assert zeros[:, 2:-2, 3:-3].sum() == 0, "moved by at most an eighth of the side"
    cut, _ = ops.diff_augment(x, ["cutout"], np.random.default_rng(1))
    holes = (cut == 0).all(axis=3)
    assert holes.sum(axis=(1, 2)).max() == 8 * 12, "a whole rectangle of half the sides"
    assert np.array_equal(cut[~holes], x[~holes])
    coloured, _ = ops.diff_augment(x, ["colour"], np.random.default_rng(1))
    shift = coloured.mean(axis=(1, 2, 3)) - x.mean(axis=(1, 2, 3))
    assert np.abs(shift).max() <= 0.5
    assert shift.std() > 0.2


def test_evaluation_leaves_pictures_alone():
    network = gn.Network(gn.DiffAugment("colour"), (4, 4, 1), dtype=np.float64)
    x = np.random.default_rng(0).standard_normal((2, 4, 4, 1))
    assert np.array_equal(network(x), x)
    with pytest.raises(ValueError, match="rng"):
        network.forward(x, training=True)


def test_gradients_where_only_some_are_changed():
    gn.testing.check_gradients(gn.DiffAugment("colour", "translation", "cutout", probability=0.5), (9, 8, 3), batch=6)
    gn.testing.check_gradients(
        gn.DiffAugment("geometry", "cutout", "hue", "colour", probability=0.5), (9, 8, 3), batch=6
    )
