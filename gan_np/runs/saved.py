"""One network or model in one file: `gan_np.save` and `gan_np.load`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import to_device, to_host
from gan_np.bounds import fields, one_of
from gan_np.checks import shown
from gan_np.files import write_atomically
from gan_np.models import GAN, Classifier
from gan_np.networks import Network, parameter_limit
from gan_np.registry import build, describe

from . import checkpoint
from .classifier_file import load_classifier, save_classifier
from .tensor_file import CheckpointError, to_bytes

VECTORS = ("parameters", "state")


def save(made: Network | GAN | Classifier, path: str | Path) -> Path:
    """Write a network, a GAN or a classifier: structure and numbers, in one safetensors file; `load` opens it again.

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


def load(path: str | Path, *, device: str = "cpu") -> Any:
    """What a file or run folder holds: a `Network`, `GAN`, `LAPGAN` or `Classifier`.

    Nothing that the file names is imported or executed: layers of your own must have been registered before.

    Raises:
        FileNotFoundError: nothing there.
        CheckpointError: not such a file, damaged, or it needs something that is not registered.
    """
    from .levels import is_lapgan, load_lapgan

    if is_lapgan(path):
        return load_lapgan(path, device=device)
    tensors, description = checkpoint.read(path)
    if "classifier" in description:
        return load_classifier(path, device=device)
    if "network" not in description:
        return checkpoint.load_gan(path, device=device)
    with checkpoint.described_by(path):
        fields({"dtype": one_of("float32", "float64")})("description", description)
        with parameter_limit(max((tensor.size for tensor in tensors.values()), default=0)):
            made = build(description["network"], device=device, dtype=np.dtype(description["dtype"]))
        if not isinstance(made, Network):
            raise ValueError(f"holds {shown(made)}, expected a network")
        for name in VECTORS:
            if checkpoint.segments(getattr(made, name).layout) != description["segments"][name]:
                raise ValueError(f"the layers of {name} are not those of this structure")
            getattr(made, name).assign(to_device(tensors[name], device))
    return made


__all__ = ["CheckpointError", "load", "save"]
