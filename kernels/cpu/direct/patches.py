"""Patches of an image in left panels, and the weights in right panels."""

from __future__ import annotations

from typing import Any

from ..compiled import inlined, inner
from ..panels import right_panel
from ..vectors import COLUMNS, ROWS, VECTOR_BYTES, clear_line, move_line, move_part


@inlined
def pack_patches(a: Any, place_range: Any, k_range: Any, geometry: Any, target: Any, at: int) -> Any:
    """Write numbers k0 to k1 of ROWS patches as a left panel; k counts (tap row, tap column, channel).

    place_range: the first patch, and the end of all. k0 is a multiple of L; from the end of the patch to k1 there are zeros.
    A row of taps is contiguous in the image, but for what lies outside.

    For example a 2×2 kernel over 2 channels, of which a patch's right column lies outside (·, which is 0):

        a, rows of (column, channel)      patch        k = 0 1 2 3 4 5 6 7
            … p₀ p₁ q₀ q₁                 q · ─►           q₀ q₁ · · s₀ s₁ · ·
            … r₀ r₁ s₀ s₁                 s ·
    """
    (place, places), (k0, k1) = place_range, k_range
    (height, width, channels), (small_height, small_width), (kernel_height, kernel_width), (sh, sw), (ph, pw) = geometry
    line = VECTOR_BYTES // target.itemsize
    taps = kernel_width * channels
    full_lines = channels % line == 0
    # Where the first patch lies is divided out once, and counted on from there: with few channels a division takes as long
    # as a row of taps.
    first_row, first_tap, last_row = k0 // taps, k0 % taps, min(kernel_height, (k1 + taps - 1) // taps)
    small_row, small_column = place // small_width % small_height, place % small_width
    image = place // small_width // small_height
    for i in range(ROWS):
        here = at + i * line
        if place + i >= places:
            for k in range(0, k1 - k0, line):
                clear_line(target, here + k * ROWS)
            continue
        top, left, first_pixel_row = small_row * sh - ph, (small_column * sw - pw) * channels, image * height
        small_column += 1
        if small_column == small_width:
            small_column, small_row = 0, small_row + 1
        if small_row == small_height:
            small_row, image = 0, image + 1
        if full_lines:
            u, t = first_row, first_tap
            for k in range(0, k1 - k0, line):
                row, column = top + u, left + t
                if u < kernel_height and 0 <= row < height and 0 <= column < width * channels:
                    move_line(a, (first_pixel_row + row) * width * channels + column, target, here + k * ROWS)
                else:
                    clear_line(target, here + k * ROWS)
                t += line
                if t == taps:
                    u, t = u + 1, 0
        else:
            for k in range(0, k1 - k0, line):
                clear_line(target, here + k * ROWS)
            for u in range(first_row, last_row):
                row = top + u
                if row < 0 or row >= height:
                    continue
                # k from `first` to `last` lie in this row of taps, in the image, and in what was asked for
                first = max(u * taps, k0, u * taps - left)
                last = min((u + 1) * taps, k1, u * taps - left + width * channels)
                source = (first_pixel_row + row) * width * channels + left - u * taps
                while first < last:
                    lane = (first - k0) % line
                    count = min(line - lane, last - first)
                    move_part(a, source + first, count, target, here + (first - k0 - lane) * ROWS + lane)
                    first += count


@inner
def pack_weights(index: int, thread: int, w: Any, shape: Any, deep: int, target: Any) -> None:
    """Write right panel `index` of w (depth, breadth), `deep` rows long."""
    panel = COLUMNS * (VECTOR_BYTES // target.itemsize)
    right_panel(w, shape, False, (0, deep), index * panel, target, index * deep * panel)


@inner
def pack_sent_weights(index: int, thread: int, w: Any, shape: Any, width: int, deep: int, target: Any) -> None:
    """Write right panels of wᵀ for `width` channels of a, from index·width on; columns count (tap, channel).

    shape: (taps, channels of a, channels of b).
    """
    taps, channels, depth = shape
    panel = COLUMNS * (VECTOR_BYTES // target.itemsize)
    panels = (taps * width + panel - 1) // panel
    start = index * panels * deep * panel
    for place in range(start, start + panels * deep * panel):
        target[place] = 0
    for column in range(taps * width):
        tap, channel = column // width, index * width + column % width
        at = start + column // panel * deep * panel + column % panel
        for k in range(depth):
            target[at + k * panel] = w[(tap * channels + channel) * depth + k]
