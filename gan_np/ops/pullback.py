"""What an operation returns beside its output.

For y = f(a₁, …, aₙ) the pullback maps the gradient of a scalar with respect to y to its gradients with respect to each
aᵢ:  pullback(dy) = (dy·∂f/∂a₁, …, dy·∂f/∂aₙ).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, Like, Shape
from gan_np.checks import ShapeError
from gan_np.kernels import Into, Problem

Asked: TypeAlias = tuple[bool, ...]
Gradients: TypeAlias = tuple[Array | None, ...]
Compute: TypeAlias = Callable[[Array, Asked, tuple[Into | None, ...]], Gradients]
Linear: TypeAlias = Callable[[Array, Asked], "tuple[Array, OperationPullback]"]


class OperationPullback:
    """Gradients of an operation's arrays, given that of its output; a pure function, callable any number of times.

    Arguments of a call:
        dy: gradient with respect to the output, of its shape and dtype.
        wrt: which gradients are wanted, one bool for each array; at most what forward was told. All of those if None.
        into: for each array where its gradient goes (`Into(array, add)`), or None for a new array.

    Returns a tuple with one gradient for each array of the operation, None where it was not asked for.

    Raises:
        TypeError, ShapeError: dy or a place is no array of the right shape, dtype and kind of device. Kernels read and write
            memory by what forward was given, so nothing is converted and nothing is computed.

    `pullback.linear(t)` applies f linearised at x to a tangent t of x (∂f/∂x·t, biases dropped, kinks frozen) and returns
    it with its own pullback: what the second derivative of R1 needs. Only piecewise linear operations have it.
    """

    __slots__ = ("_compute", "_linear", "_name", "_output", "_shapes", "wrt")

    def __init__(
        self,
        name: str,
        output: Array,
        arrays: Sequence[Array | None],
        wrt: Asked,
        compute: Compute,
        linear: Linear | None = None,
    ) -> None:
        self._name, self._output, self.wrt = name, Like(output), wrt
        self._shapes = [None if array is None else array.shape for array in arrays]
        self._compute, self._linear = compute, linear

    def __call__(
        self, dy: Array, wrt: Sequence[bool] | None = None, into: Sequence[Into | None] | None = None
    ) -> Gradients:
        self._output.require(dy, self._name, "dy", "the output")
        asked = self._narrow(wrt)
        if not any(asked):
            return (None,) * len(asked)
        if into is None:
            return self._compute(dy, asked, (None,) * len(asked))
        first, *others = self._places(into)
        gradients = self._compute(dy, asked, (None, *others))
        # Kernels write the gradients of parameters where they go; that of the input is always a new array.
        return gradients if first is None else (placed(gradients[0], first), *gradients[1:])

    def linear(self, tangent: Array, wrt: Sequence[bool] | None = None) -> tuple[Array, OperationPullback]:
        """f linearised at x, applied to `tangent`, and the pullback of that.

        `wrt` may ask for arrays that forward was not asked for: the linear map keeps what it needs itself.

        Raises:
            TypeError: the operation is not piecewise linear; the tangent is not of x's dtype.
            ShapeError: the tangent has not x's shape.
        """
        if not any(self.wrt):
            raise ValueError(
                f"{self._name}: forward was told that nothing would be asked of it (wrt), so it kept nothing"
            )
        if self._linear is None:
            raise TypeError(
                f"{self._name} is not piecewise linear: it has no linearisation with a derivative of its own"
            )
        self._output.with_shape(self._shapes[0]).require(tangent, self._name, "tangent", "the input")
        return self._linear(tangent, tuple(True for _ in self.wrt) if wrt is None else tuple(wrt))

    def _places(self, into: Sequence[Into | None]) -> tuple[Into | None, ...]:
        if len(into) != len(self.wrt):
            raise ValueError(f"{self._name}: into has {len(into)} entries, expected {len(self.wrt)}")
        output = self._output
        for index, place in enumerate(into):
            if place is None:
                continue
            array, shape = place.array, self._shapes[index]
            if type(array) is output.kind and array.dtype == output.dtype and array.shape == shape:
                continue  # nearly always: what follows makes the message
            output.with_shape(shape).require(array, self._name, f"into[{index}]", f"argument {index}")
        return tuple(into)

    def _narrow(self, wrt: Sequence[bool] | None) -> Asked:
        if wrt is None or wrt == self.wrt:
            return self.wrt
        if len(wrt) != len(self.wrt):
            raise ValueError(f"{self._name}: wrt has {len(wrt)} entries, expected {len(self.wrt)}")
        if any(asked and not kept for asked, kept in zip(wrt, self.wrt, strict=True)):
            raise ValueError(f"{self._name}: wrt={tuple(wrt)} asks for more than forward kept ({self.wrt})")
        return tuple(wrt)


def placed(value: Array | None, into: Into | None) -> Array | None:
    """A gradient (if there is one) where it goes: there, or as it is."""
    return value if value is None else kernels.reference.placing.place(value, into)


def problem(x: Array, geometry: Any = None) -> Problem:
    """What the kernel table is asked for an operation on `x`."""
    return Problem("cpu" if isinstance(x, np.ndarray) else "cuda", x.dtype, x.shape, geometry)


def asked(wrt: Sequence[bool] | bool, arrays: Sequence[Any]) -> Asked:
    """`wrt` as one bool for each array; nothing is asked of an array that is not there."""
    wanted = (wrt,) * len(arrays) if isinstance(wrt, bool) else tuple(wrt)
    if len(wanted) != len(arrays):
        raise ValueError(f"wrt: expected {len(arrays)} entries, got {len(wanted)}")
    return tuple([bool(want) and array is not None for want, array in zip(wanted, arrays, strict=True)])


def require_rank(operation: str, name: str, array: Array, rank: int, layout: str) -> None:
    """Refuse an array with the wrong number of axes."""
    if array.ndim != rank:
        raise ShapeError(f"{operation}: {name} must be {layout}, got shape {array.shape}")


def require_shape(operation: str, name: str, array: Array | None, shape: Shape) -> None:
    """Refuse an array (if there is one) whose shape is not `shape`."""
    if array is not None and array.shape != shape:
        raise ShapeError(f"{operation}: {name} must have shape {shape}, got {array.shape}")
