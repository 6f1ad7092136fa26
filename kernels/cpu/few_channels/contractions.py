"""What one piece of work does: a band of rows of an image is copied with zeros around it, and summed from there."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..activation import LEAKY_RELU, add_and_activate, saturate
from ..compiled import inlined, inner
from ..memory import get, put
from ..vectors import ROWS, VECTOR_BYTES, add_line, add_part
from .sums import sum_places, sum_runs, sum_runs_activated

SMALL_WEIGHTS = 1 << 13
"""Numbers of weights that stay in the first-level cache beside what they are multiplied with."""


class Sizes(NamedTuple):
    """A geometry, and how its work is divided."""

    geometry: Any
    """(height, width, channels) of a, (height, width) of b, the kernel, the stride and the padding."""
    breadth: int
    """Channels of b."""
    bands: int
    """Bands that an image is divided into."""
    rows: int
    """Rows of a band: of b, or for ∂T/∂a of a."""
    row: int
    """Numbers of a row of what is copied; for ∂T/∂a of a strip."""
    room: int
    """Numbers that a thread has for a band."""


@inlined
def _copy_band(a: Any, image: int, i_range: Any, sizes: Any, copies: Any, at: int) -> None:
    """Copy the rows of a that rows i0 to i1 of b see, with zeros where taps fall outside."""
    (height, width, channels), _, (kernel_height, _), (sh, _), (ph, pw) = sizes.geometry
    (i0, i1), zero = i_range, copies.dtype.type(0.0)
    low = min(pw * channels, sizes.row)
    high = min(low + width * channels, sizes.row)
    for r in range((i1 - i0 - 1) * sh + kernel_height):
        row, here = i0 * sh - ph + r, at + r * sizes.row
        if row < 0 or row >= height:
            for x in range(sizes.row):
                put(copies, here + x, zero)
            continue
        for x in range(low):
            put(copies, here + x, zero)
        source = (image * height + row) * width * channels
        for x in range(high - low):
            put(copies, here + low + x, get(a, source + x))
        for x in range(high, sizes.row):
            put(copies, here + x, zero)


@inner
def small_item(
    index: int, thread: int, sizes: Any, a: Any, w: Any, bases: Any, copies: Any, epilogue: Any, b: Any
) -> None:
    """Compute a band of rows of f(b + bias), or of b.

    w: in lines, [d ÷ L][tap row][tap column, channel of a][L]. bases: where in a copied band each place's taps begin.
    epilogue: bias, kind and slope; the bias in full lines.
    """
    (_, _, channels), (small_height, small_width), (kernel_height, kernel_width), _, _ = sizes.geometry
    bias, kind, slope = epilogue
    line, breadth = VECTOR_BYTES // b.itemsize, sizes.breadth
    image, i0 = index // sizes.bands, index % sizes.bands * sizes.rows
    i1 = min(i0 + sizes.rows, small_height)
    copy, start = thread * sizes.room, (image * small_height + i0) * small_width * breadth
    _copy_band(a, image, (i0, i1), sizes, copies, copy)
    places, depth = (i1 - i0) * small_width, kernel_height * kernel_width * channels
    runs = (kernel_height, kernel_width * channels, sizes.row)
    steps, lines = (places + ROWS - 1) // ROWS, (breadth + line - 1) // line
    small_w = depth * breadth <= SMALL_WEIGHTS
    for step in range(steps * lines):
        # small weights: all channels of some places; else a line of w stays in the first-level cache for all places
        n, j = (step // lines, step % lines) if small_w else (step % steps, step // steps)
        target = (start + j * line, breadth, breadth - j * line)
        ends = (bias, j * line, slope)
        sum_runs_activated(b, target, copies, copy, bases, (n * ROWS, places - 1), runs, w, j * depth * line, ends)
    if kind > LEAKY_RELU:
        saturate(b, start, places * breadth, kind)


@inner
def weight_item(
    index: int, thread: int, sizes: Any, units: int, splits: int, a: Any, b: Any, tables: Any, copies: Any, partial: Any
) -> None:
    """Sum dw over one split of the bands of all images, and write it to partial[index·taps·channels of a·breadth:].

    units: how many bands there are. tables: where in a copied band each place's taps begin, and how far each tap lies from
    there.
    """
    _, (small_height, small_width), _, _, _ = sizes.geometry
    bases, offsets = tables
    line, breadth, depth = VECTOR_BYTES // partial.itemsize, sizes.breadth, offsets.size
    copy, out = thread * sizes.room, index * depth * breadth
    begin = index * units // splits
    for unit in range(begin, (index + 1) * units // splits):
        image, i0 = unit // sizes.bands, unit % sizes.bands * sizes.rows
        i1 = min(i0 + sizes.rows, small_height)
        _copy_band(a, image, (i0, i1), sizes, copies, copy)
        start, places = (image * small_height + i0) * small_width * breadth, (i1 - i0) * small_width
        for d in range(0, breadth, line):
            for tap in range(0, depth, ROWS):
                target, taps = (out + d, breadth, breadth - d), (tap, depth - 1)
                sum_places(
                    partial, target, copies, copy, bases, places, offsets, taps, b, (start + d, breadth), unit > begin
                )


@inner
def large_item(
    index: int, thread: int, sizes: Any, b: Any, w: Any, bases: Any, buffers: Any, epilogue: Any, a: Any
) -> None:
    """Compute a band of rows of f(a + bias), or of a.

    What the places of a row of b send is added up in a strip, which has a run of `kernel height` numbers for each column and
    channel of a row of a. One place's numbers are side by side in it, and the next place's begin `sw` columns further:

        kernel 4×4, stride 2       place 0   (0,0) (1,0) (2,0) (3,0) │ (0,1) … │ (0,2) … │ (0,3) …
        (tap row, tap column)      place 1                                       (0,0) … │ (0,1) … │ (0,2) … │ (0,3) …

    A row of a is then the sum of one number of each run, of those strips that reach it. Places that do not overlap are added
    one after another, and then those between them, so that no addition waits for the one before.

    w: in lines, [tap ÷ L][d][L], taps counted (tap column, channel, tap row). bases: where each place of b lies.
    buffers: for what ROWS places send, and for the strips.
    """
    (height, width, channels), (small_height, small_width), kernel, (sh, sw), (ph, pw) = sizes.geometry
    (kernel_height, kernel_width), (sent, strips) = kernel, buffers
    bias, kind, slope = epilogue
    real, line, breadth = a.dtype.type, VECTOR_BYTES // a.itemsize, sizes.breadth
    depth, wide = kernel_height * kernel_width * channels, width * channels
    deep = (depth + line - 1) // line * line
    image, above = index // sizes.bands, index % sizes.bands * sizes.rows
    below = min(above + sizes.rows, height)
    # the rows of b with a tap in the band
    begins, ends = max(0, (above + ph - kernel_height) // sh + 1), min(small_height, (below - 1 + ph) // sh + 1)
    strip, spare = thread * sizes.room, thread * ROWS * deep
    for x in range(strip, strip + (ends - begins) * sizes.row):
        put(strips, x, real(0.0))
    places, start = ends * small_width, image * small_height * small_width * breadth
    between = (kernel_width + sw - 1) // sw
    step = sw * channels * kernel_height
    for first in range(begins * small_width, places, ROWS):
        for t in range(0, deep, line):
            # the tile of places `first` to `first + ROWS` lies at the beginning of the spare memory
            target = (spare + t - first * deep, deep, line)
            sum_runs(sent, target, b, start, bases, (first, places - 1), (1, breadth, 0), w, t * breadth, ())
        for shift in range(between):
            for i in range(shift, min(ROWS, places - first), between):
                row, column = (first + i) // small_width - begins, (first + i) % small_width
                at, source = strip + row * sizes.row + column * step, spare + i * deep
                for t in range(0, depth, line):
                    if depth - t >= line:
                        add_line(sent, source + t, strips, at + t)
                    else:
                        add_part(sent, source + t, depth - t, strips, at + t)
    for r in range(above, below):
        here = (image * height + r) * wide
        u0 = (r + ph) % sh
        i0 = (r + ph) // sh
        there = False
        for turn in range((kernel_height - u0 + sh - 1) // sh):
            i, u = i0 - turn, u0 + turn * sh
            if begins <= i < ends:
                source = strip + (i - begins) * sizes.row + pw * channels * kernel_height + u
                if there:
                    for x in range(wide):
                        put(a, here + x, get(a, here + x) + get(strips, source + x * kernel_height))
                else:
                    for x in range(wide):
                        put(a, here + x, get(strips, source + x * kernel_height))
                there = True
        if not there:
            for x in range(wide):
                put(a, here + x, real(0.0))
        if bias.size:
            add_and_activate(a, here, bias, wide, kind, slope, a)
