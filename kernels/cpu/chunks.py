"""How an array of M rows of C channels is cut: into lines that are worth a vector loop, and lines into chunks.

    row    row    row    row  |  row    row    row    row  |  row    row        C channels each
    └────── one line ───────┘   └────── one line ───────┘   └─ a shorter one ─┘

With few channels a loop along one row would be too short, so several rows make a line: along every line the channels
repeat with the same period. A chunk is what one thread takes at a time; neither lines nor chunks depend on the number of
threads, so neither does the order of any sum.

Which thread takes which chunk does depend on it. Each thread has a zone of neighbouring chunks, the same share of every
array, and helps in the others' zones when its own is done:

    chunks   0  1  2  3  4 | 5  6  7  8  9        two threads
             └ thread 0 ─┘ | └ thread 1 ─┘

What one kernel wrote is then read by the next on the core whose cache still holds it (measured: 1.8 times as fast, where
arrays fit in the third-level cache, as chunks that fall to either thread).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import compiled
from .memory import get, put, sealed
from .pool import THREADS, add, load

SMALLEST, LARGEST, USUAL = 32_768, 131_072, 32
"""Numbers in a chunk: smaller work is one chunk, done without waking another thread; larger is some USUAL chunks."""

LINE = 256
"""A line has at least so many numbers, unless the array has fewer."""


@compiled
def line_length(channels: int) -> Any:
    """The smallest multiple of `channels` by a power of two that is at least LINE."""
    length = channels
    while length < LINE:
        length *= 2
    return length


@compiled
def chunk_count(size: int, length: int) -> Any:
    """Chunks that hold `size` numbers."""
    return (size + length - 1) // length


@compiled
def chunk_length(size: int, line: int) -> Any:
    """Numbers in a chunk of whole lines, eight lines at least (each chunk leaves a sum for each channel to be added)."""
    wanted = min(max(size // USUAL, SMALLEST), LARGEST)
    pieces = chunk_count(size, wanted)  # of equal length, so that two threads end together
    return line * max(chunk_count(chunk_count(size, line), max(pieces, 1)), 8)


@compiled
def zones(state: Any) -> Any:
    """How many chunks of each thread's zone are taken, to begin with none; every count on a cache line of its own."""
    return np.zeros(8 * load(state, THREADS), np.int64)


@compiled
def claim(taken: Any, thread: int, count: int, backwards: bool) -> Any:
    """The next of `count` chunks for this thread, from its own zone while there is one; called `count` times in all.

    backwards: from the zone's end, for a second pass over what a first one read: what it read last is still in the cache.
    """
    threads = taken.size // 8
    zone = thread % threads
    while True:
        start, stop = zone * count // threads, (zone + 1) * count // threads
        place = add(taken, 8 * zone, 1)
        if place < stop - start:
            return stop - 1 - place if backwards else start + place
        zone = (zone + 1) % threads


@compiled
def repeated(values: Any, length: int) -> Any:
    """One number a channel, repeated along a line; zeros if there are no numbers."""
    line = np.zeros(length, values.dtype)
    if values.size > 0:
        for start in range(0, length, values.size):
            for c in range(values.size):
                put(line, start + c, get(values, c))
    return sealed(line)


@compiled
def fold(line: Any, channels: int, totals: Any, at: int) -> None:
    """totals[at + c] = Σ of the line's numbers for channel c, in float64."""
    for c in range(channels):
        put(totals, at + c, 0.0)
    for start in range(0, line.size, channels):
        for c in range(channels):
            put(totals, at + c, get(totals, at + c) + get(line, start + c))


@compiled
def finish(failed: int) -> None:
    """What `parallel` returned: raise if a part could not get its memory."""
    if failed != 0:
        raise MemoryError("a part of a kernel could not get its working memory")
