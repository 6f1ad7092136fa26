"""The same model whether it is built in Python or by the command line, with nothing said about its sizes."""

import inspect

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs import build_gan

CONSTRUCTORS = {name: gn.models.MODELS[name] for name in gn.models.registered.listed()}


@pytest.mark.parametrize("model", CONSTRUCTORS)
def test_defaults_of_models_are_those_of_the_configuration(model: str) -> None:
    parameters = inspect.signature(CONSTRUCTORS[model]).parameters
    options = gn.runs.Config(model=model).options
    assert {"latent_dim"} <= set(options) & set(parameters)
    assert {name: parameters[name].default for name in options if name in parameters} == {
        name: value for name, value in options.items() if name in parameters
    }


def test_defaults_of_the_trainer_are_those_of_the_configuration() -> None:
    config = gn.runs.Config()
    parameters = inspect.signature(gn.training.Trainer).parameters
    shared = [name for name in parameters if hasattr(config, name) and name not in ("objective", "penalties", "labels")]
    shared = [name for name in shared if not name.endswith("optimizer")]
    assert {"batch_size", "average_decay", "d_steps", "instance_noise", "clip_weights"} <= set(shared)
    said = {name: getattr(config, name) for name in shared}
    said["sync_batch_norm"] = config.sync_batch_norm == "on"
    assert {name: parameters[name].default for name in shared} == said
    images = np.zeros((40, 8, 8, 1), np.uint8)
    trainer = gn.training.Trainer(gn.models.dcgan((8, 8, 1), 4, width=2), images)
    for player in ("g", "d"):
        made, own = gn.runs.build.build_optimizer(config, player), getattr(trainer, f"{player}_optimizer")
        assert repr(made) == repr(own)
    assert repr(trainer.objective) == repr(gn.runs.build.build_objective(config))


def test_settings_are_in_the_signature() -> None:
    parameters = inspect.signature(gn.train).parameters
    assert {"gan", "images", "steps", "objective", "g_optimizer", "penalties", "callbacks", "out"} <= set(parameters)
    assert "model" not in parameters


@pytest.mark.parametrize("model", ["dcgan", "residual", "r3gan", "conditional-dcgan", "gran", "infogan"])
def test_both_ways_give_the_same_networks(model: str) -> None:
    shape = (8, 8, 1)
    options = {"classes": 3} if model == "conditional-dcgan" else {}
    one = CONSTRUCTORS[model](shape, **options)
    other = build_gan(gn.runs.Config(model=model), shape, classes=3)
    assert one.recipe == other.recipe
    for ours, theirs in ((one.generator, other.generator), (one.discriminator, other.discriminator)):
        np.testing.assert_array_equal(ours.parameters.values, theirs.parameters.values)


def test_lapgan_both_ways() -> None:
    one = gn.models.lapgan((16, 16, 1), levels=1)
    other = build_gan(gn.runs.Config(model="lapgan", levels=1), (16, 16, 1))
    assert [player.recipe for player in one.stages] == [player.recipe for player in other.stages]
