"""The check of a kernel against the reference and against its protocol, over cases that are listed and drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, to_device, to_host

from .kernel_independence import check_between, check_memory, check_repeated, check_threads
from .kernel_nan import check_not_a_number
from .kernel_places import (
    CHANGED,
    UPDATES,
    Guarded,
    check_backward_in_place,
    check_in_place,
    check_places,
    check_recomputed,
    check_signs,
    check_skip,
    check_slope_from_input,
)
from .kernel_plans import check_plan
from .kernel_results import TOLERANCE, KernelError, agree, on_host
from .layouts import shifted, with_gaps

Layout = Callable[[Array], Array]
LAYOUTS: tuple[Layout, ...] = (np.ascontiguousarray, np.asfortranarray, with_gaps, shifted)

EFFORTS = {"quick": 0, "usual": 1, "thorough": 5}
"""How often all pairs of values are drawn."""


def check_kernel(
    operation: str,
    name: str,
    *,
    seed: int = 0,
    device: str = "cpu",
    tolerance: float | None = None,
    cases: Iterable[kernels.Case] | None = None,
    only: str | None = None,
    effort: str = "usual",
) -> None:
    """Compare one kernel with the reference, and hold it to its operation's protocol.

    The oracle is the reference run in float64 by NumPy. The cases are the small ones of `kernels.list_cases`, in float32 and
    float64, and drawn ones of `kernels.draw_cases`, in which each two values of two arguments meet: every flag, optional
    array and scalar of the protocol varies. What the kernel does not support is left out. The same cases at every run.

    Checked are the numbers, with arrays in other memory layouts, and that
    - nothing that was only handed in changes, and nothing is written beyond an array's ends;
    - gradients go into their place, overwriting or adding; y goes over z with `in_place`; `skip` leaves an update out;
    - the same input gives the same bits, each result memory of its own, whatever else the kernel does before, in between
      (two plans alive at once) or in another thread;
    - what `normalise` of a batch normalisation makes again has the bits of `forward`, and what `backward_in_place`
      writes over dy has those of `backward`, if it declares that;
    - NaN comes out where the reference has NaN, and, but for convolutions, nowhere else;
    - a plan's prepared forms serve more than one contraction.

    device: where the kernel's arrays lie; "cuda" for kernels that work on CuPy arrays, which are not run in two threads.
    tolerance: allowed difference, relative to the largest entry (None: 2e-5 in float32, 1e-11 in float64); for kernels that
        round on purpose.
    cases: these instead of the listed and drawn ones.
    only: the label of the one case to check, or what stands before its colon ("drawn 12"), as an error names it.
    effort: "usual" takes some seconds. "thorough" draws five times as many cases, runs all checks on all of them, and two
        threads for ten times as long. "quick" leaves out the drawn cases, and what takes many calls (bits, other work,
        threads, NaN, plans): for simulators of a device.

    Raises:
        KernelError: with the kernel, the case, what is wrong, and the call that checks this case alone.
        ValueError: no such kernel or case, or it supports none of the cases there.

    >>> import gan_np as gn
    >>> gn.testing.check_kernel("conv2d", "im2col", only="odd remainder")
    """
    if effort not in EFFORTS:
        raise ValueError(f"effort: expected one of {', '.join(map(repr, EFFORTS))}, got {effort!r}")
    thorough = effort == "thorough"
    check = _Check(kernels.entry(operation, name), seed, device, tolerance, 0.1 if thorough else 0.01)
    labels, found = [], []
    for number, (case, listed) in enumerate(_cases(check, cases, effort)):
        labels.append(case.label)
        if only is not None and only not in (case.label, case.label.partition(":")[0]):
            continue
        dtypes = [dtype for dtype in TOLERANCE if check.supports(case, dtype)]
        if not (listed or thorough):
            dtypes = dtypes[-1:] if number % 3 == 2 else dtypes[:1]
        all_checks = listed or thorough or number % 6 == 0 or only is not None
        found += [_Work(case, dtype, number, listed, all_checks and dtype == dtypes[0]) for dtype in dtypes]
    if only is not None and not found:
        raise ValueError(
            f"only: {operation!r} has no case {only!r} that {name!r} supports; there are {', '.join(labels)}"
        )
    if not found:
        raise ValueError(f"kernel {name!r} of {operation!r} supports none of the cases on {device!r}")
    for work in found:
        check.run(work, check.numbers)
    for part in (check.places,) if effort == "quick" else (check.calls, check.places, check.others):
        for work in found:
            if work.all_checks:
                check.run(work, part)


class _Work(NamedTuple):
    """One case in one dtype."""

    case: kernels.Case
    dtype: np.dtype[Any]
    number: int
    listed: bool
    all_checks: bool
    """Whether more than the numbers of its results is checked."""


def _cases(check: _Check, given: Iterable[kernels.Case] | None, effort: str) -> Iterator[tuple[kernels.Case, bool]]:
    """Each case, and whether it is a listed one."""
    operation = check.entry.operation
    if given is not None:
        yield from ((case, True) for case in given)
        return
    yield from ((case, True) for case in kernels.list_cases(operation))

    def fits(case: kernels.Case) -> bool:
        return any(check.supports(case, dtype) for dtype in TOLERANCE)

    rounds = EFFORTS[effort]
    yield from ((case, False) for case in kernels.draw_cases(operation, seed=check.seed, rounds=rounds, fits=fits))


class _Check:
    """The kernel, its tolerance and its reference, which are the same for all cases of one check."""

    def __init__(self, entry: kernels.Entry, seed: int, device: str, tolerance: float | None, seconds: float) -> None:
        self.seconds = seconds
        self.entry, self.seed, self.device, self.tolerance = entry, seed, device, tolerance
        self.kernel = entry.implementation
        self.reference = kernels.entry(entry.operation, "reference").implementation
        self.before: Callable[[], dict[str, Array]] | None = None

    def supports(self, case: kernels.Case, dtype: np.dtype[Any]) -> bool:
        """Return whether the kernel says that it can do a case."""
        return self.entry.supports(case.problem(dtype, self.device.partition(":")[0])) is None

    def run(self, work: _Work, check: Callable[[_Work], None]) -> None:
        """Run a part of the check on one case in one dtype; errors say which, and how to have it again."""
        case, dtype = work.case, work.dtype
        operation, name = self.entry.operation, self.entry.name
        label = f"kernel {name!r} of {operation!r}, case {case.label!r}, {dtype}"
        again = [f"{operation!r}", f"{name!r}"]
        again += [f"seed={self.seed}"] if self.seed else []
        again += [f"device={self.device!r}"] if self.device != "cpu" else []
        again += [f"tolerance={self.tolerance}"] if self.tolerance is not None else []
        alone = f"gn.testing.check_kernel({', '.join(again)}, only={case.label.partition(':')[0]!r})"
        try:
            check(work)
        except KernelError as error:
            raise KernelError(f"{label}: {error}\nThis case alone: {alone}") from error.__cause__
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise KernelError(f"{label}: raised {text}\nThis case alone: {alone}") from error

    def numbers(self, work: _Work) -> None:
        """Check the numbers of a case, in several layouts of its arrays, and that inputs do not change."""
        case, dtype, number, listed, _ = work
        allowed = self._allowed(dtype)
        arrays = case.make(np.random.default_rng(self.seed), dtype)
        names = names_of(case, len(arrays))
        before = [array.copy() for array in arrays]
        expected = case.run(self.reference, *map(_widen, arrays))
        for layout in LAYOUTS[:3] if listed else (LAYOUTS[number % len(LAYOUTS)],):
            given = _placed(arrays, layout, self.device)
            found = case.run(self.kernel, *given)
            for index, (array, old) in enumerate(zip(given, before, strict=True)):
                if not np.array_equal(to_host(array), old):
                    raise KernelError(f"modified array {index} ({names[index]}), which it was only handed")
            _agree(on_host(found), expected, dtype, allowed)
            check_memory(case.operation, names, given, found)

    def _allowed(self, dtype: np.dtype[Any]) -> float:
        return TOLERANCE[dtype] if self.tolerance is None else self.tolerance

    def _arrays(self, work: _Work, stream: int = 0) -> tuple[list[Array], list[Array]]:
        """A case's arrays on the host and where the kernel works."""
        hosts = work.case.make(np.random.default_rng((self.seed, stream)), work.dtype)
        return hosts, [to_device(array, self.device) for array in hosts]

    def calls(self, work: _Work) -> None:
        """The same bits for the same input; a plan's prepared forms."""
        (hosts, arrays), case, kernel = self._arrays(work), work.case, self.kernel
        if self.device == "cpu":
            _run_read_only(case, kernel, hosts)
        check_repeated(case.operation, lambda: case.run(kernel, *arrays))
        if case.operation == "conv2d":
            check_plan(case, kernel, arrays, self._allowed(work.dtype))

    def places(self, work: _Work) -> None:
        """Check results that are written into arrays of the caller, over what was there or added to it."""
        (hosts, arrays), case, kernel = self._arrays(work), work.case, self.kernel
        operation, allowed = case.operation, self._allowed(work.dtype)
        check_places(case, kernel, arrays, allowed)
        if operation in UPDATES:
            check_skip(case, kernel, arrays)
        if operation in CHANGED:
            guarded = on_host(case.run(Guarded(operation, kernel), *arrays))
            _agree(guarded, case.run(self.reference, *map(_widen, hosts)), work.dtype, allowed)
        if operation == "bias_activation" and "in_place" in self.entry.features:
            check_in_place(kernel, arrays, allowed)
        if operation in ("bias_activation", "batch_norm") and "backward_in_place" in self.entry.features:
            check_backward_in_place(operation, kernel, arrays)
        if operation == "batch_norm" and "recomputes" in self.entry.features:
            check_recomputed(kernel, arrays)
        if operation == "batch_norm" and "slope_from_input" in self.entry.features:
            check_slope_from_input(kernel, arrays)
        if operation == "bias_activation" and "signs" in self.entry.features:
            check_signs(kernel, arrays)

    def others(self, work: _Work) -> None:
        """Other work in between and beside; NaN."""
        (hosts, arrays), (_, others), case, kernel = self._arrays(work), self._arrays(work, 1), work.case, self.kernel

        def mine() -> dict[str, Array]:
            return case.run(kernel, *arrays)

        def other() -> dict[str, Array]:
            return case.run(kernel, *others)

        check_between(case, kernel, arrays, [other] if self.before is None else [other, self.before])
        if self.device == "cpu":
            check_threads(mine, other, self.seconds)
        self.before = other
        names, rng = names_of(case, len(hosts)), np.random.default_rng(self.seed)
        check_not_a_number(case, kernel, self.reference, names, hosts, lambda array: to_device(array, self.device), rng)


def names_of(case: kernels.Case, count: int) -> list[str]:
    """Return the names that a case has for its arrays."""
    named = [parameter.name for parameter in list(inspect.signature(case.run).parameters.values())[1:]]
    return [named[index] if index < len(named) else f"{named[-1]}[{index - len(named) + 1}]" for index in range(count)]


def _run_read_only(case: kernels.Case, kernel: Any, arrays: list[Array]) -> None:
    """On arrays that nobody may write to, as the views of a network's parameters are."""
    locked = [array.copy() for array in arrays]
    for array in locked:
        array.flags.writeable = False
    try:
        case.run(kernel, *locked)
    except Exception as error:
        raise KernelError(f"fails on read-only arrays: {type(error).__name__}: {error}") from error


def _agree(found: Any, expected: Any, dtype: np.dtype[Any], allowed: float) -> None:
    """As `agree`, where the label comes later."""
    try:
        agree("", found, expected, dtype, allowed)
    except KernelError as error:
        raise KernelError(str(error).removeprefix(": ")) from None


def _placed(arrays: list[Array], layout: Layout, device: str) -> list[Array]:
    """The arrays on a device in one layout: a copy between devices keeps the order of axes but no gaps."""
    if layout in (with_gaps, shifted):
        return [layout(to_device(array, device)) for array in arrays]
    return [to_device(layout(array), device) for array in arrays]


def _widen(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


__all__ = ["TOLERANCE", "KernelError", "agree", "check_kernel"]
