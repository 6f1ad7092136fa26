"""One call of each method of a kernel on a case: what is timed, what it gives, and how much it does.

A convolution's calls are what training does in one: forward makes the plan, prepares w and a, and contracts them; the
input gradient prepares b (w's form is kept from forward); the weight gradient prepares b, and a again where the plan does
not keep it.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels import Case
from gan_np.kernels.proxy import Proxy

from .kernel_work import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, Amount, convolution, products, unread

IN_PLACE: dict[str, Callable[..., object]] = {
    "sgd": lambda kernel, theta, gradient, velocity: kernel.step(theta, gradient, velocity, 1e-4, 0.9, False),
    "adam": lambda kernel, theta, gradient, m, v: kernel.step(theta, gradient, m, v, 3, 1e-4, 0.5, 0.999, 1e-8),
    "rmsprop": lambda kernel, theta, gradient, w, v: kernel.step(theta, gradient, v, w, 1e-4, 0.99, 1e-8, 0.5),
    "average": lambda kernel, average, values: kernel.step(average, values, 0.999),
    "running": lambda kernel, mean, new, variance, other: kernel.update(mean, variance, new, other, 0.1, 64 / 63),
}
"""What is timed of operations that change their arrays: one step, again and again on the same ones. (A case's `run`, which
the numbers are compared by, works on fresh copies, and copying would be half of the time.)"""

NAMES = {"input_gradient": INPUT_GRADIENT, "weight_gradient": WEIGHT_GRADIENT}
"""A protocol's method → what a row calls it, where that is not its own name."""
WRITTEN = ("out", "flag")
"""Arguments that are written and not read."""


class Call(NamedTuple):
    """One method, ready to be called again and again."""

    method: str
    run: Callable[[], Any]
    amount: Amount


def calls(case: Case, kernel: str, implementation: Any, arrays: list[Array], dtype: np.dtype[Any]) -> list[Call]:
    """Every method that the case calls, the first call of each."""
    if case.operation == "conv2d":
        return _convolution(case, kernel, implementation, arrays, dtype)
    if case.operation in IN_PLACE:
        return [_in_place(case, implementation, arrays)]
    found: dict[str, Call] = {}

    def around(method: str, call: Callable[[], Any], given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        result = call()
        if method not in found:
            run = functools.partial(getattr(implementation, method), *given, **options)
            touched = _touched(case, method, given, options, result)
            work = products(case, method, arrays)
            found[method] = Call(NAMES.get(method, method), run, Amount(work, work, touched))
        return result

    case.run(Proxy(implementation, around), *arrays)
    return list(found.values())


def _convolution(case: Case, name: str, kernel: Any, arrays: list[Array], dtype: np.dtype[Any]) -> list[Call]:
    geometry, (weight, large, small) = case.geometry, arrays
    plan = kernel.plan(geometry)
    prepared, kept = plan.prepare_weight(weight), plan.prepare_large(large) if plan.keeps_large else None

    def forward() -> Array:
        own = kernel.plan(geometry)
        return own.to_small(own.prepare_weight(weight), own.prepare_large(large))  # type: ignore[no-any-return]

    def input_gradient() -> Array:
        return plan.to_large(prepared, plan.prepare_small(small))  # type: ignore[no-any-return]

    def weight_gradient() -> Array:
        a = plan.prepare_large(large) if kept is None else kept
        return plan.to_weight(a, plan.prepare_small(small))  # type: ignore[no-any-return]

    runs = {FORWARD: forward, INPUT_GRADIENT: input_gradient, WEIGHT_GRADIENT: weight_gradient}
    return [Call(method, run, convolution(case, name, method, dtype)) for method, run in runs.items()]


def _in_place(case: Case, implementation: Any, arrays: list[Array]) -> Call:
    """A step on arrays of its own. What changed was read and written."""
    own, step = [array.copy() for array in arrays], IN_PLACE[case.operation]
    step(implementation, *own)
    changed = sum(new.nbytes for new, old in zip(own, arrays, strict=True) if not np.array_equal(new, old))
    touched = float(sum(array.nbytes for array in arrays) + changed)
    method = "update" if case.operation == "running" else "step"
    return Call(method, functools.partial(step, implementation, *own), Amount(0.0, 0.0, touched))


def _touched(case: Case, method: str, given: tuple[Any, ...], options: dict[str, Any], result: Any) -> float:
    """Bytes of the arrays that the call must read and of those that it gives, each memory once."""
    function = kernels.interfaces.methods(kernels.OPERATIONS[case.operation])[method]
    named = inspect.signature(function).bind(None, *given, **options).arguments
    activation = named.get("activation")
    spared = unread(case.operation, method, getattr(activation, "kind", ""))
    read = [array for name, value in named.items() if name not in spared for array in flat(value)]
    if case.operation == "images":  # of a data set, only the images that were asked for
        index = named.get("index")
        chosen = len(named["images"]) if index is None else len(index)
        read = [*flat(named["mirrored"]), *flat(index), named["images"][:chosen]]
    places = {}
    for array in [*read, *flat(result)]:
        places[array.__array_interface__["data"][0], array.nbytes] = array.nbytes
    return float(sum(places.values()))


def flat(value: Any) -> list[Array]:
    """The arrays of a result: one, or those of a tuple or list; None and plain numbers are left out."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, np.generic):
        return [np.asarray(value)]
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return [array for part in value for array in flat(part)]
    return []


def error(found: Iterable[Array], expected: Iterable[Array]) -> float:
    """The largest difference of two results, array by array, each relative to its largest entry.

    Raises:
        ValueError: shapes that differ, or another number of arrays.
    """
    worst = 0.0
    for left, right in zip(found, expected, strict=True):
        if left.shape != right.shape:
            raise ValueError(f"a result has shape {left.shape}, the reference gives {right.shape}")
        if math.prod(right.shape) == 0:
            continue
        wide = right.astype(np.float64)
        scale = max(float(np.abs(wide).max()), 1e-30)
        difference = float(np.abs(left.astype(np.float64) - wide).max()) / scale
        worst = max(worst, math.inf if math.isnan(difference) else difference)
    return worst
