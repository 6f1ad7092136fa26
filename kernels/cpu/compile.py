"""All kernels compiled by one command: ahead of a first use, or to be shipped with the library.

    python -m gan_np.kernels.cpu.compile            # for this machine, kept where any kernel is kept
    python -m gan_np.kernels.cpu.compile --ship     # for each level of this processor from x86-64-v3 on, beside the sources

What is shipped lies in `shipped/` and is never in the repository: a wheel that is built after the second command has it, one
built without it compiles on the user's machine. It serves this version of Python, Numba and LLVM, these sources and this
system; on 64-bit ARM the same command makes the files for 64-bit ARM.
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import threads
from ..cases import Case, dense_case, dense_layer_case, list_cases
from ..interfaces import Activation
from ..selection import entries
from . import cache, pool, target, warm
from .code_generator import KernelDispatcher
from .signs import Signs

NAMES = ("numba", "direct", "few_channels", "winograd", "full_size", "pointwise", "grouped", "depthwise")
"""The implementations that this folder has."""
SHIPPED = ("x86-64-v4", "x86-64-v3", "generic")
"""Levels that are worth their megabytes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile what is missing, and say how much that was."""
    parser = argparse.ArgumentParser(
        prog="python -m gan_np.kernels.cpu.compile", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--ship", action="store_true", help="for the levels that wheels have, beside the sources")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # one level of --ship
    options = parser.parse_args(arguments)
    if options.ship:
        return ship()
    if options.here:
        cache.ship_to(cache.SHIPPED)
    elif isinstance(reason := cache.place(), str):
        parser.error(f"compiled kernels cannot be kept: {reason}")
    compile_all(_say)
    print(f"\rcompiled for {target.NAME}, in {cache.kept_in()}", flush=True)
    return 0


def ship() -> int:
    """Compile for each level that is shipped and that this processor has, each in a process of its own."""
    levels = target.LEVELS.get(target.ARCHITECTURE, {})
    for level in SHIPPED:
        if level not in levels:
            continue
        if not target.HAS.issuperset(levels[level]):
            print(f"{level}: left out, since this processor cannot run it", flush=True)
            continue
        command = [sys.executable, "-m", __spec__.name if __spec__ else "gan_np.kernels.cpu.compile", "--here"]
        environment = {**os.environ, target.VARIABLE: level, warm.VARIABLE: "0"}
        done = subprocess.run(command, env=environment, check=False)
        if done.returncode:
            return done.returncode
    return 0


def compile_all(tell: Callable[[int], None]) -> int:
    """Compile all kernels in float32 that are not kept yet, and return how many functions that were.

    tell: called with their number after each piece of work.
    """
    before = KernelDispatcher.compiled
    with threads.held_to(1):
        for work in _works():
            work()
            tell(KernelDispatcher.compiled - before)
    return KernelDispatcher.compiled - before


def _works() -> Iterator[Callable[[], Any]]:
    """Small work for each kernel; where the size decides which functions run, of several sizes."""
    dtype = np.dtype(np.float32)
    yield pool.compile_for_workers
    yield from warm.backwards(dtype)
    yield from _over_ranks(dtype)
    yield from _signs(dtype)
    for case in (*list_cases(), *_narrow()):
        problem = case.problem(dtype)
        for entry in entries(case.operation):
            if entry.name in NAMES and entry.supports(problem) is None:
                arrays = case.make(np.random.default_rng(0), dtype)
                yield functools.partial(case.run, entry.implementation, *arrays)


def _over_ranks(dtype: Any) -> Iterator[Callable[[], Any]]:
    """Batch normalisation in pieces, which `list_cases` has as a whole."""
    norm, leaky = warm.implementation("normalisation", "BatchNorm"), Activation("leaky_relu", 0.2)
    image, channels = np.ones((2, 4, 4, 32), dtype), np.ones(32, dtype)
    yield lambda: norm.statistics(image)
    yield lambda: norm.sums(image, image, image, channels, channels, leaky)
    yield lambda: norm.pull(image, image, image, None, channels, channels, leaky, np.ones((2, 32)))


def _signs(dtype: Any) -> Iterator[Callable[[], Any]]:
    """The signs of a large output, which `list_cases` has no shape for."""
    activation, leaky = warm.implementation("activation", "BiasActivation"), Activation("leaky_relu", 0.2)
    image = np.ones((2, 4, 4, 32), dtype)
    yield lambda: activation.backward(image, Signs(image), leaky, False)


def _narrow() -> Iterator[Case]:
    """Dense layers with loops of their own, which `list_cases` has no shape for: few inputs, few outputs, one row."""
    yield dense_case("one row", 1, 32, 32)
    for inputs, outputs in ((2, 32), (32, 2)):
        yield dense_case("narrow", 8, inputs, outputs)
        yield dense_layer_case("narrow", 160, inputs, outputs, Activation("leaky_relu", 0.2))


def _say(count: int) -> None:
    if sys.stdout.isatty():
        print(f"\r{count} functions compiled for {target.NAME}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
