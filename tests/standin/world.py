"""The state of the pretended machine: devices, the current stream, synchronisations, captures, copies under way."""

from __future__ import annotations

import contextlib
import weakref

import numpy as np

from .memory import POISON, Block, OutOfMemoryError, Owner, pinned_memory_behind


class HostSynchronisation(AssertionError):
    """The host waited for the device where a test forbade it."""


class World:
    """One pretended machine with `devices` devices of `capacity` bytes each."""

    def __init__(self, devices=2, capacity=1 << 32):
        self.devices, self.capacity = devices, capacity
        self.current_device = 0
        self.in_use = dict.fromkeys(range(devices), 0)
        self.pool = None
        self.blocks = weakref.WeakSet()
        self.streams = []
        self.synchronisations = []
        self.damage = []
        self.launches = 0
        self.transfers = 0
        self.forbidden = 0
        self.failure = None
        """An error of the device that the host hears of when it next waits."""
        self.capture = None
        """While a stream captures: (the stream, the operations recorded so far)."""

    # Devices.

    @contextlib.contextmanager
    def on(self, device):
        before, self.current_device = self.current_device, device
        try:
            yield
        finally:
            self.current_device = before

    def check_device(self, array):
        """CuPy refuses arrays of another device than the current one where there is no peer access."""
        if array.device.id != self.current_device:
            raise ValueError(
                "Array device must be same as the current device: "
                f"array device = {array.device.id} while current = {self.current_device}"
            )

    # Memory.

    def allocate(self, nbytes):
        device = self.current_device
        if self.in_use[device] + nbytes > self.capacity:
            raise OutOfMemoryError(nbytes, self.in_use[device])
        self.in_use[device] += nbytes
        block = Block(nbytes, device, self.pool)
        self.blocks.add(block)
        return Owner(block, self)

    def memory_at(self, address, nbytes):
        """The bytes at an address on the current device and the block that they lie in, as a library is given them."""
        for block in list(self.blocks):
            start = address - block.bytes.ctypes.data
            if block.alive and block.device == self.current_device and start >= 0 and start + nbytes <= block.nbytes:
                return block.bytes[start : start + nbytes], block
        raise AssertionError(f"{nbytes} bytes at {address:#x} do not lie in one block of the current device")

    # Synchronisation.

    def synchronised(self, what):
        """The host waits for the device."""
        if self.capture is not None:
            raise RuntimeError(f"{what}: the current stream is capturing, so synchronous API calls are disallowed")
        if self.forbidden:
            raise HostSynchronisation(what)
        self.synchronisations.append(what)
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    @contextlib.contextmanager
    def no_synchronisation(self):
        """Inside, whatever makes the host wait for the device raises `HostSynchronisation`."""
        self.forbidden += 1
        try:
            yield
        finally:
            self.forbidden -= 1

    @property
    def stream(self):
        return self.streams[-1]

    # Work.

    def launch(self, compute, out, blocks, library=None):
        """Write `compute()` to the NumPy view `out`, or record that where the current stream captures.

        library: "cuBLAS" for what CuPy gives to it, which it refuses to do during a capture.
        blocks: the memory that is read and written.
        """
        self.allow(library)

        def work():
            with np.errstate(all="ignore"):
                out[...] = compute()

        if self.capture is None:
            work()
        else:
            self.record(work, blocks)  # and `out` keeps what it holds: nothing is done during a capture

    def allow(self, library=None):
        """Count a launch; refuse a library's during a capture."""
        self.launches += 1
        if self.capture is not None and library is not None:
            raise NotImplementedError(f"calling {library} API during stream capture is currently unsupported")

    def record(self, work, blocks):
        """During a capture: keep the work for replays. Nothing is done now."""
        stream, operations = self.capture
        if self.stream is not stream:
            raise RuntimeError("cudaErrorStreamCaptureImplicit: work on another stream while one is capturing")
        operations.append((work, tuple(blocks)))

    # Copies between host and device.

    def to_device(self, target, source):
        """A copy of a NumPy array into device memory, in the order of the current stream."""
        if self.capture is not None:
            raise RuntimeError("the current stream is capturing, so H2D transfers are disallowed")
        self.transfers += 1
        target[...] = source
        if pinned_memory_behind(source) is not None:
            self.stream.pending.append(_Upload(source))

    def to_host(self, target, source, *, blocking):
        """A copy of device memory into a NumPy array: at once, or when the stream gets there."""
        if self.capture is not None:
            raise RuntimeError("the current stream is capturing, so D2H transfers are disallowed")
        if not blocking and pinned_memory_behind(target) is None:
            blocking = True  # into pageable memory the copy is staged: the host waits
        if blocking:
            self.synchronised("a copy from the device")
            self.stream.deliver()
            target[...] = source
            return
        self.stream.pending.append(_Download(target, source.copy()))
        target.reshape(-1).view(np.uint8)[:] = POISON


class _Upload:
    """From pinned memory: it must not change before the copy is done."""

    def __init__(self, source):
        self.source, self.then = source, source.copy()

    def deliver(self):
        if self.source.tobytes() != self.then.tobytes():
            raise AssertionError("pinned memory was written to before the copy from it was done")


class _Download:
    """Into pinned memory: what it holds before the copy is done is nobody's business."""

    def __init__(self, target, value):
        self.target, self.value = target, value

    def deliver(self):
        self.target[...] = self.value
