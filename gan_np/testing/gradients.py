"""The public gradient checks: of a layer or network, and of an operation on arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.layers import INPUTS, PARAMETERS, Layer, Wrt
from gan_np.networks import Network

from .finite_differences import GradientError, Subject, check
from .layouts import with_gaps


def check_gradients(
    subject: Layer | Network,
    input_shape: Any = None,
    *,
    x: Any = None,
    batch: int = 3,
    training: bool | None = None,
    seed: int = 0,
    directions: int = 3,
    device: str = "cpu",
) -> None:
    """Check a layer's or a network's pullback against central differences, in float64.

    All inputs and all parameters are checked together and one by one, along random directions with a random upstream
    gradient; on small shapes every entry, or the whole Jacobian. State is frozen. Also checked: nothing handed in is
    modified, a forward without update_state moves nothing, inputs and upstream gradients with other memory layouts give
    the same answer, and gradients asked for alone equal those asked for together.

    subject: a layer (bound to fresh float64 numbers), or a float64 network (left as it was).
    input_shape: for a layer, without the batch axis; a tuple of shapes for several inputs.
    x: the input itself, instead of random numbers of `input_shape` (labels, say; integer inputs get no gradient).
    training: the mode; None checks both.
    device: where a layer is bound ("cuda" for a GPU); a network is checked where it lies. Differences are taken on the host.

    Raises:
        GradientError: with what differs, where, and both values.

    >>> import gan_np as gn
    >>> gn.testing.check_gradients(gn.Dense(4, activation="tanh"), input_shape=(3,))
    """
    network = _network(subject, input_shape, seed, device)
    rng = generator(seed, 1)
    if x is None:
        x = _normal(rng, network.input_shape, batch)
    versions = network.parameters.version, network.state.version
    theta = to_host(network.parameters.values).copy()
    for mode in (False, True) if training is None else (training,):
        _check_mode(network, x, theta, mode, seed, directions)
    if network.state.version != versions[1]:
        raise GradientError(f"{network.structure!r}: state moved in a forward without update_state")
    network.parameters.assign(to_device(theta, network.device))


def check_operation(
    operation: Callable[..., tuple[Array, Callable[..., Sequence[Array | None]]]],
    *arrays: Array,
    seed: int = 0,
    directions: int = 3,
    device: str = "cpu",
) -> None:
    """Check a pure operation: `operation(*arrays)` → y, pullback and `pullback(dy)` → one gradient for each array.

    arrays: on the host; `operation` is given them on `device`.

    >>> import numpy as np, gan_np as gn
    >>> rng = np.random.default_rng(0)
    >>> x, w = rng.standard_normal((2, 5, 5, 1)), rng.standard_normal((3, 3, 1, 2))
    >>> gn.testing.check_operation(lambda x, w: gn.ops.conv2d(x, w, wrt=(True, True, False)), x, w)

    Raises:
        GradientError: as `check_gradients`.
    """
    for array in arrays:
        if array.dtype != np.float64:
            raise TypeError(f"arrays: gradient checks need float64, got {array.dtype}")
    name = getattr(operation, "__name__", "operation")

    def evaluate(values: Sequence[Array]) -> list[Array]:
        return [to_host(operation(*(to_device(value, device) for value in values))[0])]

    def differentiate(values: Sequence[Array], upstream: Sequence[Array]) -> list[Array]:
        gradients = operation(*(to_device(value, device) for value in values))[1](to_device(upstream[0], device))
        given = [gradient for _, gradient in zip(values, gradients, strict=False)]
        return [gradient if gradient is None else to_host(gradient) for gradient in given]  # type: ignore[misc]

    labels = tuple(f"array {index}" for index in range(len(arrays)))
    subject = Subject(name, labels, evaluate, differentiate)
    before = [array.copy() for array in arrays]
    check(subject, arrays, seed=seed, directions=directions)
    _unchanged(name, zip(labels, arrays, before, strict=True))
    _check_layouts(subject, arrays, seed)


def _network(subject: Layer | Network, input_shape: Any, seed: int, device: str) -> Network:
    if isinstance(subject, Network):
        if subject.dtype != np.float64:
            raise TypeError(f"subject: gradient checks need float64, the network is {subject.dtype}; use .astype")
        return subject
    if not isinstance(subject, Layer):
        raise TypeError(f"subject: expected a Layer or a Network, got {subject!r}")
    if input_shape is None:
        raise ValueError("input_shape: needed to check a layer")
    network = Network(subject, input_shape, seed=seed, dtype=np.float64, device=device)
    # Biases of 0 and scales of 1 hide errors: move everything. Variances stay positive.
    rng = generator(seed, 2)
    moves = 0.2 * rng.standard_normal(len(network.parameters)), 0.3 * rng.random(len(network.state))
    for vector, by in zip((network.parameters, network.state), moves, strict=True):
        vector.assign(to_device(to_host(vector.values) + by, network.device))
    return network


def _check_mode(network: Network, x: Any, theta: Array, training: bool, seed: int, directions: int) -> None:
    mode = "training" if training else "evaluation"
    name = f"{network.structure!r} in {mode}"
    leaves = _leaves(x)
    differentiable = [index for index, leaf in enumerate(leaves) if leaf.dtype.kind == "f"]
    has_theta = len(network.parameters) > 0

    def split(values: Sequence[Array]) -> Any:
        if has_theta:
            network.parameters.assign(to_device(values[-1], network.device))
        moved = list(leaves)
        for index, value in zip(differentiable, values, strict=False):
            moved[index] = value
        return _rebuild(x, iter([to_device(leaf, network.device) for leaf in moved]))

    def forward(values: Sequence[Array], wrt: Wrt) -> tuple[Any, Any]:
        return network.forward(split(values), training=training, wrt=wrt, rng=generator(seed, 3))

    inputs = _rebuild(x, iter([leaf.dtype.kind == "f" for leaf in leaves]))

    def evaluate(values: Sequence[Array]) -> list[Array]:
        return [to_host(leaf) for leaf in _leaves(forward(values, Wrt(False, False))[0])]

    def differentiate(values: Sequence[Array], upstream: Sequence[Array]) -> list[Array]:
        y, pullback = forward(values, Wrt(inputs, has_theta))
        given = _rebuild(y, iter([to_device(dy, network.device) for dy in upstream]))
        network.gradient.spend()
        dx = pullback(given)
        gradients = [to_host(leaf) for leaf in _leaves(dx) if leaf is not None] if differentiable else []
        return [*gradients, *([to_host(network.gradient.values).copy()] if has_theta else [])]

    labels = tuple(f"input {index}" if len(leaves) > 1 else "input" for index in differentiable)
    subject = Subject(name, (*labels, *(("parameters",) if has_theta else ())), evaluate, differentiate)
    arrays = [*(leaves[index] for index in differentiable), *((theta,) if has_theta else ())]
    before = [leaf.copy() for leaf in leaves]
    check(subject, arrays, seed=seed, directions=directions)
    _unchanged(name, zip(map("input {}".format, range(len(leaves))), leaves, before, strict=True))
    _check_layouts(subject, arrays, seed)
    _check_narrow(subject, forward, network, arrays, bool(differentiable), has_theta, seed)
    network.gradient.spend()


def _check_narrow(
    subject: Subject,
    forward: Callable[[Sequence[Array], Wrt], tuple[Any, Any]],
    network: Network,
    arrays: Sequence[Array],
    has_inputs: bool,
    has_theta: bool,
    seed: int,
) -> None:
    """Gradients asked for alone must equal those asked for together."""
    if not (has_inputs and has_theta):
        return
    outputs = subject.evaluate(arrays)
    rng = np.random.default_rng(seed)
    upstream = [rng.standard_normal(y.shape) for y in outputs]
    together = subject.differentiate(arrays, upstream)
    there = [to_device(dy, network.device) for dy in upstream]
    y, pullback = forward(arrays, INPUTS)
    network.gradient.spend()
    alone = [to_host(leaf) for leaf in _leaves(pullback(_rebuild(y, iter(there)))) if leaf is not None]
    if network.gradient.started:
        raise GradientError(f"{subject.name}: wrote parameter gradients that were not asked for")
    _same(subject, "inputs asked for alone", alone, together[:-1])
    y, pullback = forward(arrays, PARAMETERS)
    pullback(_rebuild(y, iter(there)))
    _same(subject, "parameters asked for alone", [to_host(network.gradient.values).copy()], together[-1:])
    network.gradient.spend()


def _check_layouts(subject: Subject, arrays: Sequence[Array], seed: int) -> None:
    """Arrays of other strides, and upstream gradients likewise, give the same answer."""
    outputs = subject.evaluate(arrays)
    rng = np.random.default_rng(seed)
    upstream = [rng.standard_normal(y.shape) for y in outputs]
    before = [dy.copy() for dy in upstream]
    expected = subject.differentiate(arrays, upstream)
    _unchanged(subject.name, zip(["dy"] * len(upstream), upstream, before, strict=True))
    for name, layout in (("Fortran", np.asfortranarray), ("reversed", with_gaps)):
        moved, changed = [layout(a) for a in arrays], [layout(dy) for dy in upstream]
        _same(subject, f"outputs for a {name} memory layout", subject.evaluate(moved), outputs)
        found = subject.differentiate(moved, changed)
        _same(subject, f"gradients for a {name} memory layout", found, expected)


def _same(subject: Subject, what: str, found: Sequence[Array], expected: Sequence[Array]) -> None:
    for label, left, right in zip(subject.labels, found, expected, strict=False):
        scale = float(np.abs(right).max(initial=1e-30))
        if left.shape != right.shape or not np.abs(left - right).max(initial=0) <= 1e-9 * scale:
            raise GradientError(f"{subject.name}: {what} differ ({label})")


def _unchanged(name: str, triples: Any) -> None:
    for label, array, before in triples:
        if not np.array_equal(array, before):
            raise GradientError(f"{name}: modified {label}, which it was only handed")


def _normal(rng: np.random.Generator, shape: Any, batch: int) -> Any:
    if shape and isinstance(shape[0], tuple):
        return tuple(_normal(rng, part, batch) for part in shape)
    return rng.standard_normal((batch, *shape))


def _leaves(arrays: Any) -> list[Any]:
    return [leaf for part in arrays for leaf in _leaves(part)] if isinstance(arrays, tuple) else [arrays]


def _rebuild(like: Any, leaves: Any) -> Any:
    return tuple(_rebuild(part, leaves) for part in like) if isinstance(like, tuple) else next(leaves)
