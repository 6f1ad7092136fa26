"""All recipes by name."""

from __future__ import annotations

from .codes import INFOGAN
from .likelihood import PARZEN
from .mixture import GRID, RING
from .neighbour import NEIGHBOUR
from .penalties import PENALISED
from .recipe import Recipe
from .saturation import MINIMAX
from .stacked import STACKED
from .stacked_r3gan import STACKED_R3GAN

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (PARZEN, RING, GRID, INFOGAN, NEIGHBOUR, MINIMAX, STACKED, PENALISED, STACKED_R3GAN)
}
