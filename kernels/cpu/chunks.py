"""How an array of M rows of C channels is cut: into lines that are worth a vector loop, and lines into chunks.

    row    row    row    row  |  row    row    row    row  |  row    row        C channels each
    └────── one line ───────┘   └────── one line ───────┘   └─ a shorter one ─┘

With few channels a loop along one row would be too short, so several rows make a line: along every line the channels
repeat with the same period. A chunk is as many lines as stay in the second-level cache, and is what one thread takes at a
time. Nothing here depends on the number of threads, so neither does the order of any sum.
"""

from __future__ import annotations

from typing import Any

from .compiled import compiled
from .memory import get, put

CHUNK = 32_768
"""Numbers in a chunk: 128 KB of float32. Smaller work is one chunk, done without waking another thread."""

LINE = 256
"""A line has at least so many numbers, unless the array has fewer."""


@compiled
def line_length(channels: int) -> int:
    """The smallest multiple of `channels` by a power of two that is at least LINE."""
    length = channels
    while length < LINE:
        length *= 2
    return length


@compiled
def chunk_length(line: int) -> int:
    """Numbers in a chunk of whole lines, eight lines at least (each chunk leaves a sum for each channel to be added)."""
    return line * max(CHUNK // line, 8)


@compiled
def chunk_count(size: int, length: int) -> int:
    """Chunks that hold `size` numbers."""
    return (size + length - 1) // length


@compiled
def repeat(values: Any, line: Any) -> None:
    """One number a channel, repeated along a line."""
    channels = values.size
    for start in range(0, line.size, channels):
        for c in range(channels):
            put(line, start + c, get(values, c))


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
