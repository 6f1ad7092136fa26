"""Parity of a kernel with the reference, over every case of its operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, array_module, device_of, to_device, to_host

from .layouts import with_gaps

TOLERANCE: dict[np.dtype[Any], float] = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-11}
"""Allowed difference from the float64 reference, relative to the largest entry."""

UPDATES = ("sgd", "adam", "rmsprop", "average")
"""Operations with `skip`."""


class KernelError(AssertionError):
    """A kernel that disagrees with the reference, or that touches what it was only handed."""


def check_kernel(
    operation: str, name: str, *, seed: int = 0, device: str = "cpu", tolerance: float | None = None
) -> None:
    """Compare one kernel with the reference on every small case that it supports, in float32 and float64.

    The oracle is the reference run in float64 by NumPy. Also checked: arrays of other strides, nothing handed in is
    modified, gradients written into place (overwriting, adding) and updates left out, where the operation has that.

    device: where the kernel's arrays lie; "cuda" for kernels that work on CuPy arrays.
    tolerance: allowed difference, relative to the largest entry (None: 2e-5 in float32, 1e-11 in float64); for kernels that
        round on purpose.

    Raises:
        KernelError: with the case, the result's name and the difference.
        ValueError: no such kernel, or it supports none of the cases there.

    >>> import gan_np as gn
    >>> gn.testing.check_kernel("conv2d", "im2col")
    """
    entry, reference = kernels.entry(operation, name), kernels.entry(operation, "reference")
    checked = 0
    for case in kernels.list_cases(operation):
        for dtype, usual in TOLERANCE.items():
            if entry.supports(case.problem(dtype, device.partition(":")[0])) is not None:
                continue
            checked += 1
            allowed = usual if tolerance is None else tolerance
            label = f"kernel {name!r} of {operation!r}, case {case.label!r}, {dtype}"
            arrays = case.make(np.random.default_rng(seed), dtype)
            before = [array.copy() for array in arrays]
            expected = case.run(reference.implementation, *map(_widen, arrays))
            for layout in (np.ascontiguousarray, np.asfortranarray, with_gaps):
                given = _placed(arrays, layout, device)
                found = case.run(entry.implementation, *given)
                for index, (array, old) in enumerate(zip(given, before, strict=True)):
                    if not np.array_equal(to_host(array), old):
                        raise KernelError(f"{label}: modified array {index}, which it was only handed")
                agree(label, {key: to_host(array) for key, array in found.items()}, expected, dtype, allowed)
            placed = [to_device(array, device) for array in arrays]
            _check_places(label, case, entry.implementation, placed, allowed)
            if operation in UPDATES:
                check_skip(label, case, entry.implementation, placed)
    if not checked:
        raise ValueError(f"kernel {name!r} of {operation!r} supports none of the cases on {device!r}")


def _placed(arrays: list[Array], layout: Callable[[Array], Array], device: str) -> list[Array]:
    """The arrays on a device in one layout: a copy between devices keeps the order of axes but no gaps."""
    if layout is with_gaps:
        return [with_gaps(to_device(array, device)) for array in arrays]
    return [to_device(layout(array), device) for array in arrays]


def agree(label: str, found: Any, expected: Any, dtype: np.dtype[Any], tolerance: float) -> None:
    """Refuse results of a case that are not the expected ones, to `tolerance` of their largest entry.

    Raises:
        KernelError: the names, shapes, dtypes or numbers differ; `label` says where.
    """
    if set(found) != set(expected):
        raise KernelError(f"{label}: results {sorted(found)}, expected {sorted(expected)}")
    for key, right in expected.items():
        left = found[key]
        if left.shape != right.shape:
            raise KernelError(f"{label}: {key} has shape {left.shape}, expected {right.shape}")
        if left.dtype.kind == "f" and left.dtype != dtype:
            raise KernelError(f"{label}: {key} is {left.dtype}, expected {dtype}")
        scale = max(float(np.abs(right.astype(np.float64)).max(initial=0)), 1e-30)
        difference = float(np.abs(left.astype(np.float64) - right).max(initial=0)) / scale
        if not difference <= tolerance:
            raise KernelError(f"{label}: {key} differs by {difference:.3g} of its largest entry, allowed {tolerance}")


def check_skip(label: str, case: kernels.Case, kernel: Any, arrays: list[Array]) -> None:
    """With `skip` raised an update leaves every bit as it was; with 0 it does what it does without.

    arrays: the case's, where the kernel works.

    Raises:
        KernelError: something else; `label` says where.
    """
    before, device = [to_host(array) for array in arrays], device_of(arrays[0])
    usual = {key: to_host(array) for key, array in case.run(kernel, *arrays).items()}
    for raised in (0, 1, -7):
        found = case.run(_Skipping(kernel, to_device(np.array(raised, np.int32), device)), *arrays)
        for key, array in found.items():
            now = to_host(array)
            if not any(np.array_equal(now, wanted) for wanted in (before if raised else [usual[key]])):
                what = "changed although" if raised else "is not what it is without it when"
                raise KernelError(f"{label}: {key} {what} skip is {raised}")


class _Skipping:
    """An update whose steps are all given this flag."""

    def __init__(self, kernel: Any, flag: Array) -> None:
        self._kernel, self._flag = kernel, flag

    def step(self, *arguments: Any) -> None:
        """As the kernel's."""
        self._kernel.step(*arguments, skip=self._flag)


def _check_places(label: str, case: kernels.Case, kernel: Any, arrays: list[Array], tolerance: float) -> None:
    """Gradients into a given array: the first write overwrites whatever was there, the second adds."""
    if case.operation == "dense":
        x, _, dz = arrays
        _twice(label, tolerance, lambda into: kernel.weight_gradient(x, dz, into))
    elif case.operation == "dense_layer":
        x, weight, bias, dy = arrays
        activation = kernels.Activation("tanh")
        y = kernel.forward(x, weight, bias, activation)
        wrt = (False, True, True)
        _twice(label, tolerance, lambda into: kernel.backward(dy, x, y, weight, activation, wrt, into)[1])
        _twice(label, tolerance, lambda into: kernel.backward(dy, x, y, weight, activation, wrt, None, into)[2])
    elif case.operation == "conv2d":
        _, large, small = arrays
        plan = kernel.plan(case.geometry)
        a, b = plan.prepare_large(large), plan.prepare_small(small)
        _twice(label, tolerance, lambda into: plan.to_weight(a, b, into))
    elif case.operation == "bias_activation":
        z, bias, dy = arrays
        activation = kernels.Activation("tanh")
        y = kernel.forward(z, bias, activation)
        _twice(label, tolerance, lambda into: kernel.backward(dy, y, activation, True, into)[1])
    elif case.operation == "batch_norm":
        x, scale, bias, dy = arrays
        activation = kernels.Activation("tanh")
        y, mean, _, inverse = kernel.forward(x, scale, bias, 1e-5, activation)

        def backward(into_scale: Any = None, into_bias: Any = None) -> Any:
            return kernel.backward(dy, x, y, scale, bias, mean, inverse, activation, True, into_scale, into_bias)

        _twice(label, tolerance, lambda into: backward(into)[1])
        _twice(label, tolerance, lambda into: backward(None, into)[2])
        # A dx made from what has been added up in place, and not from this batch's sums, would be wrong.
        totals = [array_module(x).full(x.shape[-1], 100, x.dtype) for _ in range(2)]
        dx, *_ = backward(*(kernels.Into(total, True) for total in totals))
        agree(f"{label}, adding into place", {"dx": to_host(dx)}, {"dx": to_host(backward()[0])}, x.dtype, tolerance)


def _twice(label: str, tolerance: float, gradient: Any) -> None:
    computed = gradient(None)
    expected = to_host(computed)
    # A view into a longer vector, as gradients are, full of what must not survive.
    memory = array_module(computed).full(expected.size + 3, np.nan, expected.dtype)
    place = memory[1 : 1 + expected.size].reshape(expected.shape)
    for times, add in ((1, False), (2, True)):
        gradient(kernels.Into(place, add))
        scale = max(float(np.abs(expected).max(initial=0)), 1e-30)
        if not float(np.abs(to_host(place) - times * expected).max(initial=0)) <= 4 * tolerance * scale:
            raise KernelError(f"{label}: writing a gradient into place ({'adding' if add else 'overwriting'}) is wrong")
    if not np.isnan(to_host(memory)[[0, -1, -2]]).all():
        raise KernelError(f"{label}: wrote outside the place it was given")


def _widen(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array
