"""Models: pairs of networks for images of a given shape.

A file for each function that makes one; `model.py` says what others may ask of a model. Nothing here trains or writes
files.
"""

from .classifier import Classifier, HeldOut, classifier
from .conditional import conditional_dcgan
from .dcgan import dcgan
from .dense import dense_gan
from .gan import GAN
from .gran import GRAN, gran
from .infogan import CodePrior, InfoGAN, infogan
from .lapgan import LAPGAN, lapgan, laplacian_level
from .mlp import mlp
from .model import Model
from .prior import CHUNK, Prior
from .r3gan import r3gan
from .registered import GANS, MODELS, Training, register
from .residual import residual_gan
from .stages import Stages
from .truncation import Truncation

__all__ = [
    "CHUNK",
    "GAN",
    "GANS",
    "GRAN",
    "LAPGAN",
    "MODELS",
    "Classifier",
    "CodePrior",
    "HeldOut",
    "InfoGAN",
    "Model",
    "Prior",
    "Stages",
    "Training",
    "Truncation",
    "classifier",
    "conditional_dcgan",
    "dcgan",
    "dense_gan",
    "gran",
    "infogan",
    "lapgan",
    "laplacian_level",
    "mlp",
    "r3gan",
    "register",
    "residual_gan",
]
