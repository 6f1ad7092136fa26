"""What layers hand to each other, tuples part by part: that it fits, whether it is there at all, and its sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np import ops
from gan_np.arrays import DType, Like
from gan_np.checks import ShapeError


def like(arrays: Any) -> Any:
    """`Like` for an array, or a tuple of such."""
    return tuple(map(like, arrays)) if isinstance(arrays, tuple) else Like(arrays)


def require_gradient(gradient: Any, expected: Any, where: Any, name: str, meant: str) -> None:
    """Refuse a gradient that is not like what it belongs to (`expected`, from `like`); messages begin with `where`.

    None is no gradient and passes, as does anything for an array of integers, which has none.

    Raises:
        TypeError: it is no array, of another dtype or on another kind of device.
        ShapeError: it has another shape, or is not a tuple of the right length.
    """
    if gradient is None:
        return
    if isinstance(expected, tuple):
        if not isinstance(gradient, tuple) or len(gradient) != len(expected):
            found = f"a tuple of {len(gradient)}" if isinstance(gradient, tuple) else type(gradient).__name__
            raise ShapeError(f"{where}: {name} must be a tuple of {len(expected)} arrays like {meant}, got {found}")
        for index, (part, own) in enumerate(zip(gradient, expected, strict=True)):
            require_gradient(part, own, where, f"{name}[{index}]", f"{meant}[{index}]")
    elif expected.dtype.kind == "f":
        expected.require(gradient, where, name, meant)


def require_output(y: Any, shape: Any, dtype: DType, where: Any) -> None:
    """Refuse the output of a layer that is not of the shape that it declared, or of floats that are not the network's.

    Raises:
        TypeError: it is no array, or of other floats.
        ShapeError: it has another shape, or is not a tuple of the right length.
    """
    if type(y) is np.ndarray and y.dtype == dtype and y.shape[1:] == shape:  # nearly always, and asked of every layer
        return
    if isinstance(y, tuple):
        if len(y) != len(shape) or not all(isinstance(part, tuple) for part in shape):
            raise ShapeError(f"{where}: declared an output of shape {shape}, forward gave a tuple of {len(y)}")
        for part, own in zip(y, shape, strict=True):
            require_output(part, own, dtype, where)
        return
    found: DType | None = getattr(y, "dtype", None)
    if found != dtype and (found is None or found.kind not in "iub"):
        given = type(y).__name__ if found is None else found
        raise TypeError(f"{where}: the network computes in {dtype}, forward gave {given}; convert it explicitly")
    if y.shape[1:] != shape:
        raise ShapeError(f"{where}: declared an output of shape (N, {_listed(shape)}), forward gave {y.shape}")


def absent(gradient: Any) -> bool:
    """Whether no gradient arrives here at all."""
    return gradient is None or (isinstance(gradient, tuple) and all(map(absent, gradient)))


def by_example(scale: Any, gradient: Any) -> Any:
    """s ⊙ g: each example's part of a gradient times its number in s (N,); None stays None, tuples part by part."""
    if gradient is None:
        return None
    if isinstance(gradient, tuple):
        return tuple(by_example(scale, part) for part in gradient)
    return scale.reshape(-1, *(1,) * (gradient.ndim - 1)) * gradient


def filled(tangent: Any, expected: Any) -> Any:
    """A tangent in which parts that are None have become zeros, like the input (`expected`, from `like`)."""
    if isinstance(expected, tuple):
        parts = (None,) * len(expected) if tangent is None else tangent
        return tuple(map(filled, parts, expected))
    return expected.zeros() if tangent is None else tangent


def added(left: Any, right: Any) -> Any:
    """The sum of two gradients of one thing, either of which may be None, or have None in it."""
    if left is None or right is None:
        return right if left is None else left
    if isinstance(left, tuple):
        return tuple(map(added, left, right))
    if left.dtype.kind != "f" or left.dtype != right.dtype or left.shape != right.shape:
        return left + right  # of integers, or of one's own making
    return ops.add(left, right, wrt=False)[0]


def _listed(shape: Any) -> str:
    return ", ".join(map(str, shape))
