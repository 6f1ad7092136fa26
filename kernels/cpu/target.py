"""The processor that kernels are compiled for: a level that many processors have in full, not the very one at hand.

    x86-64-v4    AVX-512 (F, BW, CD, DQ, VL), and v3
    x86-64-v3    AVX2, FMA, BMI and so on, and v2
    x86-64-v2    SSE4.2, and the plain x86-64 that every 64-bit PC has
    generic      on 64-bit ARM: NEON

So kernels that were compiled elsewhere serve, and give the same bits, as what is compiled here: on every machine of a level,
and whether they came with the library or not. Compiled for the very processor they were no faster (docs/cpu-kernels.md).
GAN_NP_CPU names another level, or "native"; NUMBA_CPU_NAME and NUMBA_CPU_FEATURES pin any processor that LLVM knows.

What follows from the target, such as the shape of a product's tile, must follow from this and not from the processor that
happens to run the code: several may read the same compiled kernels.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from llvmlite import binding, ir
from numba.core import config

settings: Any = config  # read from the environment, so that types are not known

VARIABLE = "GAN_NP_CPU"
"""Names a level, or "native" for the very processor at hand."""
NATIVE = "native"

_V1 = ("cx8", "fxsr", "mmx", "sse", "sse2")
_V2 = (*_V1, "cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3")
_V3 = (*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave")
_V4 = (*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")
LEVELS: dict[str, dict[str, tuple[str, ...]]] = {
    "x86_64": {"x86-64-v4": _V4, "x86-64-v3": _V3, "x86-64-v2": _V2, "x86-64": _V1},
    "aarch64": {"generic": ("neon", "fp-armv8")},
}
"""For each architecture its levels, the best first: LLVM's name, and the features that a processor must have."""


class Target(NamedTuple):
    """What LLVM is told of a processor."""

    name: str
    features: str
    """As LLVM writes them, "+avx2,-avx512f"; what the name has need not be there."""


def choose(
    asked: str | None, pinned: tuple[str | None, str | None], architecture: str, host: Target, has: frozenset[str]
) -> Target:
    """Return the target: as asked, else as Numba's variables pin it, else the best level of which nothing is missing.

    asked: what GAN_NP_CPU says. pinned: NUMBA_CPU_NAME and NUMBA_CPU_FEATURES. host: the very processor, which has the
    features `has`. It serves where the architecture has no levels here, and where its best level would leave out that it
    multiplies and adds in one instruction (every product does).

    Raises:
        ValueError: the level asked for is not one of this architecture, or the processor lacks some of it.
    """
    levels = LEVELS.get(architecture, {})
    if asked and asked != NATIVE:
        if asked not in levels:
            raise ValueError(f"{VARIABLE}: expected {', '.join((*levels, NATIVE))}, got {asked!r}")
        missing = sorted(set(levels[asked]) - has)
        if missing:
            raise ValueError(
                f"{VARIABLE}: {asked} needs a processor with {', '.join(missing)}; {host.name} has no such"
            )
        return of_level(asked, levels[asked])
    if asked == NATIVE:
        return host
    name, features = pinned
    if name or features is not None:
        return Target(name or host.name, host.features if features is None else features)
    for level, needed in levels.items():
        if has.issuperset(needed):
            return host if "fma" in has and "fma" not in needed else of_level(level, needed)
    return host


def of_level(name: str, features: tuple[str, ...]) -> Target:
    """What LLVM is told of a level."""
    return Target(name, ",".join(f"+{feature}" for feature in features))


def _features() -> Any:
    try:
        features = binding.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know them on every system
        return None
    if not settings.ENABLE_AVX:
        for feature in features:
            features[feature] = features[feature] and not feature.startswith("avx")
    return features


TRIPLE: str = binding.get_process_triple()
ARCHITECTURE = {"arm64": "aarch64", "amd64": "x86_64"}.get(TRIPLE.partition("-")[0], TRIPLE.partition("-")[0])
_found = _features()
HOST = Target(binding.get_host_cpu_name(), "" if _found is None else _found.flatten())
HAS = frozenset(feature for feature, there in (_found or {}).items() if there)
NAME, FEATURES = choose(os.environ.get(VARIABLE), (settings.CPU_NAME, settings.CPU_FEATURES), ARCHITECTURE, HOST, HAS)


class Registers(NamedTuple):
    """The vector registers of a processor."""

    size: int
    """Bytes of one."""
    number: int
    fused: bool
    """Whether a·b + c is one instruction, rounded once."""


KNOWN = {
    "x86-64-v4": Registers(64, 32, True),
    "x86-64-v3": Registers(32, 16, True),
    "x86-64-v2": Registers(16, 16, False),
    "x86-64": Registers(16, 16, False),
    "generic": Registers(16, 32, True),
}
"""What LLVM answers for each level. Asking takes 18 MiB of its code generator, which ready kernels do without."""

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


def registers_of(triple: str, name: str, features: str) -> Registers:
    """The registers of a level, which are known, or of another processor, for which LLVM is asked."""
    level = LEVELS.get(ARCHITECTURE, {}).get(name)
    if level is not None and Target(name, features) == of_level(name, level):
        return KNOWN[name]
    return registers(triple, name, features)


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
REGISTERS = registers_of(TRIPLE, NAME, FEATURES)
ROWS, COLUMNS, TRANSPOSED_ROWS = tile_of(REGISTERS)
"""A product's tile is ROWS × (COLUMNS lines), one of the transposed product TRANSPOSED_ROWS × (COLUMNS lines)."""
