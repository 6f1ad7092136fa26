"""The functions of the module `cupy`: each computes with NumPy, in device memory, as one launch."""

from __future__ import annotations

import types

import numpy as np

UFUNCS = (
    "add", "subtract", "multiply", "divide", "true_divide", "floor_divide", "power", "remainder", "maximum", "minimum",
    "negative", "absolute", "abs", "sign", "sqrt", "square", "exp", "expm1", "log", "log1p", "tanh", "sin", "cos", "rint",
    "floor", "ceil", "isfinite", "isnan", "isinf", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
    "logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or",
)  # fmt: skip
REDUCTIONS = ("sum", "mean", "max", "min", "argmax", "argmin", "all", "any", "prod")
PRODUCTS = ("matmul", "dot", "tensordot", "outer", "inner", "vdot")
"""What CuPy computes with cuBLAS."""
MANY = 8
"""More small arrays than so many are joined by one kernel, which is sent a table of their addresses."""
VIEWS = ("moveaxis", "transpose", "swapaxes", "expand_dims", "squeeze", "broadcast_to")


def fill(module, world, ndarray, call, put):
    """Give the module its functions."""

    def of_numpy(function, library=None):
        def run(*arguments, out=None, **options):
            arrays = [argument for argument in arguments if isinstance(argument, ndarray)]
            if not arrays:
                raise TypeError(f"{function.__name__}: expected a cupy.ndarray, got {type(arguments[0])}")
            return call(lambda *views: function(*views, **options), *arguments, library=library, out=out)

        run.__name__ = function.__name__
        return run

    for name in (*UFUNCS, *REDUCTIONS, "where", "clip", "take", "take_along_axis", "repeat", "isclose", "cumsum"):
        setattr(module, name, of_numpy(getattr(np, name)))
    for name in PRODUCTS:
        setattr(module, name, of_numpy(getattr(np, name), "cuBLAS"))
    module.linalg = types.ModuleType("cupy.linalg")
    module.linalg.norm = of_numpy(np.linalg.norm)
    module.lib = types.ModuleType("cupy.lib")
    module.lib.stride_tricks = types.ModuleType("cupy.lib.stride_tricks")

    def view_of(function):
        return lambda a, *arguments, **options: a._like(function(a._view, *arguments, **options))

    for name in VIEWS:
        setattr(module, name, view_of(getattr(np, name)))
    module.reshape = lambda a, newshape: a.reshape(newshape)
    module.lib.stride_tricks.as_strided = view_of(np.lib.stride_tricks.as_strided)

    def empty(shape, dtype=float, order="C"):
        return ndarray(shape, dtype)

    def full(shape, fill_value, dtype=None, order="C"):
        made = ndarray(shape, np.asarray(fill_value).dtype if dtype is None else dtype)
        made.fill(fill_value)
        return made

    def asarray(a, dtype=None, order=None, *, blocking=False):
        if isinstance(a, ndarray):
            return a if dtype is None or a.dtype == np.dtype(dtype) else a.astype(dtype)
        host = np.asarray(a, dtype)
        made = ndarray(host.shape, host.dtype)
        if not host.ndim:
            made.fill(host)  # a launch, no transfer
        else:
            world.to_device(made._view, host.copy())
        if blocking:
            world.synchronised("a blocking copy to the device")
        return made

    def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
        return obj.copy() if isinstance(obj, ndarray) and dtype is None else asarray(obj, dtype, blocking=blocking)

    def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
        return a.get(out=out, blocking=blocking) if isinstance(a, ndarray) else np.asarray(a)

    def arange(start, stop=None, step=1, dtype=None):
        host = np.arange(start, stop, step, dtype) if stop is not None else np.arange(0, start, step, dtype)
        made = ndarray(host.shape, host.dtype)
        put(lambda: host, made)  # a kernel of its own, no transfer
        return made

    def joined(function):
        def run(tup, axis=0):
            if len(tup) > MANY and len({array.dtype for array in tup}) == 1:
                world.to_device(np.empty(len(tup)), np.zeros(len(tup)))  # CuPy sends a table of addresses
            return call(lambda *views: function(views, axis=axis), *tup)

        return run

    def ascontiguousarray(a, dtype=None):
        same = dtype is None or a.dtype == np.dtype(dtype)
        return a if same and a.flags.c_contiguous else call(lambda view: np.array(view, dtype, order="C"), a)

    def copyto(dst, src, casting="same_kind", where=None):
        if where is None:
            put(lambda given: given, dst, src)
        else:
            put(lambda given, old, chosen: np.where(chosen, given, old), dst, src, dst, where)

    def from_dlpack(array):
        found = array.__dlpack__()
        if not isinstance(found, ndarray):
            raise BufferError("the stand-in takes DLPack from its own arrays alone")
        return found._like(found._view)

    module.empty, module.full, module.asarray, module.array, module.asnumpy = empty, full, asarray, array, asnumpy
    module.zeros = lambda shape, dtype=float, order="C": full(shape, 0, dtype)
    module.ones = lambda shape, dtype=float, order="C": full(shape, 1, dtype)
    module.empty_like = lambda prototype, dtype=None: empty(prototype.shape, dtype or prototype.dtype)
    module.zeros_like = lambda a, dtype=None: full(a.shape, 0, a.dtype if dtype is None else dtype)
    module.ones_like = lambda a, dtype=None: full(a.shape, 1, a.dtype if dtype is None else dtype)
    module.full_like = lambda a, fill_value, dtype=None: full(a.shape, fill_value, dtype or a.dtype)
    module.arange, module.ascontiguousarray, module.copyto, module.from_dlpack = (
        arange, ascontiguousarray, copyto, from_dlpack,
    )  # fmt: skip
    module.concatenate, module.stack = joined(np.concatenate), joined(np.stack)
