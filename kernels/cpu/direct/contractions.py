"""The three products over patches."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..activation import add_and_activate
from ..compiled import inner
from ..panels import Own, columns_tile, copy_numbers, left_rows, lines_tile
from ..product import Panels, Target, multiply_lines
from ..vectors import COLUMNS, ROWS, TRANSPOSED_ROWS, VECTOR_BYTES, add_line, add_part
from .patches import pack_patches

SMALL_WEIGHTS = 1 << 13
"""Numbers of weights that stay in the first-level cache beside what they are multiplied with."""


class SmallSizes(NamedTuple):
    """What `small_item` needs to know, beside arrays."""

    geometry: Any
    panels: int
    """Panels of rows of b that an item makes."""
    places: int
    """Rows of b."""
    deep: int
    """The depth of a patch, in full lines."""
    breadth: int
    """Channels of b."""


class LargeSizes(NamedTuple):
    """What `large_item` needs to know, beside arrays."""

    geometry: Any
    panels: int
    """Panels of rows of b that a thread multiplies at a time."""
    depth: int
    """Channels of b."""
    deep: int
    """The same in full lines."""
    width: int
    """Channels of a that an item makes."""
    bands: int
    """Bands of rows that an image is divided into."""


class WeightSizes(NamedTuple):
    """What `weight_item` needs to know, beside arrays."""

    geometry: Any
    panels: int
    """Panels of patches that a thread has in memory at a time."""
    chunk: int
    """Rows of dw that an item sums."""
    splits: int
    """Splits of the places, each summed by other items (split-K)."""
    places: int
    depth: int
    """Rows of dw."""
    deep: int
    """The same in full lines."""
    breadth: int
    """Columns of dw: channels of b."""


@inner
def small_item(
    index: int, thread: int, sizes: Any, a: Any, w: Any, patches_of_all: Any, spare_of_all: Any, b: Any
) -> None:
    """Compute some panels of rows of b = patches·w: the patches are packed first, then multiplied with each panel of w."""
    places, deep, breadth = sizes.places, sizes.deep, sizes.breadth
    line = VECTOR_BYTES // b.itemsize
    panel = COLUMNS * line
    patches = Own(patches_of_all, thread * sizes.panels * ROWS * deep)
    spare = Own(spare_of_all, thread * ROWS * panel)
    first = index * sizes.panels * ROWS
    used = min(sizes.panels, (places - first + ROWS - 1) // ROWS)
    for i in range(used):
        at = patches.start + i * ROWS * deep
        pack_patches(a, (first + i * ROWS, places), (0, deep), sizes.geometry, patches.values, at)
    panels_of_w = (breadth + panel - 1) // panel
    small_w = deep * breadth <= SMALL_WEIGHTS
    for step in range(used * panels_of_w):
        # small weights: all columns of b panel by panel of rows; else a panel of w stays in the first-level cache
        i, j = (step // panels_of_w, step % panels_of_w) if small_w else (step % used, step // used)
        row, d = first + i * ROWS, j * panel
        target = Target(row * breadth + d, breadth, places - row, breadth - d, False)
        lines_tile(b, target, patches.values, patches.start + i * ROWS * deep, w, d * deep, deep // line, spare)


@inner
def large_item(index: int, thread: int, sizes: Any, b: Any, w: Any, buffers: Any, epilogue: Any, a: Any) -> None:
    """Compute `width` channels of a band of an image's rows of f(Σ of what b·wᵀ sends + bias).

    The band is cleared, what each place of b sends there is added, then bias and f follow. All channels are summed in a
    itself. Some of them are summed in memory of the thread's own, then moved to a, where the lines beside them are another
    thread's: two cores that write to neighbouring lines again and again take them from each other.

    buffers: for rows of b, for what they send, and for a band of a of the thread's own.
    epilogue: bias, kind and slope; the bias for a row of the image, each run of `width` channels after the other, or empty
        for neither bias nor f.

    A place of b sends one number to each tap of its patch, and taps that fall outside of the band are left out:

        b, one place        sent, kernel 4×4        a, from (top, left) = (i·sh − ph, j·sw − pw)
              ▪        ─►      ▪ ▪ ▪ ▪                 rows top … top + 3, each a run of 4·width numbers
                               ▪ ▪ ▪ ▪
                               ▪ ▪ ▪ ▪
                               ▪ ▪ ▪ ▪
    """
    geometry, panels, depth, deep, width, bands = sizes
    (height, wide, channels), (small_height, small_width), (kernel_height, kernel_width), (sh, sw), (ph, pw) = geometry
    rows, sent, own = buffers
    bias, kind, slope = epilogue
    line = VECTOR_BYTES // a.itemsize
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
        left_rows(b, (image * places + first) * depth, (here, depth), (0, deep), rows, rows_at)
        for d in range(0, sent_row, panel):
            first_tap, last_tap = d // run - ph, (d + panel - 1) // run - ph
            for i in range(used):
                place = first + i * ROWS
                if (
                    place + ROWS - 1
                ) // small_width * sh + last_tap < above or place // small_width * sh + first_tap >= below:
                    continue  # all that these taps send falls outside
                target = Target(sent_at + i * ROWS * sent_row + d, sent_row, ROWS, panel, False)
                multiply_lines(sent, target, rows, rows_at + i * ROWS * deep, w, w_at + d * deep, deep // line)
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
def weight_item(index: int, thread: int, sizes: Any, a: Any, b: Any, buffers: Any, partial: Any) -> None:
    """Add up a chunk of rows of dw = patchesᵀ·b over one split of the places.

    buffers: for patches, for rows of b, and for a spare tile. Split s writes its sum to partial[s·depth·breadth:]:

        items        chunk 0   chunk 1   chunk 2        rows of dw ─►
        split 0         0         2         4
        split 1         1         3         5           places of b, a part of them in each split
    """
    geometry, panels, chunk, splits, places, depth, deep, breadth = sizes
    line = VECTOR_BYTES // a.itemsize
    panel = COLUMNS * line
    broad = (breadth + panel - 1) // panel * panel
    split, k0 = index % splits, index // splits * chunk
    k1 = min(k0 + chunk, deep)
    share = ((places + splits - 1) // splits + ROWS - 1) // ROWS * ROWS
    patches, rows = Own(buffers[0], thread * panels * ROWS * chunk), Own(buffers[1], thread * panels * ROWS * broad)
    spare = Own(buffers[2], thread * ROWS * panel)
    out = split * depth * breadth
    last = min(places, (split + 1) * share)
    for first in range(split * share, max(last, split * share + 1), panels * ROWS):
        used = min(panels, (last - first + ROWS - 1) // ROWS)
        for i in range(used):
            at = patches.start + i * ROWS * (k1 - k0)
            pack_patches(a, (first + i * ROWS, last), (k0, k1), geometry, patches.values, at)
            for j in range(ROWS):
                for d in range(0, broad, line):
                    row, place = first + i * ROWS + j, rows.start + i * ROWS * broad + d * ROWS + j * line
                    copy_numbers(b, row * breadth + d, breadth - d if row < last else 0, rows.values, place)
        for d in range(0, breadth, panel):
            for k in range(k0, min(k1, depth), TRANSPOSED_ROWS):
                k_start = patches.start + (k - k0) // line * ROWS * line + (k - k0) % line
                columns_tile(
                    partial,
                    Target(out + k * breadth + d, breadth, depth - k, breadth - d, first > split * share),
                    patches.values,
                    Panels(k_start, (k1 - k0) * ROWS),
                    rows.values,
                    Panels(rows.start + d * ROWS, broad * ROWS),
                    used,
                    spare,
                )
