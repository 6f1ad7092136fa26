"""Numba's compiler, set to the target of `target.py`, and without work that kernels have no use for.

A `KernelDispatcher` is one of Numba's dispatchers with a code generator of its own: whatever a user compiles with Numba in
the same process is still compiled for the very processor.

A function that only compiled code calls gets no machine code of its own, since it becomes part of each of its callers, and
no C functions are made for which nobody asks.

LLVM goes over each function once, together with what it calls. Numba has it go over the code three times: each function
alone, then all together for counts of references, then all together. The first two times take a quarter of all that a first
step waits for, and change no bit of what kernels compute and nothing in how long they take. (What is called is still
optimised before it becomes part of its callers: without that some steps took a tenth more.)
"""

from __future__ import annotations

import contextlib
import copy
import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import binding
from numba.core import codegen, cpu, registry, sigutils, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.typing.context import Context
from numba.core.utils import threadsafe_cached_property

from . import packed, target
from .pipeline import Pipeline

# Numba's own classes have types for parts of them only.
_library: Any = codegen.JITCodeLibrary
_code: Any = codegen.JITCPUCodegen
_context: Any = cpu.CPUContext
_typing: Any = Context
_dispatcher: Any = registry.CPUDispatcher
_numbas: Any = registry.cpu_target
_types_of: Any = sigutils.normalize_signature


NUMBERS = (types.Number, types.Boolean)
UNPACKING = "_ZN7cpython"
"""How the names begin of the functions that Python calls, which unpack its objects."""


class _Library(_library):  # type: ignore[misc]
    """The code of one function and of all that it calls."""

    def __init__(self, code: Any, name: str) -> None:
        super().__init__(code, name)
        self._alone = code.compiling is None or code.compiling.alone
        self._shared_module: Any = None
        self._bitcode: bytes | None = None

    @classmethod
    def _unserialize(cls, codegen: Any, state: Any) -> Any:
        """Read a library from what was kept on disk.

        LLVM's own form of it, some 300 KiB a kernel, is let go: only what is compiled later could become one with it.
        """
        library = super()._unserialize(codegen, state)
        _, kind, data = state
        if kind == "object":
            library._shared_module, library._bitcode = None, data[1]
        return library

    def _optimize_functions(self, ll_module: Any) -> None:
        """Leave the functions as they are until they are together."""
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        """Optimise the functions and what they call, all together."""
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)

    def _get_module_for_linking(self) -> Any:
        if self._shared_module is None and self._bitcode is not None:
            self._shared_module, self._bitcode = binding.parse_bitcode(self._bitcode), None
        return super()._get_module_for_linking()

    def _finalize_final_module(self) -> None:
        if self._alone:
            super()._finalize_final_module()
            return
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """The address of a function; 0 if this library has it not, or no machine code at all."""
        address: int = super().get_pointer_to_function(name) if self._alone else 0
        return address

    def serialize_using_object_code(self) -> Any:
        """What is kept on disk: machine code and LLVM's code; the latter alone where there is nothing else."""
        return super().serialize_using_object_code() if self._alone else self.serialize_using_bitcode()


class _CodeGenerator(_code):  # type: ignore[misc]
    """For the target, not for the processor at hand."""

    _library_class = _Library
    compiling: Any = None
    """The dispatcher whose function is being compiled or read."""

    def _get_host_cpu_name(self) -> str:
        return target.NAME

    def _get_host_cpu_features(self) -> str:
        return target.FEATURES

    def set_env(self, name: str, environment: Any) -> None:
        """Tell a function's machine code where its environment is, if it has any."""
        if self._engine.get_global_value_address(name):
            super().set_env(name, environment)


class _Context(_context):  # type: ignore[misc]
    """What Numba asks while it writes LLVM's code: its own knowledge of types and functions, our code generator."""

    def create_cfunc_wrapper(self, library: Any, fndesc: Any, env: Any, call_helper: Any) -> None:
        """In place of a function for C, which nothing would call, make the one by which the pool calls a part."""
        compiling = self.codegen().compiling
        if compiling is not None and compiling.run_by_address and packed.can_unpack(fndesc.argtypes):
            packed.add_unpacking(self, library, fndesc)


class _Types(_typing):  # type: ignore[misc]
    """What Numba asks for the type of a call: its own knowledge, and a memory for functions of numbers.

    For each `+` Numba goes through all that is known as `+`, some thirty functions.
    """

    _found: dict[Any, Any]

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """The types of a call's arguments and result."""
        plain = not kws and not isinstance(func, types.Dispatcher) and all(isinstance(kind, NUMBERS) for kind in args)
        if not plain:
            return super().resolve_function_type(func, args, kws)
        key = func, tuple(args)
        found = self._found.get(key)
        if found is None:  # not known yet, or there is none
            found = self._found[key] = super().resolve_function_type(func, args, kws)
        return found


class _Target(registry.CPUTarget):
    """Numba's own target with another code generator."""

    @threadsafe_cached_property
    def typing_context(self) -> Any:
        context = copy.copy(_numbas.typing_context)  # it shares what is known, too
        context.__class__, context._found = _Types, {}
        return context

    @property
    def target_context(self) -> Any:
        return self._kernels

    @threadsafe_cached_property
    @global_compiler_lock  # type: ignore[untyped-decorator]
    def _kernels(self) -> Any:
        context = copy.copy(_numbas.target_context)  # it shares what is known of types and functions
        context.__class__ = _Context
        context._internal_codegen = _CodeGenerator("gan_np.kernels")
        return context


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Leave Python's search for cycles of objects until a kernel is compiled.

    Numba makes millions of objects that live as long as its work, and looking through them again and again took a sixth of
    all the time. What it leaves behind is found when the next search begins, which is soon. Afterwards the search is on,
    also if another thread turned it off meanwhile.
    """
    global _held_back
    if _held_back or not gc.isenabled():
        yield
        return
    _held_back = True
    gc.disable()
    try:
        yield
    finally:
        _collect_again()


_held_back = False


def _collect_again() -> None:
    """Let Python look for cycles again, also in a child that was forked meanwhile."""
    global _held_back
    if _held_back:
        _held_back = False
        gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_collect_again)


class KernelDispatcher(_dispatcher):  # type: ignore[misc]
    """A function that is compiled for the target when it is first called with arguments of some types."""

    targetdescr: Any = _Target("cpu")  # type: ignore[no-untyped-call]
    compiled = 0
    """How many functions were compiled in this process, and not read."""

    def __init__(self, function: Any, locals: Any = None, targetoptions: Any = None, **options: Any) -> None:
        super().__init__(function, locals or {}, targetoptions or {}, pipeline_class=Pipeline, **options)
        self.run_by_address = False
        """Whether the pool, or a launcher, calls it by its address; set before it is compiled."""

    @property
    def alone(self) -> bool:
        """Whether it has machine code of its own."""
        return self.run_by_address or not self.targetoptions.get("no_cpython_wrapper")

    def compile(self, sig: Any) -> Any:
        """Compile the function for a signature, or read it from where it is kept.

        What it returns follows from its arguments, so only they count: it is kept once, whoever asks for it.
        """
        kinds = _types_of(sig)[0]
        with global_compiler_lock, _uncollected():
            code = self.targetctx.codegen()
            outer, code.compiling = code.compiling, self
            try:
                misses = self._cache_misses.total()
                address = super().compile(tuple(kinds))
                KernelDispatcher.compiled += self._cache_misses.total() - misses
                return address
            finally:
                code.compiling = outer


def address_of(function: Any, kinds: tuple[Any, ...]) -> int:
    """Compile a function for argument types, with machine code of its own, and return its address."""
    return _address(function, kinds, lambda name: name)


def packed_address_of(function: Any, kinds: tuple[Any, ...]) -> int:
    """The same for a part of the pool, and the address of the function that calls it with packed arguments.

    Raises:
        TypeError: it has arguments that cannot be packed.
    """
    if not packed.can_unpack(kinds):
        raise TypeError(
            f"{function.py_func.__name__}: expected integers, bools, floats, contiguous arrays and tuples of them"
        )
    return _address(function, kinds, packed.packed_name)


def _address(function: Any, kinds: tuple[Any, ...], name: Callable[[str], str]) -> int:
    function.run_by_address = True
    function.compile(kinds)
    result = function.overloads[kinds]
    address: int = result.library.get_pointer_to_function(name(result.fndesc.llvm_func_name))
    return address
