"""The same model whether it is built in Python or by the command line, with nothing said about its sizes."""

import dataclasses
import inspect

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs.build import MODEL_OPTIONS, build_gan, build_lapgan

OPTIONS = {name: ("latent_dim", "latent", "seed", "device", *options) for name, options in MODEL_OPTIONS.items()}
OPTIONS["lapgan"] = ("latent_dim", "levels", "width", "hidden", "kernel_size", "d_norm", "seed", "device")
CONSTRUCTORS = {**{name: gn.models.MODELS[name] for name in gn.models.MODELS}, "lapgan": gn.models.lapgan}


@pytest.mark.parametrize("model", OPTIONS)
def test_defaults_of_models_are_those_of_the_configuration(model: str) -> None:
    parameters = inspect.signature(CONSTRUCTORS[model]).parameters
    ours = {name: parameters[name].default for name in OPTIONS[model]}
    config = dataclasses.asdict(gn.runs.Config(model=model))
    assert ours == {name: config[name] for name in OPTIONS[model]}


@pytest.mark.parametrize("model", ["dcgan", "residual", "conditional-dcgan", "gran", "infogan"])
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
    other = build_lapgan(gn.runs.Config(model="lapgan", levels=1), (16, 16, 1))
    assert [player.recipe for player in one.players] == [player.recipe for player in other.players]
