"""What compiled kernels can do, and what they are estimated to cost. Nothing heavy is imported here.

A convolution's cost is in operations of the direct method at the processor's peak. It is scaled down so far that a compiled
plan always comes before one on BLAS: the threads of OpenBLAS spin for some 20 ms after each product and take the processor
from ours (a DCGAN step with its 3-channel layers on BLAS took 1.7 times as long).
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import operator
import os
import warnings
from collections.abc import Callable

from ..geometry import Geometry
from ..selection import Problem

VECTOR_BYTES, PANEL, ROWS = 64, 128, 8
"""Bytes of a line and of a right panel, rows of a left panel, as with AVX-512 (elsewhere the estimate is rougher)."""
POINTS = 5
BEFORE_BLAS = 1 / 64


def up(size: int, unit: int) -> int:
    """The next multiple of `unit` (compiled code has `panels.padded`)."""
    return -(-size // unit) * unit


@functools.cache
def unusable() -> str | None:
    """Why compiled kernels cannot be used here, or None. Said once, as a warning, since everything is slower without."""
    reason = None
    if importlib.util.find_spec("numba") is None:
        reason = "Numba is not installed"
    elif os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        reason = "NUMBA_DISABLE_JIT is set"
    else:
        try:
            importlib.import_module("numba")
        except ImportError as error:  # a NumPy that this Numba does not know yet, say
            reason = f"Numba cannot be imported ({error})"
    if reason is not None:
        warnings.warn(f"gan_np computes with NumPy alone, several times slower: {reason}", RuntimeWarning, stacklevel=2)
    return reason


def supports(problem: Problem) -> str | None:
    """Refuse arrays that are not in main memory, and everything where Numba cannot be used."""
    if problem.device != "cpu":
        return f"computes on the processor, the arrays lie on {problem.device}"
    if 0 in problem.shape:
        return "there is nothing to compute: left to the reference"
    return unusable()


CACHED = 1 << 16
"""Numbers of a weight that each thread keeps in its second-level cache, beside the panels of some rows."""
SKINNY = 4
"""Fewer features than this, on either side, are not worth a panel."""
THIN, MANY = 1 << 11, 128
"""A skinny layer divides its work by rows: with more weights, or fewer rows, it is better divided along the wide side."""


def dense_layer_supports(problem: Problem) -> str | None:
    """Refuse weights that do not stay in a core's cache, and too few rows to divide the work by."""
    reason = supports(problem)
    rows, inputs, outputs = problem.shape
    if reason is not None:
        return reason
    if rows < ROWS:
        return f"{rows} rows: needed {ROWS}"
    if min(inputs, outputs) < SKINNY and (inputs * outputs > THIN or rows < MANY):
        return f"{rows} rows, {inputs} → {outputs} features: needed {MANY} rows, and at most {THIN:,} weights"
    if inputs * outputs > CACHED:
        return f"a weight of {inputs}×{outputs} does not stay in a cache: at most {CACHED:,} numbers do"
    return None


def winograd_supports(problem: Problem) -> str | None:
    """Refuse convolutions whose phases do not have 2, 3 or 4 taps along both axes, or whose channels do not fill lines."""
    reason = supports(problem)
    if reason is not None or problem.geometry is None:
        return reason
    (kh, kw), (sh, sw) = problem.geometry.kernel, problem.geometry.stride
    taps = _taps(problem.geometry)
    if taps[0] != taps[1] or taps[0] not in (2, 3, 4):
        return f"the {sh}×{sw} phases of a {kh}×{kw} kernel have {taps[0]}×{taps[1]} taps, needed 2×2, 3×3 or 4×4"
    line, panel = VECTOR_BYTES // problem.dtype.itemsize, PANEL // problem.dtype.itemsize
    inside, outside = problem.geometry.large[2], problem.geometry.small[2]
    if outside % panel or sh * sw * inside % panel or inside % line:
        return f"{inside} and {outside} channels do not fill panels of {panel} columns"
    return None


FEW_CHANNELS = 4
"""Channels of an image whose taps are read where they lie."""


def few_channels_supports(problem: Problem) -> str | None:
    """Refuse images with more than a few channels."""
    reason = supports(problem)
    if reason is not None or problem.geometry is None:
        return reason
    channels = problem.geometry.large[2]
    return None if channels <= FEW_CHANNELS else f"images of {channels} channels: needed at most {FEW_CHANNELS}"


def full_size_supports(problem: Problem) -> str | None:
    """Refuse convolutions whose kernel does not cover the image."""
    reason = supports(problem)
    if reason is not None or problem.geometry is None:
        return reason
    g = problem.geometry
    if g.kernel != g.large[:2] or g.small[:2] != (1, 1) or g.padding != (0, 0):
        return f"a {g.kernel[0]}×{g.kernel[1]} kernel does not cover a {g.large[0]}×{g.large[1]} image in one place"
    return None


def pointwise_supports(problem: Problem) -> str | None:
    """Refuse convolutions with more than one tap, or whose places are not all pixels."""
    reason = supports(problem)
    if reason is not None or problem.geometry is None:
        return reason
    g = problem.geometry
    if g.kernel != (1, 1) or g.stride != (1, 1) or g.padding != (0, 0):
        return f"a {g.kernel[0]}×{g.kernel[1]} kernel, stride {g.stride}, padding {g.padding}: needed one tap for each pixel"
    return None


def grouped_supports(problem: Problem) -> str | None:
    """Refuse convolutions in one group, which the other plans do better."""
    reason = supports(problem)
    if reason is not None or problem.geometry is None:
        return reason
    return "there is one group: needed several" if problem.geometry.groups == 1 else None


def depthwise_supports(problem: Problem) -> str | None:
    """Refuse convolutions whose channels do not each meet one other alone, or do not fill a line."""
    reason = supports(problem)
    if reason is not None or problem.geometry is None:
        return reason
    inside, outside, groups = problem.geometry.large[2], problem.geometry.small[2], problem.geometry.groups
    if not inside == outside == groups > 1:
        return f"{inside} → {outside} channels in {groups} groups: needed a group for each channel"
    line = VECTOR_BYTES // problem.dtype.itemsize
    return None if groups >= line else f"{groups} channels: needed at least {line}"


CONSTANTS: dict[str, tuple[float, ...]] = {
    "full_size": (1.0,),
    "direct": (1.25, 16.0),
    "few_channels": (1.2, 16.0),
    "winograd": (1.2, 1200.0, 250.0),
    "pointwise": (1.0,),
    "grouped": (1.5, 16.0),
    "depthwise": (1.2, 8.0),
}
"""Plan → what each of its terms (`TERMS`) costs, in operations of a product at the processor's peak.

`python -m benchmarks fit_costs` fits them again on any machine; they change by hand alone, so that a shape has the same
kernel, and a seed the same bits, everywhere.
"""


def grouped_terms(problem: Problem) -> tuple[float, ...]:
    """Count the operations of sums in full lines, and the numbers of the image that are copied."""
    geometry = _geometry(problem)
    return float(geometry.operations), float(math.prod(geometry.large_shape))


def full_size_terms(problem: Problem) -> tuple[float, ...]:
    """Count the operations of one product, with nothing to rearrange."""
    return (float(_geometry(problem).operations),)


def direct_terms(problem: Problem) -> tuple[float, ...]:
    """Count the operations of the padded product over patches, and the numbers of the patches, which are packed."""
    geometry = _geometry(problem)
    line, panel = VECTOR_BYTES // problem.dtype.itemsize, PANEL // problem.dtype.itemsize
    depth = geometry.kernel[0] * geometry.kernel[1] * geometry.large[2]
    places = geometry.batch * geometry.small[0] * geometry.small[1]
    product = 2.0 * up(places, ROWS) * up(depth, line) * up(geometry.small[2], panel)
    return product, float(places * depth)


def few_channels_terms(problem: Problem) -> tuple[float, ...]:
    """Count the operations of sums in full lines of channels and full groups of taps, and the numbers of the image."""
    geometry = _geometry(problem)
    line = VECTOR_BYTES // problem.dtype.itemsize
    depth = geometry.kernel[0] * geometry.kernel[1] * geometry.large[2]
    places = geometry.batch * geometry.small[0] * geometry.small[1]
    product = 2.0 * places * up(depth, ROWS) * up(geometry.small[2], line)
    return product, float(math.prod(geometry.large_shape))


def winograd_terms(problem: Problem) -> tuple[float, ...]:
    """Count the operations of the products at 25 points, and what is transformed, tile by tile and channel by channel.

    Images are transformed once, the weights for each block of tiles.
    """
    geometry = _geometry(problem)
    outputs = POINTS + 1 - _taps(geometry)[0]
    per_image = math.prod(-(-size // outputs) for size in geometry.small[:2])
    tiles = up(geometry.batch * per_image, ROWS)
    blocks = max(1, geometry.batch * per_image // 64)
    depth, breadth = geometry.stride[0] * geometry.stride[1] * geometry.large[2], geometry.small[2]
    products = 2.0 * POINTS * POINTS * tiles * depth * breadth
    return products, float(tiles * (depth + breadth)), float(blocks * depth * breadth)


TERMS: dict[str, Callable[[Problem], tuple[float, ...]]] = {
    "full_size": full_size_terms,
    "direct": direct_terms,
    "few_channels": few_channels_terms,
    "winograd": winograd_terms,
    "pointwise": full_size_terms,
    "grouped": grouped_terms,
    "depthwise": grouped_terms,
}
"""Plan → what it does, in the quantities that its constants stand for."""


def cost(plan: str, problem: Problem) -> float:
    """Estimate the cost of a compiled plan: Σ constant · term."""
    total: float = sum(map(operator.mul, CONSTANTS[plan], TERMS[plan](problem)))
    return BEFORE_BLAS * total


def _geometry(problem: Problem) -> Geometry:
    assert problem.geometry is not None
    return problem.geometry


def _taps(geometry: Geometry) -> tuple[int, int]:
    (kh, kw), (sh, sw) = geometry.kernel, geometry.stride
    return -(-kh // sh), -(-kw // sw)
