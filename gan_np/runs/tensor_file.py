"""Tensors and a description in one safetensors file: the form of checkpoints, networks and classifiers.

Metadata: under "gan_np" one JSON object, under "digest" a BLAKE2b over it and all tensors. The same contents are the same
bytes, whatever process writes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.files import regular

KEY, DIGEST = "gan_np", "digest"

DTYPES = {"F32": np.dtype(np.float32), "F64": np.dtype(np.float64)}
"""What our tensors are, by the format's names; it has others, several of which NumPy does not know."""


class CheckpointError(ValueError):
    """A file that is not a checkpoint of this library, or does not fit; the message says which and why."""


def to_bytes(description: Mapping[str, Any], tensors: Mapping[str, Array]) -> bytes:
    """The contents of a file; tensors are on the host."""
    text = json.dumps(description)
    return with_metadata(tensors, {KEY: text, DIGEST: digest(text, tensors)})


def with_metadata(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """The contents of any safetensors file.

    The library writes the metadata in an order that changes from process to process, so its header is written again with
    sorted keys.
    """
    from safetensors.numpy import save

    written = memoryview(save(dict(tensors), dict(metadata)))
    begin = 8 + int.from_bytes(written[:8], "little")
    header = json.dumps(json.loads(bytes(written[8:begin])), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # the tensors behind it stay aligned
    return b"".join([len(header).to_bytes(8, "little"), header, written[begin:]])


def from_file(file: Path, *, tensors: bool = True) -> tuple[dict[str, Array], Any]:
    """Tensors and description, whose digest is checked; without tensors the description alone, which cannot be checked.

    Raises:
        CheckpointError: another file, a damaged one, or one that is no file at all.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(regular(file), framework="numpy") as opened:
            metadata = opened.metadata() or {}
            if KEY not in metadata:
                raise ValueError(f"a safetensors file, but not written by gan_np (no {KEY!r} in its metadata)")
            description = json.loads(metadata[KEY])
            names = list(opened.keys()) if tensors else []
            arrays = {name: _tensor(opened, name) for name in names}
    except (SafetensorError, ValueError, TypeError, RecursionError, OSError) as error:
        raise CheckpointError(
            f"{file}: not a readable checkpoint or classifier of gan_np (another file, or a damaged one): {error}"
        ) from error
    if tensors and metadata.get(DIGEST) != digest(metadata[KEY], arrays):
        raise CheckpointError(f"{file}: it was damaged or altered since it was written (its digest does not agree)")
    return arrays, description


def digest(text: str, tensors: Mapping[str, Array]) -> str:
    """BLAKE2b over the description and every tensor's name, dtype, shape and bytes."""
    hasher = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        hasher.update(f"{name} {tensor.dtype} {tensor.shape} ".encode())
        hasher.update(np.ascontiguousarray(tensor).data)
    return hasher.hexdigest()


def _tensor(opened: Any, name: str) -> Array:
    kind = opened.get_slice(name).get_dtype()
    if kind not in DTYPES:
        raise ValueError(f"tensor {name!r} is {kind}, expected {' or '.join(DTYPES)}")
    tensor: Array = opened.get_tensor(name)
    return tensor
