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

from .recomputable import Recomputable

Asked: TypeAlias = tuple[bool, ...]
Gradients: TypeAlias = tuple[Array | None, ...]
Compute: TypeAlias = Callable[..., Gradients]
"""(dy, wrt, into) → gradients; with `writes_over` a fourth argument says whether dy may be written over."""
Linear: TypeAlias = Callable[[Array, Asked], "tuple[Array, OperationPullback | Linearised]"]
Along: TypeAlias = Callable[[Array | None, Asked, tuple[Into | None, ...]], Array | None]
"""(ẋ, wrt, into) → ẏ, either of which is None where it is 0; writes the gradients of the operation's other arrays."""
Slope: TypeAlias = Callable[[Array, Asked, Array | None], tuple[Array | None, Along, Asked]]
"""(dy, wrt, scale) → dx, `Along`, and for each array whether a tangent alone gives it a gradient."""
JointCompute: TypeAlias = Callable[[Array, Array | None, Asked, tuple[Into | None, ...]], Gradients]


class OperationPullback:
    """Gradients of an operation's arrays, given that of its output; a pure function, callable any number of times.

    Arguments of a call:
        dy: gradient with respect to the output, of its shape and dtype.
        wrt: which gradients are wanted, one bool for each array; at most what forward was told. All of those if None.
        into: for each array where its gradient goes (`Into(array, add)`), or None for a new array.
        over: dy is the caller's own and will not be read again: it may be written over, and the gradient of x may lie there.

    Returns a tuple with one gradient for each array of the operation, None where it was not asked for.

    Raises:
        TypeError, ShapeError: dy or a place is no array of the right shape, dtype and kind of device. Kernels read and write
            memory by what forward was given, so nothing is converted and nothing is computed.

    `pullback.linear(ẋ)` applies f linearised at x to a tangent ẋ of x and returns ẏ = ∂f/∂x·ẋ (biases dropped, kinks frozen)
    with a pullback of its own, see `Linearised`: what the second derivative of a penalty on slopes needs.

    linear: (ẋ, wrt) → ẏ and that pullback; where f is piecewise linear and a function of x alone, the `OperationPullback` of
        the linear map does.
    refusal: why there is none, for the message.
    slope: `pullback.slope` of a piecewise linear operation that treats each example by itself.
    by_example: whether a piecewise linear operation without other arrays than x treats each example by itself: its `slope`
        then follows from the rest.
    recomputable: the output, where it can be computed again from what is kept; for the operation that reads it next.
    writes_over: whether the gradient of x is always memory of its own, never dy's unless `over` allowed it, and `compute`
        takes a fourth argument, `over`.
    """

    __slots__ = (
        "_by_example",
        "_compute",
        "_linear",
        "_name",
        "_output",
        "_refusal",
        "_shapes",
        "_slope",
        "recomputable",
        "writes_over",
        "wrt",
    )

    def __init__(
        self,
        name: str,
        output: Array,
        arrays: Sequence[Array | None],
        wrt: Asked,
        compute: Compute,
        linear: Linear | None = None,
        refusal: str = "no second derivative was written for it",
        slope: Slope | None = None,
        by_example: bool = False,
        recomputable: Recomputable | None = None,
        writes_over: bool = False,
    ) -> None:
        self._name, self._output, self.wrt = name, Like(output), wrt
        self.recomputable, self.writes_over = recomputable, writes_over
        self._shapes = [None if array is None else array.shape for array in arrays]
        self._compute, self._linear, self._refusal = compute, linear, refusal
        self._slope, self._by_example = slope, by_example

    def __call__(
        self,
        dy: Array,
        wrt: Sequence[bool] | None = None,
        into: Sequence[Into | None] | None = None,
        over: bool = False,
    ) -> Gradients:
        self._output.require(dy, self._name, "dy", "the output")
        asked = _narrowed(self._name, wrt, self.wrt)
        if not any(asked):
            return (None,) * len(asked)
        how = (True,) if over and self.writes_over else ()
        if into is None:
            return self._compute(dy, asked, (None,) * len(asked), *how)
        first, *others = self._places(into)
        gradients = self._compute(dy, asked, (None, *others), *how)
        # Kernels write the gradients of parameters where they go; that of the input is always a new array.
        return gradients if first is None else (placed(gradients[0], first), *gradients[1:])

    def linear(self, tangent: Array, wrt: Sequence[bool] | None = None) -> tuple[Array, Linearised]:
        """ẏ = ∂f/∂x·ẋ for the tangent ẋ, and the pullback of (x, ẋ) → (y, ẏ), see `Linearised`.

        wrt: which gradients that one will be asked for, all by default. Where f is piecewise linear these may be more than
            forward was told: the linear map keeps what it needs itself.

        Raises:
            TypeError: the operation has no linearisation; the tangent is not of x's dtype.
            ShapeError: the tangent has not x's shape.
        """
        if not any(self.wrt):
            raise ValueError(
                f"{self._name}: forward was told that nothing would be asked of it (wrt), so it kept nothing"
            )
        if self._linear is None:
            raise TypeError(f"{self._name} has no linearisation: {self.refusal}")
        self._output.with_shape(self._shapes[0]).require(tangent, self._name, "tangent", "the input")
        there = tuple(shape is not None for shape in self._shapes)
        asked = there if wrt is None else tuple(want and has for want, has in zip(wrt, there, strict=True))
        moved, second = self._linear(tangent, asked)
        joint = second if isinstance(second, Linearised) else self._of_linear_map(moved, asked, second)
        joint.places = self._places
        return moved, joint

    @property
    def has_slope(self) -> bool:
        """Whether the operation is piecewise linear, treats each example by itself, and has `slope`."""
        return self._slope is not None or (self._by_example and self._linear is not None)

    def slope(
        self, dy: Array, wrt: Sequence[bool] | None = None, scale: Array | None = None
    ) -> tuple[Array | None, SlopeAlong]:
        """dx = Jᵀdy, and what remains for the gradients of ⟨dy, J·ẋ⟩ + ⟨s ⊙ dy, y⟩ with respect to the other arrays.

        Both have the factor Jᵀdy of every layer behind, which is made here once (see `SlopeAlong`).

        dy, wrt: as of a call. scale: s (N,), one number for each example; None for 0.

        Raises:
            TypeError: the operation has none (`has_slope`).
        """
        if not self.has_slope:
            raise TypeError(
                f"{self._name} has no slope of its own: it is not piecewise linear, or not example by example"
            )
        self._output.require(dy, self._name, "dy", "the output")
        asked = _narrowed(self._name, wrt, self.wrt)
        if self._slope is not None:
            dx, along, reached = self._slope(dy, asked, scale)
            return dx, SlopeAlong(self, asked, reached, along)
        return self(dy, asked)[0], SlopeAlong(self, asked, (False,), self._moved)

    def _moved(self, tangent: Array | None, wrt: Asked, into: tuple[Into | None, ...]) -> Array | None:
        return None if tangent is None else self.linear(tangent)[0]

    @property
    def refusal(self) -> str | None:
        """Why there is no linearisation; None where there is one."""
        return None if self._linear is not None else self._refusal

    def _of_linear_map(self, moved: Array, asked: Asked, inner: OperationPullback) -> Linearised:
        """That of a piecewise linear function of x alone: ẏ does not depend on x, and y's gradient takes its usual way."""

        def compute(dmoved: Array, dy: Array | None, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
            (dtangent,) = inner(dmoved, wrt)
            return dtangent, *((None,) if dy is None else self(dy, wrt))

        return Linearised(self._name, moved, asked, (False,), compute)

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


class SlopeAlong:
    """What remains of ∂/∂θ (⟨dy, J·ẋ⟩ + ⟨s ⊙ dy, y⟩) once dx = Jᵀdy is there: one pass forward.

    For y = f(L(w, x) + b), f piecewise linear, and δ = f′·dy

        ẏ = f′·L(w, ẋ),    dw = L(·, ẋ + s ⊙ x)ᵀ δ,    db = Σ s ⊙ δ:

    the derivative of the gradient along ẋ (Pearlmutter 1994, forward over reverse), and the gradient itself weighted by
    example, from one product.

    Arguments of a call:
        tangent: ẋ, like x; None for 0.
        wrt: which gradients are wanted, one bool for each array; at most what `slope` was told. That of x is not made here.
        into: for each array where its gradient goes; those that are wanted need a place.

    Returns ẏ, None for 0.

    reached: for each array, whether ẋ alone has a part in its gradient.
    """

    __slots__ = ("_along", "_operation", "reached", "wrt")

    def __init__(self, operation: OperationPullback, wrt: Asked, reached: Asked, along: Along) -> None:
        self._operation, self.wrt, self.reached, self._along = operation, wrt, reached, along

    def __call__(
        self, tangent: Array | None, wrt: Sequence[bool] | None = None, into: Sequence[Into | None] = ()
    ) -> Array | None:
        operation = self._operation
        if tangent is not None:
            operation._output.with_shape(operation._shapes[0]).require(tangent, operation._name, "tangent", "the input")
        asked = _narrowed(operation._name, wrt, self.wrt)
        return self._along(tangent, asked, operation._places(into or (None,) * len(asked)))


class Linearised:
    """The pullback of an operation joined with its linearisation: of (x, ẋ, θ) → (y, ẏ) for y = f(x, θ), ẏ = ∂f/∂x·ẋ.

        dẋ = Jᵀdẏ                                      J = ∂f/∂x
        dx = Jᵀdy + (∂(Jẋ)/∂x)ᵀdẏ                      θ: the operation's other arrays
        dθ = (∂f/∂θ)ᵀdy + (∂(Jẋ)/∂θ)ᵀdẏ

    Where f is piecewise linear, J does not depend on x, and dx comes from dy alone.

    Arguments of a call:
        dmoved: dẏ, like ẏ.
        dy: the gradient that arrived at y; None if none did, and then what comes from it is left out.
        wrt: which gradients are wanted, one bool for each array; the first is for both x and ẋ.
        into: for each array where its gradient goes (not for the first), or None for a new array.

    Returns (dẋ, dx, dθ, …): one more than there are arrays; None where not asked for or where nothing comes.

    reached: for each array, whether dẏ alone has a part in its gradient.
    """

    __slots__ = ("_compute", "_name", "_output", "places", "reached", "wrt")

    def __init__(self, name: str, moved: Array, wrt: Asked, reached: Asked, compute: JointCompute) -> None:
        self._name, self._output, self.wrt, self.reached = f"{name} linearised", Like(moved), wrt, reached
        self._compute = compute
        self.places: Callable[[Sequence[Into | None]], tuple[Into | None, ...]] = tuple
        """Refuses places that are not like the operation's arrays."""

    def __call__(
        self,
        dmoved: Array,
        dy: Array | None = None,
        wrt: Sequence[bool] | None = None,
        into: Sequence[Into | None] | None = None,
    ) -> Gradients:
        self._output.require(dmoved, self._name, "dy", "the output")
        if dy is not None:
            self._output.require(dy, self._name, "dy", "the output")
        asked = _narrowed(self._name, wrt, self.wrt)
        return self._compute(dmoved, dy, asked, (None,) * len(asked) if into is None else self.places(into))


def _narrowed(name: str, wrt: Sequence[bool] | None, bound: Asked) -> Asked:
    """What is asked for, all of `bound` by default; more than that is refused."""
    if wrt is None or wrt == bound:
        return bound
    if len(wrt) != len(bound):
        raise ValueError(f"{name}: wrt has {len(wrt)} entries, expected {len(bound)}")
    for asked, kept in zip(wrt, bound, strict=True):
        if asked and not kept:
            raise ValueError(f"{name}: wrt={tuple(wrt)} asks for more than forward kept ({bound})")
    return tuple(wrt)


def placed(value: Array | None, into: Into | None) -> Array | None:
    """A gradient (if there is one) where it goes: there, or as it is."""
    return value if value is None else kernels.reference.placing.place(value, into)


def problem(x: Array, geometry: Any = None) -> Problem:
    """Return the question that the kernel table is asked for an operation on `x`."""
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
