"""The three products over patches."""

from __future__ import annotations

from typing import Any

from ..compiled import compiled
from ..panels import columns_tile, copy_numbers, lines_tile
from ..product import multiply_lines
from ..vectors import COLUMNS, LINE, ROWS, add_part
from .patches import pack_patches


@compiled
def small_item(
    index: int,
    thread: int,
    panels: int,
    a: Any,
    geometry: Any,
    places: int,
    deep: int,
    w: Any,
    breadth: int,
    patches: Any,
    spare: Any,
    b: Any,
) -> None:
    """`panels` panels of rows of b."""
    line = LINE // b.itemsize
    panel = COLUMNS * line
    at, spare_at = thread * panels * ROWS * deep, thread * ROWS * panel
    first = index * panels * ROWS
    used = min(panels, (places - first + ROWS - 1) // ROWS)
    for i in range(used):
        pack_patches(a, first + i * ROWS, places, 0, deep, geometry, patches, at + i * ROWS * deep)
    for d in range(0, breadth, panel):
        for i in range(used):
            row = first + i * ROWS
            lines_tile(
                b,
                row * breadth + d,
                breadth,
                places - row,
                breadth - d,
                patches,
                at + i * ROWS * deep,
                w,
                d * deep,
                deep // line,
                False,
                spare,
                spare_at,
            )


@compiled
def large_item(
    index: int,
    thread: int,
    panels: int,
    b: Any,
    geometry: Any,
    depth: int,
    deep: int,
    w: Any,
    width: int,
    rows: Any,
    sent: Any,
    a: Any,
) -> None:
    """`width` channels of one picture: cleared, then what each place of b sends is added."""
    (height, wide, channels), (small_height, small_width), (kernel_height, kernel_width), (sh, sw), (ph, pw) = geometry
    line = LINE // a.itemsize
    panel = COLUMNS * line
    chunks = channels // width
    picture, channel = index // chunks, index % chunks * width
    start = picture * height * wide * channels
    if width == channels:
        for place in range(start, start + height * wide * channels):
            a[place] = 0
    else:
        for pixel in range(height * wide):
            for c in range(channel, channel + width):
                a[start + pixel * channels + c] = 0
    columns = kernel_height * kernel_width * width
    sent_row = (columns + panel - 1) // panel * panel
    rows_at, sent_at = thread * panels * ROWS * deep, thread * panels * ROWS * sent_row
    w_at = index % chunks * sent_row * deep
    places = small_height * small_width
    # runs of taps that lie side by side in the picture: a whole row of them where all channels are taken
    runs, run = (1, kernel_width * width) if width == channels else (kernel_width, width)
    for first in range(0, places, panels * ROWS):
        here = min(panels * ROWS, places - first)
        used = (here + ROWS - 1) // ROWS
        for i in range(used * ROWS):
            for k in range(0, deep, line):
                count = depth - k if i < here else 0
                target = rows_at + i // ROWS * ROWS * deep + k * ROWS + i % ROWS * line
                copy_numbers(b, (picture * places + first + i) * depth + k, count, rows, target)
        for d in range(0, sent_row, panel):
            for i in range(used):
                multiply_lines(
                    sent,
                    sent_at + i * ROWS * sent_row + d,
                    sent_row,
                    rows,
                    rows_at + i * ROWS * deep,
                    ROWS * line,
                    w,
                    w_at + d * deep,
                    line * panel,
                    deep // line,
                    False,
                )
        for i in range(here):
            top, left = (first + i) // small_width * sh - ph, (first + i) % small_width * sw - pw
            for u in range(kernel_height):
                row = top + u
                if row < 0 or row >= height:
                    continue
                for v in range(runs):
                    # of `run` numbers those that fall into the row of the picture
                    begin = (left + v) * channels + channel
                    low, high = max(0, -begin), run
                    if width == channels:
                        high = min(run, wide * channels - begin)
                    elif left + v < 0 or left + v >= wide:
                        high = 0
                    if high > low:
                        target = start + row * wide * channels + begin
                        source = sent_at + i * sent_row + (u * runs + v) * run
                        for k in range(low, high, line):
                            add_part(sent, source + k, min(line, high - k), a, target + k)


@compiled
def weight_item(
    index: int,
    thread: int,
    panels: int,
    chunk: int,
    parts: int,
    a: Any,
    geometry: Any,
    places: int,
    depth: int,
    deep: int,
    b: Any,
    breadth: int,
    patches: Any,
    rows: Any,
    spare: Any,
    partial: Any,
) -> None:
    """`chunk` rows of dw from one part of the places."""
    line = LINE // a.itemsize
    panel = COLUMNS * line
    broad = (breadth + panel - 1) // panel * panel
    part, k0 = index % parts, index // parts * chunk
    k1 = min(k0 + chunk, deep)
    share = ((places + parts - 1) // parts + ROWS - 1) // ROWS * ROWS
    at, rows_at, spare_at = thread * panels * ROWS * chunk, thread * panels * ROWS * broad, thread * ROWS * panel
    out = part * depth * breadth
    last = min(places, (part + 1) * share)
    for first in range(part * share, max(last, part * share + 1), panels * ROWS):
        used = min(panels, (last - first + ROWS - 1) // ROWS)
        for i in range(used):
            pack_patches(a, first + i * ROWS, last, k0, k1, geometry, patches, at + i * ROWS * (k1 - k0))
            for j in range(ROWS):
                for d in range(0, broad, line):
                    row = first + i * ROWS + j
                    count = breadth - d if row < last else 0
                    copy_numbers(b, row * breadth + d, count, rows, rows_at + i * ROWS * broad + d * ROWS + j * line)
        for d in range(0, breadth, panel):
            for k in range(k0, min(k1, depth), ROWS):
                columns_tile(
                    partial,
                    out + k * breadth + d,
                    breadth,
                    depth - k,
                    breadth - d,
                    patches,
                    at + (k - k0) // line * ROWS * line + (k - k0) % line,
                    k1 - k0,
                    rows,
                    rows_at + d * ROWS,
                    broad,
                    used,
                    first > part * share,
                    spare,
                    spare_at,
                )


@compiled
def add_parts(index: int, thread: int, share: int, parts: int, partial: Any, add: bool, w: Any) -> None:
    """dw (+)= the parts, in their order."""
    size = w.size
    first, last = index * share, min((index + 1) * share, size)
    own = w[first:last]
    if not add:
        own[:] = 0
    for part in range(parts):
        values = partial[part * size + first : part * size + last]
        for place in range(last - first):
            own[place] += values[place]
