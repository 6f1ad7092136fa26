"""Differentiable augmentation: what each change does to images, and that it is drawn for each image."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import ops


def augment(x, *policy, seed=0):
    return ops.diff_augment(x, policy, np.random.default_rng(seed))[0]


def test_the_generator_decides(rng):
    x = rng.standard_normal((6, 16, 16, 3))
    for policy in ops.AUGMENTATIONS:
        np.testing.assert_array_equal(augment(x, policy, seed=1), augment(x, policy, seed=1))
        assert (augment(x, policy, seed=1) != augment(x, policy, seed=2)).any()


@pytest.mark.parametrize("policy", ops.AUGMENTATIONS)
def test_each_picture_is_changed_on_its_own(policy, rng):
    """The same image many times over is not changed the same way each time."""
    x = np.repeat(rng.standard_normal((1, 16, 16, 3)), 20, axis=0)
    y = augment(x, policy)
    assert len({image.tobytes() for image in y}) > 5


def test_translation_moves_by_up_to_an_eighth_and_zeros_move_in(rng):
    x = 1 + rng.random((300, 16, 8, 1))
    seen = set()
    for before, after in zip(x, augment(x, "translation"), strict=True):
        rows, columns = np.nonzero(after[:, :, 0])
        top, left = rows.min(), columns.min()
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        shift = top if top else height - 16, left if left else width - 8
        seen.add(shift)
        kept = before[max(-shift[0], 0) :, max(-shift[1], 0) :][:height, :width]
        np.testing.assert_array_equal(after[top : top + height, left : left + width], kept)
    assert seen == {(down, right) for down in range(-2, 3) for right in range(-1, 2)}


def test_cutout_sets_a_rectangle_to_zero(rng):
    x = 1 + rng.random((200, 16, 12, 2))
    y = augment(x, "cutout")
    assert ((y == 0) | (y == x)).all()
    sizes = []
    for image in y:
        assert (np.all(image == 0, axis=2) == np.any(image == 0, axis=2)).all(), "all channels alike"
        rows, columns = np.nonzero(image[:, :, 0] == 0)
        sizes.append(len(rows))
        if len(rows):
            assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1), "a full rectangle"
    assert max(sizes) == 8 * 6, "half of each side"


def test_colour_keeps_what_its_three_changes_keep(rng):
    """Brightness adds a constant; saturation keeps each pixel's mean, contrast the image's: the order of means stays."""
    x = rng.standard_normal((8, 6, 6, 3))
    y = augment(x, "colour")
    for before, after in zip(x, y, strict=True):
        (slope, _), residuals, *_ = np.polyfit(before.mean(axis=2).ravel(), after.mean(axis=2).ravel(), 1, full=True)
        assert 0.5 <= slope <= 1.5
        assert residuals < 1e-20, "pixel means change by one affine map"
        assert abs(after.mean() - before.mean()) <= 0.5 + 1e-12


def test_grey_pictures_stay_grey(rng):
    x = np.repeat(rng.standard_normal((4, 5, 5, 1)), 3, axis=3)
    y = augment(x, "colour")
    np.testing.assert_allclose(y, np.repeat(y[..., :1], 3, axis=3), atol=1e-12)


def test_changes_are_made_in_the_order_given():
    x = np.ones((50, 8, 8, 1))
    assert (augment(x, "cutout", "colour") == 0).sum() < (augment(x, "colour", "cutout") == 0).sum()


def test_the_pullback_is_the_adjoint_of_the_linear_part(rng):
    x, t, dy = rng.standard_normal((3, 5, 16, 16, 3))
    _, pullback = ops.diff_augment(x, ops.AUGMENTATIONS, np.random.default_rng(0))
    along, _ = pullback.linear(t)
    np.testing.assert_allclose((along * dy).sum(), (t * pullback(dy)[0]).sum(), rtol=1e-12)


def test_arguments(rng):
    x = rng.standard_normal((2, 8, 8, 3))
    with pytest.raises(ValueError, match=r"policy: expected one of .*, got 'color' \(did you mean 'colour'\?\)"):
        augment(x, "color")
    with pytest.raises(gn.ShapeError, match="x must be"):
        augment(x[0], "colour")
    with pytest.raises(
        ValueError, match="policy: expected some of colour, translation, cutout, geometry, hue, got none"
    ):
        gn.DiffAugment()
    with pytest.raises(ValueError, match="policy: expected one of"):
        gn.DiffAugment("colour", "flip")


def test_the_layer_changes_pictures_in_training_only(rng):
    network = gn.Network(gn.DiffAugment("colour", "cutout"), (8, 8, 3))
    x = rng.standard_normal((4, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(network(x), x)
    one, same, other = (network.forward(x, training=True, rng=np.random.default_rng(seed))[0] for seed in (0, 0, 1))
    assert (one != x).any()
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    with pytest.raises(
        ValueError, match=r"DiffAugment\('colour', 'cutout'\): training draws random numbers, pass rng="
    ):
        network.forward(x, training=True)


def test_only_some_images_are_changed_as_often_as_the_probability_says():
    x = np.random.default_rng(0).random((400, 6, 6, 1))
    y, pullback = ops.diff_augment(x, ["colour"], np.random.default_rng(1), probability=lambda: 0.3)
    changed = (y != x).any(axis=(1, 2, 3))
    assert 0.2 < changed.mean() < 0.4
    dy = np.random.default_rng(2).random(x.shape)
    (dx,) = pullback(dy)
    np.testing.assert_array_equal((dx != dy).any(axis=(1, 2, 3)), changed)


def test_a_schedule_goes_over_the_updates_of_the_network():
    layer = gn.DiffAugment("cutout", probability=gn.schedules.Linear(0.0, 1.0, 10))
    network = gn.Network(layer, (8, 8, 1), dtype=np.float64)
    x = np.ones((64, 8, 8, 1))
    share = []
    for updates in (None, lambda: 5, lambda: 10):
        y, _ = network.forward(x, training=True, rng=np.random.default_rng(0), updates=updates)
        share.append((y != x).any(axis=(1, 2, 3)).mean())
    assert share[0] == 0
    assert 0.3 < share[1] < 0.7
    assert share[2] == 1


def test_training_asks_the_schedule_for_d_s_updates(tmp_path):
    asked = []

    @gn.schedules.register("asked")
    class Asked:
        def __call__(self, update: int) -> float:
            asked.append(update)
            return 0.5

    try:
        images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
        gan = gn.models.dcgan((8, 8, 1), 4, width=2, augment=["translation"], augment_probability=Asked())
        gn.train(gan, images, steps=2, batch_size=4, d_steps=2, progress=False)
    finally:
        gn.schedules.SCHEDULES.unregister("asked")
    assert sorted(set(asked)) == [0, 1, 2, 3, 4]
    assert asked[-1] == 4, "G's step comes after D's"


@pytest.mark.parametrize("probability", [1.5, -0.1, lambda update: 2.0])
def test_a_probability_is_one(probability):
    with pytest.raises(ValueError, match="probability"):
        gn.DiffAugment("colour", probability=probability)
