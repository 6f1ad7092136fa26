"""The three products over patches."""

from __future__ import annotations

from typing import Any

from ..activation import add_and_activate
from ..compiled import inner
from ..panels import columns_tile, copy_numbers, left_rows, lines_tile
from ..product import multiply_lines
from ..vectors import COLUMNS, LINE, ROWS, add_line, add_part
from .patches import pack_patches

SMALL_WEIGHTS = 1 << 13
"""Numbers of weights that stay in the first-level cache beside what they are multiplied with."""


@inner
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
    panels_of_w = (breadth + panel - 1) // panel
    small_w = deep * breadth <= SMALL_WEIGHTS
    for step in range(used * panels_of_w):
        # small weights: whole rows of b one after another; else a panel of w stays in the first-level cache
        i, j = (step // panels_of_w, step % panels_of_w) if small_w else (step % used, step // used)
        row, d = first + i * ROWS, j * panel
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


@inner
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
    bands: int,
    rows: Any,
    sent: Any,
    own: Any,
    bias: Any,
    kind: int,
    slope: float,
    a: Any,
) -> None:
    """`width` channels of a band of an image's rows: cleared, what each place of b sends there is added, then f(· + bias).

    All channels are summed in a itself. Some of them in memory of the thread's own, then moved to a, where the lines beside
    them are another thread's: two cores that write to neighbouring lines again and again take them from each other.
    bias: for a row of the image, each run of `width` channels after the other; empty for neither bias nor f.
    """
    (height, wide, channels), (small_height, small_width), (kernel_height, kernel_width), (sh, sw), (ph, pw) = geometry
    line = LINE // a.itemsize
    panel = COLUMNS * line
    chunks = channels // width
    image, channel = index // chunks // bands, index % chunks * width
    band, share = index // chunks % bands, (height + bands - 1) // bands
    above, below = band * share, min(height, (band + 1) * share)
    total, origin = a, image * height * wide * channels
    if width < channels:
        total, origin = own, thread * share * wide * width - above * wide * width
    for place in range(origin + above * wide * width, origin + below * wide * width):
        total[place] = 0
    run = kernel_width * width  # a row of taps, side by side in the image
    columns = kernel_height * run
    sent_row = (columns + panel - 1) // panel * panel
    rows_at, sent_at = thread * panels * ROWS * deep, thread * panels * ROWS * sent_row
    w_at = index % chunks * sent_row * deep
    places = small_height * small_width
    # the rows of b with a tap in the band
    begins = max(0, (above + ph - kernel_height) // sh + 1) * small_width
    ends = min(small_height, (below - 1 + ph) // sh + 1) * small_width
    for first in range(begins, ends, panels * ROWS):
        here = min(panels * ROWS, ends - first)
        used = (here + ROWS - 1) // ROWS
        left_rows(b, (image * places + first) * depth, here, depth, 0, deep, rows, rows_at)
        for d in range(0, sent_row, panel):
            first_tap, last_tap = d // run - ph, (d + panel - 1) // run - ph
            for i in range(used):
                place = first + i * ROWS
                if (
                    place + ROWS - 1
                ) // small_width * sh + last_tap < above or place // small_width * sh + first_tap >= below:
                    continue  # all that these taps send falls outside
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
            top, left = (first + i) // small_width * sh - ph, ((first + i) % small_width * sw - pw) * width
            # those of the run that fall into the row of the image
            low, high = max(0, -left), min(run, wide * width - left)
            for u in range(max(0, above - top), min(kernel_height, below - top)):
                target, source = origin + (top + u) * wide * width + left, sent_at + i * sent_row + u * run
                for k in range(low, high, line):
                    if high - k >= line:
                        add_line(sent, source + k, total, target + k)
                    else:
                        add_part(sent, source + k, high - k, total, target + k)
    if bias.size:
        own_bias = bias[channel * wide : (channel + width) * wide]
        for row in range(above, below):
            add_and_activate(total, origin + row * wide * width, own_bias, wide * width, kind, slope, total)
    if width < channels:
        for pixel in range(above * wide, below * wide):
            target = (image * height * wide + pixel) * channels + channel
            for c in range(width):
                a[target + c] = own[origin + pixel * width + c]


@inner
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


@inner
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
