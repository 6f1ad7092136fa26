"""Numbers that a file may hold: outside their bounds they are refused before any work, with a digest that agrees."""

import dataclasses
import json
import math
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from damaged import changed, numbers_in, signed
from safetensors import safe_open

import gan_np as gn
from gan_np import bounds
from gan_np.runs import CheckpointError, Config, checkpoint, load_gan, restore
from gan_np.runs.fields import BOUNDS
from gan_np.training import Trainer

MODELS = {
    "dcgan": lambda: gn.models.dcgan((8, 8, 1), 4, width=2),
    "conditional-dcgan": lambda: gn.models.conditional_dcgan((8, 8, 1), 4, classes=3, width=2),
    "gran": lambda: gn.models.gran((8, 8, 1), 4, width=2, code=3),
    "infogan": lambda: gn.models.infogan((8, 8, 1), 4, width=2),
    "residual": lambda: gn.models.residual_gan((8, 8, 1), 4, width=2),
    "r3gan": lambda: gn.models.r3gan((8, 8, 1), 4, width=2),
    "laplacian-level": lambda: gn.models.laplacian_level((8, 8, 1), width=2),
    "dense": lambda: gn.models.MODELS["dense"]((8, 8, 1), 4, hidden=8),
    "mlp": lambda: gn.models.mlp((8, 8, 1), 4, hidden=8, maxout_units=4),
}


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


@pytest.fixture
def at_once() -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < 20


def trained(images: np.ndarray, steps: int) -> Trainer:
    trainer = Trainer(gn.models.dcgan((8, 8, 1), 4, width=2), images, batch_size=8, average_decay=0.9)
    for _ in range(steps):
        trainer.step()
    return trainer


def test_every_number_of_a_configuration_has_bounds() -> None:
    hints = get_type_hints(Config)
    numbers = {
        field.name
        for field in dataclasses.fields(Config)
        if {int, float} & ({hints[field.name]} | set(getattr(hints[field.name], "__args__", ())))
    }
    assert numbers == {*BOUNDS, "image_size"}, "image_size is a number or text, see size_of"
    for name in numbers:
        for wrong in (-1, 2**130, 1e300, float("nan"), float("inf"), 10**400):
            with pytest.raises((ValueError, TypeError), match=name):
                Config.from_mapping({name: wrong})


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("gran", {"steps": 10**4}),
        ("gran", {"steps": 10**9}),
        ("laplacian-level", {"hidden_layers": 10**9}),
        ("residual", {"image_shape": [2**20, 2**20, 1]}),
        ("dense", {"latent_dim": 10**400}),
        ("infogan", {"weight": float("nan")}),
        ("infogan", {"weight": 10**400}),
        ("mlp", {"hidden_dropout": 3}),
    ],
    ids=[f"case{number}" for number in range(8)],
)
def test_recipes_of_work_without_end(tmp_path: Path, model: str, change: dict[str, Any]) -> None:
    """In files of version 1, which named a model and its arguments."""
    path = checkpoint.save(tmp_path / "x.safetensors", MODELS[model]())
    tensors, description = checkpoint.read(path)
    (name,) = change
    old = description | {"recipe": description["recipe"] | change, "format_version": 1}
    said = {
        "steps": "draw_steps",
        "weight": "information",
        "image_shape": "described",
        "latent_dim": "described",
        "hidden_dropout": "rate",
    }
    with pytest.raises(CheckpointError, match=rf"x\.safetensors: .*{said.get(name, name)}"):
        load_gan(signed(path, tensors, old))


def inner(description: Any, *path: Any) -> Any:
    for key in path:
        description = description[key]
    return description


STRUCTURE = ("gan", "arguments", "generator", "arguments", "structure", "arguments", "layers")


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((*STRUCTURE, 2, "arguments", "steps"), 10**9, "described"),
        ((*STRUCTURE, 0, "arguments", "out_features"), 10**12, "described"),
        ((*STRUCTURE, 0, "arguments", "out_features"), 10**400, "described"),
        ((*STRUCTURE, 0, "arguments", "activation"), "os.system", "activation"),
        ((*STRUCTURE, 0, "arguments", "weight_initializer"), {"layer": "Flatten"}, "initializer"),
        ((*STRUCTURE, 0, "arguments", "unknown"), 1, "unknown"),
        ((*STRUCTURE, 0, "layer"), "os.system", "needs layer"),
        ((*STRUCTURE, 0), {"layer": "Upsample2d", "arguments": {"factor": 10**6}}, "Upsample2d"),
        (("gan", "arguments", "prior", "arguments", "dim"), 0, "latent_dim"),
        (("gan", "arguments", "prior"), {"layer": "Flatten"}, "prior"),
        (("gan", "gan"), "subprocess.Popen", "needs gan"),
        (("gan",), {"layer": "Flatten"}, "expected a GAN"),
        (("gan",), [], "expected a GAN"),
        (("gan",), None, "expected a GAN"),
    ],
    ids=[f"case{number}" for number in range(14)],
)
def test_structures_that_no_file_should_describe(tmp_path: Path, path: Any, value: Any, message: str) -> None:
    saved = checkpoint.save(tmp_path / "x.safetensors", MODELS["gran"]())
    tensors, description = checkpoint.read(saved)
    inner(description, *path[:-1])[path[-1]] = value
    with pytest.raises(CheckpointError, match=rf"x\.safetensors: .*{message}"):
        load_gan(signed(saved, tensors, description))


def test_a_layer_that_gives_out_too_much() -> None:
    structure = gn.Sequential(gn.Reshape(1, 1, 4), gn.Upsample2d(2**15))
    with (
        gn.networks.parameter_limit(100),
        pytest.raises(ValueError, match=r"4,294,967,296 numbers an example was desc"),
    ):
        gn.Network(structure, (4,))
    gn.Network(structure, (4,))  # who writes it may


def test_a_description_nested_without_end(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path / "x.safetensors", MODELS["dcgan"]())
    tensors, description = checkpoint.read(saved)
    layer: Any = {"layer": "Flatten"}
    for _ in range(300):
        layer = {"layer": "Sequential", "arguments": {"layers": [layer]}}
    inner(description, *STRUCTURE)[0] = layer
    with pytest.raises(CheckpointError, match="deeper than"):
        load_gan(signed(saved, tensors, description))


def test_a_model_that_could_not_be_read_back_is_not_built() -> None:
    with pytest.raises(ValueError, match=r"draw_steps: .*at most 100, got 101"):
        gn.models.gran((8, 8, 1), 4, width=2, code=3, draw_steps=101)


@pytest.mark.parametrize("value", [-(10**8), 2**60 + 1, 10**30, float("nan")])
def test_every_number_of_a_training(tmp_path: Path, images: np.ndarray, value: float) -> None:
    """Whatever number of the description is this instead, the trainer is not moved."""
    trainer = trained(images, 1)
    path = checkpoint.save(tmp_path / "good.safetensors", trainer.gan, trainer, {"score": 0.5})
    tensors, description = checkpoint.read(path)
    found = [place for place in numbers_in(description) if place[0] in ("training", "average", "score")]
    assert {place[-1] for place in found} >= {"buffer_pos", "steps", "batches", "decay", "updates", "uinteger", "score"}
    other, accepted, refused = trained(images, 0), [], []
    for place in found:
        signed(path, tensors, changed(description, place, value))
        try:
            restore(other, path)
        except CheckpointError as error:
            refused.append(str(error))
        else:
            accepted.append(place)
    assert all("good.safetensors: description." in message for message in refused)
    # Any 64 bits are a counter or a key, any finite number a score.
    words = [place for place in accepted if "counter" in place or "key" in place or "buffer" in place]
    scores = [place for place in accepted if place == ("score",)]
    assert accepted == [*(place for place in accepted if place in words), *scores]
    assert not words or value == 2**60 + 1
    assert not scores or math.isfinite(float(value))


def test_a_generator_is_not_put_where_there_is_none() -> None:
    state = checkpoint.generator_state(gn.arrays.generator(0))
    with pytest.raises(ValueError, match=r"generator\.buffer_pos"):
        checkpoint.restore_generator(gn.arrays.generator(0), state | {"buffer_pos": 5})
    with pytest.raises(ValueError, match=r"generator\.buffer: expected 4 values, got 3"):
        checkpoint.restore_generator(gn.arrays.generator(0), state | {"buffer": [0, 0, 0]})


@pytest.mark.parametrize("wrong", [np.zeros(3, np.float32), np.zeros(1, np.float64)])
def test_moments_that_are_not_as_the_weights(tmp_path: Path, images: np.ndarray, wrong: np.ndarray) -> None:
    trainer = trained(images, 1)
    path = checkpoint.save(tmp_path / "x.safetensors", trainer.gan, trainer)
    tensors, description = checkpoint.read(path)
    moment = np.resize(wrong, tensors["d_optimizer.first"].shape) if wrong.dtype == np.float64 else wrong
    signed(path, tensors | {"d_optimizer.first": moment}, description)
    with pytest.raises(CheckpointError, match=r"d_optimizer\.first: expected float32"):
        restore(trained(images, 0), path)


@pytest.mark.parametrize(
    ("kind", "size"),
    [("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1), ("F16", 2), ("I64", 8), ("U8", 1), ("BOOL", 1), ("C64", 8)],
)
def test_tensors_of_other_kinds(tmp_path: Path, kind: str, size: int) -> None:
    header = {
        "__metadata__": {"gan_np": '{"format_version": 1}', "digest": ""},
        "generator.parameters": {"dtype": kind, "shape": [4], "data_offsets": [0, 4 * size]},
    }
    text = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4 * size))
    for load in (load_gan, gn.load_classifier):
        with pytest.raises(CheckpointError, match=r"x\.safetensors: .*truncated|x\.safetensors: .*expected F32 or F64"):
            load(path)


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, '{"format_version": true}', "\udc80", "1", "[]"])
def test_descriptions_that_are_no_description(tmp_path: Path, text: str) -> None:
    header = {"__metadata__": {"gan_np": text, "digest": ""}}
    written = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(written)) + written)
    with pytest.raises(CheckpointError, match=r"x\.safetensors"):
        load_gan(path)


CHILD = """
import sys, numpy as np, gan_np as gn
from gan_np.runs import checkpoint, save_classifier
from gan_np.training import Trainer
images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
trainer = Trainer(gn.models.dcgan((8, 8, 1), 4, width=2), images, batch_size=8)
trainer.step()
checkpoint.save(sys.argv[1] + "/gan", trainer.gan, trainer)
save_classifier(sys.argv[1] + "/classifier", gn.models.classifier((8, 8, 1), classes=2, width=2))
"""


def test_equal_contents_are_equal_bytes(tmp_path: Path, images: np.ndarray) -> None:
    """Also from processes with other hash seeds; and the library that defines the format reads them."""
    trainer = trained(images, 1)
    made = {checkpoint.save(tmp_path / "x", trainer.gan, trainer).read_bytes() for _ in range(12)}
    assert len(made) == 1
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        surroundings = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", CHILD, str(tmp_path / seed)], check=True, env=surroundings)
    for name in ("gan", "classifier"):
        one, other = ((tmp_path / seed / name).read_bytes() for seed in ("1", "2"))
        assert one == other
        begin = 8 + int.from_bytes(one[:8], "little")
        assert begin % 8 == 0
        header = json.loads(one[8:begin])
        assert list(header) == sorted(header)
        with safe_open(tmp_path / "1" / name, framework="numpy") as opened:
            assert set(opened.metadata()) == {"gan_np", "digest"}
            for key in opened.keys():  # noqa: SIM118
                assert np.array_equal(opened.get_tensor(key), checkpoint.read(tmp_path / "1" / name)[0][key])


@pytest.mark.parametrize(
    ("check", "good", "wrong"),
    [
        (bounds.whole(0, 3), [0, 3], [-1, 4, 1.0, True, "1", None, 10**5000]),
        (bounds.real(0.0, 1.0), [0, 1, 0.5], [-0.1, 2, float("nan"), float("inf"), "1", False, 10**400]),
        (bounds.real(above=0.0), [1e-300], [0, 0.0]),
        (bounds.text(3), ["", "abc"], ["abcd", 3, None]),
        (bounds.maybe(bounds.flag), [None, True], [1, 0, "true"]),
        (bounds.one_of("a", "b"), ["a"], ["c", "", None, [], {}, "x" * 10**6]),
        (bounds.each(bounds.whole(0, 9), 2), [[1, 2], (3, 4)], [[1], [1, 2, 3], [1, -1], "12", {}, None]),
        (
            bounds.fields({"a": bounds.whole(0, 1)}, {"b": bounds.flag}),
            [{"a": 1}, {"a": 0, "b": True, "c": object()}],
            [{}, {"b": True}, {"a": 2}, {"a": 1, "b": 1}, [], None, "a"],
        ),
    ],
    ids=["whole", "real", "above", "text", "maybe", "one_of", "each", "fields"],
)
def test_checks(check: bounds.Check, good: list[Any], wrong: list[Any]) -> None:
    sys.set_int_max_str_digits(10_000)
    try:
        for value in good:
            check("name", value)
        for value in wrong:
            with pytest.raises((TypeError, ValueError), match=r"^name") as caught:
                check("name", value)
            assert len(str(caught.value)) < 300
    finally:
        sys.set_int_max_str_digits(4300)
