"""What one piece of work does: rows of an image from the rows that their taps meet, and sums of dw over some rows."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..compiled import inner
from .sums import BYTES, sum_places, sum_taps

RUN = 16
"""Places of a row that are summed before the next channels: the lines that they read stay in the first-level cache."""


class Sum(NamedTuple):
    """One sum over taps along each axis, with r = phases·m + phase:

        target[r] = Σ_k w[tap + k·turn] · source[m·step + start + k]

    A convolution has one phase. Its adjoint with stride s has s, each with its own start, first tap and number of taps.
    """

    batch: int
    channels: int
    source: tuple[int, int]
    """Height and width."""
    target: tuple[int, int]
    kernel: int
    """Taps of a row of the weights."""
    step: int
    """Along the rows; that along the columns is a constant of the code."""
    phases: tuple[int, int]
    turn: tuple[int, int]
    bands: int
    """Pieces that an image is cut into."""
    rows: int
    """Rows of the target in a band."""
    block: int
    """Channels that take turns at a row, so that the rows that are read again stay in the second-level cache."""


@inner
def gather_item(
    index: int, thread: int, taps: int, step: int, pixels: int, shape: Any, down: Any, across: Any, source: Any, w: Any,
    biases: Any, end: Any, target: Any,
) -> None:  # fmt: skip
    """Make a band of rows of the target, but for columns of phases with another number of taps.

    taps, step, pixels: literal, see `sum_taps`; so is `end`.
    down: for each phase of the rows its start, taps and first tap.
    across: for each phase of the columns that is made its start, its first tap, the first place and how many there are.
    """
    (height, width), channels, vector = shape.source, shape.channels, BYTES // target.itemsize
    image, band = index // shape.bands, index % shape.bands
    for block in range(0, channels, shape.block):
        for r in range(band * shape.rows, min((band + 1) * shape.rows, shape.target[0])):
            phase = r % shape.phases[0] * 3
            start = r // shape.phases[0] * shape.step + down[phase]
            above, below = max(0, -start), min(down[phase + 1], height - start)
            x_row = (image * height + start + above) * width * channels
            y_row = (image * shape.target[0] + r) * shape.target[1] * channels
            w_row = (down[phase + 2] + above * shape.turn[0]) * shape.kernel
            w_steps = shape.turn[0] * shape.kernel * channels, shape.turn[1] * channels
            for k in range(0, across.size, 4):
                places = across[k + 3]
                for first in range(0, places, pixels):
                    m = min(first, places - pixels)
                    left = m * step + across[k]
                    inside = left >= 0 and left + (pixels - 1) * step + taps <= width
                    x_at = x_row + left * channels
                    y_at = y_row + (m * shape.phases[1] + across[k + 2]) * channels
                    w_at = (w_row + across[k + 1]) * channels
                    ahead = (below - above) * width * channels, shape.target[1] * channels * shape.phases[0]
                    for c in range(block, min(block + shape.block, channels), vector):
                        own = min(c, channels - vector)
                        y_place = y_at + own, shape.phases[1] * channels
                        x_place = x_at + own, width * channels, channels
                        w_place = w_at + own, *w_steps
                        sum_taps(
                            taps, step, pixels, inside, target, y_place, source, x_place, (left, width), below - above,
                            w, w_place, biases, own, end, ahead,
                        )  # fmt: skip


@inner
def weight_item(
    index: int, thread: int, taps: int, step: int, together: int, shape: Any, start: Any, kernel: Any, share: int,
    large: Any, small: Any, partial: Any,
) -> None:  # fmt: skip
    """Sum dw over `share` rows of b, counted through all images, and write it to partial[index], (tap, channel).

    There the channels fill registers, of which the last one begins so far back that it ends with the last channel.

    taps, step: literal, along a row. together: literal, rows of taps that are summed at once.
    start: the first row and column that place (0, 0) meets. kernel: rows of taps.
    """
    (height, width), (small_height, small_width), channels = shape.source, shape.target, shape.channels
    vector = BYTES // partial.itemsize
    wide = (channels + vector - 1) // vector * vector
    out = index * kernel * taps * wide
    for place in range(out, out + kernel * taps * wide):
        partial[place] = 0
    low = min(small_width, max(0, (step - 1 - start[1]) // step))
    high = max(low, min(small_width, (width - taps - start[1]) // step + 1))
    for unit in range(index * share, min((index + 1) * share, shape.batch * small_height)):
        image, i = unit // small_height, unit % small_height
        top = i * shape.step + start[0]
        above, below = max(0, -top), min(kernel, height - top)
        j = 0
        while j < small_width:
            inside = low <= j < high
            after = min(j + RUN, high) if inside else low if j < low else small_width
            left = j * step + start[1]
            x_at = ((image * height + top) * width + left) * channels
            dy_at = (unit * small_width + j) * channels
            for c in range(0, channels, vector):
                own = min(c, channels - vector)
                u = above
                while u < below:
                    out_place = out + u * taps * wide + c, taps * wide, wide
                    x_place = x_at + u * width * channels + own, width * channels, channels
                    columns, dy_place = (left, width), (dy_at + own, channels)
                    given = after - j
                    ahead = (below - u) * width * channels, small_width * channels
                    if u + together <= below:
                        sum_places(
                            taps, step, together, inside, partial, out_place, large, x_place, columns, small, dy_place,
                            given, ahead,
                        )  # fmt: skip
                        u += together
                    else:
                        sum_places(
                            taps, step, 1, inside, partial, out_place, large, x_place, columns, small, dy_place, given,
                            ahead,
                        )  # fmt: skip
                        u += 1
            j = after
