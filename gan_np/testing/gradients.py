"""The public gradient checks: of a layer or network, and of an operation on arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.checks import ShapeError
from gan_np.kernels import Into
from gan_np.layers import INPUTS, PARAMETERS, Layer, Wrt
from gan_np.networks import Network

from .finite_differences import Differentiate, Evaluate, GradientError, Subject, check, check_directions
from .layouts import LAYOUTS, sliced


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
    float32: bool = True,
) -> None:
    """Check a layer's or a network's pullback against central differences, in float64.

    The inputs and the parameters are checked, all together and one by one, along random directions and with a random
    upstream gradient. On small shapes every entry is checked too, or the whole Jacobian, and one direction is checked with
    a batch of eleven. State is frozen meanwhile. It is also checked that

    - nothing that is handed in is modified, and a forward without update_state changes no state;
    - inputs and upstream gradients in other memory layouts give the same answer;
    - gradients that are asked for alone equal those that are asked for together;
    - a second pullback adds to the parameters' gradients;
    - float32 gives the numbers of float64, within rounding.

    It returns nothing: no error means that the derivative is right at these inputs. They are normally distributed with
    deviation 1, so nearly all lie between −3 and 3; for a branch or a clip farther out give an `x` that reaches it.

    subject: a layer, which gets fresh float64 weights, or a float64 network, which is left as it was.
    input_shape: the shape of a layer's input without the batch axis; a tuple of shapes for several inputs.
    x: the input itself, instead of random numbers of `input_shape` (labels, say; integer inputs get no gradient).
    batch: how many examples the random input has.
    training: True checks training mode, False evaluation mode, None both.
    seed: the seed of all random numbers.
    directions: how many random directions are compared.
    device: where a layer is checked, "cpu" or "cuda"; a network is checked where it lies. Differences are taken on the host.
    float32: whether float32 is compared with float64; False for what is not meant to run in float32.

    Raises:
        GradientError: a derivative or another check failed; the message says what differs, where, and both values.

    >>> import gan_np as gn
    >>> gn.testing.check_gradients(gn.Dense(4, activation="tanh"), input_shape=(3,))
    """
    network = network_of(subject, input_shape, seed, device)
    rng = generator(seed, 1)
    if x is None:
        x = normal(rng, network.input_shape, batch)
    versions = network.parameters.version, network.state.version
    theta = to_host(network.parameters.values).copy()
    for mode in (False, True) if training is None else (training,):
        _check_mode(network, x, theta, mode, seed, directions, float32)
    if network.state.version != versions[1]:
        raise GradientError(f"{network.structure!r}: state moved in a forward without update_state")
    network.parameters.assign(to_device(theta, network.device))


def check_operation(
    operation: Callable[..., tuple[Array, Callable[..., Sequence[Array | None]]]],
    *arrays: Array,
    seed: int = 0,
    directions: int = 3,
    device: str = "cpu",
    float32: bool = True,
) -> None:
    """Check a pure operation: `operation(*arrays)` → y, pullback and `pullback(dy)` → one gradient for each array.

    As `check_gradients`, but for what only layers have. Where the pullback is one of `gan_np.ops`, gradients are also
    written into places that they are given (`Into`), overwriting and adding.

    arrays: on the host; `operation` is given them on `device`.
    float32: compare with float32, too. (Leave it out for an operation that holds float64 arrays of its own.)

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
    unchanged(name, zip(labels, arrays, before, strict=True))
    _check_layouts(subject, arrays, seed)
    _check_places(subject, operation, arrays, seed, device)
    if float32:
        check_float32(subject, arrays, differentiate, evaluate, seed)


def network_of(subject: Layer | Network, input_shape: Any, seed: int, device: str) -> Network:
    """The network that is checked, its numbers off their starting values."""
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


def _check_mode(
    network: Network, x: Any, theta: Array, training: bool, seed: int, directions: int, float32: bool
) -> None:
    case = Case(network, x, training, seed)
    arrays = case.arrays(x, theta)
    before = [leaf.copy() for leaf in leaves_of(x)]
    check(case.subject, arrays, seed=seed, directions=directions)
    unchanged(case.subject.name, zip(map("input {}".format, range(len(before))), leaves_of(x), before, strict=True))
    _check_layouts(case.subject, arrays, seed)
    _check_narrow(case, arrays, seed)
    if case.has_theta:
        check_adding(case, arrays, seed)
    if float32:
        single = Case(network.astype(np.float32), x, training, seed)
        check_float32(case.subject, arrays, single.differentiate, single.evaluate, seed)
    if len(leaves_of(x)[0]) < LARGE:
        large = rebuilt(x, iter([np.resize(leaf, (LARGE, *leaf.shape[1:])) for leaf in leaves_of(x)]))
        many = Case(network, large, training, seed)
        check_directions(many.subject, many.arrays(large, theta), seed=seed)
    network.gradient.spend()


LARGE = 11
"""Examples of the large batch: more than a vector register or a strip of rows holds, and not a multiple of either."""


class Case:
    """A network in one mode as a function of its differentiable inputs and of θ, with its derivative."""

    def __init__(self, network: Network, x: Any, training: bool, seed: int) -> None:
        self.network, self.training, self.seed = network, training, seed
        self.given, leaves = x, leaves_of(x)
        self._differentiable = [index for index, leaf in enumerate(leaves) if leaf.dtype.kind == "f"]
        self.has_inputs, self.has_theta = bool(self._differentiable), len(network.parameters) > 0
        labels = tuple(f"input {index}" if len(leaves) > 1 else "input" for index in self._differentiable)
        mode = "training" if training else "evaluation"
        self.subject = Subject(
            f"{network.structure!r} in {mode}",
            (*labels, *(("parameters",) if self.has_theta else ())),
            self.evaluate,
            self.differentiate,
        )

    def arrays(self, x: Any, theta: Array) -> list[Array]:
        """Return the arrays that the function depends on."""
        leaves = leaves_of(x)
        return [*(leaves[index] for index in self._differentiable), *((theta,) if self.has_theta else ())]

    def forward(self, values: Sequence[Array], wrt: Wrt) -> tuple[Any, Any]:
        """The output and the pullback at these values."""
        device = self.network.device
        if self.has_theta:
            self.network.parameters.assign(to_device(values[-1], device))
        moved = list(leaves_of(self.given))
        for index, value in zip(self._differentiable, values, strict=False):
            moved[index] = value
        x = rebuilt(self.given, iter([to_device(leaf, device) for leaf in moved]))
        return self.network.forward(x, training=self.training, wrt=wrt, rng=generator(self.seed, 3))

    def evaluate(self, values: Sequence[Array]) -> list[Array]:
        """Return the outputs of the function at these arrays."""
        return [to_host(leaf) for leaf in leaves_of(self.forward(values, Wrt(False, False))[0])]

    def differentiate(self, values: Sequence[Array], upstream: Sequence[Array]) -> list[Array]:
        """The gradient of each array; the network's own is spent before."""
        self.network.gradient.spend()
        dx = self.pull(values, upstream)
        gradients = [to_host(leaf) for leaf in leaves_of(dx) if leaf is not None] if self.has_inputs else []
        return [*gradients, *([self.gradient()] if self.has_theta else [])]

    def float_inputs(self) -> Any:
        """Which of the inputs have a gradient, as `Wrt` has it."""
        return rebuilt(self.given, iter([leaf.dtype.kind == "f" for leaf in leaves_of(self.given)]))

    def pull(self, values: Sequence[Array], upstream: Sequence[Array]) -> Any:
        """One forward and one pullback."""
        y, pullback = self.forward(values, Wrt(self.float_inputs(), self.has_theta))
        given = rebuilt(y, iter([to_device(dy, self.network.device) for dy in upstream]))
        try:
            return pullback(given)
        except (TypeError, ShapeError) as error:
            raise GradientError(f"{self.subject.name}: {error}") from error

    def gradient(self) -> Array:
        """Return the gradient of the parameters as one vector."""
        return to_host(self.network.gradient.values).copy()


def check_adding(case: Case, arrays: Sequence[Array], seed: int) -> None:
    """The first pullback after the gradient was spent overwrites what was there, the second adds to it."""
    rng = np.random.default_rng(seed)
    shapes = [y.shape for y in case.evaluate(arrays)]
    first, second = ([rng.standard_normal(shape) for shape in shapes] for _ in range(2))
    expected = sum(case.differentiate(arrays, upstream)[-1] for upstream in (first, second))
    case.network.gradient.spend()
    case.pull(arrays, first)
    case.pull(arrays, second)
    found = case.gradient()
    if not np.abs(found - expected).max(initial=0) <= 1e-9 * np.abs(expected).max(initial=1e-30):
        raise GradientError(
            f"{case.subject.name}: two pullbacks without spending the gradient in between must add up, as D's do for real "
            "and generated images; write where `variables.gradient(name)` says and as it says, or use add_gradient"
        )


def _check_places(
    subject: Subject, operation: Callable[..., Any], arrays: Sequence[Array], seed: int, device: str
) -> None:
    """Gradients into places with gaps: the first write overwrites what was there, the second adds to it."""
    given = [to_device(array, device) for array in arrays]
    y, pullback = operation(*given)
    if not isinstance(pullback, ops.OperationPullback):
        return
    rng = np.random.default_rng(seed)
    dy = to_device(rng.standard_normal(y.shape), device)
    own = pullback(dy)
    for index, gradient in enumerate(own):
        if gradient is None:
            continue
        place, right = sliced(gradient), to_host(gradient)
        for times in (1, 2):
            into: list[Into | None] = [None] * len(pullback.wrt)
            into[index] = Into(place, times == 2)
            pullback(dy, into=into)
            _same(subject, f"array {index} into a place, write {times},", [to_host(place)], [times * right])


def check_float32(
    subject: Subject, arrays: Sequence[Array], differentiate: Differentiate, evaluate: Evaluate, seed: int
) -> None:
    """float32 against float64 at the same numbers, relative to the largest that goes in or comes out.

    Not to each gradient's own size: one that is a small difference of large terms has no more digits in float32.
    """
    narrow = [array.astype(np.float32) for array in arrays]
    wide = [array.astype(np.float64) for array in narrow]
    outputs = subject.evaluate(wide)
    rng = np.random.default_rng(seed)
    upstream = [rng.standard_normal(y.shape).astype(np.float32) for y in outputs]
    expected = subject.differentiate(wide, [dy.astype(np.float64) for dy in upstream])
    try:
        found = evaluate(narrow), differentiate(narrow, upstream)
    except TypeError as error:
        raise GradientError(f"{subject.name}: in float32: {error}") from error
    scale = max(float(np.abs(array).max(initial=0)) for array in (*upstream, *expected))
    for what, ours, right, size in (
        ("output", found[0], outputs, max(float(np.abs(y).max(initial=1e-30)) for y in outputs)),
        ("gradient", found[1], expected, scale),
    ):
        for index, (left, wanted) in enumerate(zip(ours, right, strict=True)):
            label = f"{what} {index}" if what == "output" else f"gradient of {subject.labels[index]}"
            if left.dtype != np.float32:
                raise GradientError(f"{subject.name}: in float32: the {label} is {left.dtype}")
            difference = float(np.abs(left - wanted).max(initial=0))
            if not difference <= SINGLE * size:
                raise GradientError(
                    f"{subject.name}: the {label} in float32 is {difference:.3g} away from that in float64, "
                    f"allowed {SINGLE * size:.3g}"
                )


SINGLE = 1e-4
"""The relative tolerance in float32, a bound on what rounding does."""


def _check_narrow(case: Case, arrays: Sequence[Array], seed: int) -> None:
    """Gradients asked for alone must equal those asked for together."""
    if not (case.has_inputs and case.has_theta):
        return
    subject, network = case.subject, case.network
    outputs = subject.evaluate(arrays)
    rng = np.random.default_rng(seed)
    upstream = [rng.standard_normal(y.shape) for y in outputs]
    together = subject.differentiate(arrays, upstream)
    there = [to_device(dy, network.device) for dy in upstream]
    y, pullback = case.forward(arrays, INPUTS)
    network.gradient.spend()
    alone = [to_host(leaf) for leaf in leaves_of(pullback(rebuilt(y, iter(there)))) if leaf is not None]
    if network.gradient.started:
        raise GradientError(f"{subject.name}: wrote parameter gradients that were not asked for")
    _same(subject, "inputs asked for alone", alone, together[:-1])
    y, pullback = case.forward(arrays, PARAMETERS)
    pullback(rebuilt(y, iter(there)))
    _same(subject, "parameters asked for alone", [case.gradient()], together[-1:])
    network.gradient.spend()


def _check_layouts(subject: Subject, arrays: Sequence[Array], seed: int) -> None:
    """Arrays of other strides, and upstream gradients likewise, give the same answer."""
    outputs = subject.evaluate(arrays)
    rng = np.random.default_rng(seed)
    upstream = [rng.standard_normal(y.shape) for y in outputs]
    before = [dy.copy() for dy in upstream]
    expected = subject.differentiate(arrays, upstream)
    unchanged(subject.name, zip(["dy"] * len(upstream), upstream, before, strict=True))
    for name, layout in LAYOUTS.items():
        moved, changed = [layout(a) for a in arrays], [layout(dy) for dy in upstream]
        _same(subject, f"outputs for a {name} memory layout", subject.evaluate(moved), outputs)
        found = subject.differentiate(moved, changed)
        _same(subject, f"gradients for a {name} memory layout", found, expected)


def _same(subject: Subject, what: str, found: Sequence[Array], expected: Sequence[Array]) -> None:
    for label, left, right in zip(subject.labels, found, expected, strict=False):
        scale = float(np.abs(right).max(initial=1e-30))
        if left.shape != right.shape or not np.abs(left - right).max(initial=0) <= 1e-9 * scale:
            raise GradientError(f"{subject.name}: {what} differ ({label})")


def unchanged(name: str, triples: Any) -> None:
    """Refuse that an array was written to."""
    for label, array, before in triples:
        if not np.array_equal(array, before):
            raise GradientError(f"{name}: modified {label}, which it was only handed")


def normal(rng: np.random.Generator, shape: Any, batch: int) -> Any:
    """Return an input of normally distributed numbers."""
    if shape and isinstance(shape[0], tuple):
        return tuple(normal(rng, part, batch) for part in shape)
    return rng.standard_normal((batch, *shape))


def leaves_of(arrays: Any) -> list[Any]:
    """The arrays of a nested tuple."""
    return [leaf for part in arrays for leaf in leaves_of(part)] if isinstance(arrays, tuple) else [arrays]


def rebuilt(like: Any, leaves: Any) -> Any:
    """A nested tuple like another one, of new leaves."""
    return tuple(rebuilt(part, leaves) for part in like) if isinstance(like, tuple) else next(leaves)
