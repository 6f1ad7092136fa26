"""The kernel table: for each operation its implementations by name, and the choice among them.

The choice is deterministic, a function of device, dtype and shape (a choice timed on the spot would break "same seed,
same bits"): among the implementations that support the problem, the one whose stated cost is lowest. A name can be
forced by `use_kernels` or by the environment variable GAN_NP_KERNELS ("conv2d=reference,adam=mine"); a forced kernel
that cannot do the work raises with its reason. Between the two stands a tuned choice (`use_tuned`): what was measured to be
fastest on a machine, problem by problem.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import inspect
import itertools
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from . import features as feature_names
from . import interfaces, profiling, recording
from .debug_synchronisation import synchronised
from .geometry import Geometry
from .scoped import Scoped

ENVIRONMENT = "GAN_NP_KERNELS"

OPERATIONS: dict[str, type[Any]] = {
    "dense": interfaces.Dense,
    "dense_layer": interfaces.DenseLayer,
    "conv2d": interfaces.Conv2d,
    "bias_activation": interfaces.BiasActivation,
    "batch_norm": interfaces.BatchNorm,
    "running": interfaces.Running,
    "layer_norm": interfaces.LayerNorm,
    "maxout": interfaces.Maxout,
    "dropout": interfaces.Dropout,
    "average_pool": interfaces.AveragePool,
    "upsample_nearest": interfaces.Upsample,
    "upsample_bilinear": interfaces.Upsample,
    "blur": interfaces.Blur,
    "affine_sample": interfaces.AffineSample,
    "scaled_sum": interfaces.ScaledSum,
    "normal": interfaces.Normal,
    "images": interfaces.Images,
    "softplus": interfaces.Softplus,
    "logistic": interfaces.Logistic,
    "accuracy": interfaces.Accuracy,
    "softmax_cross_entropy": interfaces.SoftmaxCrossEntropy,
    "sgd": interfaces.Sgd,
    "adam": interfaces.Adam,
    "rmsprop": interfaces.Rmsprop,
    "average": interfaces.Average,
    "finite": interfaces.Finite,
    "report": interfaces.Report,
}
"""Operation → the protocol that its implementations follow. "conv2d" serves transposed convolution too."""

FUSED: dict[str, tuple[str, ...]] = {"dense_layer": ("dense", "bias_activation"), "logistic": ("softplus",)}
"""Fused operation → the operations that do its work one after the other where no implementation does it at once."""


class Problem(NamedTuple):
    """The work that a kernel is asked for: enough to say whether it can do it, and what that would cost."""

    device: str
    """The kind of device, "cpu" or "cuda"."""
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    """Shape of the operation's first array; for "dense_layer" with out_features behind; for "images" of its result."""
    geometry: Geometry | None = None
    """The geometry of a convolution; None for other operations."""


SMALL_CONVOLUTIONS = (
    Geometry(1, (4, 4, 1), (2, 2, 1), (3, 3), (1, 1), (0, 0)),
    Geometry(1, (4, 4, 1), (2, 2, 1), (4, 4), (2, 2), (1, 1)),
    Geometry(1, (4, 4, 1), (1, 1, 1), (4, 4), (1, 1), (0, 0)),
    *(
        Geometry(2, (9, 9, channels), ((9 - size + 2 * pad) // stride + 1,) * 2 + (channels,), *pairs)
        for size, stride, pad in itertools.product((1, 2, 3, 4, 5), (1, 2), (0, 1, 2))
        for channels in (1, 4, 32)
        for pairs in [((size, size), (stride, stride), (pad, pad))]
    ),
)
"""Whose plans are looked at when a kernel of convolution is registered."""

RENAMED = {("conv2d", "whole"): "full_size"}
"""(operation, name of before) → the kernel's name now: checkpoints and files of `gan-np tune` may hold the old one."""

Choices = Mapping[tuple[str, Problem], str]
"""(operation, problem) → name of a kernel: a tuned choice."""
Supports = Callable[[Problem], str | None]
Cost = Callable[[Problem], float]


class Entry(NamedTuple):
    """One implementation of one operation."""

    operation: str
    name: str
    implementation: Any
    supports: Supports
    """None if the problem can be done, else the reason why not."""
    cost: Cost | None
    """Estimated cost, in units that only compare within an operation; None: used only when asked for by name."""
    serial: int = 0
    """How many registrations came before: tells a kernel from an earlier one of its name."""
    features: frozenset[str] = frozenset()
    """What it declared beyond the simplest (`gan_np.kernels.FEATURES`); `supports` refuses problems that use others."""


_table: dict[str, dict[str, Entry]] = {operation: {} for operation in OPERATIONS}
_serials = itertools.count()
_forced: Scoped[Mapping[str, str]] = Scoped("gan_np_forced_kernels", {})
_tuned: Scoped[Choices] = Scoped("gan_np_tuned_kernels", {})


def _anything(problem: Problem) -> str | None:
    return None


def _with_features(supports: Supports, declared: frozenset[str]) -> Supports:
    """`supports`, asked only of problems whose features were declared."""

    def both(problem: Problem) -> str | None:
        for feature in feature_names.needed(problem.device, problem.dtype, problem.geometry):
            if feature not in declared:
                meaning = feature_names.FEATURES.get(feature)
                return f"it does not declare the feature {feature!r} ({meaning})" if meaning else f"it has no {feature}"
        return supports(problem)

    return both


def register_kernel(
    operation: str,
    name: str,
    implementation: Any = None,
    *,
    supports: Supports = _anything,
    features: Collection[str] = (),
    cost: Cost | float | None = None,
) -> Any:
    """Add an implementation of `operation` to the table under `name`; usable as a class decorator.

    implementation: an object (or a class without constructor arguments) with the methods of the operation's protocol
        in `gan_np.kernels.interfaces`, argument names and defaults included.
    supports: says of a `Problem` why it cannot be done, or None if it can.
    features: what it can do beyond float32 arrays on the processor and convolutions without stride or padding: names of
        `gan_np.kernels.FEATURES`. A problem that uses one that is not declared is refused, `supports` need not say so.
    cost: estimated cost of a `Problem`; without one the kernel runs only where `use_kernels` or the environment names it.

    Raises:
        ValueError: unknown operation or feature, a name already taken, or methods that do not match the protocol.

    >>> import numpy as np, gan_np as gn
    >>> @gn.register_kernel("average", "two_pass", features=["float64"])
    ... class TwoPass:
    ...     def step(self, average, values, decay, skip=None):
    ...         if skip is None or not skip:
    ...             average *= decay
    ...             average += (1 - decay) * values
    >>> gn.testing.check_kernel("average", "two_pass")
    >>> gn.unregister_kernel("average", "two_pass")
    """
    _known_operation(operation)
    if implementation is None:
        return lambda found: register_kernel(operation, name, found, supports=supports, features=features, cost=cost)
    if not name.isidentifier():
        raise ValueError(f"name: expected letters, digits and underscores, got {name!r}")
    if name in _table[operation]:
        raise ValueError(f"name: {operation!r} already has a kernel called {name!r}; choose another")
    instance = implementation() if inspect.isclass(implementation) else implementation
    supported = _with_features(supports, feature_names.check(features))
    _check_methods(operation, name, instance, supported)
    estimate = cost if cost is None or callable(cost) else functools.partial(_constant, cost)
    _table[operation][name] = Entry(operation, name, instance, supported, estimate, next(_serials), frozenset(features))
    _choose.cache_clear()
    _any_costed.cache_clear()
    return implementation


def unregister_kernel(operation: str, name: str) -> None:
    """Take a kernel out of the table again (the reference stays)."""
    if name == "reference":
        raise ValueError("name: the reference is the oracle for every other kernel and cannot be taken out")
    entry(operation, name)
    del _table[operation][name]
    _choose.cache_clear()
    _any_costed.cache_clear()


def entries(operation: str) -> tuple[Entry, ...]:
    """Return all implementations of `operation`, the reference first."""
    _known_operation(operation)
    return tuple(_table[operation].values())


def entry(operation: str, name: str) -> Entry:
    """Return one implementation by its name.

    Raises:
        ValueError: unknown operation or name; the message lists what there is.
    """
    _known_operation(operation)
    found = _table[operation].get(RENAMED.get((operation, name), name))
    if found is None:
        raise ValueError(f"{operation!r} has no kernel {name!r}; it has {', '.join(_table[operation])}")
    return found


def available(operation: str, problem: Problem) -> tuple[Entry, ...]:
    """The implementations of `operation` that can do `problem`."""
    return tuple(found for found in entries(operation) if found.supports(problem) is None)


@contextlib.contextmanager
def use_kernels(**names: str) -> Iterator[None]:
    """Force kernels by name inside a `with` block, for this thread or task only: `use_kernels(conv2d="reference")`.

    names: the operation, and the name of one of its kernels (`gan_np.kernels.entries(operation)` lists them).

    >>> import numpy as np, gan_np as gn
    >>> with gn.use_kernels(dense="reference"):
    ...     y, pullback = gn.ops.dense(np.ones((2, 3)), np.ones((3, 4)))

    Raises:
        ValueError: an unknown operation or kernel, at once; a kernel that cannot do the work, when it is asked to.
    """
    for operation, name in names.items():
        entry(operation, name)
    with _forced.inside({**_forced.get(), **names}):
        yield


@contextlib.contextmanager
def not_forcing(*names: str) -> Iterator[None]:
    """Inside a `with` block kernels of these names are not forced any more by `use_kernels`; others are as before."""
    kept = {operation: name for operation, name in _forced.get().items() if name not in names}
    with _forced.inside(kept):
        yield


@contextlib.contextmanager
def use_tuned(choices: Choices) -> Iterator[None]:
    """Follow a tuned choice inside a `with` block, for this thread or task only: see `read_tuned`.

    A forced name comes before it; problems that it does not have go to the kernel of least cost.

    Raises:
        ValueError: a kernel that is not in the table, at once; one that cannot do the work, when it is asked to.
    """
    for (operation, _), name in choices.items():
        entry(operation, name)
    with _tuned.inside(dict(choices)):
        yield


def forced_choices() -> Mapping[str, str]:
    """The names that are forced here by `use_kernels`, by operation."""
    return _forced.get()


def tuned_choices() -> Choices:
    """The tuned choice that is followed here; empty outside `use_tuned`."""
    return _tuned.get()


def named(operation: str) -> bool:
    """Whether a kernel of this operation was asked for by name (tuned choices aside): then nothing else may do its work."""
    return operation in _named()


def select_fused(operation: str, problem: Problem) -> Any | None:
    """The implementation of a fused operation (`FUSED`), or None where the single operations are to do its work.

    That is so where no implementation that supports the problem states a cost, and where one of them is forced: a name
    that was asked for is not passed by.
    """
    forced = _named()
    name = _wanted(operation, problem, forced)
    if name is None and not (forced.keys().isdisjoint(FUSED[operation]) and _any_costed(operation, problem)):
        return None
    return _observed(_choose(operation, problem, name), problem)


@functools.lru_cache(maxsize=4096)
def _any_costed(operation: str, problem: Problem) -> bool:
    return any(found.cost is not None and found.supports(problem) is None for found in entries(operation))


def select(operation: str, problem: Problem) -> Any:
    """The implementation of `operation` for `problem`: forced, else tuned, else the cheapest that supports it."""
    return _observed(_chosen(operation, problem), problem)


def choose(operation: str, problem: Problem) -> Entry:
    """Return what `select` chooses, with its name and features."""
    chosen = _chosen(operation, problem)
    implementation = _observed(chosen, problem)
    return chosen if implementation is chosen.implementation else chosen._replace(implementation=implementation)


def _chosen(operation: str, problem: Problem) -> Entry:
    return _choose(operation, problem, _wanted(operation, problem, _named()))


def _wanted(operation: str, problem: Problem, named: Mapping[str, str]) -> str | None:
    """The forced name, else the tuned one, else None."""
    name = named.get(operation)
    if name is None and (choices := _tuned.get()):
        name = choices.get((operation, problem))
    return name


def _named() -> Mapping[str, str]:
    """Forced names by operation: those of `use_kernels`, else those of the environment."""
    forced, text = _forced.get(), _environment()
    named = _from_environment(text) if text else {}
    return {**named, **forced} if forced else named


def _environment_reader() -> Callable[[], str | bytes | None]:
    """What reads the variable as the system has it, at every choice: it may change while a process runs.

    Where it is not set `os.environ.get` raises and catches an error, which takes as long as the rest of a choice. The
    dictionary that `os.environ` keeps is asked instead, where there is one.
    """
    kept = getattr(os.environ, "_data", None)
    if isinstance(kept, dict):
        return functools.partial(kept.get, os.environ.encodekey(ENVIRONMENT))
    return functools.partial(os.environ.get, ENVIRONMENT)


_environment = _environment_reader()


def _observed(chosen: Entry, problem: Problem) -> Any:
    implementation = chosen.implementation
    if problem.device != "cpu":
        implementation = synchronised(chosen.operation, chosen.name, implementation)
    if profiling.active() is None and recording.active() is None:
        return implementation
    timed = profiling.profiled(chosen.operation, chosen.name, implementation, problem)
    return recording.recorded(chosen.operation, problem, timed)


@functools.lru_cache(maxsize=4096)
def _choose(operation: str, problem: Problem, name: str | None) -> Entry:
    if name is not None:
        wanted = entry(operation, name)
        reason = wanted.supports(problem)
        if reason is not None:
            raise ValueError(f"kernel {name!r} of {operation!r} was asked for but cannot do {problem}: {reason}")
        return wanted
    # What states no cost is not asked whether it can: to answer may be to import what is not needed.
    costed = [
        (found.cost(problem), found)
        for found in entries(operation)
        if found.cost is not None and found.supports(problem) is None
    ]
    if not costed:
        raise ValueError(f"no kernel of {operation!r} can do {problem}")
    return min(costed, key=lambda pair: pair[0])[1]


@functools.lru_cache(maxsize=16)
def _from_environment(text: str | bytes) -> dict[str, str]:
    return parse_choices(os.fsdecode(text), ENVIRONMENT)


def parse_choices(text: str, argument: str) -> dict[str, str]:
    """ "conv2d=reference,adam=mine" as a dictionary, every name checked; `argument` is what errors call the text."""
    names = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        operation, equals, name = part.partition("=")
        if not equals:
            raise ValueError(f"{argument}: expected operation=kernel pairs separated by commas, got {text!r}")
        names[operation.strip()] = entry(operation.strip(), name.strip()).name
    return names


def _known_operation(operation: str) -> None:
    if operation not in OPERATIONS:
        near = difflib.get_close_matches(operation, OPERATIONS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"operation: expected one of {', '.join(OPERATIONS)}, got {operation!r}{hint}")


def _constant(value: float, problem: Problem) -> float:
    return value


def _check_methods(operation: str, name: str, instance: Any, supports: Supports) -> None:
    """Refuse an implementation, or a convolution's plan, that lacks what its protocol says.

    The plan is that of the first of a few small convolutions that the kernel supports.
    """
    _check_protocol(f"kernel {name!r} of {operation!r}", OPERATIONS[operation], instance)
    if operation != "conv2d" or isinstance(instance, interfaces.Deferred):
        return
    for geometry in SMALL_CONVOLUTIONS:
        if supports(Problem("cpu", np.dtype(np.float32), geometry.large_shape, geometry)) is None:
            check_plan(f"the plan of kernel {name!r} of {operation!r}", instance.plan(geometry))
            return


def check_plan(what: str, plan: Any) -> None:
    """Refuse a plan whose methods, those of an epilogue included if it has any, or attributes are not the protocol's.

    Raises:
        ValueError: `what`, and what is missing or different.
    """
    _check_protocol(what, interfaces.Plan, plan)
    for protocol in interfaces.OPTIONAL_OF_A_PLAN:
        if interfaces.follows(plan, protocol):
            _check_protocol(what, protocol, plan)
    for attribute in ("keeps_large", "keeps_small"):
        value = getattr(plan, attribute)
        if not isinstance(value, bool):
            raise ValueError(f"{what}: {attribute} is {value!r}, expected True or False")


def _check_protocol(what: str, protocol: type[Any], instance: Any) -> None:
    for method, function in interfaces.methods(protocol).items():
        found = getattr(instance, method, None)
        if not callable(found):
            raise ValueError(f"{what} has no method {method!r}")
        wanted = [(p.name, p.default) for p in list(inspect.signature(function).parameters.values())[1:]]
        given = [(p.name, p.default) for p in inspect.signature(found).parameters.values()]
        if wanted != given:
            raise ValueError(f"{what}: {method} takes {_arguments(given)}, expected {_arguments(wanted)}")
    for attribute in inspect.get_annotations(protocol):
        if not hasattr(instance, attribute):
            raise ValueError(f"{what} has no attribute {attribute!r}")


def _arguments(parameters: list[tuple[str, Any]]) -> str:
    missing = inspect.Parameter.empty
    return "(" + ", ".join(n if default is missing else f"{n}={default!r}" for n, default in parameters) + ")"
