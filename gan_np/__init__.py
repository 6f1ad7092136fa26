"""Generative adversarial networks on NumPy and CuPy, every derivative written by hand and checked.

>>> import gan_np as gn
>>> gan = gn.models.mlp(data_shape=(8, 8, 1), latent_dim=4, hidden=16, seed=0)
>>> gan.sample(3, seed=1).shape
(3, 8, 8, 1)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gan_np import (
    averaging,
    data,
    devices,
    layers,
    models,
    networks,
    objectives,
    ops,
    optimizers,
    penalties,
    ranks,
    rows,
    schedules,
)
from gan_np.arrays import from_dlpack
from gan_np.checks import ShapeError
from gan_np.data.images import save_grid
from gan_np.kernels import register_kernel, unregister_kernel, use_kernels
from gan_np.layers import (
    ONES,
    ZEROS,
    Add,
    AveragePool2d,
    BatchNorm,
    Concatenate,
    Constant,
    Conv2d,
    ConvTranspose2d,
    Declaration,
    Dense,
    DiffAugment,
    Dropout,
    Flatten,
    Glorot,
    GroupNorm,
    He,
    InstanceNorm,
    Layer,
    LayerNorm,
    LayerPullback,
    LeakyReLU,
    Maxout,
    MinibatchStandardDeviation,
    Normal,
    Parameter,
    Planes,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    SpectralNorm,
    State,
    Tanh,
    Uniform,
    Upsample2d,
    Wrt,
)
from gan_np.models import GAN
from gan_np.networks import Fork, Identity, Loop, Network, Parallel, Residual, Sequential, folded
from gan_np.ops import Activation
from gan_np.optimizers import SGD, Adam, RMSprop

if TYPE_CHECKING:
    from gan_np import cuda_graph, evaluation, interop, kernels, latent, metrics, runs, testing, training
    from gan_np.display import show
    from gan_np.runs import iterate, load_classifier, open_run, resume, train, train_classifier
    from gan_np.runs.saved import load, save


__version__ = "0.1.0"

_OF_RUNS = ("iterate", "load", "load_classifier", "open_run", "resume", "save", "train", "train_classifier")
_LAZY_MODULES = ("cuda_graph", "evaluation", "interop", "kernels", "latent", "metrics", "runs", "testing", "training")


if not TYPE_CHECKING:  # which would take every name to be here

    def __getattr__(name: str) -> Any:
        # Runs bring Pillow, rich and safetensors: loaded when first used, so that importing the library stays cheap.
        if name in _OF_RUNS:
            room = "gan_np.runs.saved" if name in ("load", "save") else "gan_np.runs"
            return getattr(importlib.import_module(room), name)
        if name == "show":
            return importlib.import_module("gan_np.display").show
        if name in _LAZY_MODULES:
            return importlib.import_module(f"gan_np.{name}")
        raise AttributeError(f"module 'gan_np' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What completion offers: also what is loaded when first used."""
    return sorted([*__all__, "__version__"])


__all__ = [
    "GAN",
    "ONES",
    "SGD",
    "ZEROS",
    "Activation",
    "Adam",
    "Add",
    "AveragePool2d",
    "BatchNorm",
    "Concatenate",
    "Constant",
    "Conv2d",
    "ConvTranspose2d",
    "Declaration",
    "Dense",
    "DiffAugment",
    "Dropout",
    "Flatten",
    "Fork",
    "Glorot",
    "GroupNorm",
    "He",
    "Identity",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "LayerPullback",
    "LeakyReLU",
    "Loop",
    "Maxout",
    "MinibatchStandardDeviation",
    "Network",
    "Normal",
    "Parallel",
    "Parameter",
    "Planes",
    "RMSprop",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "ShapeError",
    "Sigmoid",
    "Softplus",
    "SpectralNorm",
    "State",
    "Tanh",
    "Uniform",
    "Upsample2d",
    "Wrt",
    "averaging",
    "cuda_graph",
    "data",
    "devices",
    "evaluation",
    "folded",
    "from_dlpack",
    "interop",
    "iterate",
    "kernels",
    "latent",
    "layers",
    "load",
    "load_classifier",
    "metrics",
    "models",
    "networks",
    "objectives",
    "open_run",
    "ops",
    "optimizers",
    "penalties",
    "ranks",
    "register_kernel",
    "resume",
    "rows",
    "runs",
    "save",
    "save_grid",
    "schedules",
    "show",
    "testing",
    "train",
    "train_classifier",
    "training",
    "unregister_kernel",
    "use_kernels",
]
