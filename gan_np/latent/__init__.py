"""What a generator has learnt: directions of z, paths between its points, the way back from an image.

Uses models, metrics and run folders, where directions are kept; nothing is trained here.
"""

from .closed_form import closed_form
from .codes import code
from .decoding import Decoder
from .directions import Direction, axis, moved, without
from .factors import Along, Category, Code, Factor, Label
from .inversion import Inversion, invert
from .named import keep_directions, read_directions
from .paths import combined, linear, spherical
from .points_file import Points, read_points, save_points
from .principal import principal
from .properties import by_properties, by_property
from .selective import selective
from .towards import Towards
from .traversal import Traversal, traversal_frames, traverse
from .walks import along, between_classes, through, walk

__all__ = [
    "Along",
    "Category",
    "Code",
    "Decoder",
    "Direction",
    "Factor",
    "Inversion",
    "Label",
    "Points",
    "Towards",
    "Traversal",
    "along",
    "axis",
    "between_classes",
    "by_properties",
    "by_property",
    "closed_form",
    "code",
    "combined",
    "invert",
    "keep_directions",
    "linear",
    "moved",
    "principal",
    "read_directions",
    "read_points",
    "save_points",
    "selective",
    "spherical",
    "through",
    "traversal_frames",
    "traverse",
    "walk",
    "without",
]
