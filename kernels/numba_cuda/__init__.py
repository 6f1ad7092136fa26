"""Kernels in Python for CuPy arrays, compiled by Numba for the GPU; registered under the name "numba_cuda".

They say in plain loops, tiles and barriers what the CUDA C++ of `kernels/cuda` does, for a reader and for comparison: they
state no cost, so they run only where they are named, as in `gn.use_kernels(dense="numba_cuda")` and in the kernel benchmark.

This file imports nothing heavy: what is registered are stand-ins that load the real implementation at the first call.
"""

from __future__ import annotations

from .. import cuda  # which registers itself first
from ..selection import register_kernel
from ..stand_in import StandIn
from .usable import supports

NAME = "numba_cuda"

for _operation, _module, _class in (
    ("dense", "dense", "Dense"),
    ("conv2d", "convolution", "Conv2d"),
    ("bias_activation", "activation", "BiasActivation"),
    ("batch_norm", "normalisation", "BatchNorm"),
    ("layer_norm", "layer_norm", "LayerNorm"),
    ("maxout", "maxout", "Maxout"),
    ("dropout", "dropout", "Dropout"),
    ("average_pool", "resampling", "AveragePool"),
    ("upsample_nearest", "resampling", "UpsampleNearest"),
    ("upsample_bilinear", "resampling", "UpsampleBilinear"),
    ("blur", "resampling", "Blur"),
    ("affine_sample", "affine_sample", "AffineSample"),
    ("scaled_sum", "scaled_sum", "ScaledSum"),
    ("normal", "normal", "Normal"),
    ("softplus", "losses", "Softplus"),
    ("softmax_cross_entropy", "cross_entropy", "SoftmaxCrossEntropy"),
    ("sgd", "updates", "Sgd"),
    ("adam", "updates", "Adam"),
    ("rmsprop", "updates", "Rmsprop"),
    ("average", "updates", "Average"),
):
    _stand_in = StandIn(_operation, f"{__name__}.{_module}", _class)
    _features = (*cuda.FEATURES, "groups") if _operation == "conv2d" else cuda.FEATURES
    register_kernel(_operation, NAME, _stand_in, supports=supports, features=_features)
