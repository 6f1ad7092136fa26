"""How an array of M rows of C channels is divided: into row blocks that are worth a vector loop, and these into chunks.

    row    row    row    row  |  row    row    row    row  |  row    row        C channels each
    └──── one row block ────┘   └──── one row block ────┘   └─ a shorter one ─┘

With few channels a loop along one row would be too short, so several rows make a row block: along each the channels repeat
with the same period. A chunk is what one thread takes at a time; neither row blocks nor chunks depend on the number of
threads, so neither does the order of any sum.

Which thread takes which chunk does depend on it. Each thread has a zone of neighbouring chunks, the same share of every
array, and helps in the others' zones when its own is done:

    chunks   0  1  2  3  4 | 5  6  7  8  9        two threads
             └ thread 0 ─┘ | └ thread 1 ─┘

What one kernel wrote is then read by the next on the core whose cache still holds it (measured: 1.8 times as fast, where
arrays fit in the third-level cache, as chunks that fall to either thread).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .compiled import inner
from .memory import get, put
from .pool import THREADS, add, load

SMALLEST, LARGEST, USUAL = 32_768, 131_072, 32
"""Numbers in a chunk: smaller work is one chunk, done without waking another thread; larger is some USUAL chunks."""

ROW_BLOCK = 256
"""A row block has at least so many numbers, unless the array has fewer."""


@inner
def row_block(channels: int) -> Any:
    """Return the length of a row block: `channels` times the smallest power of two that makes at least ROW_BLOCK numbers."""
    length = max(channels, 1)
    while length < ROW_BLOCK:
        length *= 2
    return length


@inner
def chunk_count(size: int, length: int) -> Any:
    """Return how many chunks of a length hold `size` numbers."""
    return (size + length - 1) // length


@inner
def chunk_length(size: int, block: int) -> Any:
    """Return how many numbers a chunk has: some row blocks, and at least eight.

    Each chunk leaves a sum for each channel to be added, which few chunks keep cheap.
    """
    wanted = min(max(size // USUAL, SMALLEST), LARGEST)
    pieces = chunk_count(size, wanted)  # of equal length, so that two threads end together
    length: int = block * max(chunk_count(chunk_count(size, block), max(pieces, 1)), 8)
    return length


@inner
def zones(state: Any) -> Any:
    """Return a count for each thread's zone, of its chunks that are taken.

    They are 0 to begin with, and each lies on a cache line of its own.
    """
    return np.zeros(8 * load(state, THREADS), np.int64)


class Chunks(NamedTuple):
    """The chunks of one kernel, from which every part takes some."""

    taken: Any
    """Counters of the chunks that were taken, a zone of memory for each part, as `zones` makes them."""
    number: int
    length: int
    """Numbers (or rows, or whatever is counted) in a chunk; the last one may have fewer."""


@inner
def claim(chunks: Any, thread: int, backwards: bool) -> Any:
    """Return the next chunk for this thread, from its own zone while there is one; it is called once for each chunk.

    backwards: take them from the zone's end, for a second pass over what a first one read: what it read last is still in the
        cache.
    """
    taken, count = chunks.taken, chunks.number
    threads: int = taken.size // 8
    zone = thread % threads
    while True:
        start, stop = zone * count // threads, (zone + 1) * count // threads
        place: int = add(taken, 8 * zone, 1)
        if place < stop - start:
            return stop - 1 - place if backwards else start + place
        zone = (zone + 1) % threads


@inner
def span(chunks: Any, chunk: int, size: int) -> Any:
    """Return where a chunk of `size` numbers starts and stops."""
    return chunk * chunks.length, min((chunk + 1) * chunks.length, size)


@inner
def next_span(chunks: Any, thread: int, size: int, backwards: bool) -> Any:
    """Claim the next chunk for this thread (`claim`) and return where it starts and stops."""
    chunk = claim(chunks, thread, backwards)
    return chunk * chunks.length, min((chunk + 1) * chunks.length, size)


@inner
def chunks_of(state: Any, size: int, length: int) -> Any:
    """Divide `size` numbers into chunks of `length`; each of the `number` parts of a kernel claims one."""
    return Chunks(zones(state), chunk_count(size, length), length)


@inner
def repeated(values: Any, length: int) -> Any:
    """Return one number a channel, repeated along a row block; zeros if there are no numbers.

    For example three channels, repeated four times for a row block of twelve:  a b c │ a b c │ a b c │ a b c.
    """
    line = np.zeros(length, values.dtype)
    if values.size > 0:
        for start in range(0, length, values.size):
            for c in range(values.size):
                put(line, start + c, get(values, c))
    return line


@inner
def fold(line: Any, channels: int, totals: Any, at: int) -> None:
    """Write to totals[at + c] the sum, in float64, of a row block's numbers that belong to channel c."""
    for c in range(channels):
        put(totals, at + c, 0.0)
    for start in range(0, line.size, channels):
        for c in range(channels):
            put(totals, at + c, get(totals, at + c) + get(line, start + c))


@inner
def require_memory(failed: int) -> None:
    """Raise an error if a part could not get its memory, as the result of `parallel` says."""
    if failed != 0:
        raise MemoryError("a part of a kernel could not get its working memory")
