"""Models: pairs of networks for pictures of a given shape."""

from collections.abc import Callable

from .dcgan import dcgan
from .gan import GAN
from .mlp import mlp
from .prior import CHUNK, Prior

MODELS: dict[str, Callable[..., GAN]] = {"dcgan": dcgan, "mlp": mlp}
"""By the names that configurations, checkpoints and the command line use."""

__all__ = ["CHUNK", "GAN", "MODELS", "Prior", "dcgan", "mlp"]
