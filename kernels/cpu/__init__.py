"""Kernels for the processor, compiled by Numba when first used; registered under the name "numba".

This file imports nothing heavy: what is registered here are stand-ins that load the real implementation at the first call.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

from .. import reference  # noqa: F401  (registers itself, so that it comes first in the table)
from ..selection import Problem, register_kernel
from ..stand_in import StandIn
from . import costs
from .costs import supports, unusable

NAME = "numba"
FEATURES = (
    *("float64", "stride", "padding", "in_place", "backward_in_place"),
    *("first", "across_ranks", "recomputes", "slope_from_input", "signs"),
)


def _register(operation: str, module: str, name: str, cost: Callable[[Problem], float] | float) -> None:
    stand_in = StandIn(operation, f"{__name__}.{module}", name)
    register_kernel(operation, NAME, stand_in, supports=supports, features=FEATURES, cost=cost)


register_kernel(
    "dense_layer",
    NAME,
    StandIn("dense_layer", f"{__name__}.dense_layer", "DenseLayer"),
    supports=costs.dense_layer_supports,
    features=FEATURES,
    cost=0.5,
)


def compiled_for() -> str | None:
    """Return what the kernels are compiled for, `x86-64-v4` say; None where Numba is missing or disabled."""
    if unusable() is not None:
        return None
    from . import target  # loads Numba

    return target.NAME


def compilations() -> int:
    """Return how many functions this process has compiled so far, and not found compiled."""
    module = sys.modules.get(f"{__name__}.code_generator")
    return 0 if module is None else int(module.KernelDispatcher.compiled)


for _name, _supports in (
    ("direct", supports),
    ("few_channels", costs.few_channels_supports),
    ("winograd", costs.winograd_supports),
    ("full_size", costs.full_size_supports),
    ("pointwise", costs.pointwise_supports),
    ("grouped", costs.grouped_supports),
    ("depthwise", costs.depthwise_supports),
):
    _module = _name if _name in ("full_size", "pointwise") else f"{_name}.plan"
    _stand_in = StandIn("conv2d", f"{__name__}.{_module}", _name.title().replace("_", ""))
    _features = (*FEATURES, "groups") if _name in ("grouped", "depthwise") else FEATURES
    _cost = functools.partial(costs.cost, _name)
    register_kernel("conv2d", _name, _stand_in, supports=_supports, features=_features, cost=_cost)

for _operation, _module, _name in (
    ("dense", "dense", "Dense"),
    ("normal", "normal", "Normal"),
    ("bias_activation", "activation", "BiasActivation"),
    ("batch_norm", "normalisation", "BatchNorm"),
    ("layer_norm", "normalisation", "LayerNorm"),
    ("maxout", "maxout", "Maxout"),
    ("dropout", "dropout", "Dropout"),
    ("average_pool", "resampling", "AveragePool"),
    ("upsample_nearest", "resampling", "UpsampleNearest"),
    ("upsample_bilinear", "resampling", "UpsampleBilinear"),
    ("blur", "resampling", "Blur"),
    ("affine_sample", "affine_sample", "AffineSample"),
    ("scaled_sum", "scaled_sum", "ScaledSum"),
    ("softplus", "losses", "Softplus"),
    ("softmax_cross_entropy", "losses", "SoftmaxCrossEntropy"),
    ("sgd", "updates", "Sgd"),
    ("adam", "updates", "Adam"),
    ("rmsprop", "updates", "Rmsprop"),
    ("average", "updates", "Average"),
    ("finite", "watch", "Finite"),
):
    _register(_operation, _module, _name, 0.5)
