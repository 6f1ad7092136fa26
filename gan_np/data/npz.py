"""NumPy's .npz files: which array holds the images, which the labels; read in chunks and never unpickled."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.folders import VARIABLE
from gan_np.printable import printable

from . import raw as raw_images
from .dataset import check_label_shape, check_labels, check_shape
from .npy import Header, identity_of, read_header
from .options import NoSuchPart, Options
from .parts import PART_NAMES, natural
from .raw import Raw, channels_last, check_dtype, image_shape, per_chunk
from .table import holds_vectors

DEFLATE_AT_MOST = 1032
"""Deflate makes no more than this many bytes of one."""

_WHOLE = ("images", "image", "pictures", "x", "X", "data")
_WHOLE_LABELS = ("labels", "label", "y", "Y", "targets", "target", "classes")
_PART = ("x_{0}", "X_{0}", "{0}_images", "images_{0}", "{0}_x", "{0}_X", "{0}_data")
_PART_LABELS = ("y_{0}", "Y_{0}", "{0}_labels", "labels_{0}", "{0}_y", "{0}_Y", "{0}_targets")


class Keys(NamedTuple):
    """Names of arrays in an .npz file."""

    images: str
    labels: str | None


def open_npz(path: Path, options: Options) -> tuple[Raw | Array, Array | None, list[str]]:
    """Images, or an array of vectors, and labels (int64 (N,), or None) of an .npz file, and which other parts it has.

    Names: images as `x_train`, `x_val` and `x_test` (also X_train, train_images, …; `split` picks) with labels `y_train`
    …, or `images`, `x` or `data` with `labels`, `y` or `targets`; a file of one array may name it anyhow.

    Raises:
        ValueError: not an .npz file, a damaged one, one of objects, or no single array that must be the images; the
            message lists the names.
        TypeError, ShapeError: numbers that are not images, or labels that do not fit them.
    """
    said = printable(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.removesuffix(".npy") for info in archive.namelist() if info.endswith(".npy")]
            parts = parts_in(names)
            if parts:
                options.one_part(said)
            split = options.split if parts else "train"
            keys = choose(names, split, said)
            if not parts:
                options.only_part(said)
            others = [part for part in parts if part != split]
            raw: Raw | Array
            header = _header(archive, path, keys.images)
            if holds_vectors(header.shape, header.dtype):
                raw = _vectors(archive, path, keys.images, header)
            else:
                raw = _raw(archive, path, keys.images, options)
            labels = None if keys.labels is None else _labels(archive, path, keys.labels, raw.shape[0])
            if isinstance(raw, Raw) and raw.dtype != np.uint8:
                raw = replace(raw, beside=_beside(archive, path, names, others, options))
    except Exception as error:  # a damaged file makes zipfile and zlib raise nearly anything
        if isinstance(error, OSError | ValueError | TypeError) and said in str(error):
            raise
        raise _damaged(path, error) from error
    return raw, labels, others


def _raw(archive: zipfile.ZipFile, path: Path, key: str, options: Options) -> Raw:
    name = f"{printable(path)}, {printable(key)}"
    header = _header(archive, path, key)
    check_dtype(header.dtype, name)
    identity = (*identity_of(path), key)
    if options.layout == "NCHW":
        first = check_shape(header.shape, name)
        count, channels, height, width = first

        def moved() -> Iterator[Array]:
            for chunk in _chunks(path, key, header, first, options.cache):
                yield channels_last(chunk, "NCHW", name)

        return Raw(name, (count, height, width, channels), header.dtype, moved, identity=(*identity, "NCHW"))
    shape = image_shape(header.shape, name, sure=options.layout is not None)
    return Raw(name, shape, header.dtype, lambda: _chunks(path, key, header, shape, options.cache), identity=identity)


def _vectors(archive: zipfile.ZipFile, path: Path, key: str, header: Header) -> Array:
    """An array (N, m), read whole: what the header claims was held against the size of the file."""
    with archive.open(key + ".npy") as member:
        read_header(member, f"{printable(path)}, {printable(key)}")
        values = np.frombuffer(member.read(header.data_bytes + 1), header.dtype)
    return values.reshape(header.shape, order="F" if header.fortran_order else "C")


def _beside(
    archive: zipfile.ZipFile, path: Path, names: list[str], parts: list[str], options: Options
) -> tuple[Raw, ...]:
    """The images of other parts, as far as they can be read: they are not what was asked for."""
    found = []
    for part in parts:
        with contextlib.suppress(ValueError, TypeError, OSError):
            found.append(_raw(archive, path, choose(names, part, printable(path)).images, options))
    return tuple(found)


def parts_in(names: list[str]) -> dict[str, list[str]]:
    """The parts that arrays are named after, and which arrays may be the images of each."""
    found = {part: [name for name in _named(_PART, part) if name in names] for part in PART_NAMES}
    return {part: keys for part, keys in found.items() if keys}


def _named(forms: tuple[str, ...], part: str) -> list[str]:
    return [form.format(name) for name in PART_NAMES[part] for form in forms]


def choose(names: list[str], split: str, path: str) -> Keys:
    """Which arrays of an .npz file are the images and the labels of `split`."""
    listed = ", ".join(sorted(map(printable, names), key=natural)) or "none"
    parts = parts_in(names)
    whole = [name for name in _WHOLE if name in names]
    if parts:
        found = parts.get(split, [])
        if whole and found:
            found = [*found, *whole]
        labels = [name for name in _named(_PART_LABELS, split) if name in names]
    else:
        found = whole or (names if len(names) == 1 else [])
        labels = [name for name in _WHOLE_LABELS if name in names]
    if len(found) != 1:
        problem = (
            f"more than one may be the images ({', '.join(map(printable, found))})"
            if found
            else f"none is images of {split!r}"
        )
        raise (NoSuchPart if parts and not found else ValueError)(
            f"{path}: {problem}; expected one array named x_{split}, {split}_images, images, x or data "
            f"(arrays in the file: {listed})"
        )
    if len(labels) > 1:
        raise ValueError(f"{path}: more than one array may be the labels ({', '.join(labels)})")
    return Keys(found[0], labels[0] if labels else None)


def _damaged(path: Path, error: BaseException) -> ValueError:
    return ValueError(f"{printable(path)}: not a readable .npz file: {type(error).__name__}: {printable(error)}")


def _header(archive: zipfile.ZipFile, path: Path, key: str) -> Header:
    """The header of a member, whose claims have been held against the size of the file."""
    name = f"{printable(path)}, {printable(key)}"
    info = archive.getinfo(key + ".npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name}: compression method {info.compress_type} is not one that NumPy writes")
    if info.flag_bits & 1:
        raise ValueError(f"{name}: is encrypted")
    if info.file_size > DEFLATE_AT_MOST * min(info.compress_size, path.stat().st_size) + 64:
        raise ValueError(f"{name}: claims {info.file_size:,} bytes, more than a file of this size can hold")
    with archive.open(info) as member:
        header = read_header(member, name)
        offset = member.tell()
    if offset + header.data_bytes != info.file_size:
        raise ValueError(
            f"{name}: the header promises {header.data_bytes:,} bytes ({header.dtype}, shape {header.shape}) "
            f"and {info.file_size - offset:,} follow; the file is damaged"
        )
    return header


def _labels(archive: zipfile.ZipFile, path: Path, key: str, count: int) -> Array:
    name = f"{printable(path)}, {printable(key)}"
    header = _header(archive, path, key)
    check_label_shape(header.shape, header.dtype, count, name)
    with archive.open(key + ".npy") as member:
        read_header(member, name)
        labels = np.frombuffer(member.read(), header.dtype)
    return check_labels(labels, count, name)


def _chunks(
    path: Path, key: str, header: Header, shape: tuple[int, int, int, int], cache: Callable[[], Path]
) -> Iterator[Array]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(key + ".npy") as member:
            read_header(member, f"{printable(path)}, {printable(key)}")
            if header.fortran_order:
                yield from _transposed(member, header, shape, cache)
                return
            step, each = per_chunk(shape, header.dtype.itemsize), header.data_bytes // shape[0]
            for start in range(0, shape[0], step):
                count = min(step, shape[0] - start)
                data = np.frombuffer(member.read(count * each), header.dtype)
                yield data.reshape(count, *shape[1:])
            member.read(1)  # at the end the checksum is compared
    except OSError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error


def _transposed(
    member: IO[bytes], header: Header, shape: tuple[int, int, int, int], cache: Callable[[], Path]
) -> Iterator[Array]:
    """Images in Fortran order: the first index runs fastest, so that none is whole before the end. What is too much for
    memory (a file of a megabyte may hold a gigabyte) is unpacked into a file that has no name, and read from there."""
    if header.data_bytes <= raw_images.IN_MEMORY:
        data = np.frombuffer(member.read(header.data_bytes + 1), header.dtype)
        yield data.reshape(header.shape, order="F").reshape(shape)
        return
    folder = cache()
    free = shutil.disk_usage(folder).free
    if header.data_bytes > free:
        raise OSError(
            f"the cache folder {printable(folder)} has {free / 1e9:.1f} GB free and an array in Fortran order needs "
            f"{header.data_bytes / 1e9:.1f} GB there; name another folder with {VARIABLE} or cache_dir"
        )
    count, item = shape[0], header.dtype.itemsize
    columns = header.data_bytes // (count * item)
    step = max(1, raw_images.IN_MEMORY // 4 // (columns * item))
    with tempfile.TemporaryFile(dir=folder) as file:
        shutil.copyfileobj(member, file, raw_images.CHUNK_BYTES)
        for start in range(0, count, step):
            part = np.empty((columns, min(step, count - start)), header.dtype)
            for column in range(columns):
                file.seek((column * count + start) * item)
                file.readinto(part[column])
            yield np.ascontiguousarray(part.T.reshape(part.shape[1:] + header.shape[1:], order="F")).reshape(
                -1, *shape[1:]
            )
