"""A layer of one's own that computes something over the batch must add up over the ranks; whether it does is tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.devices import CPU
from gan_np.layers import INPUTS, Layer
from gan_np.models import GAN
from gan_np.networks import Network
from gan_np.ranks import ALONE, Ranks
from gan_np.thread_ranks import in_threads

EXAMPLES, PRETENDED = 4, 2


def require_whole_batch(gan: GAN) -> None:
    """Try both players on a few examples, as one process and as two ranks, if they have layers that are not the library's.

    Raises:
        ValueError: the two do not give the same; the message names the layers.
    """
    for player, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        own = sorted({type(layer).__name__ for layer in foreign_layers(network.structure)})
        if own and network.device == CPU and not _same(network):
            raise ValueError(
                f"ranks: the {player} has layers of your own, {', '.join(own)}, and as two ranks it does not compute "
                "what it does as one: a layer that looks across the batch must add up over run.ranks (see "
                "docs/many-processes.md); or train it in one process, with ranks='off'"
            )


def foreign_layers(value: Any) -> Iterator[Layer]:
    """All layers inside a structure that do not come from the library."""
    if isinstance(value, tuple | list):
        for part in value:
            yield from foreign_layers(part)
    elif isinstance(value, Layer):
        if not type(value).__module__.startswith("gan_np."):
            yield value
        for part in value.arguments().values():
            yield from foreign_layers(part)


def _same(network: Network) -> bool:
    shapes = network.input_shape
    several = isinstance(shapes[0], tuple)
    rng = generator(0)
    x = [rng.standard_normal((EXAMPLES, *shape)).astype(network.dtype) for shape in (shapes if several else (shapes,))]
    upstream: list[Array] = []

    def run(ranks: Ranks) -> list[Array]:
        part = ranks.rows(EXAMPLES)
        given = tuple(array[part] for array in x) if several else x[0][part]
        y, pullback = network.forward(given, training=True, wrt=INPUTS, rng=ranks.drawing(generator(1)), ranks=ranks)
        outputs = list(_flat(y))
        if ranks is ALONE:
            draw = generator(2)
            upstream.extend(draw.standard_normal(output.shape).astype(output.dtype) for output in outputs)
        arrived = iter([array[part] for array in upstream])
        return [*outputs, *_flat(pullback(_like(y, arrived)))]

    whole = run(ALONE)
    parts = in_threads(run, PRETENDED)
    tolerance = 1e-3 if network.dtype == np.float32 else 1e-8
    for index, expected in enumerate(whole):
        found = np.concatenate([part[index] for part in parts])
        if found.shape != expected.shape or not np.allclose(
            found, expected, rtol=tolerance, atol=tolerance * float(np.abs(expected).max() or 1)
        ):
            return False
    return True


def _flat(value: Any) -> Iterator[Array]:
    if isinstance(value, tuple):
        for part in value:
            yield from _flat(part)
    else:
        yield value


def _like(value: Any, arrays: Iterator[Array]) -> Any:
    """The arrays in the form of `value`."""
    return tuple(_like(part, arrays) for part in value) if isinstance(value, tuple) else next(arrays)
