"""Sources of real images: names, folders, files and arrays, all as uint8 (N, H, W, C).

`open` gives images with their labels, `load` the images alone, `open_test` the test part where there is one;
`Shuffler` gives the order that training sees them in. Pillow and pooch are imported when first used.
"""

from .dataset import Dataset
from .download import DownloadError
from .flips import flip_horizontally
from .folder import BrokenImages
from .images import grid, save_grid, save_image, to_bytes, to_float
from .names import NAMES
from .sampler import Shuffler
from .sources import load, open, open_test

__all__ = [
    "NAMES",
    "BrokenImages",
    "Dataset",
    "DownloadError",
    "Shuffler",
    "flip_horizontally",
    "grid",
    "load",
    "open",
    "open_test",
    "save_grid",
    "save_image",
    "to_bytes",
    "to_float",
]
