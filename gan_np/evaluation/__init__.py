"""How good samples are: pure functions of pictures."""

from .cells import cell_of, k_means
from .copying import Copying, copying_test
from .disentanglement import Effects, effects
from .moves import nearest_after_moves
from .neighbours import Neighbours, nearest_neighbours
from .reader import FactorReader, train_reader
from .sliced import sliced_wasserstein
from .trunk import trunk_features

__all__ = [
    "Copying",
    "Effects",
    "FactorReader",
    "Neighbours",
    "cell_of",
    "copying_test",
    "effects",
    "k_means",
    "nearest_after_moves",
    "nearest_neighbours",
    "sliced_wasserstein",
    "train_reader",
    "trunk_features",
]
