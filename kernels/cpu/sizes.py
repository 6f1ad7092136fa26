"""Sizes in whole units, for the Python side of kernels (compiled code has `panels.padded`)."""

from __future__ import annotations


def up(size: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-size // unit) * unit
