"""Generative adversarial networks on NumPy and CuPy, every derivative written by hand and checked.

>>> import gan_np as gn
>>> gan = gn.models.mlp(data_shape=(8, 8, 1), latent_dim=4, hidden=16, seed=0)
>>> gan.sample(3, seed=1).shape
(3, 8, 8, 1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gan_np.lazy import loader

if TYPE_CHECKING:  # every name, for type checkers; at run time each comes when it is first used (see gan_np.lazy)
    from gan_np import (
        averaging,
        cuda_graph,
        data,
        devices,
        evaluation,
        interop,
        kernels,
        latent,
        layers,
        metrics,
        models,
        networks,
        objectives,
        ops,
        optimizers,
        penalties,
        ranks,
        runs,
        schedules,
        sweeps,
        testing,
        training,
    )
    from gan_np.arrays import from_dlpack
    from gan_np.checks import ShapeError
    from gan_np.data.images import save_grid
    from gan_np.display import show
    from gan_np.kernels import register_kernel, unregister_kernel, use_kernels
    from gan_np.layers import (
        ONES,
        ZEROS,
        Add,
        AveragePool2d,
        Basis,
        BatchNorm,
        BlurDownsample2d,
        BlurUpsample2d,
        Concatenate,
        Constant,
        Conv2d,
        ConvTranspose2d,
        Declaration,
        Dense,
        DiffAugment,
        Dropout,
        FanIn,
        Flatten,
        Glorot,
        GroupNorm,
        He,
        InnerProduct,
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
        WeightedSum,
        Wrt,
    )
    from gan_np.models import GAN
    from gan_np.networks import Fork, Identity, Loop, Network, Parallel, Residual, Sequential, folded
    from gan_np.ops import Activation
    from gan_np.optimizers import SGD, Adam, RMSprop
    from gan_np.runs import iterate, load_classifier, open_run, resume, train, train_classifier
    from gan_np.runs.saved import load, save

__version__ = "0.1.0"

_NAMES = {
    "arrays": ("from_dlpack",),
    "checks": ("ShapeError",),
    "data.images": ("save_grid",),
    "display": ("show",),
    "kernels": ("register_kernel", "unregister_kernel", "use_kernels"),
    "layers": (
        *("ONES", "ZEROS", "Add", "AveragePool2d", "Basis", "BatchNorm", "BlurDownsample2d", "BlurUpsample2d"),
        *("Concatenate", "Constant", "Conv2d", "ConvTranspose2d", "Declaration", "Dense", "DiffAugment", "Dropout"),
        *("FanIn", "Flatten", "Glorot", "GroupNorm", "He", "InnerProduct", "InstanceNorm", "Layer", "LayerNorm"),
        *("LayerPullback", "LeakyReLU", "Maxout", "MinibatchStandardDeviation", "Normal", "Parameter", "Planes"),
        *("ReLU", "Reshape", "Sigmoid", "Softplus", "SpectralNorm", "State", "Tanh", "Uniform", "Upsample2d"),
        *("WeightedSum", "Wrt"),
    ),
    "models": ("GAN",),
    "networks": ("Fork", "Identity", "Loop", "Network", "Parallel", "Residual", "Sequential", "folded"),
    "ops": ("Activation",),
    "optimizers": ("SGD", "Adam", "RMSprop"),
    "runs": ("iterate", "load_classifier", "open_run", "resume", "train", "train_classifier"),
    "runs.saved": ("load", "save"),
}

if not TYPE_CHECKING:  # which would take every name to be here
    __getattr__ = loader(__name__, _NAMES)


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
    "Basis",
    "BatchNorm",
    "BlurDownsample2d",
    "BlurUpsample2d",
    "Concatenate",
    "Constant",
    "Conv2d",
    "ConvTranspose2d",
    "Declaration",
    "Dense",
    "DiffAugment",
    "Dropout",
    "FanIn",
    "Flatten",
    "Fork",
    "Glorot",
    "GroupNorm",
    "He",
    "Identity",
    "InnerProduct",
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
    "WeightedSum",
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
    "runs",
    "save",
    "save_grid",
    "schedules",
    "show",
    "sweeps",
    "testing",
    "train",
    "train_classifier",
    "training",
    "unregister_kernel",
    "use_kernels",
]
