"""What a convolution's plan owes beyond its numbers: prepared forms that last, and epilogues that are those of two steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, device_of, to_device, to_host
from gan_np.kernels import selection
from gan_np.kernels.cases import ACTIVATIONS

from .kernel_results import KernelError, agree, on_host, same_bits


def check_plan(case: kernels.Case, kernel: Any, arrays: list[Array], tolerance: float) -> None:
    """A prepared form serves several contractions in any order, prepared weights those of later plans too.

    Raises:
        KernelError: a method is missing, `keeps_large` or `keeps_small` is no bool, or numbers differ.
    """
    geometry = case.geometry
    assert geometry is not None
    plan, later = kernel.plan(geometry), kernel.plan(geometry)
    try:
        selection.check_plan("the plan", plan)
    except ValueError as error:
        raise KernelError(str(error)) from None
    weight, large, small = arrays
    w, a, b = plan.prepare_weight(weight), plan.prepare_large(large), plan.prepare_small(small)
    first = on_host({"small": plan.to_small(w, a), "large": plan.to_large(w, b), "weight": plan.to_weight(a, b)})
    again = on_host({"weight": plan.to_weight(a, b), "large": plan.to_large(w, b), "small": plan.to_small(w, a)})
    same_bits("the first contraction of the same prepared forms, which one of the others changed", again, first)
    a, b = later.prepare_large(large), later.prepare_small(small)
    found = on_host({"small": later.to_small(w, a), "large": later.to_large(w, b)})
    same_bits(
        "what its own plan gives, with weights that an earlier plan of the same geometry prepared",
        found,
        {key: first[key] for key in found},
    )
    _check_epilogues(plan, (w, a, b), first, device_of(weight), tolerance)


def _check_epilogues(
    plan: Any, prepared: tuple[Any, Any, Any], sums: dict[str, Array], device: str, tolerance: float
) -> None:
    w, a, b = prepared
    oracle = kernels.entry("bias_activation", "reference").implementation
    ways: list[tuple[str, Callable[..., Array]]] = []
    if kernels.large_with_epilogue(plan) is not None:
        ways.append(("large", lambda *given: plan.to_large_with_epilogue(w, b, *given)))
    if kernels.small_with_epilogue(plan) is not None:
        ways.append(("small", lambda *given: plan.to_small_with_epilogue(w, a, *given)))
    for name, run in ways:
        total = sums[name]
        bias = np.linspace(-1, 1, total.shape[-1], dtype=total.dtype)
        for activation in ACTIVATIONS:
            for given in (bias, None):
                placed = None if given is None else to_device(given, device)
                expected = oracle.forward(total.astype(np.float64), given, activation)
                what = f"to_{name}_with_epilogue, {activation.kind} {'with' if given is not None else 'without'} a bias"
                agree(what, {name: to_host(run(placed, activation))}, {name: expected}, total.dtype, 2 * tolerance)
