"""NumPy's .npz files: which array holds the pictures, which the labels; read in chunks and never unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_np.arrays import Array

from .dataset import check_label_shape, check_labels
from .npy import Header, identity_of, read_header
from .options import NoSuchPart
from .raw import Raw, check_dtype, per_chunk, picture_shape

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


def open_npz(path: Path, split: str) -> tuple[Raw, Array | None]:
    """Pictures and labels (int64 (N,), or None) of an .npz file.

    Names: pictures as `x_train` and `x_test` (also X_train, train_images, …; `split` picks) with labels `y_train` …, or
    `images`, `x` or `data` with `labels`, `y` or `targets`; a file of one array may name it anyhow.

    Raises:
        ValueError: not an .npz file, a damaged one, one of objects, or no single array that must be the pictures; the
            message lists the names.
        TypeError, ShapeError: numbers that are not pictures, or labels that do not fit them.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.removesuffix(".npy") for info in archive.namelist() if info.endswith(".npy")]
            keys = choose(names, split, str(path))
            header = _header(archive, path, keys.images)
            shape = picture_shape(header.shape, f"{path}, {keys.images}")
            check_dtype(header.dtype, f"{path}, {keys.images}")
            labels = None if keys.labels is None else _labels(archive, path, keys.labels, shape[0])
    except Exception as error:  # a damaged file makes zipfile and zlib raise nearly anything
        if isinstance(error, OSError | ValueError | TypeError) and str(path) in str(error):
            raise
        raise _damaged(path, error) from error
    raw = Raw(
        f"{path}, {keys.images}",
        shape,
        header.dtype,
        lambda: _chunks(path, keys.images, header, shape),
        identity=(*identity_of(path), keys.images),
    )
    return raw, labels


def choose(names: list[str], split: str, path: str) -> Keys:
    """Which arrays of an .npz file are the pictures and the labels of `split`."""
    listed = ", ".join(sorted(names)) or "none"
    parts = {part: [name for form in _PART if (name := form.format(part)) in names] for part in ("train", "test")}
    whole = [name for name in _WHOLE if name in names]
    if parts["train"] or parts["test"]:
        found = parts[split]
        if whole and found:
            found = [*found, *whole]
        labels = [name for form in _PART_LABELS if (name := form.format(split)) in names]
    else:
        found = whole or (names if len(names) == 1 else [])
        labels = [name for name in _WHOLE_LABELS if name in names]
        if found and split != "train":
            raise NoSuchPart(f"split: {path} has no parts, so only 'train' (all of it) can be asked for, got {split!r}")
    if len(found) != 1:
        problem = (
            f"more than one may be the pictures ({', '.join(found)})" if found else f"none is pictures of {split!r}"
        )
        divided = parts["train"] or parts["test"]
        raise (NoSuchPart if divided and not found else ValueError)(
            f"{path}: {problem}; expected one array named x_{split}, {split}_images, images, x or data "
            f"(arrays in the file: {listed})"
        )
    if len(labels) > 1:
        raise ValueError(f"{path}: more than one array may be the labels ({', '.join(labels)})")
    return Keys(found[0], labels[0] if labels else None)


def _damaged(path: Path, error: BaseException) -> ValueError:
    return ValueError(f"{path}: not a readable .npz file: {type(error).__name__}: {error}")


def _header(archive: zipfile.ZipFile, path: Path, key: str) -> Header:
    """The header of a member, whose claims have been held against the size of the file."""
    name = f"{path}, {key}"
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
    name = f"{path}, {key}"
    header = _header(archive, path, key)
    check_label_shape(header.shape, header.dtype, count, name)
    with archive.open(key + ".npy") as member:
        read_header(member, name)
        labels = np.frombuffer(member.read(), header.dtype)
    return check_labels(labels, count, name)


def _chunks(path: Path, key: str, header: Header, shape: tuple[int, int, int, int]) -> Iterator[Array]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(key + ".npy") as member:
            read_header(member, f"{path}, {key}")
            if header.fortran_order:  # the first index runs fastest: no picture is whole before the end
                data = np.frombuffer(member.read(header.data_bytes + 1), header.dtype)
                yield data.reshape(header.shape, order="F").reshape(shape)
                return
            step, each = per_chunk(shape, header.dtype.itemsize), header.data_bytes // shape[0]
            for start in range(0, shape[0], step):
                count = min(step, shape[0] - start)
                data = np.frombuffer(member.read(count * each), header.dtype)
                yield data.reshape(count, *shape[1:])
            member.read(1)  # at the end the checksum is compared
    except Exception as error:
        raise _damaged(path, error) from error
