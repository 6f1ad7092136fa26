"""Checkpoints: a few vectors and a description, in the safetensors format (no pickle, nothing that runs when loaded).

Tensors (each flat, as in memory):
    generator.parameters, generator.state, discriminator.parameters, discriminator.state
    average.parameters                      the moving average of the generator, where there is one
    average.state                           its batch statistics, where they depend on real images (levels of a LAPGAN)
    d_optimizer.<moment>, g_optimizer.<moment>
Metadata: under "gan_np" one JSON object (see `describe`; of a conditional model also what its labels are), under "digest" a
BLAKE2b over it and all tensors.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, to_device, to_host
from gan_np.averaging import Average
from gan_np.bounds import COUNT, each, fields, maybe, one_of, real, text, whole
from gan_np.checks import shown
from gan_np.data.encoding import Encoding, ImageEncoding, VectorEncoding, encoding_of
from gan_np.data.labels import LabelTable
from gan_np.files import write_atomically
from gan_np.models import GAN
from gan_np.networks import Network, parameter_limit
from gan_np.optimizers import Optimizer
from gan_np.registry import build
from gan_np.registry import describe as described
from gan_np.training.algorithm import Trainer
from gan_np.vectors import Layout, Vector

from .tensor_file import CheckpointError as CheckpointError
from .tensor_file import digest as digest
from .tensor_file import from_file, to_bytes

FORMAT_VERSION = 2

RENAMED = {
    "gran": {"steps": "draw_steps"},
    "infogan": {"weight": "information"},
    "mlp": {"image_shape": "data_shape"},
    "dense": {"image_shape": "data_shape"},
}
"""Arguments of models that had other names in files of version 1."""


def _named_model(description: dict[str, Any]) -> dict[str, Any]:
    """Version 1 named a model and its arguments; from version 2 on the structure itself is described."""
    recipe: Any = description.get("recipe")
    fields({"model": text()})("recipe", recipe)
    renamed = RENAMED.get(recipe["model"], {})
    arguments = {renamed.get(name, name): value for name, value in recipe.items() if name != "model"}
    key = "classifier" if recipe["model"] == "classifier" else "gan"
    return {**description, "format_version": 2, key: {"model": recipe["model"], "arguments": arguments}}


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _named_model}
"""For each older format version, what turns its description into one of the next version."""


_COUNT, _WORD = whole(0, COUNT), whole(0, (1 << 64) - 1)
_PHILOX = fields(
    {
        "bit_generator": one_of("Philox"),
        "state": fields({"counter": each(_WORD, 4), "key": each(_WORD, 2)}),
        "buffer": each(_WORD, 4),
        "buffer_pos": whole(0, 4),
        "has_uint32": whole(0, 1),
        "uinteger": whole(0, (1 << 32) - 1),
    }
)
"""The state of a generator, which NumPy takes as it is: a wrong place in the buffer reads memory that is not its own."""


def _decay(name: str, value: Any) -> None:
    """A number from 0 to 1, or the description of a schedule, which `Average` checks when it is built."""
    if not isinstance(value, Mapping):
        real(0.0, 1.0)(name, value)


_DESCRIPTION = fields(
    {"dtype": one_of("float32", "float64")},
    {
        "average": fields({"decay": _decay, "updates": _COUNT}),
        "training": fields(
            {"steps": _COUNT},
            {
                **dict.fromkeys(("batches", "d_updates", "g_updates"), _COUNT),
                **dict.fromkeys(("noise", "dropout", "flips", "blur", "between"), _PHILOX),
            },
        ),
        "score": real(),
        "data_read": fields({"kind": one_of("array", "items", "stream")}, {"transform": maybe(text())}),
    },
)
"""What the description of a model may say, checked as soon as it is read."""


def save(path: str | Path, gan: GAN, trainer: Trainer | None = None, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a checkpoint: the model, and with a trainer all that training needs to go on from here.

    The file appears whole or not at all: it is written beside its place, forced to disk, then moved.

    Raises:
        TypeError: a layer of the model is not registered, so the file could not be opened again.
    """
    tensors = {name: np.ascontiguousarray(to_host(array)) for name, array in tensors_of(gan, trainer).items()}
    return write_atomically(path, to_bytes(describe(gan, trainer, extra), tensors))


def describe(gan: GAN, trainer: Trainer | None = None, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The metadata: format version, structure, names and shapes of all segments, and the training's counters."""
    description: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "gan": described(gan),
        "recipe": dict(gan.recipe),
        "dtype": str(gan.generator.dtype),
        "segments": {name: segments(vector.layout) for name, vector in _vectors(gan).items()},
    }
    if gan.encoding != encoding_of(gan.data_shape, gan.pixel_range):
        description["encoding"] = described(gan.encoding)
    if gan.label_table is not None:
        description["labels"] = gan.label_table.to_mapping()
    if gan.average is not None:
        description["average"] = {"decay": described(gan.average.decay), "updates": gan.average.updates}
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
            "between": generator_state(trainer.between),
        }
        if kernels.tuned_choices():
            description["training"]["kernels"] = kernels.to_records(kernels.tuned_choices())
    return description | dict(extra or {})


def load_gan(path: str | Path, *, device: str = "cpu") -> GAN:
    """The model in a checkpoint file, or in the newest checkpoint of a run folder.

    Raises:
        FileNotFoundError: nothing there.
        CheckpointError: not a checkpoint, damaged, or of another structure than it says.
    """
    return gan_from(*read(path), path, device)


def gan_from(tensors: Mapping[str, Array], description: Mapping[str, Any], path: str | Path, device: str) -> GAN:
    """`load_gan`, from contents that were read already; `path` is what errors name."""
    with described_by(path):
        gan = rebuild(tensors, description, device)
        for name, vector in _vectors(gan).items():
            assign(vector, name, tensors, description, device)
        if "average" in description:
            gan.average = Average(gan.generator, build(description["average"]["decay"]))
            gan.average.updates = int(description["average"]["updates"])
            assign(gan.average.network.parameters, "average.parameters", tensors, description, device)
            if gan.statistics_need_data:
                assign(gan.average.network.state, "average.state", tensors, description, device)
    return gan


def rebuild(tensors: Mapping[str, Array], description: Mapping[str, Any], device: str) -> GAN:
    """The structure that a description names, never larger than the tensors that are there, and what its labels are."""
    if "gan" not in description:
        raise ValueError("holds no GAN (the file of a classifier or a network?)")
    gan: GAN = build_described("gan", description, tensors, device, GAN, "a GAN")
    gan.recipe = dict(description.get("recipe", {}))
    gan.label_table = labels_of(description, gan.classes)
    if "encoding" in description:
        gan.encoding = _encoding(build(description["encoding"]), gan)
    return gan


def _encoding(made: Any, gan: GAN) -> Encoding:
    """How a checkpoint says that its data were encoded, if that goes with what its generator makes.

    Raises:
        ValueError: it does not.
    """
    if isinstance(made, ImageEncoding) and made.pixel_range == gan.pixel_range:
        return made
    if isinstance(made, VectorEncoding) and (made.size,) == gan.data_shape:
        return made
    raise ValueError(f"encoding: {shown(made)} does not go with a generator of {gan.data_shape}")


def build_described(
    key: str, description: Mapping[str, Any], tensors: Mapping[str, Array], device: str, kind: type, called: str
) -> Any:
    """What stands described under a key, with fresh numbers and never larger than the tensors that are there.

    Raises:
        ValueError: it is of another kind; `called` is what the message expects.
    """
    largest = max((math.prod(tensor.shape) for tensor in tensors.values()), default=0)
    with parameter_limit(largest):
        made = build(description[key], device=device, dtype=np.dtype(description["dtype"]))
    if not isinstance(made, kind):
        raise ValueError(f"holds {shown(made)}, expected {called}")
    return made


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
        return labels_of(description, description["gan"]["arguments"].get("classes"))


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
        assign(vector, name, tensors, description, device)
    if gan.average is not None:
        assign(gan.average.network.parameters, "average.parameters", tensors, description, device)
        gan.average.updates = int(description["average"]["updates"])
    for (player, optimizer), network in zip(
        _optimizers(trainer).items(), (gan.discriminator, gan.generator), strict=True
    ):
        prefix = f"{player}_optimizer."
        theta = network.parameters.values
        for name, tensor in tensors.items():
            if name.startswith(prefix) and (tensor.shape, tensor.dtype) != (theta.shape, theta.dtype):
                expected = f"{theta.dtype} {theta.shape}"
                raise ValueError(
                    f"{name}: expected {expected}, as the weights are, it has {tensor.dtype} {tensor.shape}"
                )
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
    if "between" in state:  # runs of before there were penalties between images have none
        restore_generator(trainer.between, state["between"])


def read(path: str | Path, *, tensors: bool = True) -> tuple[dict[str, Array], dict[str, Any]]:
    """Tensors and metadata of a checkpoint file, or of a run folder's newest; the digest is checked.

    tensors: False reads the description of a file alone (and cannot check the digest).

    Raises:
        FileNotFoundError, CheckpointError: see `load_gan`.
    """
    if Path(path).is_dir():
        return newest(path)[1:]
    file = find(path)
    arrays, description = from_file(file, tensors=tensors)
    version = description.get("format_version") if isinstance(description, dict) else None
    if type(version) is not int or not (version == FORMAT_VERSION or version in MIGRATIONS):
        raise CheckpointError(f"{file}: format version {shown(version)}, this library reads {FORMAT_VERSION}")
    with described_by(file):
        while version != FORMAT_VERSION:
            description = MIGRATIONS[version](description)
            version += 1
        _DESCRIPTION("description", description)
    return arrays, description


def newest(folder: str | Path) -> tuple[Path, dict[str, Array], dict[str, Any]]:
    """The newest checkpoint of a run folder that can be read, and its contents; damaged ones are named and passed over.

    Raises:
        FileNotFoundError: there is none.
        CheckpointError: none can be read.
    """
    problems: list[str] = []
    for file in reversed(all_of(folder)):
        try:
            tensors, description = read(file)
        except CheckpointError as error:
            problems.append(str(error))
            continue
        if problems:
            warnings.warn(f"going on from {file.name}; passed over: {'; '.join(problems)}", stacklevel=3)
        return file, tensors, description
    if problems:
        raise CheckpointError("; ".join(problems))
    hint = ""
    if (Path(folder) / "checkpoints" / "best.safetensors").exists():
        hint = "; checkpoints/best.safetensors is there, and samples can be drawn from it by its path"
    elif (Path(folder) / "config.toml").exists() and any(Path(folder).glob("*/checkpoints")):
        hint = "; its stages have folders of their own: gan_np.load opens all of them together"
    place = Path(folder)
    if not (place / "config.toml").exists() and not hint:
        raise FileNotFoundError(
            f"{_named(place)}: this folder is no run: there is neither a config.toml nor a folder checkpoints in it; give "
            f"the folder that a training wrote (--out), or a file that gan_np.save wrote{_runs_in(place)}"
        )
    raise FileNotFoundError(
        f"{folder}: a run without a checkpoint yet (expected checkpoints/step-….safetensors in it){hint}"
    )


def _named(place: Path) -> str:
    """A folder, and where it is if its name does not say that."""
    return str(place) if place.is_absolute() or place.name else f"{place} ({place.resolve()})"


def _runs_in(place: Path, most: int = 5) -> str:
    """Name the runs that lie in a folder, as the end of a message; empty if none does."""
    try:
        found = sorted(str(path.parent) for path in place.glob("*/config.toml"))
    except OSError:
        return ""
    named = ", ".join(found[:most]) + (", …" if len(found) > most else "")
    return f"; there are runs in it: {named}" if found else ""


def find(path: str | Path) -> Path:
    """The checkpoint file itself, or the newest one of a run folder that can be read."""
    place = Path(path)
    if place.is_dir():
        return newest(place)[0]
    if not place.exists():
        raise FileNotFoundError(f"{place}: there is no such run folder, checkpoint or file")
    return place


def all_of(folder: str | Path) -> list[Path]:
    """The numbered checkpoints of a run folder, oldest first."""
    found = (Path(folder) / "checkpoints").glob("step-*.safetensors")
    return sorted(
        (path for path in found if path.stem[5:].isdecimal() and path.is_file()), key=lambda path: int(path.stem[5:])
    )


def describe_file(path: str | Path) -> dict[str, Any]:
    """The metadata of a checkpoint file, without its tensors."""
    return read(path, tensors=False)[1]


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """A Philox generator's state as JSON."""
    return json.loads(json.dumps(rng.bit_generator.state, default=lambda value: value.tolist()))  # type: ignore[no-any-return]


def restore_generator(rng: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Put a Philox generator where `generator_state` found it.

    Raises:
        TypeError, ValueError: it is no such state.
    """
    _PHILOX("generator", state)
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
    except KeyError as error:
        raise CheckpointError(f"{path}: its description has no {error}") from error
    except (TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
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


def segments(layout: Layout) -> list[list[Any]]:
    """Names and shapes of the parts of a vector, as JSON."""
    return [[segment.name, list(segment.shape)] for segment in layout.segments]


def assign(
    vector: Vector, name: str, tensors: Mapping[str, Array], description: Mapping[str, Any], device: str
) -> None:
    """Put a tensor of a file into a vector, if the file says that its parts are those of the vector.

    Raises:
        ValueError: it is not there, or of another structure or size.
    """
    if name not in tensors:
        raise ValueError(f"has no {name!r}")
    # The average has the structure of the generator.
    recorded = description["segments"].get(name.replace("average.", "generator."))
    if recorded != segments(vector.layout):
        raise ValueError(f"the layers of {name} are not those of this structure")
    try:
        vector.assign(to_device(tensors[name], device))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: {error}") from error
