"""That a kernel does not hide what is not a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array

from .kernel_results import KernelError, on_host, places

SPREAD = {"conv2d"}
"""Operations in which NaN may come out at more places: transforms join what lies near."""
LARGE = 1e9


def check_not_a_number(
    case: kernels.Case,
    kernel: Any,
    reference: Any,
    names: list[str],
    arrays: list[Array],
    place: Callable[[Array], Array],
    rng: np.random.Generator,
) -> None:
    """One NaN in one array after another: what depends on it and is NaN of the reference is not finite here, and what does
    not depend on it is not NaN.

    A result depends on an entry if the reference gives another one when the entry is large, or largely negative.
    place: puts an array of the host where the kernel works.

    Raises:
        KernelError: it is hidden, or (but for convolutions) reaches what does not depend on it.
    """
    clean = case.run(reference, *arrays)
    for index, (name, array) in enumerate(zip(names, arrays, strict=True)):
        if array.dtype.kind != "f" or not array.size:
            continue
        at = np.unravel_index(int(rng.integers(array.size)), array.shape)

        def spoiled(value: float, index: int = index, at: Any = at) -> list[Array]:
            changed = list(arrays)
            changed[index] = arrays[index].copy()
            changed[index][at] = value
            return changed

        with np.errstate(all="ignore"):
            expected, above, below = (case.run(reference, *spoiled(value)) for value in (np.nan, LARGE, -LARGE))
            found = on_host(case.run(kernel, *map(place, spoiled(np.nan))))
        text = f"a NaN in {name} at ({', '.join(map(str, at))})"
        for key, right in expected.items():
            left = found[key]
            if right.dtype.kind != "f" or left.dtype.kind != "f":
                continue
            depends = (above[key] != clean[key]) | (below[key] != clean[key])
            hidden = np.isnan(right) & depends & np.isfinite(left)
            if hidden.any():
                raise KernelError(f"{text} is hidden in {key}: {places(hidden)} are finite, expected NaN")
            spread = np.isnan(left) & ~np.isnan(right) & ~depends
            if case.operation not in SPREAD and spread.any():
                raise KernelError(
                    f"{text} reaches {key} where it does not belong: {places(spread)} are NaN, expected numbers"
                )
