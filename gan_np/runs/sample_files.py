"""Samples as files, part by part: single images in a folder or a .zip, arrays in an .npy or .npz, vectors as text.

Any number of them takes the memory of one part, and what is written has its name when all of it is there.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gan_np.arrays import Array
from gan_np.data.images import USUAL, as_bytes, encoded, is_image_name, pillow_image
from gan_np.files import check_new_folder, filling_folder, writing
from gan_np.ranks import ALONE, Ranks

from .sample_images import text_of_vectors

ARRAYS = (".npy", ".npz")
OF_IMAGES, OF_VECTORS = ("", ".zip", *ARRAYS), (".csv", *ARRAYS)
"""Endings of what samples are written into one by one; none is that of a folder."""


def written_singly(path: str | Path, *, vectors: bool) -> bool:
    """Whether a name is that of a folder or a file for samples as they are; else it is that of a drawing of all of them.

    A folder has no ending, or is there already.

    Raises:
        ValueError: it is neither; the message says which endings are known.
    """
    target = Path(path)
    suffix = "" if target.is_dir() else target.suffix.lower()
    if suffix in (OF_VECTORS if vectors else OF_IMAGES):
        return True
    if vectors and suffix != ".png":
        raise ValueError(f"out: vectors are written as .csv, .npy, .npz or .png, got {str(path)!r}")
    if not vectors and suffix == ".csv":
        raise ValueError(f"out: .csv is for vectors; images are written as {_KNOWN}")
    if not vectors and not is_image_name(target):
        raise ValueError(f"out: {str(path)!r}: images are written as {_KNOWN}")
    return False


_KNOWN = f"single ones into a folder or a .zip, as arrays into .npy or .npz, or as a grid into {', '.join(USUAL)}"


def check_samples_file(path: str | Path, shape: tuple[int, ...]) -> None:
    """Refuse, before samples (H, W, C) or (m,) are made, a place where `save_samples` would not write them.

    Raises:
        FileExistsError: a folder that has something in it, or a file of that name.
        ValueError: single images of 2 or more than 4 channels.
    """
    target = Path(path)
    suffix = "" if target.is_dir() else target.suffix.lower()
    if suffix == "":
        check_new_folder(target)
    if suffix in ("", ".zip") and len(shape) == 3 and shape[2] not in (1, 3, 4):
        raise ValueError(
            f"out: an image of {shape[2]} channels has no colours to be a file by itself; expected .npy or .npz for "
            "numbers, or .png for a grid of all channels"
        )


def save_samples(
    parts: Iterable[Array],
    count: int,
    path: str | Path,
    *,
    names: Callable[[int], str],
    labels: Array | None = None,
    columns: Sequence[str] | None = None,
    ranks: Ranks = ALONE,
) -> Path:
    """Write `count` samples that come in parts (n, H, W, C) or (n, m), by the ending of the name.

    A folder (no ending) or .zip: PNG files called `names(number)`, with folders where the name has a slash. .npy: the array.
    .npz: `images` or `data`, and `labels` (N,) where they are given, as `gn.data.open` reads them. .csv: vectors, a row a
    line; columns: what they are called.

    ranks: processes that make the parts in turn, rank r those of numbers r, r + N, …, and encode them; rank 0 writes.

    Raises:
        FileExistsError, ValueError: see `check_samples_file`.
    """
    target = Path(path)
    suffix = "" if target.is_dir() else target.suffix.lower()
    if suffix in ("", ".zip"):
        files = _named(ranks.in_turn(map(_encoded, parts)), names)
        if ranks.rank:
            _until_their_end(files)
        elif suffix == "":
            with filling_folder(target) as folder:
                for name, data in files:
                    place = folder / name
                    place.parent.mkdir(exist_ok=True)
                    place.write_bytes(data)
        else:
            with writing(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name, data in files:
                    archive.writestr(zipfile.ZipInfo(name), data)
        return target
    parts = ranks.in_turn(parts)
    if ranks.rank:
        _until_their_end(parts)
        return target
    with writing(target) as file:
        if suffix == ".npy":
            _write_array(file, parts, count)
        elif suffix == ".npz":
            _write_arrays(file, parts, count, labels)
        else:
            first = True
            for part in parts:
                file.write(text_of_vectors(part, columns, header=first).encode())
                first = False
    return target


def _until_their_end(values: Iterable[Any]) -> None:
    for _ in values:
        raise AssertionError("only rank 0 is given what all make")


def _encoded(part: Array) -> list[bytes]:
    """Each image as a PNG file."""
    return [encoded(pillow_image(image), ".png") for image in as_bytes(part)]


def _named(parts: Iterable[list[bytes]], names: Callable[[int], str]) -> Iterator[tuple[str, bytes]]:
    for number, data in enumerate(data for part in parts for data in part):
        yield names(number), data


def _write_array(file: BinaryIO, parts: Iterable[Array], count: int) -> None:
    first = True
    for part in parts:
        if first:
            header = {"descr": np.lib.format.dtype_to_descr(part.dtype), "fortran_order": False}
            np.lib.format.write_array_header_1_0(file, header | {"shape": (count, *part.shape[1:])})
            first = False
        file.write(np.ascontiguousarray(part).data)


def _write_arrays(file: BinaryIO, parts: Iterable[Array], count: int, labels: Array | None) -> None:
    made = iter(parts)
    first = next(made)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        name = "images" if first.ndim == 4 else "data"

        def all_parts() -> Iterator[Array]:
            yield first
            yield from made

        for key, wanted in ((name, all_parts()), ("labels", None if labels is None else [labels])):
            if wanted is not None:
                with archive.open(zipfile.ZipInfo(f"{key}.npy"), "w", force_zip64=True) as member:
                    _write_array(member, wanted, count)  # type: ignore[arg-type]
