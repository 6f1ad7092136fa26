"""What a kernel writes over: gradients into a given place, vectors that change in place, y over z; and what it must not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, array_module, device_of, to_device, to_host
from gan_np.kernels.cases import ACTIVATIONS

from .kernel_results import KernelError, agree

UPDATES = ("sgd", "adam", "rmsprop", "average")
"""Operations whose kernels have the argument `skip`."""

CHANGED = {
    "sgd": ("theta", "velocity"),
    "adam": ("theta", "first", "second"),
    "rmsprop": ("theta", "second", "velocity"),
    "average": ("average",),
    "running": ("mean", "variance"),
    "normal": ("out",),
    "finite": ("flag",),
    "report": ("out",),
}
"""Operation → the arguments that its method changes in place."""


def check_skip(case: kernels.Case, kernel: Any, arrays: list[Array]) -> None:
    """With `skip` raised an update leaves every bit as it was; with 0 it does what it does without.

    arrays: the case's, where the kernel works.

    Raises:
        KernelError: something else.
    """
    before, device = [to_host(array) for array in arrays], device_of(arrays[0])
    usual = {key: to_host(array) for key, array in case.run(kernel, *arrays).items()}
    for raised in (0, 1, -7):
        found = case.run(_Skipping(kernel, to_device(np.array(raised, np.int32), device)), *arrays)
        for key, array in found.items():
            now = to_host(array)
            if not any(np.array_equal(now, wanted) for wanted in (before if raised else [usual[key]])):
                what = "changed although" if raised else "is not what it is without it when"
                raise KernelError(f"{key} {what} skip is {raised}")


class _Skipping:
    """An update whose steps are all given this flag."""

    def __init__(self, kernel: Any, flag: Array) -> None:
        self._kernel, self._flag = kernel, flag

    def step(self, *arguments: Any) -> None:
        """Call the kernel's own `step` with `skip` raised."""
        self._kernel.step(*arguments, skip=self._flag)


class Guarded:
    """A kernel whose arguments that change in place are parts of longer vectors, around which nothing may change.

    The values lie side by side, one value away from where memory is aligned.
    """

    def __init__(self, operation: str, kernel: Any) -> None:
        self._changed, self._kernel = CHANGED[operation], kernel

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._kernel, name)
        signature = inspect.signature(method)

        def call(*arguments: Any, **options: Any) -> Any:
            bound = signature.bind(*arguments, **options)
            guarded = []
            for changed in self._changed:
                array = bound.arguments.get(changed)
                if array is None:
                    continue
                filling: Any = np.nan if array.dtype.kind == "f" else 77
                memory = array_module(array).full(array.size + 4, filling, array.dtype)
                view = memory[1 : 1 + array.size].reshape(array.shape)
                view[...] = array
                bound.arguments[changed] = view
                guarded.append((changed, array, memory, view, filling))
            result = method(*bound.args, **bound.kwargs)
            for changed, array, memory, view, filling in guarded:
                around = np.delete(to_host(memory), np.arange(1, 1 + array.size))
                if not np.array_equal(around, np.full(4, filling, array.dtype), equal_nan=array.dtype.kind == "f"):
                    raise KernelError(f"{changed}: wrote before its first or behind its last value")
                array[...] = view
            return result

        return call


def check_in_place(kernel: Any, arrays: list[Array], tolerance: float) -> None:
    """`bias_activation` with `in_place`: y is in z's memory, and is what it is without.

    Raises:
        KernelError: it is not.
    """
    z, bias, _ = arrays
    for activation in ACTIVATIONS:
        for given, text in ((bias, "with a bias"), (None, "without a bias")):
            expected = to_host(kernel.forward(z.copy(), given, activation))
            memory = z.copy()
            y = kernel.forward(memory, given, activation, in_place=True)
            what = f"in_place=True, {activation.kind} {text}"
            agree(what, {"y": to_host(y)}, {"y": expected}, z.dtype, tolerance)
            if not np.array_equal(to_host(memory), to_host(y)):
                raise KernelError(f"z was not overwritten although in_place=True was asked ({what})")
            if isinstance(y, np.ndarray) and y.size and not np.shares_memory(y, memory):
                raise KernelError(f"y is not in z's memory although in_place=True was asked ({what})")


def check_backward_in_place(operation: str, kernel: Any, arrays: list[Array]) -> None:
    """The feature "backward_in_place": the bits of backward, in dy's memory, and no other array changed.

    Raises:
        KernelError: other bits, other memory, or another array changed.
    """
    *given, dy = arrays
    for activation in (*ACTIVATIONS, kernels.Activation()):
        others: list[Any]
        if operation == "batch_norm":
            x, scale, bias = given
            y, mean, _, inverse = kernel.forward(x, scale, bias, 1e-5, activation)
            others = [x, y, scale, bias, mean, inverse, activation]
        else:
            others = [kernel.forward(*given, activation), activation, True]
        before = [to_host(array).copy() for array in others if hasattr(array, "shape")]
        memory = dy.copy()
        wanted, found = kernel.backward(dy, *others), kernel.backward_in_place(memory, *others)
        label = f"backward_in_place ({activation.kind})"
        if any(not np.array_equal(to_host(a), to_host(b), equal_nan=True) for a, b in zip(wanted, found, strict=True)):
            raise KernelError(f"{label} gives other bits than backward")
        if found[0] is not memory and not (isinstance(memory, np.ndarray) and np.shares_memory(found[0], memory)):
            raise KernelError(f"{label}: the gradient is not in dy's memory")
        after = [to_host(array) for array in others if hasattr(array, "shape")]
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True)):
            raise KernelError(f"{label}: changed another array than dy")


def check_recomputed(kernel: Any, arrays: list[Array]) -> None:
    """`batch_norm` with the feature "recomputes": y made again has the bits it had, and without activation y is not read.

    Raises:
        KernelError: it has not, or it is.
    """
    x, scale, bias, dy = arrays
    for activation in (*ACTIVATIONS, kernels.Activation()):
        for gamma, beta in ((scale, bias), (None, None)):
            y, mean, _, inverse = kernel.forward(x, gamma, beta, 1e-5, activation)
            again = kernel.normalise(x, gamma, beta, mean, inverse, activation)
            if not np.array_equal(to_host(y), to_host(again), equal_nan=True):
                raise KernelError(f"normalise gives other bits than forward ({activation.kind}); it declares the same")
    y, mean, _, inverse = kernel.forward(x, scale, bias, 1e-5, kernels.Activation())
    found = [kernel.backward(dy, x, given, scale, bias, mean, inverse, kernels.Activation()) for given in (y, x)]
    if any(not np.array_equal(to_host(one), to_host(two), equal_nan=True) for one, two in zip(*found, strict=True)):
        raise KernelError("backward reads y where there is no activation; it declares that it does not")


def check_slope_from_input(kernel: Any, arrays: list[Array]) -> None:
    """`batch_norm` with the feature "slope_from_input": backward gives the same bits with x in the place of y.

    Raises:
        KernelError: it does not, behind relu or leaky_relu.
    """
    x, scale, bias, dy = arrays
    for activation in (kernels.Activation("relu"), kernels.Activation("leaky_relu", 0.2)):
        for gamma, beta in ((scale, bias), (None, None)):
            y, mean, _, inverse = kernel.forward(x, gamma, beta, 1e-5, activation)
            found = [kernel.backward(dy, x, given, gamma, beta, mean, inverse, activation) for given in (y, x)]
            if any(not np.array_equal(to_host(a), to_host(b), equal_nan=True) for a, b in zip(*found, strict=True)):
                raise KernelError(f"backward reads y behind {activation.kind}; it declares that f′ comes from x")


def check_signs(kernel: Any, arrays: list[Array]) -> None:
    """`bias_activation` with the feature "signs": backward gives the same bits with the signs of y in the place of y.

    Raises:
        KernelError: it does not, behind relu or leaky_relu.
    """
    z, bias, dy = arrays
    for activation in (kernels.Activation("relu"), kernels.Activation("leaky_relu", 0.2)):
        y = kernel.forward(z, bias, activation)
        signs = kernel.signs(y)
        for need_bias in (False, True):
            found = [kernel.backward(dy, given, activation, need_bias) for given in (y, signs)]
            for one, two in zip(*found, strict=True):
                if one is not None and not np.array_equal(to_host(one), to_host(two), equal_nan=True):
                    raise KernelError(f"backward gives other bits from the signs of y than from y ({activation.kind})")


def check_places(case: kernels.Case, kernel: Any, arrays: list[Array], tolerance: float) -> None:
    """Gradients into a given array: the first write overwrites whatever was there, the second adds."""
    if case.operation == "dense":
        x, _, dz = arrays
        _twice("dW", tolerance, lambda into: kernel.weight_gradient(x, dz, into))
    elif case.operation == "dense_layer":
        x, weight, bias, dy = arrays
        activation = kernels.Activation("tanh")
        y = kernel.forward(x, weight, bias, activation)
        wrt = (False, True, True)
        _twice("dW", tolerance, lambda into: kernel.backward(dy, x, y, weight, activation, wrt, into)[1])
        _twice("db", tolerance, lambda into: kernel.backward(dy, x, y, weight, activation, wrt, None, into)[2])
    elif case.operation == "conv2d":
        _, large, small = arrays
        plan = kernel.plan(case.geometry)
        a, b = plan.prepare_large(large), plan.prepare_small(small)
        _twice("∂T/∂w", tolerance, lambda into: plan.to_weight(a, b, into))
    elif case.operation == "bias_activation":
        z, bias, dy = arrays
        for kind in ("tanh", "linear"):
            activation = kernels.Activation(kind)
            y = kernel.forward(z, bias, activation)
            _twice(f"db ({kind})", tolerance, _bias_gradient(kernel, dy, y, activation))
    elif case.operation == "batch_norm":
        x, scale, bias, dy = arrays
        activation = kernels.Activation("tanh")
        y, mean, _, inverse = kernel.forward(x, scale, bias, 1e-5, activation)

        def backward(into_scale: Any = None, into_bias: Any = None, need_input: bool = True) -> Any:
            given = dy, x, y, scale, bias, mean, inverse, activation
            return kernel.backward(*given, need_input, into_scale, into_bias)

        _twice("dγ", tolerance, lambda into: backward(into)[1])
        _twice("dβ", tolerance, lambda into: backward(None, into)[2])
        _twice("dγ (need_input=False)", tolerance, lambda into: backward(into, None, False)[1])
        # A dx made from what has been added up in place, and not from this batch's sums, would be wrong.
        totals = [array_module(x).full(x.shape[-1], 100, x.dtype) for _ in range(2)]
        dx, *_ = backward(kernels.Into(totals[0], True), kernels.Into(totals[1], True))
        agree("adding into place", {"dx": to_host(dx)}, {"dx": to_host(backward()[0])}, x.dtype, tolerance)


def _bias_gradient(kernel: Any, dy: Array, y: Array, activation: kernels.Activation) -> Callable[[Any], Any]:
    return lambda into: kernel.backward(dy, y, activation, True, into)[1]


def _twice(name: str, tolerance: float, gradient: Any) -> None:
    computed = gradient(None)
    expected = to_host(computed)
    # A view into a longer vector, as gradients are, full of what must not survive.
    memory = array_module(computed).full(expected.size + 3, np.nan, expected.dtype)
    place = memory[1 : 1 + expected.size].reshape(expected.shape)
    for times, add in ((1, False), (2, True)):
        gradient(kernels.Into(place, add))
        scale = max(float(np.abs(expected).max(initial=0)), 1e-30)
        if not float(np.abs(to_host(place) - times * expected).max(initial=0)) <= 4 * tolerance * scale:
            how = "adding" if add else "overwriting"
            raise KernelError(f"{name}: writing a gradient into place ({how}) is wrong")
    if not np.isnan(to_host(memory)[[0, -1, -2]]).all():
        raise KernelError(f"{name}: wrote outside the place it was given")
