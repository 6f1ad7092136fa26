"""Results of a kernel against those that are expected: what is allowed, and what is said where they are not the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array, to_host

TOLERANCE: dict[np.dtype[Any], float] = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-11}
"""Allowed difference from the float64 reference, relative to the largest entry."""


class KernelError(AssertionError):
    """A kernel that disagrees with the reference, or that does not keep to its protocol."""


def agree(label: str, found: Any, expected: Any, dtype: np.dtype[Any], tolerance: float) -> None:
    """Refuse results of a case that are not the expected ones, to `tolerance` of their largest entry.

    Raises:
        KernelError: the names, shapes, dtypes or numbers differ; `label` says where.
    """
    if set(found) != set(expected):
        raise KernelError(f"{label}: results {sorted(found)}, expected {sorted(expected)}")
    for key, right in expected.items():
        left = found[key]
        if not hasattr(left, "shape") or not hasattr(left, "dtype"):
            raise KernelError(f"{label}: {key} is {left!r}, expected an array")
        if left.shape != right.shape:
            raise KernelError(f"{label}: {key} has shape {left.shape}, expected {right.shape}")
        if left.dtype.kind == "f" and left.dtype != dtype:
            raise KernelError(f"{label}: {key} is {left.dtype}, expected {dtype}")
        scale = max(float(np.abs(right.astype(np.float64)).max(initial=0)), 1e-30)
        difference = np.abs(left.astype(np.float64) - right) / scale
        worst = float(difference.max(initial=0))
        if not worst <= tolerance:
            raise KernelError(
                f"{label}: {key} differs by {worst:.3g} of its largest entry, allowed {tolerance}: "
                f"{places(~(difference <= tolerance))}"
            )


def same_bits(what: str, found: dict[str, Array], expected: dict[str, Array]) -> None:
    """Refuse results of which a bit differs from those of another run.

    Raises:
        KernelError: "y differs from", then `what`, and in how many values.
    """
    for key, right in expected.items():
        left = found[key]
        if left.shape != right.shape or left.dtype != right.dtype:
            raise KernelError(
                f"{key} differs from {what}: {left.dtype} of {left.shape}, not {right.dtype} of {right.shape}"
            )
        differ = left != right
        if left.dtype.kind == "f":
            differ &= ~(np.isnan(left) & np.isnan(right))
        if differ.any():
            raise KernelError(f"{key} differs from {what}: {places(differ)}")


def places(mask: Array) -> str:
    """How many values a mask has, and where the first is: "3 of 4096 values, the first at (0, 17)"."""
    first = ", ".join(map(str, np.argwhere(mask)[0])) if mask.ndim else ""
    return f"{int(mask.sum())} of {mask.size} values" + (f", the first at ({first})" if first else "")


def on_host(results: dict[str, Array]) -> dict[str, Array]:
    """Copies of results on the host, which a later call cannot change."""
    return {key: np.array(to_host(array)) if hasattr(array, "dtype") else array for key, array in results.items()}
