"""Files for tests of the data room: images, .npz and IDX."""

import gzip
import io
import struct

import numpy as np
from PIL import Image


def pixels(seed, height=8, width=8, channels=3):
    """Random uint8 (height, width, channels), without the last axis for one channel."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def some_images(count=6, channels=3):
    """Random uint8 (count, 8, 8, channels), always the same."""
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, channels), np.uint8)


def header_of(shape, descr="|u1", fortran_order=False):
    """The header of an .npy file, whatever it claims."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"shape": shape, "descr": descr, "fortran_order": fortran_order})
    return stream.getvalue()


def save(path, seed=0, height=8, width=8, channels=3, **options):
    """An image of random pixels as a file; gives the pixels."""
    values = pixels(seed, height, width, channels)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return values


def folder_of(folder, names, **options):
    """Images by name, each of other pixels; gives them in the order of the sorted names, (N, H, W, C)."""
    values = [save(folder / name, seed, **options) for seed, name in enumerate(sorted(names))]
    stacked = np.stack(values)
    return stacked if stacked.ndim == 4 else stacked[..., None]


IDX_CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}


def idx_bytes(array):
    """An array as an IDX file."""
    header = struct.pack(">BBBB", 0, 0, IDX_CODES[array.dtype.name], array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx(path, array):
    """An array as an IDX file, gzipped if the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = idx_bytes(array)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path
