"""The cache folder: downloads, and images decoded once.

It is the folder of `cache_dir=`, else of the environment variable GAN_NP_CACHE, else `gan_np` in the user's cache
folder ($XDG_CACHE_HOME or ~/.cache; ~/Library/Caches on macOS; %LOCALAPPDATA% on Windows). Everything in it may be deleted.

Decoded images are two files in `decoded/`: SOURCE-CONTENT.npy, the images, and SOURCE-CONTENT.json, their shape,
their digest and notes. SOURCE is a hash of what was asked for (which path, which options) and CONTENT one of what was
there (names, sizes, times of change). Both files are written elsewhere first and moved into place, the .json last; one
that does not agree with its digest is made again; a new CONTENT replaces the old ones of its SOURCE. `listings/` has what is
in gzipped archives (see `tar_files.py`), `classifiers/` those that evaluations trained, by what they were trained on.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array, Shape
from gan_np.files import naming, replace
from gan_np.folders import VARIABLE, expanded, make_private, users_cache

from .dataset import digest

FORMAT = 1
_HEADER_BYTES = 128
_DAY = 86400.0


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The cache folder, made if it is missing.

    The user's own cache folder may be impossible to write to (no home, read-only): then it is a temporary one that lasts
    until the process ends, and a warning says so.

    Raises:
        OSError: the folder that `cache_dir` or GAN_NP_CACHE names cannot be made or written to.
    """
    asked, origin = cache_dir, "cache_dir"
    if asked is None:
        asked, origin = os.environ.get(VARIABLE) or None, VARIABLE
    if asked is not None:
        folder = expanded(asked, origin)
        try:
            _make(folder)
        except OSError as error:
            raise OSError(
                f"{origin}: expected a folder that can be written to, got {os.fspath(asked)!r}: {error}"
            ) from error
        return folder
    try:
        folder = users_cache()
        _make(folder)
    except (OSError, RuntimeError) as error:
        return _temporary_folder(str(error))
    return folder


def _make(folder: Path) -> None:
    make_private(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError("it is read-only")


@functools.cache
def _temporary_folder(reason: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gan_np-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    warnings.warn(
        f"the user's cache folder cannot be used ({reason}); {folder} is used until this process ends. "
        f"Name a lasting one with {VARIABLE}",
        stacklevel=4,
    )
    return folder


class Decoded(NamedTuple):
    """What the cache holds of one source."""

    images: Array
    notes: dict[str, Any]


def decoded(
    folder: Path,
    source: object,
    content: object,
    produce: Callable[[], tuple[Shape, Iterable[Array]]],
    notes: Callable[[], dict[str, Any]] = dict,
    dtype: str = "uint8",
) -> Decoded:
    """Images from the cache; made with `produce` and kept if they are not there.

    folder: the cache folder.
    source, content: values whose `repr` says what was asked for and what was there.
    produce: gives the shape (N, H, W, C) and chunks (n, H, W, C) of `dtype` with together N images at most; exceptions of
        both pass, and leave nothing behind.
    notes: asked after the last chunk: what to keep with the images, for JSON.

    The images are a read-only `np.memmap`.

    Raises:
        OSError: no room on the disk, or the files cannot be written.
        ValueError: there was no image.
    """
    place = folder / "decoded"
    whose = hashed(source)[:16]
    target = place / f"{whose}-{hashed(content)}.npy"
    found = _read(target, dtype)
    if found is not None:
        return found
    most, chunks = produce()
    place.mkdir(parents=True, exist_ok=True)
    needed, free = int(np.prod(most, dtype=object)) * np.dtype(dtype).itemsize, shutil.disk_usage(place).free
    if needed > free:
        raise OSError(
            f"the cache folder {folder} has {free / 1e9:.1f} GB free and the decoded images need "
            f"{needed / 1e9:.1f} GB; name another folder with {VARIABLE} or cache_dir"
        )
    try:
        _write(target, most, chunks, notes, dtype)
    except PermissionError:  # Windows, where another process made the same meanwhile and has it open
        found = _read(target, dtype)
        if found is None:
            raise
        return found
    _clean(place, whose, target)
    made = _read(target, dtype)
    if made is None:
        raise OSError(f"{target}: was written and cannot be read back; is the disk sound?")
    return made


def hashed(value: object) -> str:
    """32 hexadecimal digits of what a value's `repr` says."""
    return hashlib.blake2b(repr((FORMAT, value)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _read(target: Path, dtype: str) -> Decoded | None:
    """The images and notes, or None if they are missing, incomplete or not what was written."""
    try:
        record = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
        images = np.lib.format.open_memmap(target, mode="r")
        sound = (
            images.dtype == np.dtype(dtype)
            and list(images.shape) == record["shape"]
            and digest(images) == record["digest"]
        )
        return Decoded(images, dict(record["notes"])) if sound else None
    except (OSError, ValueError, KeyError, TypeError, SyntaxError):
        return None


def _write(target: Path, most: Shape, chunks: Iterable[Array], notes: Callable[[], dict[str, Any]], dtype: str) -> None:
    count = 0
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(tempfile.NamedTemporaryFile(dir=target.parent, suffix=".partial", delete=False))
        images = Path(file.name)
        stack.callback(images.unlink, missing_ok=True)
        with naming(target), file:
            file.write(_header(most, dtype))
            for chunk in chunks:
                file.write(np.ascontiguousarray(chunk).data)
                count += len(chunk)
            file.seek(0)
            file.write(_header((count, *most[1:]), dtype))
        if not count:
            raise ValueError("no images")
        record = {
            "format": FORMAT,
            "shape": [count, *most[1:]],
            "digest": digest(np.lib.format.open_memmap(images, mode="r")),
            "notes": notes(),
        }
        beside = images.with_suffix(".json.partial")
        stack.callback(beside.unlink, missing_ok=True)
        with naming(target):
            beside.write_text(json.dumps(record), encoding="utf-8")
        replace(images, target)
        replace(beside, target.with_suffix(".json"))


def _header(shape: tuple[int, ...], dtype: str) -> bytes:
    """The header of an .npy file, version 1.0, always 128 bytes: written first, and again when N is known."""
    text = f"{{'descr': '{np.dtype(dtype).str}', 'fortran_order': False, 'shape': {shape}, }}".encode("ascii")
    length = _HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + text.ljust(length - 1) + b"\n"


def _clean(place: Path, whose: str, target: Path) -> None:
    """Remove what this source had before, and what writers that were killed left more than a day ago."""
    now = time.time()
    for path in place.iterdir():
        old = path.name.startswith(f"{whose}-") and path.stem != target.stem
        with contextlib.suppress(OSError):  # another process may be faster, or hold the file
            if old or (path.suffix == ".partial" and now - path.stat().st_mtime > _DAY):
                path.unlink()
