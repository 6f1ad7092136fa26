"""`cupy.cuda`: devices, streams, events, graphs, pinned memory and raw kernels."""

from __future__ import annotations

import contextlib
import time
import types

import numpy as np

from .memory import MemoryPool, OutOfMemoryError, PinnedMemoryPointer
from .nccl import make_nccl

RUNTIME = 13000
"""The CUDA that the pretended CuPy is made for, 13.0."""
LATE = 3
"""A copy under way has certainly arrived when so many more events were recorded behind it."""


class CUDARuntimeError(RuntimeError):
    """As `cupy.cuda.runtime.CUDARuntimeError`."""

    def __init__(self, status, message="cudaErrorUnknown: unknown error"):
        super().__init__(message)
        self.status = status


class CUDADriverError(RuntimeError):
    """As `cupy.cuda.driver.CUDADriverError`."""


class CompileException(Exception):
    """As `cupy.cuda.compiler.CompileException`: the compiler's log, and what it was given."""

    def __init__(self, msg, source, name, options, backend="nvrtc"):
        super().__init__(msg)
        self._msg, self.source, self.name, self.options, self.backend = msg, source, name, options, backend

    def get_message(self):
        return self._msg


def make_cuda(world, ndarray, raw_kernels, raw_module):
    """The module `cupy.cuda`, `RawKernel` and `RawModule`; the last two arguments as those of `install`."""
    cuda = types.ModuleType("cupy.cuda")

    class Device:
        def __init__(self, device=None):
            self.id = world.current_device if device is None else int(device)
            self._before = []

        def __enter__(self):
            if not 0 <= self.id < world.devices:
                raise CUDARuntimeError(101, "cudaErrorInvalidDevice: invalid device ordinal")
            self._before.append(world.current_device)
            world.current_device = self.id
            return self

        def __exit__(self, *error):
            world.current_device = self._before.pop()

        def __eq__(self, other):
            return isinstance(other, Device) and other.id == self.id

        def __hash__(self):
            return hash(self.id)

        def use(self):
            world.current_device = self.id
            return self

        def synchronize(self):
            world.synchronised("Device.synchronize")
            for stream in world.streams:
                stream.deliver()

        compute_capability = "90"
        mem_info = property(lambda self: (world.capacity - world.in_use[self.id], world.capacity))

    class Event:
        def __init__(self, block=False, disable_timing=False, interprocess=False):
            self._stream, self._behind = None, None

        def record(self, stream=None):
            self._stream = world.stream if stream is None else stream
            self.time = time.perf_counter()
            self._behind = len(self._stream.pending)
            self._count = self._stream.mark()

        @property
        def done(self):
            """Only when it is certain: late copies are the hard case."""
            return self._stream is None or self._stream.delivered >= self._count

        def synchronize(self):
            if not self.done:
                world.synchronised("Event.synchronize")
                self._stream.deliver(self._count)

    class Stream:
        null = None

        def __init__(self, null=False, non_blocking=False, ptds=False, priority=None):
            self.ptr = 0 if null else id(self)
            self.device_id = -1 if null else world.current_device
            self.is_non_blocking = non_blocking
            self.pending = _Pending()

        def mark(self):
            return self.pending.mark()

        @property
        def delivered(self):
            return self.pending.delivered

        def deliver(self, count=None):
            self.pending.deliver(count)

        def __enter__(self):
            if self.device_id not in (-1, world.current_device):
                raise RuntimeError(
                    f"The device that the stream is created on ({self.device_id}) does not match with the current "
                    f"device ({world.current_device})"
                )
            world.streams.append(self)
            return self

        def __exit__(self, *error):
            world.streams.pop()

        def synchronize(self):
            world.synchronised("Stream.synchronize")
            self.deliver()

        def record(self, event=None):
            event = Event() if event is None else event
            event.record(self)
            return event

        def begin_capture(self, mode=None):
            if self.ptr == 0:
                raise RuntimeError("cannot capture on the default (legacy) stream")
            if world.capture is not None:
                raise CUDARuntimeError(900, "cudaErrorStreamCaptureUnsupported: a capture is under way")
            world.capture = self, []

        def end_capture(self):
            if world.capture is None or world.capture[0] is not self:
                raise CUDARuntimeError(901, "cudaErrorStreamCaptureInvalidated: this stream is not capturing")
            operations, world.capture = world.capture[1], None
            graph = object.__new__(Graph)
            graph._operations = operations
            return graph

        def is_capturing(self):
            return world.capture is not None and world.capture[0] is self

    class Graph:
        def __init__(self, *arguments, **options):
            raise NotImplementedError(
                "currently this class cannot be initiated by the user and must be created via stream capture"
            )

        def launch(self, stream=None):
            """Do again what was recorded, on the same memory."""
            if world.capture is not None:
                raise CUDARuntimeError(900, "cudaErrorStreamCaptureUnsupported: a capture is under way")
            world.launches += 1
            for work, blocks in self._operations:
                if not all(block.usable() for block in blocks):
                    raise AssertionError("a graph uses memory that was given back: keep its arrays or their pool")
                work()

    class RawKernel:
        def __init__(self, code, name, options=(), backend="nvrtc", *, translate_cucomplex=False,
                     enable_cooperative_groups=False, jitify=False):  # fmt: skip
            self.code, self.name, self.options = code, name, options
            self._run = _function(code, name, options, raw_kernels, raw_module)

        @property
        def max_dynamic_shared_size_bytes(self):
            return self._run.max_dynamic_shared_size_bytes

        @max_dynamic_shared_size_bytes.setter
        def max_dynamic_shared_size_bytes(self, value):
            self._run.max_dynamic_shared_size_bytes = value

        def __call__(self, grid, block, args, *, shared_mem=0):
            for value in (*grid, *block):
                if not isinstance(value, int | np.integer) or value < 1:
                    raise ValueError(f"grid and block: expected whole numbers above 0, got {grid}, {block}")
            views, blocks = [], []
            for argument in args:
                if isinstance(argument, ndarray):
                    world.check_device(argument)
                    views.append(argument._view)
                    blocks.append(argument._owner.block)
                elif isinstance(argument, np.generic | int | float | bool):
                    views.append(argument)
                else:
                    raise TypeError(f"Unsupported type {type(argument)}")
            world.allow()

            def work():
                self._run(tuple(grid), tuple(block), views, shared_mem=shared_mem)

            work() if world.capture is None else world.record(work, blocks)

    class RawModule:
        def __init__(self, code=None, *, path=None, options=(), backend="nvrtc", translate_cucomplex=False,
                     enable_cooperative_groups=False, name_expressions=None, jitify=False):  # fmt: skip
            self.code, self.options = code, options

        def compile(self, log_stream=None):
            return None

        def get_function(self, name):
            return RawKernel(self.code, name, self.options)

    @contextlib.contextmanager
    def using_allocator(allocator=None):
        before, world.pool = world.pool, None if allocator is None else allocator.__self__
        try:
            yield
        finally:
            world.pool = before

    def alloc_pinned_memory(size):
        return PinnedMemoryPointer(size)

    cuda.Device, cuda.Event, cuda.Stream, cuda.Graph, cuda.MemoryPool = Device, Event, Stream, Graph, MemoryPool
    Stream.null = Stream(null=True)
    world.streams.append(Stream.null)
    cuda.using_allocator, cuda.alloc_pinned_memory = using_allocator, alloc_pinned_memory
    cuda.get_elapsed_time = lambda start_event, end_event: 1e3 * (end_event.time - start_event.time)
    cuda.get_current_stream = lambda: world.stream
    cuda.is_available = lambda: world.devices > 0
    cuda.nccl = make_nccl(world)
    cuda.memory = types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
    cuda.compiler = types.SimpleNamespace(CompileException=CompileException)
    cuda.driver = types.SimpleNamespace(CUDADriverError=CUDADriverError)

    def device_count():
        if world.driver < RUNTIME:
            raise CUDARuntimeError(
                35, "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
            )
        return world.devices

    cuda.runtime = types.SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        getDeviceCount=device_count,
        getDevice=lambda: world.current_device,
        deviceSynchronize=lambda: Device().synchronize(),
        driverGetVersion=lambda: world.driver,
        runtimeGetVersion=lambda: RUNTIME,
        getDeviceProperties=lambda device: {"name": b"stand-in"},
    )
    return cuda, RawKernel, RawModule


def _function(code, name, options, raw_kernels, raw_module):
    """What runs a raw kernel: a Python function of NumPy views, or the compiled source on the processor."""
    if name in raw_kernels:
        return _Python(raw_kernels[name])
    if raw_module is None:
        raise CUDADriverError(f"CUDA_ERROR_NOT_FOUND: named symbol not found ({name})")
    return raw_module(code=code, options=options).get_function(name)


class _Python:
    max_dynamic_shared_size_bytes = 48 << 10

    def __init__(self, function):
        self._function = function

    def __call__(self, grid, block, views, *, shared_mem):
        self._function(grid, block, views, shared_mem)


class _Pending:
    """Copies under way on one stream, and the events between them, in order."""

    def __init__(self):
        self._items, self._marks, self.delivered = [], 0, 0

    def append(self, copy):
        self._items.append(copy)

    def __len__(self):
        return len(self._items)

    def mark(self):
        """An event: everything before it has arrived when `delivered` reaches its number."""
        self._marks += 1
        self._items.append(self._marks)
        if self._marks > LATE:
            self.deliver(self._marks - LATE)
        return self._marks

    def deliver(self, count=None):
        """Let copies arrive: those before the event of this number, or all."""
        while self._items and (count is None or self.delivered < count):
            item = self._items.pop(0)
            if not isinstance(item, int):
                item.deliver()
                continue
            self.delivered = item
