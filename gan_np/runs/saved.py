"""One network or model in one file: `gan_np.save` and `gan_np.load`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np

from gan_np.arrays import to_host
from gan_np.checks import shown
from gan_np.files import write_atomically
from gan_np.models import GAN, Classifier, Model
from gan_np.networks import Network
from gan_np.registry import describe

from . import checkpoint
from .classifier_file import VECTORS, load_classifier, save_classifier
from .opened import load_gan
from .tensor_file import to_bytes

Kind = TypeVar("Kind", bound=Network | Model | Classifier)


def save(made: Network | GAN | Classifier, path: str | Path) -> Path:
    """Write a network, a GAN or a classifier: structure and numbers, in one safetensors file; `load` opens it again.

    made: what is written.
    path: the file; a file that is there already is replaced.

    A structure of the library's layers, however it was put together, needs nothing else; one with layers of your own can be
    opened where they are registered (`gan_np.layers.register`). To keep a training that goes on, use a run folder
    (`gan_np.train(…, out=)`).

    >>> import gan_np as gn, tempfile, pathlib
    >>> D = gn.Network(gn.Sequential(gn.Dense(8, activation="leaky_relu"), gn.Dense(1)), input_shape=(2,), seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = gn.save(D, pathlib.Path(folder) / "critic.safetensors")
    ...     gn.load(path)
    <Network (2,) → (1,), 33 parameters, float32 on cpu>

    Raises:
        TypeError: something else, or a layer that is not registered, so that the file could not be opened again.
    """
    if isinstance(made, GAN):
        return checkpoint.save(path, made)
    if isinstance(made, Classifier):
        return save_classifier(path, made)
    if not isinstance(made, Network):
        raise TypeError(f"made: expected a Network, GAN or Classifier, got {shown(made)}")
    description = {
        "format_version": checkpoint.FORMAT_VERSION,
        "network": describe(made),
        "dtype": str(made.dtype),
        "segments": {name: checkpoint.segments(getattr(made, name).layout) for name in VECTORS},
    }
    tensors = {name: np.ascontiguousarray(to_host(getattr(made, name).values)) for name in VECTORS}
    return write_atomically(path, to_bytes(description, tensors))


@overload
def load(path: str | Path, kind: type[Kind], *, device: str = "cpu") -> Kind: ...


@overload
def load(path: str | Path, kind: None = None, *, device: str = "cpu") -> Any: ...


def load(path: str | Path, kind: type[Any] | None = None, *, device: str = "cpu") -> Any:
    """Open a file or a run folder: gives the `Network`, the `GAN`, the model of several stages or the `Classifier` in it.

    path: the file, or the run folder, whose newest checkpoint is read.
    kind: the class that is expected, say `gn.GAN` or `gn.Network`: anything else is refused, and type checkers and editors
        know what is returned. None accepts whatever the file holds.
    device: where its arrays are to lie, "cpu" or "cuda".

    Nothing that the file names is imported or executed, so layers of your own must be registered before it is opened.

    Raises:
        FileNotFoundError: there is no such file or folder.
        CheckpointError: it is not a file of this library, is damaged, or needs something that is not registered.
        TypeError: it holds something else than `kind`.
    """
    if kind is not None and not isinstance(kind, type):
        raise TypeError(f"kind: expected a class such as gan_np.GAN, got {shown(kind)}")
    made = _load(path, device)
    if kind is not None and not isinstance(made, kind):
        raise TypeError(f"kind: expected a {kind.__name__}, {path} holds {shown(made)}")
    return made


def _load(path: str | Path, device: str) -> Network | Model | Classifier:
    if Path(path).is_dir():
        model: Model = load_gan(path, device=device)
        return model
    description = checkpoint.describe_file(path)
    if "classifier" in description:
        return load_classifier(path, device=device)
    if "network" not in description:
        return checkpoint.load_gan(path, device=device)
    tensors, description = checkpoint.read(path)
    with checkpoint.described_by(path):
        made: Network = checkpoint.build_described("network", description, tensors, device, Network, "a network")
        for name in VECTORS:
            checkpoint.assign(getattr(made, name), name, tensors, description, device)
    return made
