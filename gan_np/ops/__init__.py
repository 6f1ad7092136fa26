"""The mathematics, as pure functions on arrays.

An operation takes arrays and returns its output and its pullback: `y, pullback = conv2d(x, w, b)` and then
`dx, dw, db = pullback(dy)`. `wrt` says beforehand what will be asked, so that forward keeps no more than that. The
implementation comes from the kernel table; a pullback keeps the kernels that its forward ran with.
"""

from gan_np.kernels import Activation, Into

from .activation import activate, activation
from .affine import LINEAR
from .affine_sample import affine_sample
from .augmentation import POLICIES as AUGMENTATIONS
from .augmentation import diff_augment
from .basis import spread, weighted_sum
from .convolution import conv2d, conv2d_shape, conv_transpose2d, conv_transpose2d_shape
from .dense import dense
from .dropout import dropout
from .images import bytes_to_floats
from .losses import mean_softplus, softmax_cross_entropy, softplus
from .maxout import maxout
from .noise import standard_normal
from .normalisation import (
    Statistics,
    batch_norm,
    batch_norm_inference,
    group_norm,
    groups_of,
    layer_norm,
    update_running,
)
from .pullback import Linearised, OperationPullback
from .readout import accuracy, flag_non_finite, stacked
from .recomputable import Recomputable
from .resampling import average_pool, blur_downsample, blur_upsample, upsample_bilinear, upsample_nearest
from .shapes import add, concatenate, reshape
from .updates import adam, moving_average, rmsprop, sgd

__all__ = [
    "AUGMENTATIONS",
    "LINEAR",
    "Activation",
    "Into",
    "Linearised",
    "OperationPullback",
    "Recomputable",
    "Statistics",
    "accuracy",
    "activate",
    "activation",
    "adam",
    "add",
    "affine_sample",
    "average_pool",
    "batch_norm",
    "batch_norm_inference",
    "blur_downsample",
    "blur_upsample",
    "bytes_to_floats",
    "concatenate",
    "conv2d",
    "conv2d_shape",
    "conv_transpose2d",
    "conv_transpose2d_shape",
    "dense",
    "diff_augment",
    "dropout",
    "flag_non_finite",
    "group_norm",
    "groups_of",
    "layer_norm",
    "maxout",
    "mean_softplus",
    "moving_average",
    "reshape",
    "rmsprop",
    "sgd",
    "softmax_cross_entropy",
    "softplus",
    "spread",
    "stacked",
    "standard_normal",
    "update_running",
    "upsample_bilinear",
    "upsample_nearest",
    "weighted_sum",
]
