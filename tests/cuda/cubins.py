"""Every CUDA kernel compiled for real targets by NVRTC, with no GPU: registers, shared memory and spills of each.

python tests/cuda/cubins.py [TARGET ...]     prints the table as Markdown
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_np.kernels.cuda import few_channels, launcher, product, source

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


def variants() -> Iterator[Variant]:
    """All modules that the launchers can ask for."""
    for name in source.sources():
        if name == few_channels.SOURCE:
            for precision in product.SUFFIX:
                tile = few_channels.tile_of(48, precision)
                yield Variant(name, "float", f"48 columns, {precision}", product.definitions(tile, precision))
            continue
        for real in ("float", "double"):
            if name not in ("dense.cu", "convolution.cu"):
                yield Variant(name, real, "", {})
                continue
            for precision in product.SUFFIX:
                for size, tile in (product.EXACT if precision == "float32" else product.ROUNDED).items():
                    if real == "float" or (precision == "float32" and size != "large"):
                        label = f"{size} tile" + ("" if precision == "float32" else f", {precision}")
                        yield Variant(name, real, label, product.definitions(tile, precision))


def compiled(variant: Variant, target: str) -> list[Kernel]:
    """The kernels of one module, compiled for one target; the assembler's words are kept in `build/cubins/`.

    Raises:
        ImportError: the packages of the extra "cuda-gates" are missing.
    """
    text = source.read_source(variant.source)
    macros = [("REAL", variant.real), *((key, str(value)) for key, value in variant.definitions.items())]
    key = repr((text, macros, target, [importlib.metadata.version(name) for name in PACKAGES]))
    kept = CACHE / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.log"
    if not kept.exists():
        log = _log(text, macros, target)
        CACHE.mkdir(parents=True, exist_ok=True)
        kept.write_text(log, encoding="utf-8")
    return list(_kernels(variant, target, kept.read_text(encoding="utf-8")))


def _log(text: str, macros: list[tuple[str, str]], target: str) -> str:
    from cuda.core import Program, ProgramOptions

    options = ProgramOptions(std="c++17", arch=target, define_macro=macros, ptxas_options=["-v"])
    log = io.StringIO()
    Program(text, "c++", options).compile("cubin", logs=log)
    return log.getvalue()


def _kernels(variant: Variant, target: str, log: str) -> Iterator[Kernel]:
    parts = ENTRY.split(log)
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        stack, stores, loads = (int(number) for number in SPILLS.search(text).groups())
        registers, shared = USED.search(text).groups()
        yield Kernel(
            variant, target, name, int(registers), int(shared or 0), _dynamic(variant, name), stack, stores + loads
        )


def _dynamic(variant: Variant, name: str) -> int:
    if not variant.definitions:
        return 0
    rounded = variant.definitions.get("ROUNDED", 0)
    precision = {number: key for key, number in product.SUFFIX.items()}[rounded]
    share = tuple(variant.definitions[f"{'WARP' if rounded else 'THREAD'}_{axis}"] for axis in "MN")
    sizes = (variant.definitions[name] for name in ("TILE_M", "TILE_N"))
    tile = product.Tile(*sizes, share, variant.definitions["TILE_K"], variant.definitions["RING"])
    dtype = np.dtype(np.float32 if variant.real == "float" else np.float64)
    return product.shared_bytes(tile, LAYOUTS[name], dtype, precision)


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


if __name__ == "__main__":
    targets = sys.argv[1:] or TARGETS
    print(markdown([kernel for v in variants() for target in targets for kernel in compiled(v, target)]), end="")
