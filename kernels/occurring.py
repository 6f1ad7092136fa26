"""What work comes up: the operations and problems that kernels are asked for inside a block, and a case for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple


class Occurrence(NamedTuple):
    """Work that came up: a problem, and what its arrays' shapes do not say."""

    operation: str
    problem: Any
    options: tuple[Any, ...] = ()
    """dense: (out_features,); dense_layer, bias_activation: (activation,); batch_norm: (activation, whether it has a scale);
    maxout: (pieces,); dropout: (rate,); pooling and upsampling: (factors,)."""


def _second(x: Any, option: Any, *rest: Any) -> tuple[Any, ...]:
    return (option,)


OPTIONS: dict[tuple[str, str], Callable[..., tuple[Any, ...]]] = {
    ("dense", "forward"): lambda x, weight: (weight.shape[1],),
    ("dense_layer", "forward"): lambda x, weight, bias, activation: (activation,),
    ("bias_activation", "forward"): lambda z, bias, activation, in_place=False: (activation,),
    ("batch_norm", "forward"): lambda x, scale, bias, epsilon, activation: (activation, scale is not None),
    ("maxout", "forward"): _second,
    ("dropout", "forward"): _second,
    ("average_pool", "forward"): _second,
    ("upsample_nearest", "forward"): _second,
    ("upsample_bilinear", "forward"): _second,
}
"""(operation, method) → what a call says beyond the problem. Operations that are not here have nothing to add."""
_WITH_OPTIONS = {operation for operation, _ in OPTIONS}


class _Noting:
    """An implementation whose calls are noted; everything passes through."""

    def __init__(self, inner: Any, operation: str, problem: Any, found: dict[Occurrence, None]) -> None:
        self._inner, self._work, self._found = inner, (operation, problem), found

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        options = OPTIONS.get((self._work[0], name))
        if options is None:
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            self._found[Occurrence(*self._work, options(*arguments, **named))] = None
            return method(*arguments, **named)

        return call


_noting: ContextVar[dict[Occurrence, None] | None] = ContextVar("gan_np_noting_occurrences", default=None)


@contextlib.contextmanager
def occurring() -> Iterator[dict[Occurrence, None]]:
    """The occurrences inside the `with` block, in this thread or task, each once, in order (the values mean nothing)."""
    found: dict[Occurrence, None] = {}
    token = _noting.set(found)
    try:
        yield found
    finally:
        _noting.reset(token)


def noted(operation: str, problem: Any, implementation: Any) -> Any:
    """`implementation`, its work noted inside an `occurring` block."""
    found = _noting.get()
    if found is None:
        return implementation
    if operation not in _WITH_OPTIONS:
        found[Occurrence(operation, problem)] = None
        return implementation
    return _Noting(implementation, operation, problem, found)
