"""How long kernels take inside a training step: beside others, on arrays that they find as a step leaves them.

A kernel on BLAS can look good alone and take four times as long in a step, where its threads and those of the compiled
kernels take the processor from each other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.kernels import Problem
from gan_np.kernels.profiling import Profile
from gan_np.training import Trainer

from .kernel_work import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT
from .setups import PRESETS, make_trainer

PRESET = "dcgan64"
WARM_UP, STEPS = 1, 2

PARTS: dict[str, tuple[tuple[str, ...], ...]] = {
    FORWARD: (("prepare_weight",), ("prepare_large",), ("to_small", "to_small_with_epilogue")),
    INPUT_GRADIENT: (("prepare_small",), ("to_large", "to_large_with_epilogue")),
    WEIGHT_GRADIENT: (("prepare_small",), ("to_weight",)),
}
"""A convolution's rows → the parts of a plan that they time, the mean call of each; the last must have run."""

Found = dict[tuple[str, str, Problem, str], float]
"""(operation, kernel, problem, row's method) → seconds of a call."""


def measure(
    dtype: np.dtype[Any], operations: Collection[str], say: Callable[[str], None], until: float = math.inf
) -> Found:
    """Steps of a DCGAN as the table chooses, then one step more for each other kernel of these operations.

    say: is told what is being done.
    until: no further kernel is tried after this time (`time.monotonic`).
    """
    say(f"training steps of {PRESET}, with the default kernels")
    trainer = make_trainer(PRESETS[PRESET], dtype)
    with kernels.record_problems() as problems:
        trainer.step()
    by_operation: dict[str, list[Problem]] = {}
    for work in problems:
        if work.operation in operations and work.problem not in by_operation.setdefault(work.operation, []):
            by_operation[work.operation].append(work.problem)
    found = of_profile(_profiled(trainer, {}, WARM_UP, STEPS))
    for operation, own in by_operation.items():
        for entry in kernels.entries(operation):
            choices = {(operation, problem): entry.name for problem in own if entry.supports(problem) is None}
            ran = {key[:3] for key in found}
            missing = any((operation, entry.name, problem) not in ran for _, problem in choices)
            if missing and time.monotonic() < until:
                say(f"a training step of {PRESET} with {operation}={entry.name}")
                found = of_profile(_profiled(trainer, choices, 0, 1)) | found
    return found


def _profiled(trainer: Trainer, choices: kernels.Choices, warm_up: int, steps: int) -> Profile:
    with kernels.use_tuned(choices):
        for _ in range(warm_up):
            trainer.step()
        with kernels.profile() as total:
            for _ in range(steps):
                trainer.step()
    return total


def of_profile(total: Profile) -> Found:
    """Mean seconds of a call as the rows of a table divide them."""
    means: dict[tuple[str, str, Problem], dict[str, float]] = {}
    for (work, problem), (calls, seconds) in total.of_problems.items():
        means.setdefault((work.operation, work.implementation, problem), {})[work.method] = seconds / calls
    found: Found = {}
    for (operation, kernel, problem), own in means.items():
        if operation != "conv2d":
            names = {"input_gradient": INPUT_GRADIENT, "weight_gradient": WEIGHT_GRADIENT}
            found |= {(operation, kernel, problem, names.get(name, name)): mean for name, mean in own.items()}
            continue
        for method, parts in PARTS.items():
            times = [[own[name] for name in names if name in own] for names in parts]
            if times[-1]:
                found[operation, kernel, problem, method] = sum(min(part) for part in times if part)
    return found
