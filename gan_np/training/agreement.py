"""Whether processes that are to train one model together have the same of everything, asked before the first step."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator, to_host
from gan_np.checks import shown
from gan_np.models import GAN
from gan_np.ranks import Ranks

from .sources import Source

EXAMPLES = 64
"""Of the real data so many are compared: all of them would cost each process a pass through them."""


def require_agreement(ranks: Ranks, facts: Mapping[str, Any]) -> None:
    """Refuse ranks that do not say the same.

    Raises:
        ValueError: on every rank; the message names the first thing that differs, and both values.
    """
    if ranks.size == 1:
        return
    everyone = ranks.exchange(dict(facts))
    for rank, other in enumerate(everyone):
        for name in dict.fromkeys([*everyone[0], *other]):
            first, found = (one.get(name) for one in (everyone[0], other))
            if first != found:
                raise ValueError(
                    f"ranks: all {ranks.size} of them must have the same {name}; rank 0 has {shown(first, str)}, "
                    f"rank {rank} has {shown(found, str)}"
                )


def facts_of(gan: GAN, source: Source, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What ranks must agree on: versions, settings, the data as far as some examples tell, the weights."""
    some = source.some(EXAMPLES, generator(0))
    return {
        **versions(),
        **settings,
        "number of examples": source.count,
        "kind of data": f"{source.kind} of {source.dtype} {source.data_shape}",
        "data": digest_of_arrays(some.images, *(() if some.labels is None else (some.labels,))),
        "weights": digest_of_players(gan),
    }


def versions() -> dict[str, Any]:
    """Of all that the bits of a training depend on."""
    from gan_np import __version__

    return {
        "version of gan_np": __version__,
        "version of Python": platform.python_version(),
        "version of NumPy": np.__version__,
        "kind of processor": platform.machine(),
    }


def digest_of_players(gan: GAN) -> str:
    """Of θ and the state of both players: while all ranks compute the same bits it is the same on all."""
    vectors = [vector for player in (gan.generator, gan.discriminator) for vector in (player.parameters, player.state)]
    return digest_of_arrays(*(to_host(vector.values) for vector in vectors))


def digest_of_arrays(*arrays: Array) -> str:
    """BLAKE2b over shapes, dtypes and numbers."""
    hasher = hashlib.blake2b(digest_size=16)
    for array in arrays:
        hasher.update(f"{array.dtype.str}{array.shape}".encode())
        hasher.update(np.ascontiguousarray(array).data)
    return hasher.hexdigest()
