"""IDX files, the format of MNIST and its kin, plain or gzipped.

A file is two zero bytes, one byte for the type, one for the number of dimensions, each dimension as a big-endian 32-bit
integer, then the numbers, big-endian, last index fastest. (http://yann.lecun.com/exdb/mnist/)
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np

from gan_np.arrays import Array, DType
from gan_np.printable import printable

from .dataset import check_label_shape, check_labels
from .npy import identity_of
from .npz import DEFLATE_AT_MOST
from .raw import Raw, check_dtype, image_shape, per_chunk

_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_GZIP = b"\x1f\x8b"
PARTS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("t10k", "test")}
"""How the files of a split begin; the first as MNIST has it."""


class Header(NamedTuple):
    """The header of an IDX file: the type of its numbers and its sizes."""

    shape: tuple[int, ...]
    dtype: DType

    @property
    def offset(self) -> int:
        """Return the offset of the first number, in bytes."""
        return 4 + 4 * len(self.shape)

    @property
    def data_bytes(self) -> int:
        """How many bytes must follow, as an unbounded integer."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def is_idx(path: Path) -> bool:
    """Whether a file begins as IDX files do, behind gzip or not."""
    with contextlib.suppress(gzip.BadGzipFile, EOFError, zlib.error), _open(path) as file:
        magic = file.read(4)
        return len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _TYPES and magic[3] > 0
    return False


def open_idx(images: Path, labels: Path | None = None) -> tuple[Raw, Array | None]:
    """Images (N, H, W) or (N, H, W, C) of an IDX file, and labels (int64 (N,), or None) of another.

    labels: the file of labels; None looks for it beside the images, by the usual name (`labels_beside`).

    A plain file of bytes is memory-mapped; a gzipped one is read in chunks.

    Raises:
        ValueError: not IDX files, or damaged ones, or claims that do not fit the file's size.
        TypeError, ShapeError: numbers that are not images, or labels that do not fit them.
    """
    header = read_header(images)
    shape = image_shape(header.shape, printable(images))
    check_dtype(header.dtype, printable(images))
    found = labels or labels_beside(images)
    numbers = None if found is None else _read_labels(found, shape[0])
    if _is_gzipped(images):
        raw = Raw(
            printable(images), shape, header.dtype, lambda: _chunks(images, header, shape), identity=identity_of(images)
        )
    else:
        array = np.memmap(images, header.dtype, "r", header.offset, shape)
        raw = Raw.of(array, printable(images), identity_of(images))
    return raw, numbers


def labels_beside(images: Path) -> Path | None:
    """The file of labels for a file of images: `images` and `idx3` or `idx4` in the name become `labels` and `idx1`."""
    name = images.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    plain = name.removesuffix(".gz")
    for candidate in (name, plain, plain + ".gz"):
        path = images.with_name(candidate)
        if path.name != images.name and path.is_file():
            return path
    return None


def find(folder: Path, split: str) -> tuple[Path, Path] | None:
    """The images and labels of a split in a folder with MNIST's file names, or None.

    The names are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, and `t10k-…` (or `test-…`) for "test"; each may end
    in .gz and may have a dot for its last hyphen but one.
    """
    for start in PARTS.get(split, ()):
        found = []
        for name in _file_names(start):
            forms = [form + ending for form in (name, name.replace("-idx", ".idx")) for ending in ("", ".gz")]
            found.append(next((folder / form for form in forms if (folder / form).is_file()), None))
        images, labels = found
        if images is not None and labels is not None:
            return images, labels
    return None


def file_names(split: str) -> tuple[str, str]:
    """MNIST's names for the images and labels of a split, without .gz."""
    return _file_names(PARTS[split][0])


def _file_names(start: str) -> tuple[str, str]:
    return f"{start}-images-idx3-ubyte", f"{start}-labels-idx1-ubyte"


def content_hash(path: Path) -> str:
    """SHA-256 of a file, of what is in it if it is gzipped."""
    hasher = hashlib.sha256()
    with _reading(path), _open(path) as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()


def read_header(path: Path) -> Header:
    """The header of an IDX file, whose claims have been held against the size of the file."""
    with _reading(path), _open(path) as file:
        magic = file.read(4)
        if len(magic) != 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not magic[3]:
            raise ValueError(
                f"{printable(path)}: not an IDX file: expected it to begin with 00 00, a type and a rank, got {magic!r}"
            )
        sizes = file.read(4 * magic[3])
        if len(sizes) != 4 * magic[3]:
            raise ValueError(f"{printable(path)}: ends within its header")
    header = Header(tuple(np.frombuffer(sizes, ">u4").tolist()), np.dtype(_TYPES[magic[2]]))
    claimed, size = header.offset + header.data_bytes, path.stat().st_size
    promise = f"{printable(path)}: the header promises {claimed:,} bytes ({header.dtype}, shape {header.shape})"
    if _is_gzipped(path):
        if claimed > DEFLATE_AT_MOST * size:
            raise ValueError(f"{promise}, more than a gzip file of {size:,} can hold")
    elif claimed != size:
        raise ValueError(f"{promise} and the file has {size:,}; it is damaged or incomplete")
    if not header.data_bytes:
        raise ValueError(f"{printable(path)}: nothing in it (shape {header.shape})")
    return header


def _read_labels(path: Path, count: int) -> Array:
    header = read_header(path)
    check_label_shape(header.shape, header.dtype, count, printable(path))
    with _reading(path), _open(path) as file:
        file.read(header.offset)
        labels = np.frombuffer(_exactly(file, header.data_bytes, path), header.dtype)
        _expect_end(file, path)
    return check_labels(labels, count, printable(path))


def _chunks(path: Path, header: Header, shape: tuple[int, int, int, int]) -> Iterator[Array]:
    step, each = per_chunk(shape, header.dtype.itemsize), header.data_bytes // shape[0]
    with _reading(path), _open(path) as file:
        file.read(header.offset)
        for start in range(0, shape[0], step):
            count = min(step, shape[0] - start)
            yield np.frombuffer(_exactly(file, count * each, path), header.dtype).reshape(count, *shape[1:])
        _expect_end(file, path)


def _exactly(file: IO[bytes], count: int, path: Path) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise ValueError(f"{printable(path)}: ends before the images or labels that its header promises")
    return data


def _expect_end(file: IO[bytes], path: Path) -> None:
    if file.read(1):  # at the end of a gzipped file its checksum is compared
        raise ValueError(f"{printable(path)}: longer than its header promises; it is damaged")


def _is_gzipped(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if _is_gzipped(path) else path.open("rb")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{printable(path)}: not a readable gzip file: {error or type(error).__name__}") from error
