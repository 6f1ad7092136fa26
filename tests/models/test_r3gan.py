"""R3GAN: sizes, how it begins, labels, its errors, presets and the schedules that they make."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.models.r3gan import r3gan
from gan_np.runs import PRESETS, Config, build_gan, build_trainer, preset


@pytest.mark.parametrize(
    ("shape", "basis"),
    [
        ((8, 8, 1), (4, 4)), ((28, 28, 1), (7, 7)), ((32, 32, 3), (4, 4)), ((13, 30, 2), (6, 15)),
        ((64, 40, 4), (8, 5)), ((256, 255, 3), (8, 7)),
    ],
    ids=str,
)  # fmt: skip
def test_sizes(shape, basis):
    gan = r3gan(shape, 5, width=1, group_size=1)
    assert gan.generator.output_shape == shape
    assert gan.discriminator.output_shape == (1,)
    assert gan.generator.parameters["1.weight"].shape[:2] == basis
    if max(shape) < 100:
        assert gan.sample(2).shape == (2, *shape)


def test_blocks_begin_as_the_identity():
    gan = r3gan((16, 16, 1), 5, width=4, blocks=2)
    for network in (gan.generator, gan.discriminator):
        blocks = [layer for layer in network.structure.layers if isinstance(layer, gn.Residual)]
        assert len(blocks) == 6
        plain = gn.Sequential(*(gn.Identity() if layer in blocks else layer for layer in network.structure.layers))
        other = gn.Network(plain, network.input_shape)
        for segment in other.parameters.layout.segments:
            with other.parameters.edit() as theta:
                other.parameters.layout.view(theta, segment.name)[...] = network.parameters[segment.name]
        x = np.random.default_rng(0).standard_normal((3, *network.input_shape)).astype(np.float32)
        np.testing.assert_allclose(network(x), other(x), rtol=1e-5, atol=1e-5)


def test_weights_begin_with_the_scale_of_their_inputs():
    network = r3gan((16, 16, 3), 32, width=32, blocks=2).discriminator
    gain = np.sqrt(2 / 1.04) * 6**-0.25  # three stages of two blocks
    block = "1.0.0"
    for layer, fan_in, expected in (("0", 32, gain), ("1", 16 * 9, gain)):
        weight = network.parameters[f"{block}.{layer}.weight"]
        np.testing.assert_allclose(weight.std() * np.sqrt(fan_in), expected, rtol=0.05)
    np.testing.assert_array_equal(network.parameters[f"{block}.2.weight"], 0)


def test_groups_divide_the_channels():
    convolutions = r3gan((8, 8, 1), 5, width=6, group_size=16).discriminator.structure.layers[1].layer.layers
    assert convolutions[1].groups == 3  # groups of 4, the largest size that divides both 12 and 16


def test_labels(rng):
    gan = r3gan((8, 8, 1), 5, classes=3, width=4, dtype=np.float64)
    assert gan.sample(4, labels=2).shape == (4, 8, 8, 1)
    trainer = gn.training.Trainer(
        gan, rng.integers(0, 256, (12, 8, 8, 1), np.uint8), labels=np.arange(12) % 3, batch_size=4,
        objective=gn.objectives.Relativistic(), penalties=[gn.penalties.R1(1.0), gn.penalties.R2(1.0)],
    )  # fmt: skip
    trainer.step()
    x = rng.standard_normal((2, 8, 8, 1))
    scores = [gan.discriminator((x, np.eye(3)[[label, label]])) for label in (0, 1)]
    assert np.abs(scores[0] - scores[1]).min() > 1e-6


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"image_shape": (7, 8, 1)}, gn.ShapeError, "image_shape: expected sides from 8 to 256, got 7×8"),
        ({"image_shape": (8, 8, 5)}, gn.ShapeError, "image_shape: expected 1 to 4 channels, got 5"),
        ({"width": 0}, ValueError, "width: expected"),
        ({"blocks": 0}, ValueError, "blocks: expected"),
        ({"group_size": 0}, ValueError, "group_size: expected"),
        ({"classes": 0}, ValueError, "classes: expected"),
        ({"latent_dim": 0}, ValueError, "latent_dim: expected"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        r3gan(**({"image_shape": (8, 8, 1)} | arguments))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_train(name, rng):
    shape = (8, 8, 3 if "digits" not in name else 1)
    settings = preset(name, steps=4, batch_size=4) | {"width": 2, "data": "a preset's"}
    config = Config.from_mapping(settings)
    assert config == Config.from_mapping(config.to_mapping())
    gan = build_gan(config, shape)
    assert gan.recipe["model"] == "r3gan"
    trainer = build_trainer(gan, rng.integers(0, 256, (9, *shape), np.uint8), config)
    steps = [trainer.step() for _ in range(2)]
    assert np.isfinite([float(step.d_loss) for step in steps]).all()
    assert trainer.d_optimizer.beta1 == 0
    for update, (gamma, beta2, rate, decay) in {
        0: (PRESETS[name].gamma, 0.9, PRESETS[name].rates[0], 0.0),
        4: (PRESETS[name].gamma / 10, 0.99, PRESETS[name].rates[1], 0.5 ** (4 / PRESETS[name].half_life)),
    }.items():
        for penalty in trainer.penalties:
            np.testing.assert_allclose(penalty.weight(update), gamma)
        np.testing.assert_allclose(trainer.d_optimizer.beta2(update), beta2)
        np.testing.assert_allclose(trainer.g_optimizer.learning_rate(update), rate)
        np.testing.assert_allclose(gan.average.decay(update), decay)


def test_an_unknown_preset():
    with pytest.raises(ValueError, match=r"preset: expected one of .*r3gan-digits"):
        preset("r3gan-dogs")
