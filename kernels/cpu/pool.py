"""One pool of threads for every compiled kernel, and the call that hands it work.

A kernel is compiled for one item of work, `part(index, thread, *arguments)`; `parallel(state, part, count, arguments)`,
called from compiled code without the interpreter's lock, runs it for every index below `count`. Which thread runs which
index is left to chance, so a part must write only to what belongs to its index: then the result has the same bits for any
number of threads.

    caller                               worker
      writes the job, opens it             spins for a while, then naps, until a ticket is open
      takes indices until none is left     takes indices until none is left
      waits until all are done             …

Why not Numba's own `parallel=True`: its threading layers abort the process after a fork (omp) or when two threads enter
(workqueue), and it compiles several times as long. Here a forked child starts workers of its own, and a second thread that
finds the pool busy does its work alone.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import typeof
from numba.core import types

from gan_np.arrays import FLOATS, Array
from gan_np.kernels import threads

from . import packed, target, warm
from .code_generator import address_of, packed_address_of
from .compiled import cgutils, compiled, inner, intrinsic, launcher
from .workspace import keep_freed_memory

# Cells of the pool's state, an array of int64; each on a cache line of its own, since threads write to them.
TICKET, DONE, COUNT, PART, ARGUMENTS, BUSY, STOP, THREADS, FAILED, AWAKE, RUN, SIZE = (8 * cell for cell in range(12))
"""TICKET holds the job's number, the first index not yet taken and the one after the last, so that one atomic exchange
takes an index from either end. DONE counts finished indices; COUNT, PART (the address of the compiled part) and ARGUMENTS
(of its packed arguments) describe the job and stay as they are until all indices are done. THREADS is how many may work,
AWAKE how many workers look for work. RUN is the address of the compiled `_run`: whatever hands out work calls it there, so
that it need not become part of each.

The caller takes indices from the front and workers take them from the back, so that from one kernel to the next each core
finds most of its half of the images in its own cache."""

INDEX_BITS = 24
INDICES = (1 << INDEX_BITS) - 1
"""The most indices that are shared out; a job of more is done by the caller alone."""

SPINS, YIELDS, NAPS = 2_000, 1_000, 20_000
"""A worker without work looks again at once (some 50 µs), then after giving way to others (some 300 µs), then after naps of
50 µs (some seconds); then it leaves compiled code and waits for a lock, which costs nothing."""


STATE: Any = types.Array(types.int64, 1, "C")
"""The type of the pool's state."""


def _pointer(builder: Any, context: Any, kind: Any, state: Any, cell: Any) -> Any:
    array = context.make_array(kind)(context, builder, state)
    return builder.gep(array.data, [cell])


@intrinsic
def load(typing: Any, state: Any, cell: Any) -> Any:
    """Return state[cell]; what its writer wrote before it is seen from then on (an atomic load that acquires)."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(builder, context, signature.args[0], *arguments)
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(state, types.int64), build


@intrinsic
def store(typing: Any, state: Any, cell: Any, value: Any) -> Any:
    """Set state[cell] = value, so that who reads it sees all that was written before (an atomic store that releases)."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[2], _pointer(builder, context, signature.args[0], *arguments[:2]), "release", 8)
        return context.get_dummy_value()

    return types.void(state, types.int64, types.int64), build


@intrinsic
def add(typing: Any, state: Any, cell: Any, value: Any) -> Any:
    """Add to state[cell] in one step that no other thread can divide, and return what was there before."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(builder, context, signature.args[0], *arguments[:2])
        return builder.atomic_rmw("add", pointer, arguments[2], "acq_rel")

    return types.int64(state, types.int64, types.int64), build


@intrinsic
def exchange(typing: Any, state: Any, cell: Any, expected: Any, value: Any) -> Any:
    """Set state[cell] to `value` if it is `expected`, in one indivisible step, and return whether that happened."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(builder, context, signature.args[0], *arguments[:2])
        pair = builder.cmpxchg(pointer, arguments[2], arguments[3], "acq_rel", "acquire")
        return builder.extract_value(pair, 1)

    return types.boolean(state, types.int64, types.int64, types.int64), build


@intrinsic
def nap(typing: Any, microseconds: Any) -> Any:
    """Sleep for so many microseconds.

    0 gives the core to another thread first, if one waits for it; −1 only tells the core that this loop waits.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = ir.IntType(32)
        sleep = cgutils.get_or_insert_function(builder.module, ir.FunctionType(number, [number]), SLEEP)
        give_way = cgutils.get_or_insert_function(builder.module, ir.FunctionType(number, []), GIVE_WAY)
        zero = context.get_constant(types.int64, 0)
        with builder.if_else(builder.icmp_signed(">", arguments[0], zero)) as (sleeps, waits):
            with sleeps:
                units = builder.udiv(
                    builder.add(arguments[0], context.get_constant(types.int64, SLEEP_UNIT - 1)),
                    context.get_constant(types.int64, SLEEP_UNIT),
                )
                builder.call(sleep, [builder.trunc(units, number)])
            with waits, builder.if_else(builder.icmp_signed("==", arguments[0], zero)) as (gives_way, spins):
                with gives_way:
                    builder.call(give_way, [])
                with spins:
                    if PAUSES:
                        builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), NOTHING), [])
        return context.get_dummy_value()

    return types.void(types.int64), build


SLEEP, SLEEP_UNIT, GIVE_WAY = (
    ("Sleep", 1000, "SwitchToThread") if sys.platform == "win32" else ("usleep", 1, "sched_yield")
)
"""The system's functions that sleep for so many units (of microseconds: Windows sleeps in milliseconds) and that let another
thread have the core."""


def _find_in_windows() -> None:
    """Tell LLVM where these functions are: it looks only in the libraries that the interpreter was linked with."""
    kernel32 = ctypes.CDLL("kernel32")
    for name in (SLEEP, GIVE_WAY):
        binding.add_symbol(name, ctypes.cast(getattr(kernel32, name), ctypes.c_void_p).value)


if sys.platform == "win32":
    _find_in_windows()

PAUSES = target.TRIPLE.startswith(("x86_64", "i686"))
NOTHING = ir.FunctionType(ir.VoidType(), [])


@inner
def _wait(looks: int) -> None:
    """Pass the time between two looks for work: spin at first, give way to other threads after that, then sleep."""
    if looks < SPINS:
        nap(-1)
    elif looks < SPINS + YIELDS:
        nap(0)
    else:
        nap(50)


@intrinsic
def _call_part(typing: Any, address: Any, arguments: Any, index: Any, thread: Any) -> Any:
    """Call the compiled part at an address with its packed arguments, an index and a thread.

    The result is 0, or an error's code.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = packed.part_type()
        function = builder.inttoptr(values[0], kind.as_pointer())
        return builder.sext(builder.call(function, [values[1], values[2], values[3]]), ir.IntType(64))

    return types.int64(types.int64, types.int64, types.int64, types.int64), build


@inner
def _take(state: Any, thread: int) -> None:
    """Take indices of the open job, one after another, and run its part for each, until none is left.

    The caller (thread 0) takes them from the front and workers from the back. For a job of five indices and two threads:

        ticket:   front 0, back 5     caller takes 0  ─►  front 1, back 5     worker takes 4  ─►  front 1, back 4   …

    Whether this thread may work is asked for each index, after the ticket was read: the job may be another than the last
    one, with room for fewer threads.
    """
    while True:
        ticket = load(state, TICKET)
        front, back = (ticket >> INDEX_BITS) & INDICES, ticket & INDICES
        if front >= back or thread >= load(state, THREADS):
            return
        index, following = (front, ticket + (1 << INDEX_BITS)) if thread == 0 else (back - 1, ticket - 1)
        if exchange(state, TICKET, ticket, following):
            failed = _call_part(load(state, PART), load(state, ARGUMENTS), index, thread)
            if failed != 0:
                store(state, FAILED, failed)
            add(state, DONE, 1)


@compiled
def _serve(state: Any, thread: int) -> None:
    """Take part in jobs as long as there is one now and then.

    It returns when there was none for some seconds, or when the workers are told to stop.
    """
    looks = 0
    while looks < SPINS + YIELDS + NAPS and load(state, STOP) == 0:
        ticket = load(state, TICKET)
        if (ticket >> INDEX_BITS) & INDICES < ticket & INDICES and thread < load(state, THREADS):
            _take(state, thread)
            looks = 0
        else:
            _wait(looks)
            looks += 1


@inner
def _run(state: Any, part: int, arguments: int, count: int) -> Any:
    """Run the part for all indices of one job, with the workers' help where the pool is free.

    The result is 0, or the code of a part that failed.
    """
    if count <= 0:
        return 0
    if count == 1 or count > INDICES or load(state, THREADS) == 1 or not exchange(state, BUSY, 0, 1):
        failed = 0
        for index in range(count):
            failed |= _call_part(part, arguments, index, 0)
        return failed
    store(state, DONE, 0)
    store(state, FAILED, 0)
    store(state, COUNT, count)
    store(state, PART, part)
    store(state, ARGUMENTS, arguments)
    number = (load(state, TICKET) >> 2 * INDEX_BITS) + 1
    store(state, TICKET, ((number & 0x7FFF) << 2 * INDEX_BITS) | count)
    _take(state, 0)
    looks = 0
    while load(state, DONE) < count:
        _wait(looks)
        looks += 1
    failed = load(state, FAILED)
    store(state, BUSY, 0)
    return failed


@intrinsic
def parallel(typing: Any, state: Any, part: Any, count: Any, arguments: Any) -> Any:
    """Run `part(index, thread, *arguments)` for every index below `count`, on all threads of the pool.

    part: a function made by `compiled`; it returns nothing. arguments: a tuple. The result is 0, or not 0 if a part failed.
    The part is compiled into the caller; for a large one see `run`.
    """
    called = part.get_call_type(typing, (types.int64, types.int64, *arguments.types), {})

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        result = part.dispatcher.get_compile_result(called)
        context.add_linking_libs([result.library])

        def call(inside: Any, packed: Any, index: Any, thread: Any) -> Any:
            given = [index, thread, *_members(inside, packed, len(arguments))]
            given = [_borrowed(context, inside, *pair) for pair in zip(called.args, given, strict=True)]
            return context.call_internal_no_propagate(inside, result.fndesc, called, given)[0]

        return _hand_out(context, builder, state, arguments, values[0], values[2], values[3], call)

    return types.int64(state, part, types.int64, arguments), build


@intrinsic
def _run_packed(typing: Any, state: Any, address: Any, expected: Any, count: Any, given: Any, kinds: Any) -> Any:
    """Pack the tuple at the address `given`, and run a part that lies compiled at another, without Python's lock.

    expected: the number of the types that it was compiled for (`packed.py`); with arguments of others nothing is run, and
        the result is WRONG_TYPES. 0: nothing is run, and the result is the number of the types given.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        state, address, expected, count, given, kinds = values
        found, words = packed.pack(builder, given, kinds)
        found = builder.or_(found, context.get_constant(types.int64, 1))
        result = cgutils.alloca_once_value(builder, context.get_constant(types.int64, WRONG_TYPES))
        with builder.if_then(builder.icmp_signed("==", expected, context.get_constant(types.int64, 0))):
            builder.store(found, result)
        with builder.if_then(builder.icmp_signed("==", expected, found)):
            python = context.get_python_api(builder)
            thread = python.save_thread()
            builder.store(_call_run(context, builder, signature.args[0], state, address, words, count), result)
            python.restore_thread(thread)
        return builder.load(result)

    return types.int64(state, types.int64, types.int64, types.int64, types.int64, types.int64), build


WRONG_TYPES = -1


def _members(builder: Any, packed: Any, count: int) -> list[Any]:
    """Return the entries of a tuple, each as a value of the code under construction."""
    return [builder.extract_value(packed, place) for place in range(count)]


def _borrowed(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """An argument without its owner, so that nobody counts references to it; the caller holds on to it until all are done.

    The counts are atomic and on one cache line for all threads: a part that called another function for each row of some
    arrays took four times as long on two threads as on one.
    """
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        kinds: Any = kind
        members = _members(builder, value, len(kinds))
        borrowed = [_borrowed(context, builder, *pair) for pair in zip(kinds, members, strict=True)]
        return context.make_tuple(builder, kind, borrowed)
    return value


def _hand_out(
    context: Any,
    builder: Any,
    state_type: Any,
    given_type: Any,
    state: Any,
    count: Any,
    given: Any,
    call: Any,
) -> Any:
    """Put what is packed on the stack, make a function of one C signature that calls the part with it, and have `_run` run
    that for all indices.
    """
    word = ir.IntType(64)
    value_type = context.get_value_type(given_type)
    thunk = ir.Function(builder.module, packed.part_type(), builder.module.get_unique_name("gan_np_part"))
    thunk.linkage = "internal"
    inside = ir.IRBuilder(thunk.append_basic_block("entry"))
    address, index, thread = thunk.args
    status = call(inside, inside.load(inside.inttoptr(address, value_type.as_pointer())), index, thread)
    inside.ret(inside.select(status.is_error, status.code, ir.Constant(ir.IntType(32), 0)))

    place = cgutils.alloca_once_value(builder, given)
    return _call_run(
        context, builder, state_type, state, builder.ptrtoint(thunk, word), builder.ptrtoint(place, word), count
    )


def _call_run(context: Any, builder: Any, state_type: Any, state: Any, part: Any, arguments: Any, count: Any) -> Any:
    """Call `_run` at its address."""
    signature = types.int64(state_type, types.int64, types.int64, types.int64)
    kind = context.call_conv.get_function_type(signature.return_type, signature.args).as_pointer()
    run_address = builder.load(_pointer(builder, context, state_type, state, ir.Constant(ir.IntType(64), RUN)))
    function, given = builder.inttoptr(run_address, kind), [state, part, arguments, count]
    return context.call_conv.call_function(builder, function, signature.return_type, signature.args, given)[1]


@launcher
def _launch(state: Any, address: int, expected: int, count: int, given: int, kinds: int) -> Any:
    return _run_packed(state, address, expected, count, given, kinds)


_KINDS = packed.KINDS.ctypes.data
_compiled_parts: dict[tuple[Any, ...], tuple[int, int]] = {}


def run(part: Any, key: Any, count: int, arguments: tuple[Any, ...], constants: int = 0) -> None:
    """Do what `parallel` does, from Python: the part is compiled once, alone, for these types, and called by its address.

    key: whatever the types of the arguments depend on (a dtype, say), so that they need not be looked at in every call.
    constants: as many of the arguments, the first ones, are integers that the part is compiled for; the key has them too.

    Raises:
        RuntimeError: the part failed, which only lack of memory can cause.
        TypeError: the arguments have other types than the first time that this key was used, or arrays of several dtypes.
            Neither is remembered, so that the next call finds what it would have found without this one.
    """
    found = _compiled_parts.get((part, key))
    if found is None:
        kinds = (types.int64, types.int64, *map(typeof, arguments))
        _require_dtype(part, key[0] if isinstance(key, tuple) else key, kinds)
        known = (*kinds[:2], *map(types.literal, arguments[:constants]), *kinds[2 + constants :])
        usual = packed.plain(arguments)
        number = _launch(state(), 0, 0, 0, id(usual), _KINDS)
        found = _compiled_parts[part, key] = packed_address_of(part, known), number
    failed = _launch(state(), *found, count, id(arguments), _KINDS)
    if failed == WRONG_TYPES:
        usual = packed.plain(arguments)
        failed = _launch(state(), *found, count, id(usual), _KINDS)
    if failed == WRONG_TYPES:
        raise TypeError(f"key: {part.py_func.__name__} was first run with other argument types under {key!r}")
    if failed:
        raise RuntimeError(f"{part.py_func.__name__} failed with code {failed}")


def _require_dtype(part: Any, dtype: Any, kinds: Any) -> None:
    """Refuse arrays of another dtype than the key names, if it names one, but for the int64 that parts count with.

    Parts find their way through an array by what they were told of another; with two dtypes they would read beside it. And
    what is compiled for a mix would be found under the key by the next call.
    """
    if not isinstance(dtype, np.dtype):
        return
    found = {str(kind) for kind in _dtypes(kinds)} - {"int64"}
    if dtype not in FLOATS or found != {str(dtype)}:
        mix = " and ".join(sorted(found | {str(dtype)}))
        raise TypeError(f"{part.py_func.__name__}: arrays must all be float32 or all float64, got {mix}")


def _dtypes(kinds: Any) -> Iterator[Any]:
    for kind in kinds:
        if isinstance(kind, types.Array):
            yield kind.dtype
        elif isinstance(kind, types.BaseTuple):
            yield from _dtypes(kind)


@functools.cache
def _run_address() -> int:
    """The address of `_run`, remembered: a forked child would wait for ever if another thread held the compiler's lock."""
    return address_of(_run, (STATE, types.int64, types.int64, types.int64))


def compile_for_workers() -> None:
    """Compile what the threads beside the caller's run, which one thread alone never needs."""
    _serve.compile((STATE, types.int64))


class _Pool:
    """The state of the pool and its worker threads, which belong to this process alone."""

    def __init__(self) -> None:
        self.state = np.zeros(SIZE, np.int64)
        self.state[RUN] = _run_address()
        self.waiting = threading.Condition()
        self.workers: list[threading.Thread] = []

    def hold(self, count: int) -> None:
        """Let `count` threads work, starting those that are missing."""
        with self.waiting:
            self.state[THREADS] = count
            while len(self.workers) < count - 1:
                worker = threading.Thread(
                    target=self._work, args=(len(self.workers) + 1,), name="gan_np kernels", daemon=True
                )
                self.workers.append(worker)
                self.state[AWAKE] += 1
                worker.start()

    def wake(self) -> None:
        """Call back the workers that wait for the lock."""
        with self.waiting:
            self.waiting.notify_all()

    def stop(self) -> None:
        """End all worker threads.

        They are daemon threads: one that does not answer within a second does not hold up the end of the process.
        """
        self.state[STOP] = 1
        self.wake()
        for worker in self.workers:
            worker.join(timeout=1.0)

    def _work(self, thread: int) -> None:
        while not self.state[STOP]:
            _serve(self.state, thread)
            with self.waiting:
                self.state[AWAKE] -= 1
                if not self.state[STOP]:
                    self.waiting.wait()
                self.state[AWAKE] += 1


_pool: _Pool | None = None
_making = threading.Lock()


def state() -> Array:
    """Return the pool's state, as `parallel` takes it.

    Before that its workers are started and woken, so that as many threads can work as `threads.count()` says now.
    """
    pool = _pool or _make()
    cells, count = pool.state, threads.count()
    if cells[THREADS] != count:
        pool.hold(count)
    if cells[AWAKE] < len(pool.workers):
        pool.wake()
    return cells


def _make() -> _Pool:
    global _pool
    with _making:
        if _pool is None:
            keep_freed_memory()
            _pool = _Pool()
            atexit.register(_pool.stop)
        return _pool


def _forget() -> None:
    """Begin anew in a forked child, where no worker lives on and a lock may be held by a thread that does not exist."""
    global _pool, _making
    if _pool is not None:
        atexit.unregister(_pool.stop)
    _pool, _making = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

warm.beside()  # this module is imported when the first kernel is about to be compiled or read
