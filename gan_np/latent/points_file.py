"""Points of z as a file, to start from later: what `gan-np invert` keeps and `traverse` and `walk` begin at.

An .npz file with z (N, k); where they are known, labels (N,), the distances (N,) to the images that they were found for, and
the names of those.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.files import regular, write_atomically
from gan_np.printable import printable

LARGEST = 1 << 30


class Points(NamedTuple):
    """z (N, k), and the label of each of a conditional model."""

    z: Array
    labels: Array | None = None


def save_points(
    path: str | Path,
    z: Array,
    *,
    labels: Array | None = None,
    distances: Array | None = None,
    names: Sequence[str] | None = None,
) -> Path:
    """Write points z (N, k) to an .npz file.

    Raises:
        ValueError: another ending.
    """
    check_points_name(path)
    written = io.BytesIO()
    beside = {"labels": labels, "distances": distances, "names": None if names is None else np.array(names)}
    np.savez(written, z=z, **{name: value for name, value in beside.items() if value is not None})  # type: ignore[arg-type]
    return write_atomically(path, written.getvalue())


def check_points_name(path: str | Path, name: str = "path") -> None:
    """Refuse a name that does not end in .npz.

    Raises:
        ValueError: it does not.
    """
    if Path(path).suffix.lower() != ".npz":
        raise ValueError(f"{name}: points of z are kept in an .npz file, got {str(path)!r}")


def read_points(path: str | Path, dim: int, dtype: np.dtype[np.floating], name: str = "path") -> Points:
    """The points of a file for a model whose z has `dim` coordinates, in its dtype; `name` is the argument that it was.

    An .npy file of z (N, k) or (k,) will do too. Nothing is unpickled.

    Raises:
        FileNotFoundError: there is none. ValueError: it is damaged, or holds no such points.
    """
    file = regular(path, LARGEST)
    try:
        with file.open("rb") as opened:  # NumPy leaves a damaged file open
            loaded = np.load(opened, allow_pickle=False)
            of_several = isinstance(loaded, np.lib.npyio.NpzFile)
            z, labels = (loaded["z"], loaded.get("labels")) if of_several else (loaded, None)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        raise ValueError(f"{name}: {printable(path)}: not an .npz file with z, as gan-np invert writes it") from error
    z = np.atleast_2d(z)
    if z.dtype.kind != "f" or z.ndim != 2 or not len(z) or z.shape[1] != dim:
        raise ValueError(
            f"{name}: {printable(path)}: expected z (N, {dim}), as this model has it, got {z.dtype} {z.shape}"
        )
    if not np.isfinite(z).all():
        raise ValueError(f"{name}: {printable(path)}: some coordinates of z are NaN or infinite")
    if labels is not None and (labels.dtype.kind not in "iu" or labels.shape != (len(z),)):
        raise ValueError(
            f"{name}: {printable(path)}: expected integer labels ({len(z)},), got {labels.dtype} {labels.shape}"
        )
    return Points(z.astype(dtype), labels)
