"""How good samples are: pure functions of pictures."""

from .sliced import sliced_wasserstein

__all__ = ["sliced_wasserstein"]
