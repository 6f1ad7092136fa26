"""What a sweep trains: values as texts, combinations and their names, what is refused before any work."""

import dataclasses
from typing import Any

import pytest

from gan_np.runs import Config
from gan_np.runs.options import owners
from gan_np.runs.resolving import resolved
from gan_np.sweeps import Plan
from gan_np.sweeps.values import OWN, parse_varied


def names(plan: Plan) -> list[str]:
    return [run.name for run in plan.runs()]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("g_learning_rate=1e-4,2e-4", [1e-4, 2e-4]),
        ("--g-learning-rate=.5, 2", [0.5, 2]),
        ("g_learning_rate=cosine(2e-3, 1e-4, 10),1e-3", ["cosine(2e-3, 1e-4, 10)", 1e-3]),
        ("width=16,32", [16, 32]),
        ("flip=true,false", [True, False]),
        ("d_norm=none,spectral", ["none", "spectral"]),  # a norm of that name
        ("clip_weights=none,0.01", [None, 0.01]),
        ("g_optimizer=none,rmsprop(1e-4)", ["", "rmsprop(1e-4)"]),
        ("augment=[],[colour,cutout],colour", [[], ["colour", "cutout"], "colour"]),
        ("penalties=none,[r1(1),r2(2)]", ["", "r1(1),r2(2)"]),
        ("image_size=16,48x32", [16, "48x32"]),
        ("data=1.npy,2", ["1.npy", "2"]),
    ],
)
def test_values_are_read_as_the_setting_has_them(text: str, values: list[Any]) -> None:
    found = parse_varied(text)[1]
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("width", "expected NAME=VALUE,VALUE"),
        ("=3", "expected NAME=VALUE,VALUE"),
        ("width=16,,32", "values with commas between them"),
        ("width=", "values with commas between them"),
        ("lr=3", "there is no setting 'lr'; did you mean 'g_learning_rate' or 'd_learning_rate'"),
    ],
)
def test_what_is_no_value(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"vary: .*{words}"):
        parse_varied(text)


def test_every_combination_with_the_first_seed_then_with_the_next() -> None:
    plan = Plan({"data": "d.npy"}, {"g_learning_rate": [1e-4, 0.0002], "width": [8, 16]}, (3, 5))
    found = plan.runs()
    assert [run.name for run in found[:5]] == [
        "g_learning_rate=0.0001,width=8,seed=3",
        "g_learning_rate=0.0001,width=16,seed=3",
        "g_learning_rate=0.0002,width=8,seed=3",
        "g_learning_rate=0.0002,width=16,seed=3",
        "g_learning_rate=0.0001,width=8,seed=5",
    ]
    last = found[-1].config
    assert (last.g_learning_rate, last.width, last.seed, last.data) == (2e-4, 16, 5, "d.npy")
    assert found[0].combination == found[4].combination
    assert names(Plan({"seed": 7}, {"width": [8]})) == ["width=8,seed=7"]
    assert names(Plan({}, {}, (0, 1))) == ["seed=0", "seed=1"]


def test_names_are_names_of_folders() -> None:
    (name,) = names(Plan({}, {"data": ["my/images: a"], "g_learning_rate": ["cosine(2e-3, 1e-4, 9)"]}))
    assert name == "data=my-images-a,g_learning_rate=cosine-0.002-0.0001-9,seed=0"
    long = {"penalties": [f"r1({weight}), r2({weight}), wasserstein({weight})" for weight in range(1, 4)]}
    many = names(Plan({}, long | {name: [1e-3] for name in ("g_learning_rate", "d_learning_rate", "instance_noise")}))
    assert len(set(many)) == 3
    assert max(map(len, many)) < 200


def test_some_are_drawn_at_random_by_the_seed() -> None:
    vary = {"width": [4, 8], "latent_dim": [1, 2, 3], "g_learning_rate": [1e-3, 2e-3, 3e-3]}
    drawn = names(Plan({"seed": 1}, vary, random=6))
    assert drawn == names(Plan({"seed": 1}, vary, random=6))
    assert drawn != names(Plan({"seed": 2}, vary, random=6))
    assert len(set(drawn)) == 6
    assert set(drawn) <= set(names(Plan({"seed": 1}, vary)))
    huge = {name: [number / 2**20 for number in range(1, 999)] for name in ("g_learning_rate", "d_learning_rate", "r1")}
    assert len(names(Plan({}, huge, random=2))) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"vary": {}}, "vary: expected at least one setting"),
        ({"vary": {"width": []}}, "vary: expected a list of values of width"),
        ({"vary": {"width": "16"}}, "vary: expected a list of values of width"),
        ({"vary": {"widht": [1]}}, "vary: there is no setting 'widht'; did you mean 'width'"),
        ({"settings": {"stpes": 1}, "vary": {"width": [1]}}, "settings: there is no setting 'stpes'"),
        ({"settings": {"width": 4}, "vary": {"width": [8]}}, "vary: width has a value of its own, 4"),
        ({"vary": {"seed": [0, 1]}}, "vary: seeds are given as seeds"),
        ({"vary": {"width": [8]}, "seeds": (0, 0)}, "seeds: expected each once"),
        ({"vary": {"width": [8]}, "seeds": (-1,)}, "seeds: "),
        ({"vary": {"width": [8]}, "count": 3}, "count: "),
        ({"vary": {"model": ["mlp"]}, "settings": {"init_from": "runs/a"}}, "model: the networks come from init_from"),
        ({"vary": {"width": [8, 8]}}, "vary: two combinations are called width=8,seed=0"),
        ({"vary": {"width": [8, 8.5]}}, r"width: .*\(with width=8\.5\)"),
        ({"vary": {"width": [8], "model": ["dcgan", "mlp"]}}, r"width: belongs to model.*\(with width=8, model=mlp\)"),
        ({"vary": {"g_learning_rate": [1e-3], "g_optimizer": ["adam(1e-3)"]}}, "g_learning_rate: has no effect"),
        ({"vary": {"width": [8]}, "random": 2}, "random: expected at most 1"),
        ({"vary": {"width": [8]}, "random": 0}, "random: "),
        ({"vary": {"width": [8]}, "preset": "nothing"}, "preset: "),
        ({"vary": {"preset": ["none", "nothing"]}}, r"preset: expected one of .*\(with preset=nothing\)"),
        (
            {"vary": {"preset": ["none"]}, "preset": "r3gan-digits"},
            "vary: preset has a value of its own, 'r3gan-digits'",
        ),
        (
            {"vary": {name: list(range(2, 200)) for name in ("width", "latent_dim", "steps")}},
            "vary: expected at most 10,000",
        ),
        ({"vary": {"width": list(range(1, 200))}, "seeds": range(100)}, "are more than 10,000 runs"),
    ],
)
def test_what_cannot_be_trained_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        Plan(**arguments).runs()


def test_a_plan_is_a_file_and_back() -> None:
    plan = Plan(
        {"data": "d.npy", "steps": 4},
        {"clip_weights": [None, 0.1], "augment": [[], ["colour"]], "r1": [0.0, "cosine(1, 0.1, 4)"]},
        (1, 2),
        random=3,
    )
    kept = plan.to_mapping()
    assert kept["vary"] == {
        "clip_weights": ["none", 0.1],
        "augment": [[], ["colour"]],
        "r1": [0.0, "cosine(1, 0.1, 4)"],
    }
    assert names(Plan.from_mapping(kept)) == names(plan)
    with pytest.raises(TypeError, match="vary: expected a table"):
        Plan.from_mapping({"vary": [1]})


def test_no_setting_is_called_as_what_a_file_has_beside_settings() -> None:
    assert not set(OWN) & ({field.name for field in dataclasses.fields(Config)} | set(owners()))


def test_a_preset_is_varied_like_a_setting_and_what_is_given_counts_over_it() -> None:
    plan = Plan({"data": "mnist-5k", "steps": 8, "width": 4}, {"preset": ["none", "r3gan-digits"]})
    without, with_it = plan.runs()
    assert [run.name for run in (without, with_it)] == ["preset=none,seed=0", "preset=r3gan-digits,seed=0"]
    assert [run.varied for run in (without, with_it)] == [{"preset": None}, {"preset": "r3gan-digits"}]
    assert (without.config.model, with_it.config.model) == ("dcgan", "r3gan")
    assert (
        with_it.config.to_mapping()
        == resolved({"data": "mnist-5k", "steps": 8, "width": 4}, "r3gan-digits").to_mapping()
    )
    assert Plan.from_mapping(plan.to_mapping()).runs() == plan.runs()
    assert parse_varied("preset=none,r3gan-digits") == ("preset", [None, "r3gan-digits"])


@pytest.mark.parametrize("name", ["count", "features", "out", "--seeds"])
def test_what_is_of_the_whole_sweep_is_not_varied(name: str) -> None:
    with pytest.raises(ValueError, match=f"^vary: expected a setting of a training, and '{name}' is of the sweep"):
        parse_varied(f"{name}=1,2")


def test_a_preset_fits_the_steps_of_each_combination() -> None:
    found = [run.config for run in Plan({}, {"steps": [100, 200]}, preset="r3gan-digits").runs()]
    assert [config.value("beta2") for config in found] == ["cosine(0.9, 0.99, 100)", "cosine(0.9, 0.99, 200)"]
