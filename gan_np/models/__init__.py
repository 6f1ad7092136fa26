"""Models: pairs of networks for images of a given shape."""

from collections.abc import Callable

from .classifier import Classifier, HeldOut, classifier
from .conditional import conditional_dcgan
from .dcgan import dcgan
from .dense import dense_gan
from .gan import GAN
from .gran import GRAN, gran
from .infogan import CodePrior, InfoGAN, infogan
from .lapgan import LAPGAN, lapgan, laplacian_level
from .mlp import mlp
from .prior import CHUNK, Prior
from .residual import residual_gan

MODELS: dict[str, Callable[..., GAN]] = {
    "dcgan": dcgan,
    "mlp": mlp,
    "dense": dense_gan,
    "conditional-dcgan": conditional_dcgan,
    "gran": gran,
    "infogan": infogan,
    "residual": residual_gan,
    "laplacian-level": laplacian_level,
}
"""By the names that checkpoints use (and configurations, but for the levels of a LAPGAN, which train together)."""

__all__ = [
    "CHUNK",
    "GAN",
    "GRAN",
    "LAPGAN",
    "MODELS",
    "Classifier",
    "CodePrior",
    "HeldOut",
    "InfoGAN",
    "Prior",
    "classifier",
    "conditional_dcgan",
    "dcgan",
    "dense_gan",
    "gran",
    "infogan",
    "lapgan",
    "laplacian_level",
    "mlp",
    "residual_gan",
]
