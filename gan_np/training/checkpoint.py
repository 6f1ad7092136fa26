"""Checkpoints: a few vectors and a description, in the safetensors format (no pickle, nothing that runs when loaded).

Tensors (each flat, as in memory):
    generator.parameters, generator.state, discriminator.parameters, discriminator.state
    average.parameters                      the moving average of the generator, where there is one
    d_optimizer.<moment>, g_optimizer.<moment>
Metadata: one JSON object under "gan_np", see `describe`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array, to_device, to_host
from gan_np.averaging import Average
from gan_np.models import GAN
from gan_np.networks import Network
from gan_np.optimizers import Optimizer
from gan_np.vectors import Layout, Vector

from .algorithm import Trainer
from .build import rebuild_gan

FORMAT_VERSION = 1
KEY = "gan_np"


class CheckpointError(ValueError):
    """A file that is not a checkpoint of this library, or does not fit; the message says which and why."""


def save(path: str | Path, gan: GAN, trainer: Trainer | None = None, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a checkpoint: the model, and with a trainer all that training needs to go on from here.

    The file appears whole or not at all: it is written beside its place, forced to disk, then moved.
    """
    from safetensors.numpy import save as serialise

    if not gan.recipe:
        raise ValueError("gan: has no recipe, so it could not be built again from a file; use a model of gan_np.models")
    tensors = {name: np.ascontiguousarray(to_host(array)) for name, array in _tensors(gan, trainer).items()}
    data = serialise(tensors, {KEY: json.dumps(describe(gan, trainer, extra))})
    return write_atomically(path, data)


def describe(gan: GAN, trainer: Trainer | None = None, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The metadata: format version, recipe, names and shapes of all segments, and the training's counters."""
    description: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "recipe": dict(gan.recipe),
        "dtype": str(gan.generator.dtype),
        "segments": {name: _segments(vector.layout) for name, vector in _vectors(gan).items()},
    }
    if gan.average is not None:
        description["average"] = {"decay": gan.average.decay, "updates": gan.average.updates}
    if trainer is not None:
        description["training"] = {
            "steps": trainer.steps,
            "batches": trainer.order.position,
            "d_updates": trainer.d_optimizer.updates,
            "g_updates": trainer.g_optimizer.updates,
            "noise": generator_state(trainer.noise),
            "dropout": generator_state(trainer.dropout),
            "flips": generator_state(trainer.flips),
        }
    return description | dict(extra or {})


def load_gan(path: str | Path, *, device: str = "cpu") -> GAN:
    """The model in a checkpoint file, or in the newest checkpoint of a run folder.

    Raises:
        FileNotFoundError: nothing there.
        CheckpointError: not a checkpoint, damaged, or of another structure than its recipe says.
    """
    tensors, description = read(path)
    gan = rebuild_gan(description["recipe"], device=device, dtype=np.dtype(description["dtype"]))
    for name, vector in _vectors(gan).items():
        _assign(vector, name, tensors, description, path, device)
    if "average" in description:
        gan.average = Average(gan.generator, description["average"]["decay"])
        gan.average.updates = description["average"]["updates"]
        _assign(gan.average.network.parameters, "average.parameters", tensors, description, path, device)
    return gan


def restore(trainer: Trainer, path: str | Path) -> None:
    """Put a trainer where the checkpoint's was: it then goes on bit for bit (same machine, same library versions).

    Raises:
        CheckpointError: the checkpoint has no training state, or that of other optimisers or another structure.
    """
    tensors, description = read(path)
    if "training" not in description:
        raise CheckpointError(f"{path}: holds a model without training state; training cannot go on from it")
    gan, state, device = trainer.gan, description["training"], trainer.gan.generator.device
    for name, vector in _vectors(gan).items():
        _assign(vector, name, tensors, description, path, device)
    if gan.average is not None:
        _assign(gan.average.network.parameters, "average.parameters", tensors, description, path, device)
        gan.average.updates = description["average"]["updates"]
    for player, optimizer in _optimizers(trainer).items():
        prefix = f"{player}_optimizer."
        moments = {
            name.removeprefix(prefix): to_device(tensor, device)
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        try:
            optimizer.restore(state[f"{player}_updates"], moments)
        except ValueError as error:
            raise CheckpointError(f"{path}: was trained with another optimiser of {player.upper()}: {error}") from error
    trainer.steps = state["steps"]
    trainer.order.seek(state["batches"])
    restore_generator(trainer.noise, state["noise"])
    restore_generator(trainer.dropout, state["dropout"])
    restore_generator(trainer.flips, state["flips"])


def read(path: str | Path, *, tensors: bool = True) -> tuple[dict[str, Array], dict[str, Any]]:
    """Tensors and metadata of a checkpoint file, or of a run folder's newest.

    Raises:
        FileNotFoundError, CheckpointError: see `load_gan`.
    """
    from safetensors import SafetensorError, safe_open

    file = find(path)
    try:
        with safe_open(file, framework="numpy") as opened:
            metadata = opened.metadata() or {}
            if KEY not in metadata:
                raise CheckpointError(
                    f"{file}: a safetensors file, but not written by gan_np (no {KEY!r} in its metadata)"
                )
            description = json.loads(metadata[KEY])
            arrays = {name: opened.get_tensor(name) for name in opened.keys()} if tensors else {}  # noqa: SIM118
    except (SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{file}: not a readable checkpoint (truncated or damaged?): {error}") from error
    version = description.get("format_version") if isinstance(description, dict) else None
    if version != FORMAT_VERSION:
        raise CheckpointError(f"{file}: format version {version!r}, this library reads {FORMAT_VERSION}")
    return arrays, description


def find(path: str | Path) -> Path:
    """The checkpoint file itself, or the newest one of a run folder."""
    place = Path(path)
    if place.is_dir():
        found = all_of(place)
        if not found:
            raise FileNotFoundError(f"{place}: no checkpoint in this folder (expected checkpoints/step-….safetensors)")
        return found[-1]
    if not place.exists():
        raise FileNotFoundError(f"{place}: there is no such run folder or checkpoint")
    return place


def all_of(folder: str | Path) -> list[Path]:
    """The numbered checkpoints of a run folder, oldest first."""
    found = (Path(folder) / "checkpoints").glob("step-*.safetensors")
    return sorted((path for path in found if path.stem[5:].isdecimal()), key=lambda path: int(path.stem[5:]))


def describe_file(path: str | Path) -> dict[str, Any]:
    """The metadata of a checkpoint file, without its tensors."""
    return read(path, tensors=False)[1]


def write_atomically(path: str | Path, data: bytes) -> Path:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """A Philox generator's state as JSON."""
    return json.loads(json.dumps(rng.bit_generator.state, default=lambda value: value.tolist()))  # type: ignore[no-any-return]


def restore_generator(rng: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Put a Philox generator where `generator_state` found it."""
    inner = {name: np.array(values, np.uint64) for name, values in state["state"].items()}
    rng.bit_generator.state = {**state, "state": inner, "buffer": np.array(state["buffer"], np.uint64)}


def _vectors(gan: GAN) -> dict[str, Vector]:
    players: dict[str, Network] = {"generator": gan.generator, "discriminator": gan.discriminator}
    return {
        f"{name}.{kind}": getattr(network, kind)
        for name, network in players.items()
        for kind in ("parameters", "state")
    }


def _optimizers(trainer: Trainer) -> dict[str, Optimizer]:
    return {"d": trainer.d_optimizer, "g": trainer.g_optimizer}


def _tensors(gan: GAN, trainer: Trainer | None) -> dict[str, Array]:
    tensors = {name: vector.values for name, vector in _vectors(gan).items()}
    if gan.average is not None:
        tensors["average.parameters"] = gan.average.network.parameters.values
    if trainer is not None:
        for player, optimizer in _optimizers(trainer).items():
            tensors |= {f"{player}_optimizer.{name}": moment for name, moment in optimizer.moments.items()}
    return tensors


def _segments(layout: Layout) -> list[list[Any]]:
    return [[segment.name, list(segment.shape)] for segment in layout.segments]


def _assign(
    vector: Vector, name: str, tensors: Mapping[str, Array], description: Mapping[str, Any], path: Any, device: str
) -> None:
    if name not in tensors:
        raise CheckpointError(f"{path}: has no {name!r}")
    recorded = description["segments"].get("generator.parameters" if name == "average.parameters" else name)
    if recorded != _segments(vector.layout):
        raise CheckpointError(f"{path}: the layers of {name} are not those of this structure")
    try:
        vector.assign(to_device(tensors[name], device))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: {name}: {error}") from error
