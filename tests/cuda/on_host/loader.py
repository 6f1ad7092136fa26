"""Kernels of a .cu source on the processor: what `cupy.RawModule` and its functions look like to a launcher.

A source is compiled by g++ behind the header beside this file, once for each text and flags (about a second), and kept in
`build/host_kernels/`. Arguments are checked more strictly than CuPy does: their number, each one's type, an array's dtype,
and that nothing read-only goes to a parameter that the kernel may write.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
HEADERS = ("cuda_host.h", "memory_check.h", "async_copy.h", "matrix_unit.h", "matrix_group.h")
CACHE = Path(__file__).parents[3] / "build" / "host_kernels"
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-w", "-fno-strict-aliasing")
CHECKS = ("-fsanitize=kernel-address,bounds,alignment",)
"""What memory_check.h needs: a call for every load and store, and none of the compiler's own red zones."""
PARAMETERS = {"asan-instrumentation-with-call-threshold": 0, "asan-stack": 0, "asan-globals": 0}

ORDERS = ("forward", "reversed", "shuffled")
UNROLL = re.compile(r"#pragma unroll$", re.MULTILINE)
KERNEL = re.compile(r'extern "C" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\s*\(')
LETTERS = {
    "i": np.dtype(np.int32),
    "I": np.dtype(np.uint32),
    "l": np.dtype(np.int64),
    "L": np.dtype(np.uint64),
    "f": np.dtype(np.float32),
    "d": np.dtype(np.float64),
    "B": np.dtype(np.uint8),
    "H": np.dtype(np.uint16),
    "v": None,
}
"""What the header calls a parameter's type; None: a pointer to anything."""
DEFAULT_SHARED = 48 << 10
_order = "forward"


class HostKernelError(RuntimeError):
    """What would be undefined or refused on a GPU."""


def compiler() -> str | None:
    """g++, or None where there is none."""
    return shutil.which("g++")


@contextlib.contextmanager
def threads_in_order(order: str) -> Iterator[None]:
    """Run the threads of all blocks "forward", "reversed" or "shuffled" inside a `with` block."""
    global _order
    before, _order = _order, order
    ORDERS.index(order)
    try:
        yield
    finally:
        _order = before


class HostRawModule:
    """Mirrors `cupy.RawModule(code=…, options=…)`; compiled when a function is first asked for."""

    def __init__(self, *, code: str, options: Sequence[str] = (), backend: str = "nvrtc") -> None:
        self.code, self.options, self.backend = code, tuple(options), backend

    def get_function(self, name: str) -> HostRawKernel:
        """The kernel called `name`."""
        return HostRawKernel(self.code, name, self.options)


class HostRawKernel:
    """Mirrors `cupy.RawKernel(code, name)(grid, block, args, shared_mem=)`."""

    def __init__(self, code: str, name: str, options: Sequence[str] = (), backend: str = "nvrtc") -> None:
        self.name, self.max_dynamic_shared_size_bytes = name, DEFAULT_SHARED
        library = _library(code, tuple(option for option in options if option.startswith("-D")))
        if not hasattr(library, f"launch_{name}"):
            raise HostKernelError(f"named symbol not found: {name}")
        self._launch = getattr(library, f"launch_{name}")
        self._launch.restype = ctypes.c_char_p
        text = ctypes.create_string_buffer(256)
        getattr(library, f"signature_{name}")(text)
        self.signature = re.findall(r"[*=]?\w", text.value.decode())

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: Sequence[Any], *, shared_mem: int = 0
    ) -> None:
        if len(args) != len(self.signature):
            raise HostKernelError(f"{self.name}: {len(args)} arguments, expected {len(self.signature)}")
        if shared_mem > self.max_dynamic_shared_size_bytes:
            raise HostKernelError(f"{self.name}: {shared_mem} bytes of shared memory, more than the limit that was set")
        grid, block = ((*sizes, 1, 1)[:3] for sizes in (grid, block))
        if not (0 < np.prod(block) <= 1024 and block[2] <= 64):
            raise HostKernelError(f"{self.name}: a block of {block} threads")
        if not (0 < grid[0] < 1 << 31 and 0 < grid[1] < 1 << 16 and 0 < grid[2] < 1 << 16):
            raise HostKernelError(f"{self.name}: a grid of {grid} blocks")
        kept = [self._argument(place, *pair) for place, pair in enumerate(zip(self.signature, args, strict=True))]
        lengths = [
            given.nbytes if len(wanted) > 1 and not isinstance(given, np.generic) else 0
            for given, wanted in zip(args, self.signature, strict=True)
        ]
        extents = (ctypes.c_size_t * len(kept))(*lengths)
        pointers = (ctypes.c_void_p * len(kept))(*(value.ctypes.data for value in kept))
        sizes = [(ctypes.c_uint * 3)(*map(int, three)) for three in (grid, block)]
        order = ORDERS.index(_order)
        error = self._launch(
            *sizes, pointers, extents, len(args), ctypes.c_size_t(shared_mem), order, ctypes.c_uint64(len(args))
        )
        if error:
            raise HostKernelError(f"{self.name}, threads {_order}: {error.decode()}")

    def _argument(self, place: int, wanted: str, given: Any) -> np.ndarray[Any, Any]:
        """The bytes of one argument, as the kernel's parameter reads them."""
        where, dtype = f"{self.name}: argument {place}", LETTERS[wanted[-1]]
        if len(wanted) == 1:
            if not isinstance(given, np.generic) or given.dtype != dtype:
                raise HostKernelError(f"{where}: {type(given).__name__} given, the kernel takes {dtype}")
            return np.array(given)
        if isinstance(given, np.generic):
            if given.dtype != np.uint64 or given:
                raise HostKernelError(f"{where}: {given!r} given for a pointer; only a null of 64 bits may be")
            return np.zeros(1, np.uint64)
        if dtype is not None and given.dtype != dtype:
            raise HostKernelError(f"{where}: array of {given.dtype} given, the kernel takes {dtype}")
        if wanted[0] == "=" and not getattr(given.flags, "writeable", True):
            raise HostKernelError(f"{where}: may be written, but the array is read-only")
        pointer = given.ctypes.data if isinstance(given, np.ndarray) else given.data.ptr
        return np.array([pointer], np.uint64)


@functools.cache
def _library(code: str, definitions: tuple[str, ...]) -> ctypes.CDLL:
    names = KERNEL.findall(code)
    code = UNROLL.sub("#pragma GCC unroll 8", code)  # so that sums stay in registers, where nothing need be checked
    headers = "".join(f'#include "{name}"\n' for name in HEADERS)
    text = f"{headers}namespace {{\n{code}\n}}\n" + "".join(map(_exported, names))
    flags = (*FLAGS, *CHECKS, *(f"--param={key}={value}" for key, value in PARAMETERS.items()), *definitions)
    key = "".join((*flags, text, *((HERE / name).read_text(encoding="utf-8") for name in HEADERS)))
    target = CACHE / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.so"
    if not target.exists():
        _compile(text, flags, target)
    return ctypes.CDLL(str(target))


def _exported(name: str) -> str:
    return (
        f'extern "C" void signature_{name}(char* to) {{ host::Entry<{name}>::signature(to); }}\n'
        f'extern "C" const char* launch_{name}(const unsigned* grid, const unsigned* block, void** arguments, '
        "const size_t* bytes, int count, size_t shared, int order, uint64_t random) {\n"
        f"    return host::launch(host::Entry<{name}>::body, grid, block, arguments, bytes, count, shared, order, random);\n"
        "}\n"
    )


def _compile(text: str, flags: Sequence[str], target: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        source, part, built = (Path(folder) / f"kernel.{end}" for end in ("cpp", "o", "so"))
        source.write_text(text, encoding="utf-8")
        # Linked without the flags: the checks' functions are our own.
        for command in ([*flags, f"-I{HERE}", "-c", source, "-o", part], ["-shared", part, "-o", built]):
            done = subprocess.run(["g++", *map(str, command)], capture_output=True, text=True)
            if done.returncode:
                raise HostKernelError(f"does not compile:\n{done.stderr[:4000]}")
        os.replace(built, target)
