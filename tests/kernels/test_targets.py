"""What kernels are compiled for: registers, tiles that fit them, and nothing that one kind of processor alone has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

from llvmlite import binding

import gan_np.kernels.cpu
from gan_np.kernels.cpu import target
from gan_np.kernels.cpu.target import Registers

SOURCES = Path(gan_np.kernels.cpu.__file__).parent
LINUX, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
PROCESSORS = {
    (LINUX, "skylake-avx512"): (Registers(64, 32, True), (8, 2, 8)),
    (LINUX, "znver4"): (Registers(64, 32, True), (8, 2, 8)),
    (LINUX, "x86-64-v4"): (Registers(64, 32, True), (8, 2, 8)),
    (LINUX, "haswell"): (Registers(32, 16, True), (6, 1, 4)),
    (LINUX, "x86-64-v3"): (Registers(32, 16, True), (6, 1, 4)),
    (LINUX, "x86-64"): (Registers(16, 16, False), (2, 1, 2)),
    ("x86_64-pc-windows-msvc", "haswell"): (Registers(32, 16, True), (6, 1, 4)),
    (ARM, "generic"): (Registers(16, 32, True), (6, 1, 4)),
    (ARM, "neoverse-v1"): (Registers(16, 32, True), (6, 1, 4)),
    ("arm64-apple-darwin", "apple-m1"): (Registers(16, 32, True), (6, 1, 4)),
}


@pytest.mark.parametrize("processor", PROCESSORS, ids=" ".join)
def test_registers_and_tiles_of_processors(processor):
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        binding.Target.from_triple(processor[0])
    except RuntimeError as error:
        pytest.skip(f"this LLVM cannot compile for it: {error}")
    found = target.registers(*processor, "")
    assert (found, tuple(target.tile_of(found))) == PROCESSORS[processor]


@pytest.mark.parametrize("level", target.KNOWN)
def test_what_is_known_of_a_level_is_what_llvm_answers(level):
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    architecture = next(name for name, levels in target.LEVELS.items() if level in levels)
    triple = f"{architecture}-unknown-linux-gnu"
    try:
        binding.Target.from_triple(triple)
    except RuntimeError as error:
        pytest.skip(f"this LLVM cannot compile for it: {error}")
    processor = target.of_level(level, target.LEVELS[architecture][level])
    assert target.registers(triple, *processor) == target.KNOWN[level]


def test_a_processor_that_is_no_level_is_asked_for():
    if not target.TRIPLE.startswith("x86_64"):
        pytest.skip("names features of x86-64")
    assert {level for levels in target.LEVELS.values() for level in levels} == set(target.KNOWN)
    assert target.registers_of(target.TRIPLE, "x86-64-v4", "-avx512f") == Registers(32, 16, True)
    assert target.registers_of(target.TRIPLE, "haswell", "") == Registers(32, 16, True)


def test_features_that_are_switched_off_are_not_counted_on():
    if not target.TRIPLE.startswith("x86_64"):
        pytest.skip("names features of x86-64")
    assert target.registers(target.TRIPLE, "haswell", "-avx2,-fma,-avx") == Registers(16, 16, False)
    assert target.registers(target.TRIPLE, "x86-64", "+avx2,+fma") == Registers(32, 16, True)


@pytest.mark.parametrize("found", {each for each, _ in PROCESSORS.values()}, ids=str)
def test_a_tile_fits_its_registers_and_the_transposed_one_a_line(found):
    rows, columns, transposed = target.tile_of(found)
    line = columns * target.LINE // found.size
    assert rows * line + line + 1 <= found.number
    assert transposed <= rows
    assert target.LINE // 8 % transposed == 0, "rows of a transposed tile stand in one line, also of float64"


def test_no_kernel_needs_an_instruction_of_one_kind_of_processor():
    """The loop that waits for work tells an x86 core that it does; elsewhere it only loops."""
    named = {
        (path.name, name)
        for path in SOURCES.rglob("*.py")
        for name in re.findall(r"llvm\.(?:x86|aarch64|arm|ppc|riscv)\.[\w.]+", path.read_text(encoding="utf-8"))
    }
    assert named == {("pool.py", "llvm.x86.sse2.pause")}
    pool = (SOURCES / "pool.py").read_text(encoding="utf-8")
    assert re.search(r"if PAUSES:\n +.*llvm\.x86\.sse2\.pause", pool)


CHECK = """
from gan_np import kernels, testing
from gan_np.kernels.cpu import compile
for operation in ("conv2d", "dense", "dense_layer", "batch_norm", "adam", "softplus"):
    for entry in kernels.entries(operation):
        if entry.name in compile.NAMES:
            testing.check_kernel(operation, entry.name)
"""


@pytest.mark.campaign
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", ["x86-64-v4", "haswell", "x86-64"])
def test_kernels_compiled_for_another_processor(name, tmp_path):
    pinned = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": "", "GAN_NP_CACHE": str(tmp_path)}
    there = target.registers(target.TRIPLE, name, "").size if target.TRIPLE.startswith("x86_64") else 0
    if not 0 < there <= target.REGISTERS.size:
        pytest.skip("this processor cannot run its code")
    done = subprocess.run([sys.executable, "-c", CHECK], env={**os.environ, **pinned}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
