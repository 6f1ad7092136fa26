"""How good samples are: pure functions of pictures."""

from .mixtures import ModeReport, class_modes, mixture_modes, reverse_kl
from .sliced import sliced_wasserstein

__all__ = ["ModeReport", "class_modes", "mixture_modes", "reverse_kl", "sliced_wasserstein"]
