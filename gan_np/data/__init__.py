"""Sources of real pictures."""

from .images import grid, save_grid, save_picture, to_bytes, to_float
from .sources import load

__all__ = ["grid", "load", "save_grid", "save_picture", "to_bytes", "to_float"]
