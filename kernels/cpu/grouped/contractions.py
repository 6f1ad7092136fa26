"""What one piece of work does: some units of some images are copied side by side, and summed from there."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..compiled import inlined, inner
from ..memory import get, put
from ..vectors import TRANSPOSED_ROWS as ROWS
from ..vectors import VECTOR_BYTES, clear_line, move_line, move_part
from .tiles import UNROLL, WORD, sum_pixels, sum_taps


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
    pixels: int
    """Of a whole item."""
    words: int
    """Numbers of a pixel's mask: a bit for each tap."""
    straight: tuple[bool, bool]
    """Whether the source's units are read where they lie, and those of the target: they fill their lines."""
    height: int
    width: int
    """Of what is copied of an image, zeros around it included."""
    plane: int
    """Numbers from the copy of one unit to that of the next."""
    small_plane: int
    """The same of the target, where that is copied too."""


class Tables(NamedTuple):
    """Where the numbers of an item's pixels lie, from where those of its first one do."""

    bases: Any
    """Where each pixel's patch begins in the source."""
    offsets: Any
    """How far each tap lies from there."""
    masks: Any
    """(mask, pixel, number): bits that say which taps of a pixel lie in the image; bands that are alike share a mask."""
    which: Any
    """The mask of each band."""
    places: Any
    """Where each pixel's numbers lie in the target."""
    copied: Any
    """The same in the target's copy."""
    last: int
    """The last tap: of a tile's pixels it reads those that were not read before."""


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
    for image in range(images):
        for r in range((m1 - m0 - 1) * step + taps):
            row = m0 * step + top + r
            here = at + (image * blocks.height + r) * blocks.width * pixel
            begin = (((first_image + image) * height + row) * width + left) * side.channels
            for column in range(blocks.width):
                there = 0 <= row < height and 0 <= left + column < width
                for unit in range(first_unit, end_unit):
                    own = here + (unit - first_unit) * blocks.plane + column * pixel
                    if there:
                        copy_unit(source, begin + column * side.channels, unit, side, target, own)
                    else:
                        for k in range(own, own + pixel, VECTOR_BYTES // target.itemsize):
                            clear_line(target, k)


@inner
def gather_item(
    index: int, thread: int, span: int, inside: int, gather: Any, blocks: Any, sides: Any, source: Any, w: Any,
    tables: Any, buffers: Any, epilogue: Any, target: Any,
) -> None:  # fmt: skip
    """Make some units of some images of the target, or of a band of rows of one.

    w: packed for each line of the target, (unit, line, tap, channel of the source, lane).
    buffers: for the copy, to write and to read, zeros, and for tiles that do not fill lines, with their places.
    epilogue: the biases in lines of units, whether values below 0 become 0, and else what they are multiplied by.
    """
    bases, offsets, masks, which, places, _, last = tables
    copies, copied, zeros, spares, spare_places = buffers
    biases, cut, slope = epilogue
    side, aim = sides
    line = VECTOR_BYTES // target.itemsize
    below = target.dtype.type(slope)
    count = (blocks.units + blocks.block - 1) // blocks.block
    first_unit, rest = index % count * blocks.block, index // count
    end_unit = min(first_unit + blocks.block, blocks.units)
    band, first_image = rest % blocks.bands, rest // blocks.bands * blocks.images
    m0 = band * blocks.rows
    m1, images = min(m0 + blocks.rows, gather.places[0]), min(blocks.images, gather.batch - first_image)
    spare = thread * ROWS * line
    taps = gather.taps[0] * gather.taps[1]
    x, x_at, x_step = source, _first_number(gather, side, first_unit, first_image, m0, line), side.lines * line
    if not blocks.straight[0]:
        x, x_at, x_step = copied, thread * blocks.block * blocks.plane, blocks.plane
        if taps > 0:
            part = (first_unit, end_unit, first_image, images, m0, m1)
            copy_source(source, gather, blocks, side, part, copies, x_at)
    pixels = images * (m1 - m0) * gather.places[1]
    mask_at = which[band] * blocks.pixels * blocks.words
    steps = (side.inside + UNROLL - 1) // UNROLL
    deep = taps * (steps * UNROLL if inside == 0 else inside) * line
    begin = first_image * gather.image + gather.origin + m0 * gather.row
    whole = aim.inside == aim.span or aim.together == 1
    for unit in range(first_unit, end_unit):
        for j in range(aim.lines):
            channel = unit * aim.together * aim.inside + j * line
            there = min(aim.together * aim.inside - j * line, aim.channels - channel)
            full = whole and there >= line
            own, x_own = unit * aim.lines + j, x_at + (unit - first_unit) * x_step
            y, y_at, y_places = (target, begin + channel, places) if full else (spares, spare, spare_places)
            for first in range(0, pixels, ROWS):
                run = (first, pixels - 1, first if full else 0, pixels - 1 if full else ROWS - 1)
                sum_taps(
                    span, inside, y, y_at, y_places, x, x_own, bases, run, offsets, masks,
                    (mask_at, blocks.words, last), zeros, w, own * deep, steps, (biases, own * line, cut, below),
                )  # fmt: skip
                if not full:
                    for p in range(min(ROWS, pixels - first)):
                        pixel, lane = begin + channel + places[first + p], spare + p * line
                        if whole:
                            move_part(spares, lane, there, target, pixel)
                        else:
                            for g in range(there // aim.inside):
                                move_part(spares, lane + g * aim.span, aim.inside, target, pixel + g * aim.inside)


@inlined
def _first_number(gather: Any, side: Any, unit: int, image: int, row: int, line: int) -> Any:
    """Where the first number of a unit lies that a row of the target begins with, but for what `bases` has."""
    height, width = gather.source
    return ((image * height + row * gather.step[0]) * width) * side.channels + unit * side.lines * line


@inner
def weight_item(
    index: int, thread: int, span: int, inside: int, gather: Any, blocks: Any, sides: Any, shares: Any, pace: Any,
    source: Any, small: Any, tables: Any, buffers: Any, partial: Any,
) -> None:  # fmt: skip
    """Sum some blocks of units of dw over some images; shares: how many blocks, and how many images.

    Blocks take turns for each image: what they read lies side by side there.

    Split s of the images writes partial[s], (unit, line, tap, channel of the source, lane).
    pace: how many taps and channels are summed at once, and lines that dw has for each tap.
    buffers: for the copies of the source and of the target, to write and to read, and zeros.
    """
    copies, copied, smalls, smalls_copied, zeros = buffers
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
            add = first_image > begin or band > 0
            for block in range(first_block, end_block):
                first_unit = block * blocks.block
                end_unit = min(first_unit + blocks.block, blocks.units)
                part = (first_unit, end_unit, first_image, images, m0, m1)
                x, x_step = source, side.lines * line
                x_at = _first_number(gather, side, first_unit, first_image, m0, line)
                if not blocks.straight[0]:
                    x, x_at, x_step = copied, thread * blocks.block * blocks.plane, blocks.plane
                    copy_source(source, gather, blocks, side, part, copies, x_at)
                dy, dy_step, places = small, aim.lines * line, tables.places
                dy_at = first_image * gather.image + gather.origin + m0 * gather.row + first_unit * dy_step
                if not blocks.straight[1]:
                    dy, dy_step, places = smalls_copied, blocks.small_plane, tables.copied
                    dy_at = thread * blocks.block * blocks.small_plane
                    _copy_small(small, gather, blocks, aim, part, tables.places, smalls, dy_at)
                given = (x, x_at, x_step), (dy, dy_at, dy_step, places)
                _sum_units(span, inside, gather, blocks, aim, pace, part, tables, given, zeros, partial, out, add)


@inner
def _copy_small(small: Any, gather: Any, blocks: Any, aim: Any, part: Any, places: Any, target: Any, at: int) -> None:
    """Copy a block's units of those places of the target that a part has, each unit apart: (unit, place, line)."""
    first_unit, end_unit, first_image, images, m0, m1 = part
    pixel = aim.lines * (VECTOR_BYTES // target.itemsize)
    start = first_image * gather.image + gather.origin + m0 * gather.row
    for n in range(images * (m1 - m0) * gather.places[1]):
        for unit in range(first_unit, end_unit):
            own = at + (unit - first_unit) * blocks.small_plane + n * pixel
            copy_unit(small, start + places[n], unit, aim, target, own)


@inner
def _sum_units(
    span: int, inside: int, gather: Any, blocks: Any, aim: Any, pace: Any, part: Any, tables: Any, given: Any,
    zeros: Any, partial: Any, start: int, add: bool,
) -> None:  # fmt: skip
    """Sum a block's units over some pixels; given: where x and dy lie. start: where the split's sums lie."""
    (x, x_at, x_step), (dy, dy_at, dy_step, places) = given
    first_unit, end_unit, _, images, m0, m1 = part
    line = VECTOR_BYTES // partial.itemsize
    taps = gather.taps[0] * gather.taps[1]
    pixels = images * (m1 - m0) * gather.places[1]
    mask_at = tables.which[m0 // blocks.rows] * blocks.pixels * blocks.words
    for unit in range(first_unit, end_unit):
        own = unit - first_unit
        for j in range(aim.lines):
            out = start + (unit * aim.lines + j) * taps * pace[2] * line
            for word in range(blocks.words):
                last = min(taps, (word + 1) * WORD) - 1
                for tap in range(word * WORD, last + 1, pace[0]):
                    for c in range(0, pace[2], pace[1]):
                        sum_pixels(
                            span, inside, partial, out, pace[2] * line, x, x_at + own * x_step, tables.bases, pixels,
                            tables.offsets, tables.masks, (mask_at + word, blocks.words), zeros, (tap, last), c, dy,
                            dy_at + own * dy_step + j * line, places, add, (x_step, dy_step),
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
