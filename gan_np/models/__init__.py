"""Models: pairs of networks for pictures of a given shape."""

from collections.abc import Callable

from .conditional import conditional_dcgan
from .dcgan import dcgan
from .gan import GAN
from .gran import GRAN, gran
from .mlp import mlp
from .prior import CHUNK, Prior

MODELS: dict[str, Callable[..., GAN]] = {
    "dcgan": dcgan,
    "mlp": mlp,
    "conditional-dcgan": conditional_dcgan,
    "gran": gran,
}
"""By the names that configurations, checkpoints and the command line use."""

__all__ = ["CHUNK", "GAN", "GRAN", "MODELS", "Prior", "conditional_dcgan", "dcgan", "gran", "mlp"]
