"""`cupy.ndarray`: an array in device memory, as strict as CuPy's about what it meets."""

from __future__ import annotations

import numpy as np

from .memory import MemoryPointer

SCALARS = (bool, int, float, np.generic)


class Flags:
    """CuPy's flags have no `writeable`."""

    def __init__(self, view):
        self.c_contiguous, self.f_contiguous = view.flags.c_contiguous, view.flags.f_contiguous


def make_class(world):
    """The class of arrays of one pretended machine."""

    class ndarray:
        """A view of a block. Operations give new arrays or write to `out`; NumPy arrays are never taken for one."""

        __array_ufunc__ = None  # CuPy dispatches NumPy's functions; the library is to call CuPy's
        __hash__ = None

        def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
            if memptr is not None or strides is not None or order != "C":
                raise NotImplementedError("the stand-in makes C-contiguous arrays of its own memory")
            kind = np.dtype(dtype)
            if kind.kind not in "fiub":
                raise ValueError(f"Unsupported dtype {kind}")
            size = int(np.prod(shape, dtype=np.int64))
            owner = world.allocate(size * kind.itemsize)
            self._owner, self._view = owner, owner.block.bytes.view(kind).reshape(shape)

        def _like(self, view):
            """Another view of the same block."""
            other = object.__new__(ndarray)
            other._owner, other._view = self._owner, view
            return other

        # What it is.

        shape = property(lambda self: self._view.shape)
        dtype = property(lambda self: self._view.dtype)
        ndim = property(lambda self: self._view.ndim)
        size = property(lambda self: self._view.size)
        nbytes = property(lambda self: self._view.nbytes)
        itemsize = property(lambda self: self._view.itemsize)
        strides = property(lambda self: self._view.strides)
        flags = property(lambda self: Flags(self._view))
        device = property(lambda self: world.module.cuda.Device(self._owner.block.device))
        data = property(lambda self: MemoryPointer(self._owner, self._view.ctypes.data))

        def __len__(self):
            if not self.shape:
                raise TypeError("len() of unsized object")
            return self.shape[0]

        def __iter__(self):
            if not self.shape:
                raise TypeError("iteration over a 0-d array")
            return (self[index] for index in range(len(self)))

        def __repr__(self):
            return f"<stand-in array {self.shape} {self.dtype} on {self.device.id}>"

        # Views.

        T = property(lambda self: self._like(self._view.T))

        def view(self, dtype=None):
            return self._like(self._view.view() if dtype is None else self._view.view(dtype))

        def transpose(self, *axes):
            return self._like(self._view.transpose(*axes))

        def reshape(self, *shape, order="C"):
            if order != "C":
                raise NotImplementedError("the stand-in reshapes in C order")
            shaped = self._view.reshape(*shape)
            if not shaped.size or np.may_share_memory(shaped, self._view):
                return self._like(shaped)
            return call(lambda view: view.reshape(*shape), self)

        def ravel(self):
            return self.reshape(-1)

        def __getitem__(self, index):
            parts, advanced = _parts(index)
            if not advanced:
                return self._like(self._view[_viewing(parts)])
            if any(_is_mask(part) for part in parts):
                world.synchronised("indexing with a mask")
            world.check_device(self)
            return call(lambda view, *arrays: view[_resolved(view.shape, parts, arrays)], self, *_arrays(parts))

        def __setitem__(self, index, value):
            parts, advanced = _parts(index)
            if isinstance(value, np.ndarray) and value.ndim:
                raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
            if not advanced:
                put(lambda given: given, self._like(self._view[_viewing(parts)]), value)
                return
            views = [self._view, *(array._view for array in _arrays(parts))]
            given, blocks = unwrap([self, value, *_arrays(parts)])

            def work():
                self._view[_resolved(views[0].shape, parts, views[1:])] = given[1]

            world.allow()
            work() if world.capture is None else world.record(work, blocks)

        # Copies.

        def copy(self, order="C"):
            if self.device.id == world.current_device:
                return call(np.array, self)
            made = ndarray(self.shape, self.dtype)  # on the current device: CuPy copies from one to another
            view, blocks = self._view, [self._owner.block, made._owner.block]
            world.launch(lambda: view, made._view, blocks)
            return made

        def astype(self, dtype, copy=True):
            if not copy and np.dtype(dtype) == self.dtype:
                return self
            with np.errstate(all="ignore"):
                return call(lambda view: view.astype(dtype), self)

        def fill(self, value):
            if isinstance(value, np.ndarray) and value.ndim:
                raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
            put(lambda given: given, self, value.item() if isinstance(value, np.ndarray) else value)

        def get(self, stream=None, order="C", out=None, blocking=True):
            if out is not None:
                if not isinstance(out, np.ndarray):
                    raise TypeError("Only numpy.ndarray can be obtained fromcupy.ndarray")
                if out.dtype != self.dtype:
                    raise TypeError(f"{out.dtype} array cannot be obtained from {self.dtype} array")
                if out.shape != self.shape:
                    raise ValueError(f"Shape mismatch. Expected shape: {self.shape}, actual shape: {out.shape}")
            target = np.empty(self.shape, self.dtype) if out is None else out
            world.to_host(target, self._view, blocking=blocking)
            return target

        def set(self, arr, stream=None):
            if not isinstance(arr, np.ndarray):
                raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
            if arr.dtype != self.dtype:
                raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
            if arr.shape != self.shape:
                raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
            if not (self._view.flags.c_contiguous or self._view.flags.f_contiguous):
                raise RuntimeError("Cannot set to non-contiguous array")
            world.to_device(self._view, arr)

        def __array__(self, dtype=None, copy=None):
            raise TypeError(
                "Implicit conversion to a NumPy array is not allowed. "
                "Please use `.get()` to construct a NumPy array explicitly."
            )

        def __reduce__(self):
            return world.module.array, (self.get(),)

        # Scalars: each of these makes the host wait.

        def item(self):
            return self.get().item()

        def tolist(self):
            return self.get().tolist()

        def __bool__(self):
            return bool(self.get())

        def __int__(self):
            return int(self.get())

        def __float__(self):
            return float(self.get())

        def __index__(self):
            return self.get().__index__()

        # Exchange with other libraries.

        @property
        def __cuda_array_interface__(self):
            where = (self._view.ctypes.data, False)
            return {"shape": self.shape, "typestr": self.dtype.str, "data": where, "strides": None, "version": 3}

        def __dlpack_device__(self):
            return 2, self.device.id

        def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
            return self  # in place of a capsule

    def unwrap(values):
        """NumPy views of device arrays and scalars as they are, and the blocks; anything else is refused as by CuPy."""
        views, blocks = [], []
        for value in values:
            if isinstance(value, ndarray):
                world.check_device(value)
                views.append(value._view)
                blocks.append(value._owner.block)
            elif isinstance(value, SCALARS) or value is None:
                views.append(value)
            else:
                raise TypeError(f"Unsupported type {type(value)}")
        return views, blocks

    def call(function, *inputs, library=None, out=None):
        """`function` of device arrays and scalars: a new array, or into `out`."""
        views, blocks = unwrap(inputs)
        if out is not None:
            return put(function, out, *inputs, library=library)
        world.allow(library)
        with np.errstate(all="ignore"):
            result = np.asarray(function(*views))
        made = ndarray(result.shape, result.dtype)
        if world.capture is None:
            made._view[...] = result
        else:  # only shape and dtype count: what it read is not there yet
            world.launch(lambda: function(*views), made._view, [*blocks, made._owner.block])
        return made

    def put(function, out, *inputs, library=None):
        """`function` of device arrays and scalars, into `out`."""
        if not isinstance(out, ndarray):
            raise TypeError("Output arguments type must be cupy.ndarray")
        views, blocks = unwrap([*inputs, out])
        world.launch(lambda: function(*views[:-1]), views[-1], blocks, library)
        return out

    def _parts(index):
        """The parts of an index, NumPy arrays and lists brought to the device as CuPy does, and whether any is an array."""
        parts = list(index) if isinstance(index, tuple) else [index]
        for place, part in enumerate(parts):
            if isinstance(part, np.ndarray | list):
                parts[place] = world.module.asarray(part)
        return parts, any(isinstance(part, ndarray) for part in parts)

    def _arrays(parts):
        return [part for part in parts if isinstance(part, ndarray)]

    def _is_mask(part):
        return isinstance(part, ndarray) and part.dtype == bool

    # Methods and operators.
    for name in ("sum", "mean", "max", "min", "argmax", "argmin", "all", "any", "prod", "repeat", "squeeze", "clip"):
        setattr(ndarray, name, _method(name, call))
    for name, function in OPERATORS.items():
        setattr(ndarray, f"__{name}__", _operator(function, call, library="cuBLAS" if name == "matmul" else None))
        if name in COMPARISONS:
            continue
        setattr(ndarray, f"__r{name}__", _operator(function, call, reverse=True))
        setattr(ndarray, f"__i{name}__", _in_place(function, put, np.can_cast))
    ndarray.__neg__ = lambda self: call(np.negative, self)
    ndarray.__abs__ = lambda self: call(np.absolute, self)
    ndarray.__invert__ = lambda self: call(np.invert, self)
    ndarray.__module__, ndarray.__qualname__ = "cupy", "ndarray"
    return ndarray, call, put


OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or,
    "xor": np.bitwise_xor, "lshift": np.left_shift, "rshift": np.right_shift, "eq": np.equal, "ne": np.not_equal,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def _operator(function, call, *, reverse=False, library=None):
    def method(self, other):
        return call(function, other, self) if reverse else call(function, self, other, library=library)

    return method


def _in_place(function, put, can_cast):
    def method(self, other):
        # As in NumPy the result may not be of a wider kind than what it is put into.
        kind = getattr(other, "dtype", None)
        if kind is not None and not can_cast(np.result_type(self.dtype, kind), self.dtype, "same_kind"):
            raise TypeError(f"Cannot cast output of {function.__name__} to {self.dtype} with casting rule 'same_kind'")
        return put(function, self, self, other)

    return method


def _method(name, call):
    def method(self, *arguments, out=None, **options):
        return call(lambda view: getattr(view, name)(*arguments, **options), self, out=out)

    return method


def _viewing(parts):
    """An index that gives a view even of a single number."""
    return tuple(parts) if any(part is Ellipsis for part in parts) else (*parts, ...)


def _resolved(shape, parts, arrays):
    """The index for NumPy: numbers out of bounds go round, as in CuPy (NumPy raises)."""
    arrays, axis, result = iter(arrays), 0, []
    used = sum(part is not None and part is not Ellipsis for part in parts)
    for part in parts:
        if part is None:
            result.append(part)
            continue
        if part is Ellipsis:
            result.append(part)
            axis += len(shape) - used
            continue
        if not isinstance(part, int | np.integer | slice):
            numbers = next(arrays)
            part = numbers if numbers.dtype == bool else numbers % shape[axis]
        result.append(part)
        axis += 1
    return tuple(result)
