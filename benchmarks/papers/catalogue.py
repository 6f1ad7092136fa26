"""All recipes by name."""

from __future__ import annotations

from .codes import INFOGAN
from .likelihood import PARZEN
from .mixture import GRID, RING
from .neighbour import NEIGHBOUR
from .recipe import Recipe
from .saturation import MINIMAX
from .stacked import STACKED

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (PARZEN, RING, GRID, INFOGAN, NEIGHBOUR, MINIMAX, STACKED)
}
