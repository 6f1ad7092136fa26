"""How good samples are: pure functions of pictures."""

from .cells import cell_of, k_means
from .copying import Copying, copying_test, nearest_over_shifts
from .neighbours import Neighbours, nearest_neighbours
from .sliced import sliced_wasserstein

__all__ = [
    "Copying",
    "Neighbours",
    "cell_of",
    "copying_test",
    "k_means",
    "nearest_neighbours",
    "nearest_over_shifts",
    "sliced_wasserstein",
]
