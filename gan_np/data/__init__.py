"""Sources of real images and of vectors: names, folders, files and arrays, as (N, H, W, C) and (N, m).

`open` gives data with their labels, `load` the data alone, `open_test` the test part where there is one;
`Shuffler` gives the order that training sees them in. Pillow and pooch are imported when first used.
Knows arrays and files, and neither models nor training.
"""

from typing import TYPE_CHECKING

from gan_np.lazy import loader

if TYPE_CHECKING:
    from .animation import write_animation
    from .dataset import Dataset
    from .download import DownloadError
    from .flips import flip_horizontally
    from .folder import BrokenImages
    from .images import grid, save_grid, save_image, to_bytes, to_float
    from .names import NAMES
    from .sampler import Shuffler
    from .sources import load, open, open_test

if not TYPE_CHECKING:
    __getattr__ = loader(
        __name__,
        {
            "animation": ("write_animation",),
            "dataset": ("Dataset",),
            "download": ("DownloadError",),
            "flips": ("flip_horizontally",),
            "folder": ("BrokenImages",),
            "images": ("grid", "save_grid", "save_image", "to_bytes", "to_float"),
            "names": ("NAMES",),
            "sampler": ("Shuffler",),
            "sources": ("load", "open", "open_test"),
        },
    )

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
    "write_animation",
]


def __dir__() -> list[str]:
    """Return what completion offers, also what is loaded when it is first used."""
    return list(__all__)
