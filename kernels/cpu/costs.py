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
import os
import warnings

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


def full_size_supports(problem: Problem) -> str | None:
    """Refuse convolutions whose kernel does not cover the image."""
    reason = supports(problem)
    if reason is not None or problem.geometry is None:
        return reason
    g = problem.geometry
    if g.kernel != g.large[:2] or g.small[:2] != (1, 1) or g.padding != (0, 0):
        return f"a {g.kernel[0]}×{g.kernel[1]} kernel does not cover a {g.large[0]}×{g.large[1]} image in one place"
    return None


def full_size(problem: Problem) -> float:
    """Estimate the cost of one product, with nothing to rearrange."""
    geometry = _geometry(problem)
    return BEFORE_BLAS * geometry.operations


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


def grouped(problem: Problem) -> float:
    """Estimate the cost of sums in full lines, and of copying what they read."""
    geometry = _geometry(problem)
    return BEFORE_BLAS * (1.5 * geometry.operations + 16.0 * math.prod(geometry.large_shape))


def direct(problem: Problem) -> float:
    """Estimate the cost of the padded product over patches, and of packing them."""
    geometry = _geometry(problem)
    line, panel = VECTOR_BYTES // problem.dtype.itemsize, PANEL // problem.dtype.itemsize
    depth = geometry.kernel[0] * geometry.kernel[1] * geometry.large[2]
    places = geometry.batch * geometry.small[0] * geometry.small[1]
    product = 2.0 * up(places, ROWS) * up(depth, line) * up(geometry.small[2], panel)
    return BEFORE_BLAS * (1.25 * product + 16.0 * places * depth)


def winograd(problem: Problem) -> float:
    """Estimate the cost of the products at 25 points, and of the transformations.

    Images are transformed once, the weights for each block of tiles.
    """
    geometry = _geometry(problem)
    outputs = POINTS + 1 - _taps(geometry)[0]
    per_image = math.prod(-(-size // outputs) for size in geometry.small[:2])
    tiles = up(geometry.batch * per_image, ROWS)
    blocks = max(1, geometry.batch * per_image // 64)
    depth, breadth = geometry.stride[0] * geometry.stride[1] * geometry.large[2], geometry.small[2]
    products = 2.0 * POINTS * POINTS * tiles * depth * breadth
    return BEFORE_BLAS * (1.2 * products + 1200.0 * tiles * (depth + breadth) + 250.0 * blocks * depth * breadth)


def _geometry(problem: Problem) -> Geometry:
    assert problem.geometry is not None
    return problem.geometry


def _taps(geometry: Geometry) -> tuple[int, int]:
    (kh, kw), (sh, sw) = geometry.kernel, geometry.stride
    return -(-kh // sh), -(-kw // sw)
