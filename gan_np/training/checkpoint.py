"""Checkpoints: a few vectors and a description, in the safetensors format (no pickle, nothing that runs when loaded).

Tensors (each flat, as in memory):
    generator.parameters, generator.state, discriminator.parameters, discriminator.state
    average.parameters                      the moving average of the generator, where there is one
    average.state                           its batch statistics, where they depend on real pictures (levels of a LAPGAN)
    d_optimizer.<moment>, g_optimizer.<moment>
Metadata: under "gan_np" one JSON object (see `describe`; of a conditional model also what its labels are), under "digest" a
BLAKE2b over it and all tensors.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, to_device, to_host
from gan_np.averaging import Average
from gan_np.data.labels import LabelTable
from gan_np.models import GAN
from gan_np.networks import Network, parameter_limit
from gan_np.optimizers import Optimizer
from gan_np.vectors import Layout, Vector

from .algorithm import Trainer
from .build import rebuild_gan
from .files import write_atomically

FORMAT_VERSION = 1
KEY, DIGEST = "gan_np", "digest"

MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""For each older format version, what turns its description into one of the next version."""


class CheckpointError(ValueError):
    """A file that is not a checkpoint of this library, or does not fit; the message says which and why."""


def save(path: str | Path, gan: GAN, trainer: Trainer | None = None, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a checkpoint: the model, and with a trainer all that training needs to go on from here.

    The file appears whole or not at all: it is written beside its place, forced to disk, then moved.
    """
    from safetensors.numpy import save as serialise

    if not gan.recipe:
        raise ValueError("gan: has no recipe, so it could not be built again from a file; use a model of gan_np.models")
    tensors = {name: np.ascontiguousarray(to_host(array)) for name, array in tensors_of(gan, trainer).items()}
    text = json.dumps(describe(gan, trainer, extra))
    return write_atomically(path, serialise(tensors, {KEY: text, DIGEST: digest(text, tensors)}))


def describe(gan: GAN, trainer: Trainer | None = None, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The metadata: format version, recipe, names and shapes of all segments, and the training's counters."""
    description: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "recipe": dict(gan.recipe),
        "dtype": str(gan.generator.dtype),
        "segments": {name: _segments(vector.layout) for name, vector in _vectors(gan).items()},
    }
    if gan.label_table is not None:
        description["labels"] = gan.label_table.to_mapping()
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
            "blur": generator_state(trainer.blur),
        }
        if kernels.tuned_choices():
            description["training"]["kernels"] = kernels.to_records(kernels.tuned_choices())
    return description | dict(extra or {})


def digest(text: str, tensors: Mapping[str, Array]) -> str:
    """BLAKE2b over the description and every tensor's name, dtype, shape and bytes."""
    hasher = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        hasher.update(f"{name} {tensor.dtype} {tensor.shape} ".encode())
        hasher.update(np.ascontiguousarray(tensor).data)
    return hasher.hexdigest()


def load_gan(path: str | Path, *, device: str = "cpu") -> GAN:
    """The model in a checkpoint file, or in the newest checkpoint of a run folder.

    Raises:
        FileNotFoundError: nothing there.
        CheckpointError: not a checkpoint, damaged, or of another structure than its recipe says.
    """
    tensors, description = read(path)
    with described_by(path):
        gan = rebuild(tensors, description, device)
        for name, vector in _vectors(gan).items():
            _assign(vector, name, tensors, description, device)
        if "average" in description:
            gan.average = Average(gan.generator, description["average"]["decay"])
            gan.average.updates = int(description["average"]["updates"])
            _assign(gan.average.network.parameters, "average.parameters", tensors, description, device)
            if gan.statistics_need_data:
                _assign(gan.average.network.state, "average.state", tensors, description, device)
    return gan


def rebuild(tensors: Mapping[str, Array], description: Mapping[str, Any], device: str) -> GAN:
    """The structure that a description names, never larger than the tensors that are there, and what its labels are."""
    largest = max((math.prod(tensor.shape) for tensor in tensors.values()), default=0)
    with parameter_limit(largest):
        gan = rebuild_gan(description["recipe"], device=device, dtype=np.dtype(description["dtype"]))
    gan.label_table = labels_of(description, gan.classes)
    return gan


def labels_of(description: Mapping[str, Any], classes: int | None) -> LabelTable | None:
    """What the labels of a model's classes are; None where a checkpoint does not say (older ones, unconditional models).

    Raises:
        ValueError, TypeError, KeyError: it says what cannot be.
    """
    if "labels" not in description:
        return None
    table = LabelTable.from_mapping(description["labels"])
    if len(table) != classes:
        raise ValueError(f"labels: describes {len(table)} classes, the model has {classes or 'none'}")
    return table


def labels_of_file(path: str | Path) -> LabelTable | None:
    """What the labels of the model in a checkpoint are, see `labels_of`.

    Raises:
        CheckpointError: damaged, or it says what cannot be.
    """
    description = describe_file(path)
    with described_by(path):
        return labels_of(description, description["recipe"].get("classes"))


def tuned_of(description: Mapping[str, Any], path: str | Path) -> kernels.Choices:
    """The tuned choice of kernels that was followed when a checkpoint was written; empty if there was none.

    Raises:
        CheckpointError: a kernel of it is not here, or cannot do here what it was chosen for.
    """
    with described_by(path):
        return kernels.from_records(description["training"].get("kernels", []), "the kernels chosen for this training")


def restore(trainer: Trainer, path: str | Path) -> None:
    """Put a trainer where the checkpoint's was: it then goes on bit for bit (same machine, same library versions).

    Raises:
        CheckpointError: the checkpoint has no training state, or that of other optimisers or another structure.
    """
    restore_from(trainer, *read(path), path)


def restore_from(trainer: Trainer, tensors: dict[str, Array], description: dict[str, Any], path: str | Path) -> None:
    """`restore`, from contents that were read already; `path` is what errors name."""
    if "training" not in description:
        raise CheckpointError(f"{path}: holds a model without training state; training cannot go on from it")
    with described_by(path):
        _restore(trainer, tensors, description)


def _restore(trainer: Trainer, tensors: dict[str, Array], description: dict[str, Any]) -> None:
    gan, state, device = trainer.gan, description["training"], trainer.gan.generator.device
    for name, vector in _vectors(gan).items():
        _assign(vector, name, tensors, description, device)
    if gan.average is not None:
        _assign(gan.average.network.parameters, "average.parameters", tensors, description, device)
        gan.average.updates = int(description["average"]["updates"])
    for player, optimizer in _optimizers(trainer).items():
        prefix = f"{player}_optimizer."
        moments = {
            name.removeprefix(prefix): to_device(tensor, device)
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        try:
            optimizer.restore(int(state[f"{player}_updates"]), moments)
        except ValueError as error:
            raise ValueError(f"was trained with another optimiser of {player.upper()}: {error}") from error
    trainer.steps = int(state["steps"])
    trainer.order.seek(int(state["batches"]))
    for name in ("noise", "dropout", "flips", "blur"):
        restore_generator(getattr(trainer, name), state[name])


def read(path: str | Path, *, tensors: bool = True) -> tuple[dict[str, Array], dict[str, Any]]:
    """Tensors and metadata of a checkpoint file, or of a run folder's newest; the digest is checked.

    tensors: False reads the description alone (and cannot check the digest).

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
    except (SafetensorError, json.JSONDecodeError, RecursionError, TypeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file}: not a readable checkpoint (truncated or damaged?): {error}") from error
    version = description.get("format_version") if isinstance(description, dict) else None
    if not isinstance(version, int) or not (version == FORMAT_VERSION or version in MIGRATIONS):
        raise CheckpointError(f"{file}: format version {version!r}, this library reads {FORMAT_VERSION}")
    if tensors and metadata.get(DIGEST) != digest(metadata[KEY], arrays):
        raise CheckpointError(f"{file}: its contents were altered since it was written (the digest does not agree)")
    while version != FORMAT_VERSION:
        description = MIGRATIONS[version](description)
        version += 1
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


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """A Philox generator's state as JSON."""
    return json.loads(json.dumps(rng.bit_generator.state, default=lambda value: value.tolist()))  # type: ignore[no-any-return]


def restore_generator(rng: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Put a Philox generator where `generator_state` found it."""
    inner = {name: np.array(values, np.uint64) for name, values in state["state"].items()}
    rng.bit_generator.state = {**state, "state": inner, "buffer": np.array(state["buffer"], np.uint64)}


def tensors_of(gan: GAN, trainer: Trainer | None) -> dict[str, Array]:
    """Every vector that a checkpoint holds, by name."""
    tensors = {name: vector.values for name, vector in _vectors(gan).items()}
    if gan.average is not None:
        tensors["average.parameters"] = gan.average.network.parameters.values
        if gan.statistics_need_data:
            tensors["average.state"] = gan.sampler().state.values  # the sampler brings them up to date
    if trainer is not None:
        for player, optimizer in _optimizers(trainer).items():
            tensors |= {f"{player}_optimizer.{name}": moment for name, moment in optimizer.moments.items()}
    return tensors


@contextmanager
def described_by(path: str | Path) -> Iterator[None]:
    """A description that says impossible things is a fault of the file, whatever it trips."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def _vectors(gan: GAN) -> dict[str, Vector]:
    players: dict[str, Network] = {"generator": gan.generator, "discriminator": gan.discriminator}
    return {
        f"{name}.{kind}": getattr(network, kind)
        for name, network in players.items()
        for kind in ("parameters", "state")
    }


def _optimizers(trainer: Trainer) -> dict[str, Optimizer]:
    return {"d": trainer.d_optimizer, "g": trainer.g_optimizer}


def _segments(layout: Layout) -> list[list[Any]]:
    return [[segment.name, list(segment.shape)] for segment in layout.segments]


def _assign(
    vector: Vector, name: str, tensors: Mapping[str, Array], description: Mapping[str, Any], device: str
) -> None:
    if name not in tensors:
        raise ValueError(f"has no {name!r}")
    # The average has the structure of the generator.
    recorded = description["segments"].get(name.replace("average.", "generator."))
    if recorded != _segments(vector.layout):
        raise ValueError(f"the layers of {name} are not those of this structure")
    try:
        vector.assign(to_device(tensors[name], device))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: {error}") from error
