"""Recording: the problems that kernels are asked to solve inside a block, from which cases to measure are made."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .proxy import Proxy
from .scoped import Scoped


class RecordedProblem(NamedTuple):
    """A problem that some operation was asked to solve, and what its arrays' shapes do not say."""

    operation: str
    problem: Any
    options: tuple[Any, ...] = ()
    """dense: (out_features,); dense_layer: (activation,); batch_norm: (activation, whether it has a scale);
    bias_activation: (activation,), or (activation, whether there is a bias) for the backward pass alone, where the kernel
    of a convolution does the forward pass; conv2d: nothing, or (which image comes out, "small" or "large", activation,
    whether there is a bias) for the forward pass of a layer that has an epilogue; maxout: (pieces,); dropout: (rate,);
    pooling and upsampling: (factors,); blur: (the large size,); scaled_sum: (whether there are factors,)."""


def _second(x: Any, option: Any, *rest: Any) -> tuple[Any, ...]:
    return (option,)


OPTIONS: dict[tuple[str, str], Callable[..., tuple[Any, ...]]] = {
    ("dense", "forward"): lambda x, weight: (weight.shape[1],),
    ("dense_layer", "forward"): lambda x, weight, bias, activation: (activation,),
    ("bias_activation", "forward"): lambda z, bias, activation, in_place=False: (activation,),
    ("batch_norm", "forward"): lambda x, scale, bias, epsilon, activation: (activation, scale is not None),
    ("batch_norm", "normalise"): lambda x, scale, bias, mean, inverse, activation: (activation, scale is not None),
    ("maxout", "forward"): _second,
    ("dropout", "forward"): _second,
    ("average_pool", "forward"): _second,
    ("upsample_nearest", "forward"): _second,
    ("upsample_bilinear", "forward"): _second,
    ("blur", "enlarge"): lambda small, size, scale: (size,),
    ("blur", "shrink"): lambda large, scale: (large.shape[1:3],),
    ("scaled_sum", "add"): lambda x, y, scale: (scale is not None,),
    ("scaled_sum", "total"): lambda x, scale, into=None: (True,),
}
"""(operation, method) → what a call says beyond the problem. Operations that are not here have nothing to add."""
_WITH_OPTIONS = {operation for operation, _ in OPTIONS}

_active: Scoped[dict[RecordedProblem, None] | None] = Scoped("gan_np_recorded_problems", None)
active = _active.get
"""Who takes note here; None outside `record_problems`."""


@contextlib.contextmanager
def record_problems() -> Iterator[dict[RecordedProblem, None]]:
    """The problems met inside the `with` block, in this thread or task, each once, in order (the values mean nothing)."""
    found: dict[RecordedProblem, None] = {}
    with _active.inside(found):
        yield found


def record_epilogue(problem: Any, side: str, activation: Any, bias: bool) -> None:
    """Note that a layer does this convolution to the `side` image with an epilogue, whichever kernels share that work."""
    found = _active.get()
    if found is not None:
        found[RecordedProblem("conv2d", problem, (side, activation, bias))] = None


def record_backward(problem: Any, activation: Any, bias: bool) -> None:
    """Note that the gradients of bias and activation will be asked for alone: a convolution did both on its way."""
    found = _active.get()
    if found is not None:
        found[RecordedProblem("bias_activation", problem, (activation, bias))] = None


def recorded(operation: str, problem: Any, implementation: Any) -> Any:
    """`implementation`, its problems recorded inside a `record_problems` block."""
    found = _active.get()
    if found is None:
        return implementation
    if operation not in _WITH_OPTIONS:
        found[RecordedProblem(operation, problem)] = None
        return implementation

    def with_options(method: str, call: Callable[[], Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        options = OPTIONS.get((operation, method))
        if options is not None:
            found[RecordedProblem(operation, problem, options(*arguments, **named))] = None
        return call()

    return Proxy(implementation, with_options)
