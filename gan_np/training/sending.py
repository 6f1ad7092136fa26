"""Gradients that are added up over the ranks while the rest of their backward pass still runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from gan_np.networks import Network, Sequential
from gan_np.ranks import Pieces, Ranks


@contextlib.contextmanager
def sending(network: Network, ranks: Ranks, what: str) -> Iterator[Callable[[], None]]:
    """Around the last backward pass of an update; gives what is called behind it and returns when the sums are there.

    A chain's backward goes from its last layer to its first, and so through the gradient from its end to its start. When a
    layer of the outermost chain asks where to write, those behind it have written all that they will: their part is sent.
    A network that is no chain (`Sequential`) is sent whole, when its pass is over.
    """
    gradient = network.gradient
    pieces: Pieces = ranks.pieces(gradient.settled(len(network.parameters)), what)

    def finish() -> None:
        gradient.settled(0)
        pieces.finish()

    if type(network.structure) is not Sequential:
        yield finish
        return
    ends: dict[str, int] = {}
    for segment in gradient.layout.segments:
        ends[segment.name.partition(".")[0]] = segment.stop
    reached = len(network.parameters)

    def watcher(name: str) -> None:
        nonlocal reached
        end = ends[name.partition(".")[0]]
        if end < reached:
            reached = end
            gradient.settled(end)
            pieces.ready(end)

    with gradient.watched(watcher):
        yield finish
