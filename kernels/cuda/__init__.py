"""Kernels in CUDA C++ for CuPy arrays, compiled by NVRTC when first used; registered under the name "cuda".

Dense products and convolution are there three times: "cuda" computes in the arrays' own dtype; "cuda_tf32" and "cuda_bf16"
round what they multiply and run on tensor cores, and are used only where they are named: `--precision tf32`, or
`Config(precision="tf32")`, names those of `of_precision("tf32")`, which are `Dense(precision="tf32")` and
`Conv2d(precision="tf32")` of this folder; `product.py` multiplies at that precision.

This file imports nothing heavy: what is registered are stand-ins that load the real implementation at the first call, and
CuPy is whatever module the arrays come from.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from .. import cpu  # noqa: F401  (registers itself, so that it comes first in the table)
from ..selection import not_forcing, register_kernel
from ..stand_in import StandIn
from . import costs

NAME = "cuda"
FEATURES = ("float64", "gpu", "stride", "padding", "in_place")
PRECISIONS = {"float32": NAME, "tf32": "cuda_tf32", "bf16": "cuda_bf16"}
"""Precision → the name of its kernels of `PRODUCTS`."""
PRODUCTS = {"dense": ("dense", "Dense"), "conv2d": ("convolution", "Conv2d")}
"""Operation → the module and class of its kernels."""


def of_precision(precision: str) -> dict[str, str]:
    """Return which kernels are to be forced for a precision, by operation; statistics, weights and all else stay in float32.

    For "float32" there are none: rounded products are used where they are asked for and nowhere else.
    """
    return {} if precision == "float32" else dict.fromkeys(PRODUCTS, PRECISIONS[precision])


def unrounded() -> AbstractContextManager[None]:
    """Inside a `with` block products are computed in float32 that a precision would round: for what does not bear it."""
    return not_forcing(*(name for name in PRECISIONS.values() if name != NAME))


for _precision, _name in PRECISIONS.items():
    _rounded = _precision != "float32"
    for _operation, (_module, _class) in PRODUCTS.items():
        register_kernel(
            _operation,
            _name,
            StandIn(_operation, f"{__name__}.{_module}", _class, _precision),
            supports=costs.supports_rounded if _rounded else costs.supports,
            features=(*FEATURES, "groups") if _operation == "conv2d" else FEATURES,
            cost=None if _rounded else costs.cost,
        )

for _operation, _module, _class in (
    ("bias_activation", "activation", "BiasActivation"),
    ("batch_norm", "normalisation", "BatchNorm"),
    ("running", "normalisation", "Running"),
    ("layer_norm", "normalisation", "LayerNorm"),
    ("maxout", "maxout", "Maxout"),
    ("dropout", "dropout", "Dropout"),
    ("average_pool", "resampling", "AveragePool"),
    ("upsample_nearest", "resampling", "UpsampleNearest"),
    ("upsample_bilinear", "resampling", "UpsampleBilinear"),
    ("blur", "resampling", "Blur"),
    ("affine_sample", "affine_sample", "AffineSample"),
    ("scaled_sum", "scaled_sum", "ScaledSum"),
    ("normal", "normal", "Normal"),
    ("images", "images", "Images"),
    ("softplus", "losses", "Softplus"),
    ("logistic", "objective", "Logistic"),
    ("accuracy", "objective", "Accuracy"),
    ("softmax_cross_entropy", "losses", "SoftmaxCrossEntropy"),
    ("sgd", "updates", "Sgd"),
    ("adam", "updates", "Adam"),
    ("rmsprop", "updates", "Rmsprop"),
    ("average", "updates", "Average"),
    ("finite", "watch", "Finite"),
    ("report", "watch", "Report"),
):
    _stand_in = StandIn(_operation, f"{__name__}.{_module}", _class)
    _features = (*FEATURES, "across_ranks") if _operation == "batch_norm" else FEATURES
    register_kernel(_operation, NAME, _stand_in, supports=costs.supports, features=_features, cost=costs.cost)
