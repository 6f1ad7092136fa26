"""Checkpoints: what is in them, and files that are none."""

import contextlib
import json
import os
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import gan_np as gn
from gan_np import files
from gan_np.runs import CheckpointError, checkpoint, load_gan, restore
from gan_np.training import Trainer


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def trained(images: np.ndarray, steps: int, **options: object) -> Trainer:
    trainer = Trainer(gn.models.dcgan((8, 8, 1), 4, width=2), images, batch_size=8, **options)  # type: ignore[arg-type]
    for _ in range(steps):
        trainer.step()
    return trainer


@pytest.mark.parametrize("average_decay", [0.0, 0.99])
def test_model_comes_back(tmp_path: Path, images: np.ndarray, average_decay: float) -> None:
    gan = trained(images, 3, average_decay=average_decay).gan
    path = checkpoint.save(tmp_path / "model.safetensors", gan)
    back = load_gan(path)
    assert np.array_equal(back.sample(5, 1), gan.sample(5, 1))
    assert np.array_equal(back.sample(5, 1, average=False), gan.sample(5, 1, average=False))
    assert (back.average is None) == (average_decay == 0)
    assert back.recipe == gan.recipe


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"d_optimizer": gn.SGD(0.1, momentum=0.9)},
        {"g_optimizer": gn.RMSprop(1e-3), "share_noise": True},
        {"average_decay": 0.0, "d_steps": 2},
    ],
)
def test_training_goes_on_bit_for_bit(tmp_path: Path, images: np.ndarray, options: dict[str, object]) -> None:
    def fresh() -> dict[str, object]:
        copied = {}
        for name, value in options.items():
            copied[name] = type(value)(value.learning_rate) if isinstance(value, gn.RMSprop) else value  # type: ignore[attr-defined]
            if isinstance(value, gn.SGD):
                copied[name] = gn.SGD(value.learning_rate, momentum=value.momentum)
        return copied

    straight = trained(images, 7, **fresh())
    path = checkpoint.save(tmp_path / "at-3.safetensors", (first := trained(images, 3, **fresh())).gan, first)
    resumed = trained(images, 0, **fresh())
    restore(resumed, path)
    while resumed.steps < 7:
        resumed.step()
    one, other = (checkpoint.tensors_of(trainer.gan, trainer) for trainer in (straight, resumed))
    assert set(one) == set(other)
    for name in one:
        assert np.array_equal(one[name], other[name]), name
    assert checkpoint.describe(straight.gan, straight) == checkpoint.describe(resumed.gan, resumed)
    assert np.array_equal(straight.gan.sample(5), resumed.gan.sample(5))


def test_refusals(tmp_path: Path, images: np.ndarray) -> None:
    trainer = trained(images, 1)
    path = checkpoint.save(tmp_path / "good.safetensors", trainer.gan, trainer)
    with pytest.raises(FileNotFoundError, match="no such"):
        load_gan(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="this folder is no run"):
        load_gan(tmp_path)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=r"cut\.safetensors"):
        load_gan(cut)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": np.zeros(3)}, foreign)
    with pytest.raises(CheckpointError, match="not written by gan_np"):
        load_gan(foreign)
    with pytest.raises(CheckpointError, match="another optimiser of G"):
        restore(trained(images, 0, g_optimizer=gn.SGD(0.1, momentum=0.5)), path)
    other = Trainer(gn.models.dcgan((8, 8, 1), 4, width=3), images, batch_size=8)
    with pytest.raises(CheckpointError, match="layers"):
        restore(other, path)
    alone = checkpoint.save(tmp_path / "alone.safetensors", trainer.gan)
    with pytest.raises(CheckpointError, match="without training state"):
        restore(trained(images, 0), alone)


def rewrite(path: Path, **changes: object) -> Path:
    """A file that says something else, with a digest that agrees: what a hostile author would write."""
    tensors, description = checkpoint.read(path)
    text = json.dumps(description | changes)
    save_file(tensors, path, {"gan_np": text, "digest": checkpoint.digest(text, tensors)})
    return path


def test_another_version_is_refused(tmp_path: Path, images: np.ndarray) -> None:
    path = checkpoint.save(tmp_path / "new.safetensors", trained(images, 1).gan)
    with pytest.raises(CheckpointError, match="99"):
        load_gan(rewrite(path, format_version=99))


def test_an_older_version_is_migrated(tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    gan = trained(images, 1).gan
    path = checkpoint.save(tmp_path / "old.safetensors", gan)
    monkeypatch.setitem(checkpoint.MIGRATIONS, 0, lambda old: old | {"recipe": old["network"], "format_version": 1})
    tensors, description = checkpoint.read(path)
    old = {**description, "format_version": 0, "network": description["recipe"]}
    del old["recipe"], old["gan"]
    text = json.dumps(old)
    save_file(tensors, path, {"gan_np": text, "digest": checkpoint.digest(text, tensors)})
    assert np.array_equal(load_gan(path).sample(3), gan.sample(3))


@pytest.mark.parametrize("place", ["tensor", "description"])
def test_one_changed_bit_is_seen(tmp_path: Path, images: np.ndarray, place: str) -> None:
    path = checkpoint.save(tmp_path / "model.safetensors", trained(images, 1).gan)
    data = bytearray(path.read_bytes())
    where = len(data) - 9 if place == "tensor" else data.index(b"latent_dim") + 3
    data[where] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="digest does not agree"):
        load_gan(path)


@pytest.mark.parametrize(
    "recipe",
    [
        {"model": "mlp", "image_shape": [28, 28, 1], "latent_dim": 100, "hidden": 10**9},
        {"model": "dcgan", "image_shape": [256, 256, 3], "latent_dim": 10**12, "width": 10**6},
        {"model": "dcgan", "image_shape": [8, 8, 1], "latent_dim": 4, "width": -1},
        {"model": "dcgan", "image_shape": "8×8", "latent_dim": 4},
        {"model": "dcgan", "image_shape": [8, 8, 1], "latent_dim": 4, "unknown": 1},
        {"model": "os.system", "image_shape": [8, 8, 1], "latent_dim": 4},
        {},
        None,
        [],
    ],
)
def test_hostile_recipes_cost_no_memory(tmp_path: Path, images: np.ndarray, recipe: object) -> None:
    """Of a file of version 1, which names a model and its arguments."""
    path = rewrite(checkpoint.save(tmp_path / "x.safetensors", trained(images, 1).gan), recipe=recipe, format_version=1)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=r"x\.safetensors"):
            load_gan(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_headers_that_claim_terabytes(tmp_path: Path) -> None:
    huge = tmp_path / "huge.safetensors"
    header = json.dumps(
        {"generator.parameters": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    ).encode()
    for data in (
        struct.pack("<Q", len(header)) + header,
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 2**63 - 1),
    ):
        huge.write_bytes(data)
        with pytest.raises(CheckpointError, match="huge"):
            load_gan(huge)


def mutations(data: bytes, rng: np.random.Generator, count: int) -> Iterator[bytes]:
    """Bits flipped, bytes overwritten, pieces cut out, doubled or moved, most of them in the header."""
    header = 8 + struct.unpack("<Q", data[:8])[0]
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            limit = header if rng.random() < 0.8 else len(changed)
            at = int(rng.integers(0, max(min(limit, len(changed)), 1)))
            size = int(rng.integers(1, 17))
            kind = rng.integers(0, 5)
            if kind == 0:
                changed[at : at + 1] = bytes([data[at % len(data)] ^ (1 << int(rng.integers(0, 8)))])
            elif kind == 1:
                changed[at : at + size] = rng.bytes(size)
            elif kind == 2:
                del changed[at : at + size]
            elif kind == 3:
                changed[at:at] = changed[at : at + size]
            else:
                changed[at : at + size] = rng.choice([b"9" * size, b"[" * size, b"null", b"-1", b'""', b"1e999"])
        yield bytes(changed)


def test_mutated_files_give_clear_errors_only(
    tmp_path: Path, images: np.ndarray, request: pytest.FixtureRequest
) -> None:
    trainer = trained(images, 1)
    data = checkpoint.save(tmp_path / "good.safetensors", trainer.gan, trainer).read_bytes()
    victim = tmp_path / "victim.safetensors"
    count = 300 * (request.config.getoption("--campaign") or 1)
    for changed in mutations(data, np.random.default_rng(0), count):
        victim.write_bytes(changed)
        if changed != data:
            with pytest.raises(CheckpointError, match=r"victim\.safetensors"):
                load_gan(victim)


def test_mutated_descriptions_give_clear_errors_only(
    tmp_path: Path, images: np.ndarray, request: pytest.FixtureRequest
) -> None:
    """With a digest that agrees: values exchanged for others of any type, keys dropped, anywhere in the description."""
    trainer = trained(images, 1)
    path = checkpoint.save(tmp_path / "good.safetensors", trainer.gan, trainer)
    tensors, description = checkpoint.read(path)
    rng = np.random.default_rng(1)
    odd = [None, -1, 0, 2**70, 1e308, "x", "", [], {}, [[]], True, "../../etc/passwd", float("inf")]
    for _ in range(300 * (request.config.getoption("--campaign") or 1)):
        changed = json.loads(json.dumps(description))
        place = changed
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = keys[int(rng.integers(0, len(keys)))]
            inner = place[key]
            if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
                place = inner
                continue
            if rng.random() < 0.2:
                del place[key]
            else:
                place[key] = odd[int(rng.integers(0, len(odd)))]
            break
        text = json.dumps(changed)
        victim = tmp_path / "victim.safetensors"
        save_file(tensors, victim, {"gan_np": text, "digest": checkpoint.digest(text, tensors)})
        for use in (load_gan, lambda file: restore(trained(images, 0), file)):
            with contextlib.suppress(CheckpointError):
                use(victim)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = files.write_atomically(tmp_path / "file", b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_gan_put_together_by_hand_is_saved_as_any_other(tmp_path: Path) -> None:
    made = gn.models.dcgan((8, 8, 1), 4, width=2)
    own = gn.GAN(made.generator, made.discriminator, made.prior, "-1..1")
    assert np.array_equal(load_gan(checkpoint.save(tmp_path / "x.safetensors", own)).sample(3), made.sample(3))
