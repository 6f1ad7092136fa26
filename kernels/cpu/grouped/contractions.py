"""What one piece of work does: some units of some images are copied side by side, and summed from there."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..compiled import inner
from ..memory import get, put
from ..vectors import TRANSPOSED_ROWS as ROWS
from ..vectors import VECTOR_BYTES, clear_line, move_line, move_part
from .tiles import UNROLL, sum_pixels, sum_taps


class Side(NamedTuple):
    """An image's channels as units of lines."""

    channels: int
    inside: int
    """Channels of a group."""
    span: int
    """Lanes that each of them gets: a power of two, or full lines."""
    together: int
    """Groups in a unit."""
    lines: int
    """Lines of a unit."""


class Gather(NamedTuple):
    """One sum over taps:  target[m] = Σ_k w[k]·source[m·step + start + k] along each axis, for `places` numbers m.

    Convolution is one such sum. Its adjoint with stride s is s·s of them, one for each phase of the large image.
    """

    batch: int
    source: tuple[int, int]
    """Height and width."""
    step: tuple[int, int]
    start: tuple[int, int]
    taps: tuple[int, int]
    places: tuple[int, int]
    image: int
    """Numbers of an image of the target."""
    origin: int
    """The first of them."""
    row: int
    """How far the next m along the vertical axis lies."""


class Blocks(NamedTuple):
    """How the work of a `Gather` is divided."""

    units: int
    block: int
    """Units that an item copies at a time."""
    images: int
    """Whole images of an item; 1 if they are cut into bands."""
    bands: int
    rows: int
    """Rows of the target in a band."""
    height: int
    width: int
    """Of what is copied of an image, zeros around it included."""
    plane: int
    """Numbers from the copy of one unit to that of the next."""
    small_plane: int
    """The same of the target, where that is copied too."""


@inner
def full_lines(side: Any, first_unit: int, end_unit: int, line: int) -> Any:
    """Whether the channels of some units fill all of their lines, side by side in the image as in the copy."""
    channels, inside, span, together, lines = side
    wide = together * inside
    return (inside == span or together == 1) and wide == lines * line and end_unit * wide <= channels


@inner
def copy_full(source: Any, pixel: int, units: int, lines: int, plane: int, target: Any, at: int) -> None:
    """Copy some units of a pixel that fill their lines."""
    line = VECTOR_BYTES // target.itemsize
    for unit in range(units):
        for k in range(0, lines * line, line):
            move_line(source, pixel + unit * lines * line + k, target, at + unit * plane + k)


@inner
def copy_unit(source: Any, pixel: int, unit: int, side: Any, target: Any, at: int) -> None:
    """Copy one unit of a pixel to lines, with zeros in lanes that have no channel. pixel: where its channels begin."""
    channels, inside, span, together, lines = side
    line = VECTOR_BYTES // target.itemsize
    first = unit * together * inside
    there = min(together * inside, channels - first)
    if inside == span or together == 1:
        for k in range(0, lines * line, line):
            if there - k >= line:
                move_line(source, pixel + first + k, target, at + k)
            else:
                clear_line(target, at + k)
                if there > k:
                    move_part(source, pixel + first + k, there - k, target, at + k)
    else:
        clear_line(target, at)
        for g in range(there // inside):
            move_part(source, pixel + first + g * inside, inside, target, at + g * span)


@inner
def copy_source(source: Any, gather: Any, blocks: Any, side: Any, part: Any, target: Any, at: int) -> None:
    """Copy a block's units of some images, or of a band of one, each unit apart: (unit, image, row, column, line).

    part: the first unit and the end, the first image and how many, the first row of the target and the end.
    """
    height, width = gather.source
    top, left = gather.start
    step, taps = gather.step[0], gather.taps[0]
    first_unit, end_unit, first_image, images, m0, m1 = part
    pixel = side.lines * (VECTOR_BYTES // target.itemsize)
    plane = blocks.plane
    low = min(max(0, -left), blocks.width)
    full = full_lines(side, first_unit, end_unit, VECTOR_BYTES // target.itemsize)
    high = max(low, min(blocks.width, width - left))
    for image in range(images):
        for r in range((m1 - m0 - 1) * step + taps):
            row = m0 * step + top + r
            here = at + (image * blocks.height + r) * blocks.width * pixel
            inside = 0 <= row < height
            for unit in range(first_unit, end_unit):
                own = here + (unit - first_unit) * plane
                for k in range(own, own + (low if inside else blocks.width) * pixel, pixel):
                    for lane in range(0, pixel, VECTOR_BYTES // target.itemsize):
                        clear_line(target, k + lane)
                if inside:
                    for k in range(own + high * pixel, own + blocks.width * pixel, pixel):
                        for lane in range(0, pixel, VECTOR_BYTES // target.itemsize):
                            clear_line(target, k + lane)
            if inside:
                begin = (((first_image + image) * height + row) * width + left) * side.channels
                if full:
                    begin += first_unit * pixel
                    for column in range(low, high):
                        place = begin + column * side.channels
                        copy_full(
                            source, place, end_unit - first_unit, side.lines, plane, target, here + column * pixel
                        )
                    continue
                for column in range(low, high):
                    for unit in range(first_unit, end_unit):
                        own = here + (unit - first_unit) * plane + column * pixel
                        copy_unit(source, begin + column * side.channels, unit, side, target, own)


@inner
def gather_item(
    index: int, thread: int, span: int, inside: int, gather: Any, blocks: Any, sides: Any, source: Any, w: Any,
    tables: Any, buffers: Any, target: Any,
) -> None:  # fmt: skip
    """Make some units of some images of the target, or of a band of rows of one.

    w: packed for each line of the target, (unit, line, tap, channel of the source, lane).
    tables: where each pixel's patch begins, where its numbers go, and how far each tap lies from where a patch begins.
    buffers: for the copy, and for tiles that do not fill lines, with their places.
    """
    bases, places, offsets = tables
    copies, spares, spare_places = buffers
    side, aim = sides
    line = VECTOR_BYTES // target.itemsize
    count = (blocks.units + blocks.block - 1) // blocks.block
    first_unit, rest = index % count * blocks.block, index // count
    end_unit = min(first_unit + blocks.block, blocks.units)
    m0, first_image = rest % blocks.bands * blocks.rows, rest // blocks.bands * blocks.images
    m1, images = min(m0 + blocks.rows, gather.places[0]), min(blocks.images, gather.batch - first_image)
    plane = blocks.plane
    copy, spare = thread * blocks.block * plane, thread * ROWS * line
    taps = gather.taps[0] * gather.taps[1]
    if taps > 0:
        part = (first_unit, end_unit, first_image, images, m0, m1)
        copy_source(source, gather, blocks, side, part, copies, copy)
    pixels = images * (m1 - m0) * gather.places[1]
    steps = (side.inside + UNROLL - 1) // UNROLL
    deep = taps * (steps * UNROLL if inside == 0 else inside) * line
    begin = first_image * gather.image + gather.origin + m0 * gather.row
    whole = aim.inside == aim.span or aim.together == 1
    for unit in range(first_unit, end_unit):
        for j in range(aim.lines):
            channel = unit * aim.together * aim.inside + j * line
            there = min(aim.together * aim.inside - j * line, aim.channels - channel)
            full = whole and there >= line
            w_at, x_at = (unit * aim.lines + j) * deep, copy + (unit - first_unit) * plane
            y, y_at, y_places = (target, begin + channel, places) if full else (spares, spare, spare_places)
            for first in range(0, pixels, ROWS):
                run = (first, pixels - 1, first if full else 0, pixels - 1 if full else ROWS - 1)
                sum_taps(span, inside, y, y_at, y_places, copies, x_at, bases, run, offsets, taps, w, w_at, steps)
                if not full:
                    for p in range(min(ROWS, pixels - first)):
                        pixel, lane = begin + channel + places[first + p], spare + p * line
                        if whole:
                            move_part(spares, lane, there, target, pixel)
                        else:
                            for g in range(there // aim.inside):
                                move_part(spares, lane + g * aim.span, aim.inside, target, pixel + g * aim.inside)


@inner
def weight_item(
    index: int, thread: int, span: int, inside: int, gather: Any, blocks: Any, sides: Any, shares: Any, pace: Any,
    source: Any, small: Any, tables: Any, buffers: Any, partial: Any,
) -> None:  # fmt: skip
    """Sum some blocks of units of dw over some images; shares: how many blocks, and how many images.

    Blocks take turns for each image: what they read lies side by side there.

    Split s of the images writes partial[s], (unit, line, tap, channel of the source, lane).
    pace: how many taps and channels are summed at once, and lines that dw has for each tap.
    """
    copies, smalls = buffers
    side, aim = sides
    line = VECTOR_BYTES // partial.itemsize
    blocks_in_all = (blocks.units + blocks.block - 1) // blocks.block
    chunks = (blocks_in_all + shares[0] - 1) // shares[0]
    begin, split = index // chunks * shares[1], index // chunks
    first_block = index % chunks * shares[0]
    end_block = min(first_block + shares[0], blocks_in_all)
    out = split * blocks.units * aim.lines * gather.taps[0] * gather.taps[1] * pace[2] * line
    for first_image in range(begin, min(begin + shares[1], gather.batch), blocks.images):
        images = min(blocks.images, min(begin + shares[1], gather.batch) - first_image)
        for band in range(blocks.bands):
            m0 = band * blocks.rows
            m1 = min(m0 + blocks.rows, gather.places[0])
            for block in range(first_block, end_block):
                first_unit = block * blocks.block
                end_unit = min(first_unit + blocks.block, blocks.units)
                part = (first_unit, end_unit, first_image, images, m0, m1)
                copy = thread * blocks.block * blocks.plane
                copy_source(source, gather, blocks, side, part, copies, copy)
                _copy_small(
                    small, gather, blocks, aim, part, tables[1], smalls, thread * blocks.block * blocks.small_plane
                )
                add = first_image > begin or band > 0
                _sum_units(span, inside, gather, blocks, sides, pace, part, thread, tables, buffers, partial, out, add)


@inner
def _copy_small(small: Any, gather: Any, blocks: Any, aim: Any, part: Any, places: Any, target: Any, at: int) -> None:
    """Copy a block's units of those places of the target that a part has, each unit apart: (unit, place, line)."""
    first_unit, end_unit, first_image, images, m0, m1 = part
    line = VECTOR_BYTES // target.itemsize
    pixel = aim.lines * line
    full = full_lines(aim, first_unit, end_unit, line)
    start = first_image * gather.image + gather.origin + m0 * gather.row
    for n in range(images * (m1 - m0) * gather.places[1]):
        if full:
            place = start + places[n] + first_unit * pixel
            copy_full(small, place, end_unit - first_unit, aim.lines, blocks.small_plane, target, at + n * pixel)
        else:
            for unit in range(first_unit, end_unit):
                own = at + (unit - first_unit) * blocks.small_plane + n * pixel
                copy_unit(small, start + places[n], unit, aim, target, own)


@inner
def _sum_units(
    span: int, inside: int, gather: Any, blocks: Any, sides: Any, pace: Any, part: Any, thread: int, tables: Any,
    buffers: Any, partial: Any, start: int, add: bool,
) -> None:  # fmt: skip
    """Sum a block's units over what was copied; start: where the split's sums lie."""
    bases, _, offsets = tables
    copies, smalls = buffers
    first_unit, end_unit, _, images, m0, m1 = part
    lines = sides[1].lines
    line = VECTOR_BYTES // partial.itemsize
    taps = gather.taps[0] * gather.taps[1]
    pixels = images * (m1 - m0) * gather.places[1]
    for unit in range(first_unit, end_unit):
        own = thread * blocks.block + unit - first_unit
        for j in range(lines):
            out = start + (unit * lines + j) * taps * pace[2] * line
            for tap in range(0, taps, pace[0]):
                for c in range(0, pace[2], pace[1]):
                    sum_pixels(
                        span, inside, partial, out, pace[2] * line, copies, own * blocks.plane, bases, pixels, offsets,
                        (tap, taps - 1), c, smalls, own * blocks.small_plane + j * line, lines * line, add,
                    )  # fmt: skip


@inner
def pack_weights(index: int, thread: int, w: Any, shape: Any, sides: Any, deep: int, taps: Any, target: Any) -> None:
    """Write the lines of one unit: (line, tap, channel of the source, lane), zeros where there is no channel.

    shape: (channels of the large image in a group, channels of the small one in all), and whether the source is the small
    one. taps: the numbers of the kernel's taps, in the order in which they are met.
    """
    rows, columns, transposed = shape
    side, aim = sides
    line = VECTOR_BYTES // target.itemsize
    start = index * aim.lines * taps.size * deep * line
    for place in range(start, start + aim.lines * taps.size * deep * line):
        target[place] = 0
    groups = min(aim.together, aim.channels // aim.inside - index * aim.together)
    for g in range(groups):
        group = index * aim.together + g
        for j in range(aim.lines):
            first = j * line
            count = min(aim.inside - first, line)
            for t in range(taps.size):
                for c in range(side.inside):
                    at = start + ((j * taps.size + t) * deep + c) * line + g * aim.span
                    if transposed:
                        source = (taps[t] * rows + first) * columns + group * side.inside + c
                        for d in range(count):
                            target[at + d] = w[source + d * columns]
                    else:
                        source = (taps[t] * rows + c) * columns + group * aim.inside + first
                        for d in range(count):
                            target[at + d] = w[source + d]


@inner
def unpack_weights(
    index: int, thread: int, partial: Any, shape: Any, sides: Any, deep: int, splits: int, add: bool, w: Any
) -> None:
    """Write, or add, one unit's part of dw: the sum over the splits, in their order.

    shape: taps, and how many units there are.
    """
    taps, units = shape
    side, aim = sides
    line = VECTOR_BYTES // partial.itemsize
    whole = units * aim.lines * taps * deep * line
    groups = min(aim.together, aim.channels // aim.inside - index * aim.together)
    for t in range(taps):
        for c in range(side.inside):
            for g in range(groups):
                for j in range(aim.lines):
                    count = min(aim.inside - j * line, line)
                    at = (((index * aim.lines + j) * taps + t) * deep + c) * line + g * aim.span
                    to = (t * side.inside + c) * aim.channels + (index * aim.together + g) * aim.inside + j * line
                    for d in range(count):
                        put(w, to + d, get(partial, at + d) + get(w, to + d) if add else get(partial, at + d))
                    for split in range(1, splits):
                        for d in range(count):
                            put(w, to + d, get(w, to + d) + get(partial, at + split * whole + d))
