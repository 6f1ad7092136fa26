"""What type checkers know of a training's settings is what a configuration has."""

from dataclasses import fields
from typing import Any, get_type_hints

import numpy as np
import pytest

import gan_np as gn
from gan_np.constructors import is_schedulable
from gan_np.runs import Config
from gan_np.runs.loop import UNREAD
from gan_np.runs.options import REGISTRIES, options_for
from gan_np.runs.settings import Scheduled, Settings

NOT_OPTIONS = {*UNREAD, "options", "labels"}
"""What `train` does not take as an option; its `labels` are an array, those of a configuration a file."""

HAVE_OBJECTS = {"objective", "penalties", "g_optimizer", "d_optimizer"}


def expected() -> dict[str, Any]:
    """The type of each setting, from where it is used."""
    kinds = get_type_hints(Config)
    found = {field.name: kinds[field.name] for field in fields(Config)}
    for of in ("objective", "optimizer"):
        for name in REGISTRIES[of]:
            made = REGISTRIES[of][name]
            if made.__module__.startswith("gan_np."):
                found |= {option.name: option.kind for option in options_for(of, name)}
    return {name: kind for name, kind in found.items() if name not in NOT_OPTIONS}


def test_settings_for_type_checkers_are_those_of_a_configuration() -> None:
    known = get_type_hints(Settings)
    assert set(known) == set(expected())
    for name, kind in expected().items():
        if name not in HAVE_OBJECTS:
            optional = type(None) in getattr(kind, "__args__", ())
            wanted = (Scheduled | None if optional else Scheduled) if is_schedulable(kind) else kind
            if name == "value_range":  # kept as text, and given as two numbers too
                wanted |= tuple[float, float]
            assert known[name] == wanted, name


def test_a_range_of_values_may_be_two_numbers() -> None:
    assert Config(value_range=(-1, 1)).value_range == "-1..1"
    assert Config(value_range=[0, 4095.5]).to_mapping()["value_range"] == "0..4095.5"


def test_a_configuration_does_not_name_optimisers_that_are_not_used():
    own = gn.runs.Config(g_optimizer=gn.SGD(0.1), d_optimizer=gn.RMSprop(0.1)).of(gn.models.mlp((2,), 2, hidden=4))
    written = own.to_mapping()
    assert not {"optimizer", "g_learning_rate", "d_learning_rate"} & set(written)
    assert written["g_optimizer"].startswith("sgd")
    assert gn.runs.Config.from_mapping(written).differing(own) == []
    one = gn.runs.Config(g_optimizer=gn.SGD(0.1), g_learning_rate=0.5).of(gn.models.mlp((2,), 2, hidden=4)).to_mapping()
    assert one["optimizer"] == "adam"
    assert "d_learning_rate" in one
    assert "g_learning_rate" not in one


def test_a_setting_among_a_models_options_is_told_where_it_belongs() -> None:
    with pytest.raises(ValueError, match=r"options: 'flip' is a setting of every training; give it beside options"):
        gn.runs.Config.from_mapping({"model": "r3gan", "options": {"flip": True}})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"g_optimizer": gn.Adam(1e-3), "g_learning_rate": 0.5}, "g_learning_rate"),
        ({"d_optimizer": "adam(1e-3)", "d_learning_rate": 0.5}, "d_learning_rate"),
        ({"g_optimizer": gn.SGD(0.1), "d_optimizer": gn.SGD(0.1), "optimizer": "rmsprop"}, "optimizer"),
        ({"g_optimizer": gn.SGD(0.1), "d_optimizer": gn.SGD(0.1), "learning_rate_decay": 1.1}, "learning_rate_decay"),
    ],
    ids=["g", "d", "optimizer", "decay"],
)
def test_a_setting_beside_an_optimiser_that_has_its_own_is_refused(options: dict[str, Any], named: str) -> None:
    gan = gn.models.mlp((2,), 2, hidden=4)
    for config, given in ((None, options), (Config(**options), {}), *_split(options)):
        with pytest.raises(ValueError, match=f"^{named}: has no effect beside"):
            gn.train(gan, np.zeros((4, 2)), config=config, **given)


def _split(options: dict[str, Any]) -> list[tuple[Config, dict[str, Any]]]:
    """The optimisers in a configuration, and the other setting over it."""
    own = {name: value for name, value in options.items() if name in ("g_optimizer", "d_optimizer")}
    return [(Config(**own), {name: value for name, value in options.items() if name not in own})]


def test_an_optimiser_over_the_rate_of_a_configuration_takes_its_place() -> None:
    points = np.random.default_rng(0).standard_normal((8, 2))
    gan = gn.models.mlp((2,), 2, hidden=4)
    config = Config(g_learning_rate=0.5, steps=1, batch_size=4)
    trainer = gn.train(gan, points, config=config, g_optimizer=gn.SGD(0.01), d_learning_rate=0.02, progress=False)
    assert (trainer.g_optimizer.learning_rate, trainer.d_optimizer.learning_rate) == (0.01, 0.02)


@pytest.mark.parametrize(
    "options", [{"r1": 1.0, "penalties": "r1(2)"}, {"penalties": "r1(1), r1(2)"}, {"penalties": "r2(1), r1(1), r2(1)"}]
)
def test_the_same_penalty_twice_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^penalties: .* are the same penalty given twice"):
        gn.train(gn.models.mlp((2,), 2, hidden=4), np.eye(4, 2), batch_size=4, **options)


def test_penalties_that_differ_in_more_than_the_weight_are_two() -> None:
    wasserstein = gn.penalties.WassersteinGradientPenalty
    different = [gn.penalties.R1(1.0), gn.penalties.R2(1.0), wasserstein(1.0), wasserstein(1.0, 0.0)]
    assert gn.penalties.check_different(different) is different
