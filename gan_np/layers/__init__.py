"""A file for each kind of layer: names and shapes of its weights and state, forward, pullback. A layer holds no numbers.

`layer.py` is the base of all. Layers use `ops` for the mathematics, and know nothing of networks.
"""

from .activations import LeakyReLU, Maxout, ReLU, Sigmoid, Softplus, Tanh
from .augmentation import DiffAugment
from .basis import Basis, WeightedSum
from .convolution import Conv2d, ConvTranspose2d
from .dense import Dense
from .dropout import Dropout
from .initializers import ONES, ZEROS, Constant, FanIn, Glorot, He, Initializer, Normal, Uniform
from .labels import InnerProduct, Planes
from .layer import LAYERS, Declaration, JointPullback, Layer, LayerPullback, Parameter, State, Variables
from .minibatch import MinibatchStandardDeviation
from .normalisation import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from .resampling import AveragePool2d, BlurDownsample2d, BlurUpsample2d, Upsample2d
from .run import ALL, INPUTS, NOTHING, PARAMETERS, Run, Wrt
from .shapes import Add, Concatenate, Flatten, Reshape
from .spectral_norm import SpectralNorm

register = LAYERS.register

__all__ = [
    "ALL",
    "INPUTS",
    "LAYERS",
    "NOTHING",
    "ONES",
    "PARAMETERS",
    "ZEROS",
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
    "Glorot",
    "GroupNorm",
    "He",
    "Initializer",
    "InnerProduct",
    "InstanceNorm",
    "JointPullback",
    "Layer",
    "LayerNorm",
    "LayerPullback",
    "LeakyReLU",
    "Maxout",
    "MinibatchStandardDeviation",
    "Normal",
    "Parameter",
    "Planes",
    "ReLU",
    "Reshape",
    "Run",
    "Sigmoid",
    "Softplus",
    "SpectralNorm",
    "State",
    "Tanh",
    "Uniform",
    "Upsample2d",
    "Variables",
    "WeightedSum",
    "Wrt",
    "register",
]
