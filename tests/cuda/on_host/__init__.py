"""The `.cu` sources on the processor: a CUDA header for g++, its loader, and arrays that pretend to be CuPy's."""

from .loader import ORDERS, HostKernelError, HostRawKernel, HostRawModule, compiler, threads_in_order
from .pretended import pretend_cupy

__all__ = [
    "ORDERS",
    "HostKernelError",
    "HostRawKernel",
    "HostRawModule",
    "compiler",
    "pretend_cupy",
    "threads_in_order",
]
