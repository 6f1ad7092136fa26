"""The readable implementations, the oracle for every other: the same code runs on NumPy and on CuPy arrays.

A file for each operation or two, with the formula. It knows no other folder of kernels.
"""

from ..selection import Problem, register_kernel
from .activation import BiasActivation
from .affine_sample import AffineSample
from .conv2d import Conv2d
from .dense import Dense, DenseLayer
from .dropout import Dropout
from .im2col import Conv2dIm2col
from .images import Images
from .losses import SoftmaxCrossEntropy, Softplus
from .maxout import Maxout
from .normal import Normal
from .normalisation import BatchNorm, LayerNorm, Running
from .objective import Accuracy, Logistic
from .resampling import AveragePool, Blur, UpsampleBilinear, UpsampleNearest
from .scaled_sum import ScaledSum
from .updates import Adam, Average, Rmsprop, Sgd
from .watch import Finite, Report


def _convolution_work(problem: Problem) -> float:
    assert problem.geometry is not None
    return float(problem.geometry.operations)


def _twice_convolution_work(problem: Problem) -> float:
    # Many small products and strided sums: measured at two to four times the time of one product over patches.
    return 2 * _convolution_work(problem)


FEATURES = ("float64", "gpu", "stride", "padding", "in_place", "first")

register_kernel("conv2d", "reference", Conv2d, features=(*FEATURES, "groups"), cost=_twice_convolution_work)
register_kernel("conv2d", "im2col", Conv2dIm2col, features=FEATURES, cost=_convolution_work)
for _operation, _implementation in {
    "dense": Dense,
    "bias_activation": BiasActivation,
    "batch_norm": BatchNorm,
    "running": Running,
    "layer_norm": LayerNorm,
    "maxout": Maxout,
    "dropout": Dropout,
    "average_pool": AveragePool,
    "upsample_nearest": UpsampleNearest,
    "upsample_bilinear": UpsampleBilinear,
    "blur": Blur,
    "affine_sample": AffineSample,
    "scaled_sum": ScaledSum,
    "normal": Normal,
    "images": Images,
    "softplus": Softplus,
    "accuracy": Accuracy,
    "softmax_cross_entropy": SoftmaxCrossEntropy,
    "sgd": Sgd,
    "adam": Adam,
    "rmsprop": Rmsprop,
    "average": Average,
    "finite": Finite,
    "report": Report,
}.items():
    register_kernel(_operation, "reference", _implementation, features=FEATURES, cost=1.0)
# It states no cost: the single operations do as well.
register_kernel("dense_layer", "reference", DenseLayer, features=FEATURES)
register_kernel("logistic", "reference", Logistic, features=FEATURES)
