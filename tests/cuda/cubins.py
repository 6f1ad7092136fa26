"""Every CUDA kernel compiled for real targets by NVRTC, with no GPU: registers, shared memory and spills of each.

python tests/cuda/cubins.py [TARGET ...]     prints the table as Markdown
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.metadata
import io
import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_np.kernels.cuda import few_channels, grouped, launcher, product, source

TARGETS = ("sm_80", "sm_90")
PACKAGES = ("cuda-core", "cuda-bindings", "nvidia-cuda-nvrtc")
CACHE = Path(__file__).parents[2] / "build" / "cubins"
ENTRY = re.compile(r"Compiling entry function '(\w+)'")
SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?, (\d+) bytes smem)?")


class Variant(NamedTuple):
    """One module: a source with its definitions."""

    source: str
    real: str
    label: str
    definitions: dict[str, int]
    used: tuple[str, ...] | None = None
    """Those of its kernels that are launched from it; None: all."""
    instruction: str | None = None
    """The instruction that multiplies, in a product."""


class Kernel(NamedTuple):
    """What the assembler says of one kernel."""

    variant: Variant
    target: str
    name: str
    registers: int
    static_shared: int
    dynamic_shared: int
    stack: int
    spilled: int


# Where the lines of a product's two operands run along k.
LAYOUTS = {
    "forward": (True, False), "input_gradient": (True, True), "weight_gradient": (False, False),
    "to_small": (True, False), "to_large": (True, True), "to_weight": (False, False), "to_large_few": (True, True),
}  # fmt: skip
# And with TF32 of warpgroups, which read along k: an operand may be transposed before.
TRANSPOSED = {"to_small": (True, True), "to_large": (True, True), "to_weight": (False, True)}
SINGLE = ("to_bf16.cu",)
"""Sources that are compiled for float32 alone."""


def variants() -> Iterator[Variant]:
    """All modules that the launchers can ask for."""
    for name in source.sources():
        if name == few_channels.SOURCE:
            yield from _few_channels(name)
        elif name == grouped.SOURCE:
            yield Variant(name, "double", "", {})
            for precision, definitions in grouped.DEFINITIONS.items():
                yield Variant(name, "float", precision, definitions)
        elif name in ("dense.cu", "convolution.cu"):
            yield from _products(name)
        else:
            for real in ("float",) if name in SINGLE else ("float", "double"):
                yield Variant(name, real, "", {})


def _few_channels(name: str) -> Iterator[Variant]:
    for precision, columns in itertools.product(("float32", "tf32", "bf16"), (16, 32, 48, 64)):
        instruction = product.OF_THREADS_OR_WARPS[precision]
        tile = few_channels.tile_of(columns, instruction)
        yield Variant(
            name, "float", f"{columns} columns, {precision}", product.definitions(tile, instruction), None, instruction
        )


def _products(name: str) -> Iterator[Variant]:
    """Warpgroups multiply for convolution alone; kernels whose tile has other stages or occupancy are another module."""
    for instruction, real in itertools.product(product.TILES, ("float", "double")):
        if (instruction in product.WGMMA and name == "dense.cu") or (real == "double" and instruction != product.FMA):
            continue
        for size, tile in product.TILES[instruction].items():
            if real == "double" and size in ("large", "slim"):
                continue
            modules: dict[product.Tile, list[str]] = {}
            for kernel in expected(name):
                modules.setdefault(product.pipelined(tile, _layout(kernel, instruction), instruction), []).append(
                    kernel
                )
            for found, kernels in modules.items():
                label = f"{size} tile" + ("" if instruction == product.FMA else f", {instruction}")
                label += "" if len(modules) == 1 else f", {' and '.join(kernels)}"
                yield Variant(name, real, label, product.definitions(found, instruction), tuple(kernels), instruction)


def _layout(kernel: str, instruction: str) -> tuple[bool, bool]:
    return TRANSPOSED[kernel] if instruction == product.WGMMA_TF32 else LAYOUTS[kernel]


def architecture(variant: Variant, target: str) -> str | None:
    """What to compile for, for a target; None where the launchers never ask for this there."""
    if variant.instruction not in product.WGMMA:
        return target
    return "sm_90a" if target == "sm_90" else None


def pairs(targets: Sequence[str] = TARGETS) -> Iterator[tuple[Variant, str]]:
    """(module, target) for all that are asked for."""
    for variant, target in itertools.product(variants(), targets):
        if architecture(variant, target):
            yield variant, target


def compiled(variant: Variant, target: str) -> list[Kernel]:
    """The kernels of one module that are used, compiled for one target; the assembler's words are kept in `build/cubins/`.

    Raises:
        ImportError: the packages of the extra "cuda-gates" are missing.
    """
    text = source.read_source(variant.source)
    macros = [("REAL", variant.real), *((key, str(value)) for key, value in variant.definitions.items())]
    chosen = architecture(variant, target)
    assert chosen is not None, (variant, target)
    key = repr((text, macros, chosen, [importlib.metadata.version(name) for name in PACKAGES]))
    kept = CACHE / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.log"
    if not kept.exists():
        log = _log(text, macros, chosen)
        CACHE.mkdir(parents=True, exist_ok=True)
        kept.write_text(log, encoding="utf-8")
    return list(_kernels(variant, chosen, kept.read_text(encoding="utf-8")))


def keep(variant: Variant, target: str) -> None:
    """Compile, so that `compiled` finds it; what does not compile is left to `compiled` to say."""
    with contextlib.suppress(Exception):
        compiled(variant, target)


def _log(text: str, macros: list[tuple[str, str]], target: str) -> str:
    from cuda.core import Program, ProgramOptions

    options = ProgramOptions(std="c++17", arch=target, define_macro=macros, ptxas_options=["-v"])
    log = io.StringIO()
    Program(text, "c++", options).compile("cubin", logs=log)
    return log.getvalue()


def _kernels(variant: Variant, target: str, log: str) -> Iterator[Kernel]:
    parts = ENTRY.split(log)
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        if variant.used is not None and name not in variant.used:
            continue
        stack, stores, loads = (int(number) for number in SPILLS.search(text).groups())
        registers, shared = USED.search(text).groups()
        yield Kernel(
            variant, target, name, int(registers), int(shared or 0), _dynamic(variant, name), stack, stores + loads
        )


def _dynamic(variant: Variant, name: str) -> int:
    if variant.instruction is None:
        return 0
    given, which = variant.definitions, "THREAD" if variant.instruction == product.FMA else "WARP"
    share = given[f"{which}_M"], given[f"{which}_N"]
    tile = product.Tile(given["TILE_M"], given["TILE_N"], share, given["TILE_K"], given["PIPELINE_STAGES"])
    dtype = np.dtype(np.float32 if variant.real == "float" else np.float64)
    few = 4 * tile.rows * (tile.columns + 1) if variant.source == few_channels.SOURCE else 0
    return max(product.shared_bytes(tile, _layout(name, variant.instruction), dtype, variant.instruction), few)


def expected(name: str) -> list[str]:
    """The kernels that a source defines."""
    return re.findall(
        r'extern "C" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\s*\(', source.read_source(name)
    )


def markdown(found: list[Kernel]) -> str:
    """The table, one line a kernel."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    lines = [
        f"{datetime.date.today()}: {versions}, options {' '.join(launcher.OPTIONS)}.",
        "",
        "| source | kernel | real | variant | target | registers | shared memory, bytes | spilled, bytes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for k in found:
        shared = k.static_shared + k.dynamic_shared
        cells = (k.variant.source, k.name, k.variant.real, k.variant.label, k.target, k.registers, shared, k.spilled)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def by_module(found: list[Kernel]) -> str:
    """The table of docs/cuda-kernels.md: a line a module, with the most that one of its kernels takes."""
    heads = (
        "source",
        "real",
        "variant",
        *(f"registers, {target}" for target in TARGETS),
        "shared memory, bytes",
        "spilled",
    )
    modules: dict[tuple[str, str, str], list[Kernel]] = {}
    for kernel in found:
        modules.setdefault(kernel.variant[:3], []).append(kernel)
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, kernels in modules.items():
        registers = [
            max((kernel.registers for kernel in kernels if kernel.target.startswith(target)), default="–")
            for target in TARGETS
        ]
        shared = max(kernel.static_shared + kernel.dynamic_shared for kernel in kernels)
        cells = (*name, *registers, shared, sum(kernel.spilled for kernel in kernels))
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    show = by_module if "--modules" in sys.argv else markdown
    targets = [word for word in sys.argv[1:] if not word.startswith("--")] or TARGETS
    print(show([kernel for variant, target in pairs(targets) for kernel in compiled(variant, target)]), end="")
