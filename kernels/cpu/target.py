"""The processor that kernels are compiled for: this one, or the one that NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name.

What follows from it, such as the shape of a product's tile, must follow from this and not from the processor that happens to
run the code: several may read the same compiled kernels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import binding, ir
from numba.core import config
from numba.core.codegen import get_host_cpu_features

settings: Any = config  # read from the environment, so that types are not known

TRIPLE: str = binding.get_process_triple()
NAME: str = settings.CPU_NAME or binding.get_host_cpu_name()
FEATURES: str = settings.CPU_FEATURES
if settings.CPU_FEATURES is None:
    FEATURES = get_host_cpu_features()  # type: ignore[no-untyped-call]


class Registers(NamedTuple):
    """The vector registers of a processor."""

    size: int
    """Bytes of one."""
    number: int
    fused: bool
    """Whether a·b + c is one instruction, rounded once."""


LINE = 64
"""Bytes of a line of numbers, which is one register with AVX-512, two with AVX2, four with NEON and with plain x86-64."""


def registers(triple: str, name: str, features: str) -> Registers:
    """Ask LLVM how it would multiply and add one line, and read from its answer which registers there are.

    For example `vfmadd213ps (%rdx), %ymm1, %ymm3` is AVX2. A name such as "haswell" or "x86-64-v4" brings features along, so
    that the list of features alone does not tell.
    """
    module, line = ir.Module(), ir.VectorType(ir.FloatType(), LINE // 4)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [line.as_pointer()] * 3), "multiply_and_add")
    fma = ir.Function(module, ir.FunctionType(line, [line] * 3), f"llvm.fma.v{LINE // 4}f32")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.store(builder.call(fma, [builder.load(place) for place in function.args]), function.args[0])
    builder.ret_void()
    module.triple = triple
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=name, features=features)
    text = machine.emit_assembly(binding.parse_assembly(str(module)))
    fused = "fmaf" not in text  # the C library's function, a number at a time
    if "zmm" in text:
        return Registers(64, 32, fused)
    if "ymm" in text:
        return Registers(32, 16, fused)
    return Registers(16, 16 if "xmm" in text else 32, fused)


class Tile(NamedTuple):
    """The shape of the tiles that products make."""

    rows: int
    """Rows of a tile, and of a left panel."""
    columns: int
    """Lines of numbers in each row."""
    transposed_rows: int
    """Rows of a tile of the transposed product: a power of two, so that they stand in one line of a left panel."""


def tile_of(found: Registers) -> Tile:
    """As many rows as have room for their sums in registers, beside the lines of B and one number of A, spread.

    8 × 2 lines with AVX-512 (more would fit, and are no faster), 6 × 1 with AVX2 and with NEON, 2 × 1 with plain x86-64.
    """
    columns = 2 if found.size == LINE else 1
    line = columns * LINE // found.size
    rows = min(8, (found.number - line - 1) // line)
    return Tile(rows, columns, 1 << rows.bit_length() - 1)


binding.initialize_native_target()
binding.initialize_native_asmprinter()
REGISTERS = registers(TRIPLE, NAME, FEATURES)
ROWS, COLUMNS, TRANSPOSED_ROWS = tile_of(REGISTERS)
"""A product's tile is ROWS × (COLUMNS lines), one of the transposed product TRANSPOSED_ROWS × (COLUMNS lines)."""
