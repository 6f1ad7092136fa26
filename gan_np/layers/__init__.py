"""A file for each kind of layer: names and shapes of its weights and state, forward, pullback. A layer holds no numbers.

`layer.py` is the base of all. Layers use `ops` for the mathematics, and know nothing of networks.
"""

from .activations import LeakyReLU, Maxout, ReLU, Sigmoid, Softplus, Tanh
from .augmentation import DiffAugment
from .convolution import Conv2d, ConvTranspose2d
from .dense import Dense
from .dropout import Dropout
from .initializers import ONES, ZEROS, Constant, Glorot, He, Initializer, Normal, Uniform
from .labels import Planes
from .layer import LAYERS, Declaration, JointPullback, Layer, LayerPullback, Parameter, State, Variables
from .minibatch import MinibatchStandardDeviation
from .normalisation import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from .resampling import AveragePool2d, Upsample2d
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
    "Glorot",
    "GroupNorm",
    "He",
    "Initializer",
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
    "Wrt",
    "register",
]
