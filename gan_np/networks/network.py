"""A structure with numbers: θ, its gradient and its state."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from html import escape
from typing import Any

import numpy as np

from gan_np.arrays import Array, DType, Like, device_of, float_dtype, generator, to_device, to_host
from gan_np.checks import NonFiniteError, ShapeError, check_shapes
from gan_np.devices import memory_explained, scope
from gan_np.kernels import Into
from gan_np.layers import ALL, Declaration, Layer, LayerPullback, Parameter, Run, Variables, Wrt
from gan_np.layers.fitting import like, require_gradient
from gan_np.layers.initializers import fans
from gan_np.layers.layer import Along, Arrays, Shapes
from gan_np.notebook import Summary
from gan_np.ranks import ALONE, Ranks
from gan_np.registry import Registry
from gan_np.vectors import Gradient, Layout, Vector

from .summary import count_parameters, summarise

_limit: ContextVar[int | None] = ContextVar("gan_np_parameter_limit", default=None)


@contextlib.contextmanager
def parameter_limit(count: int) -> Iterator[None]:
    """Refuse, before any memory is taken, to build a network of more parameters than this inside the `with` block.

    For structures that a file describes: a few bytes of it could otherwise ask for terabytes.
    """
    token = _limit.set(count)
    try:
        yield
    finally:
        _limit.reset(token)


LARGEST_OUTPUT, MOST_APPLICATIONS = 1 << 28, 1000
"""Of a structure that a file describes: numbers that a layer may give out for one example, and how often loops inside loops
may run a layer; a few bytes of a file could otherwise ask for work without end."""


def _check_loops(structure: Layer) -> None:
    """Before anything is built: each step of a loop has state of its own."""
    if _limit.get() is not None and (times := _applications(structure)) > MOST_APPLICATIONS:
        raise ValueError(f"a layer that runs {times:,} times was described, more than {MOST_APPLICATIONS:,}")


def _check_limit(declaration: Declaration) -> None:
    limit = _limit.get()
    if limit is None:
        return
    if (found := count_parameters(declaration)) > limit:
        raise ValueError(f"a network of {found:,} parameters was described where at most {limit:,} can be")
    if (largest := _largest_output(declaration)) > LARGEST_OUTPUT:
        raise ValueError(f"a layer of {largest:,} numbers an example was described, more than {LARGEST_OUTPUT:,}")


def _largest_output(declaration: Declaration) -> int:
    return max(_size(declaration.output_shape), *map(_largest_output, declaration.children.values()), 0)


def _size(shape: Shapes) -> int:
    return sum(map(_size, shape)) if shape and isinstance(shape[0], tuple) else math.prod(shape)


def _applications(layer: Any) -> int:
    """The most often that a layer inside is run."""
    if isinstance(layer, tuple | list):
        return max(map(_applications, layer), default=1)
    if not isinstance(layer, Layer):
        return 1
    return layer.applications * max(map(_applications, layer.arguments().values()), default=1)


@Registry("network").register()
class Network:
    """A layer (usually a Sequential) together with its numbers.

    structure: any layer.
    input_shape: shape of one example, without the batch axis; a tuple of shapes for a structure with several inputs.
    seed: the weights' generator (Philox); the same seed gives the same weights in any dtype and on any device.
    dtype: float32, or float64 for gradient checks.
    device: "cpu", "cuda", "cuda:1", ….

    >>> import numpy as np, gan_np as gn
    >>> D = gn.Network(gn.Sequential(gn.Dense(8, activation="leaky_relu"), gn.Dense(1)), input_shape=(2,), seed=0)
    >>> logits, pullback = D.forward(np.zeros((4, 2), np.float32), training=True)
    >>> dx = pullback(np.ones((4, 1), np.float32))   # adds to D.gradient, returns the input's gradient
    >>> dx.shape, D.gradient.values.shape
    ((4, 2), (33,))

    Raises:
        ShapeError: shapes inside the structure do not meet; the message names the layer.
    """

    def __init__(
        self,
        structure: Layer,
        input_shape: Shapes,
        *,
        seed: int = 0,
        dtype: Any = np.float32,
        device: str = "cpu",
    ) -> None:
        _check_loops(structure)
        check_shapes("input_shape", input_shape)
        declaration = structure.build(input_shape)
        _check_limit(declaration)
        layouts = Layout(list(_parameters(declaration))), Layout(list(_states(declaration)))
        kind = float_dtype(dtype)
        with memory_explained(
            device, f"the creation of a network of {layouts[0].size:,} parameters", "make it smaller"
        ):
            theta, state = (Vector(layout, kind, device) for layout in layouts)
        _initialise(declaration, theta, state, generator(seed), device)
        self._assemble(structure, input_shape, declaration, theta, state)

    def _assemble(
        self, structure: Layer, input_shape: Shapes, declaration: Declaration, theta: Vector, state: Vector
    ) -> None:
        self.structure, self.input_shape, self.declaration = structure, input_shape, declaration
        self.parameters, self.state = theta, state
        self.device = device_of(theta.values)
        self.gradient = Gradient(theta.layout, self.dtype, self.device)
        self._variables = self._bind(declaration, "")

    def arguments(self) -> dict[str, Any]:
        """What describes it (see `gan_np.registry`): the structure and its input, without numbers."""
        return {"structure": self.structure, "input_shape": self.input_shape}

    @property
    def dtype(self) -> DType:
        """Return the dtype of all numbers, float32 or float64."""
        return self.parameters.values.dtype

    @property
    def output_shape(self) -> Shapes:
        """Shape of one output, without the batch axis."""
        return self.declaration.output_shape

    @property
    def variables(self) -> Variables:
        """Where the numbers of the structure are, layer by layer: for who walks through it."""
        return self._variables

    def forward(
        self,
        x: Arrays,
        *,
        training: bool = False,
        update_state: bool = False,
        wrt: Wrt = ALL,
        rng: np.random.Generator | None = None,
        momentum: float | None = None,
        updates: Callable[[], int] | None = None,
        ranks: Ranks = ALONE,
    ) -> tuple[Arrays, NetworkPullback]:
        """The output for a batch x, and the pullback.

        training: batch statistics and dropout (default: evaluation).
        update_state: running statistics move; without it a forward changes nothing.
        wrt: what the pullback will be asked for at most: `Wrt(inputs, parameters)`; forward keeps only what that needs.
        rng: where dropout draws from.
        momentum: overrides the momentum of running statistics.
        updates: says how many updates the network has had, for layers whose numbers follow a schedule (`DiffAugment`).
        ranks: the processes that have the rest of the batch, for layers that look across it.

        Raises:
            ShapeError, TypeError: x does not fit the network; nothing was computed.
        """
        self._check_input(x, self.input_shape, "x")
        _refuse_open(self.parameters)
        run = Run(training, update_state, wrt, rng, momentum, self.dtype, updates, ranks)
        with scope(self.device):
            y, pullback = self.structure.apply(self._variables, x, run)
        return y, NetworkPullback(self, pullback if wrt.anything else None, wrt, like(x), y)

    def __call__(self, x: Arrays) -> Arrays:
        """The output in evaluation mode; keeps nothing for backward."""
        return self.forward(x, wrt=Wrt(False, False))[0]

    def check_finite(self, name: str) -> Network:
        """Itself; refuses weights and state that are NaN or infinite, so that no image or figure is made of them.

        name: what the network is called in the message. Looked at once for each version of θ and of the state.

        Raises:
            NonFiniteError: the message names the network and the layer.
        """
        try:
            self.parameters.check_finite(f"the weights of {name}")
            self.state.check_finite(f"the state of {name}")
        except NonFiniteError as error:
            raise NonFiniteError(f"{error}; nothing can be made with them: take an earlier checkpoint") from None
        return self

    def sharing(self, theta: Vector | None = None, state: Vector | None = None) -> Network:
        """The same structure with other numbers (an average, a perturbed copy); those not given are copied."""
        other = object.__new__(Network)
        vectors = []
        for own, given in ((self.parameters, theta), (self.state, state)):
            if given is None:
                given = Vector(own.layout, own.values.dtype, self.device)
                given.assign(own.values)
            vectors.append(given)
        other._assemble(self.structure, self.input_shape, self.declaration, *vectors)
        return other

    def astype(self, dtype: Any) -> Network:
        """A copy of this network in another dtype."""
        kind = float_dtype(dtype)
        vectors = []
        for own in (self.parameters, self.state):
            vectors.append(Vector(own.layout, kind, self.device))
            with scope(self.device):
                vectors[-1].assign(own.values.astype(kind))
        return self.sharing(*vectors)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are networks with numbers of their own (views of one vector stay views of one vector)."""
        vectors = to_host(self.parameters.values), to_host(self.state.values)
        return _restored, (self.structure, self.input_shape, self.device, *vectors)

    def summary(self) -> Summary:
        """A table of layers, output shapes and parameter counts: text, which a notebook shows as a table."""
        return summarise(self.declaration, self.input_shape)

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.summary().html}"

    def __repr__(self) -> str:
        return (
            f"<Network {self.input_shape} → {self.output_shape}, {len(self.parameters):,} parameters, "
            f"{self.dtype} on {self.device}>"
        )

    def _check_input(self, x: Arrays, shape: Shapes, name: str) -> None:
        if shape and isinstance(shape[0], tuple):
            if not isinstance(x, tuple) or len(x) != len(shape):
                raise ShapeError(f"{name}: expected a tuple of {len(shape)} arrays, got {type(x).__name__}")
            for index, (part, expected) in enumerate(zip(x, shape, strict=True)):
                self._check_input(part, expected, f"{name}[{index}]")
            return
        if not hasattr(x, "shape") or tuple(x.shape[1:]) != tuple(shape) or len(x.shape) != len(shape) + 1:
            found = getattr(x, "shape", type(x).__name__)
            expected = ", ".join(map(str, ("N", *shape)))
            raise ShapeError(f"{name}: expected a batch of shape ({expected}), got {found}")
        if x.dtype.kind == "f" and x.dtype != self.dtype:
            raise TypeError(f"{name}: the network computes in {self.dtype}, got {x.dtype}; convert explicitly")
        if device_of(x) != self.device:
            raise TypeError(f"{name}: the network lies on {self.device}, got an array on {device_of(x)}; move one")

    def _bind(self, declaration: Declaration, path: str) -> Variables:
        theta, state = self.parameters, self.state

        def gradient(name: str) -> Into:
            return self.gradient.slot(path + name)

        def set_state(name: str, value: Array) -> None:
            state.assign_segment(path + name, value)

        @contextlib.contextmanager
        def edit_state(*names: str) -> Iterator[list[Array]]:
            with state.edit() as memory:
                yield [state.layout.view(memory, path + name) for name in names]

        return Variables(
            declaration,
            {name: theta[path + name] for name in declaration.parameters},
            gradient,
            {name: state[path + name] for name in declaration.state},
            set_state,
            edit_state,
            {name: self._bind(child, f"{path}{name}.") for name, child in declaration.children.items()},
            lambda: theta.version,
        )


class NetworkPullback:
    """The pullback of one forward of a network: dx = pullback(dy), parameter gradients added to `network.gradient`.

    Used once, unless keep=True says that it will be used again. Refuses to run after θ was edited: a gradient through old
    activations and new weights is that of no function.
    """

    def __init__(self, network: Network, inner: LayerPullback | None, wrt: Wrt, given: Any, output: Arrays) -> None:
        self._network, self._inner, self._bound = network, inner, wrt
        self._version = network.parameters.version
        self._input, self._output = given, like(output)
        self._used = False

    def __call__(
        self,
        dy: Arrays,
        *,
        inputs: Any = None,
        parameters: bool | None = None,
        keep: bool = False,
        over: bool = False,
    ) -> Arrays:
        """dx for the gradient dy of the output.

        inputs, parameters: narrow what forward's `wrt` allowed; the default asks for all of that.
        keep: the pullback will be used again.
        over: dy is nobody else's and is not needed any more: it may be written over.

        Raises:
            RuntimeError: used a second time without keep; θ was edited since forward; more is asked than forward kept.
            ShapeError, TypeError: dy is not of the output's shape and dtype, or a layer's own pullback gave something else.
        """
        wrt = self._ask(inputs, parameters, keep)
        require_gradient(dy, self._output, "pullback", "dy", "the output")
        inner = self._take(keep)
        with scope(self._network.device):
            # A pullback of somebody's own class may take two arguments alone.
            return inner(dy, wrt, True) if over and inner.over is not None else inner(dy, wrt)

    def linear(
        self, tangent: Arrays, *, inputs: Any = False, parameters: bool = True, keep: bool = False
    ) -> tuple[Arrays, LinearisedPullback]:
        """The network linearised at x (kinks frozen, biases dropped), applied to a tangent of x, with its own pullback.

        With the Jacobian J(θ, x) this is J·t and the gradients of ⟨dy, J(θ, x)·t⟩, t held constant. So a penalty Σₙ φ(‖tₙ‖²)
        on the slopes t = Jᵀ·1 has the gradient ∂/∂θ ⟨1, J(θ, x)·u⟩ with uₙ = 2φ′(‖tₙ‖²)·tₙ; for R1, γ/2·‖t‖², u = γ·t. First
        call the pullback with keep=True for Jᵀ·1. (The weights 2φ′ may stand in dy instead of u where no example's output
        depends on its batch-mates; with `MinibatchStandardDeviation` it does.)

        Raises:
            TypeError: a layer on the way has no linearisation (batch normalisation, a layer of one's own without one).
            RuntimeError: forward was not asked for the input's gradient; or not for the parameters', which are asked for
                here, and not all layers are piecewise linear.
        """
        require_gradient(tangent, self._input, "pullback", "tangent", "the input")
        if not self._bound.any_input:
            raise RuntimeError("pullback: linear needs a forward that was asked for the input's gradient (wrt)")
        inner = self._take(keep)
        wrt = Wrt(inputs, parameters)
        with scope(self._network.device):
            y, linearised = inner.linear(tangent, wrt)
        if linearised.curved and parameters and not self._bound.parameters:
            raise RuntimeError(
                "pullback: not all layers are piecewise linear, so the parameters' gradients of the linearised network need "
                "a forward that was asked for the parameters' gradients (wrt)"
            )
        return y, LinearisedPullback(self._network, linearised, wrt, self._input, y)

    def slope(
        self, dy: Arrays, *, scale: Array | None = None, inputs: Any = None, keep: bool = False
    ) -> tuple[Arrays, SlopePullback]:
        """The slope Jᵀdy at x, and what remains for the parameters' gradient of ⟨dy, J·ẋ⟩ + Σₙ sₙ·⟨dyₙ, yₙ⟩.

        A penalty on slopes and a loss need the same gradients of every layer's output, of which the loss has sₙ times those
        of example n. So for

            slope, along = pullback.slope(ones, scale=s)
            along(tangent)

        the network is gone through backward once and forward once (Pearlmutter 1994), and each weight's gradient is one
        product; `pullback`, `pullback.linear` with its own, and `pullback` again would take two more passes back.

        dy: like the output. scale: s (N,), None for 0: no loss.
        inputs: as in a call. keep: the pullback, and what this gives, will be used again.

        Raises:
            TypeError: a layer on the way has no linearisation.
            RuntimeError: forward was not asked for the gradients of inputs and of parameters; used before without keep.
        """
        wrt = self._ask(inputs, True, keep)
        require_gradient(dy, self._output, "pullback", "dy", "the output")
        if scale is not None:
            if isinstance(dy, tuple):
                raise ShapeError("pullback: scale needs a network with one output")
            Like(dy).with_shape((len(dy),)).require(scale, "pullback", "scale", "one number for each example")
        if not wrt.any_input:
            raise RuntimeError("pullback: slope needs a forward that was asked for the input's gradient (wrt)")
        inner = self._take(keep)
        with scope(self._network.device):
            slope, along = inner.slope(dy, wrt, scale)
        return slope, SlopePullback(self._network, along, wrt, self._input)

    def _ask(self, inputs: Any, parameters: bool | None, keep: bool) -> Wrt:
        bound = self._bound
        wrt = Wrt(
            bound.inputs if inputs is None else inputs,
            bound.parameters if parameters is None else parameters,
            keep,
        )
        if not wrt.within(bound):
            raise RuntimeError(
                f"pullback: asked for inputs={wrt.inputs}, parameters={wrt.parameters}, but forward was told "
                f"wrt=Wrt(inputs={bound.inputs}, parameters={bound.parameters}) and kept only what that needs"
            )
        return wrt

    def _take(self, keep: bool) -> LayerPullback:
        if self._used:
            raise RuntimeError("pullback: used a second time; call it with keep=True the first time to use it again")
        if self._inner is None:
            raise RuntimeError("pullback: forward was told that nothing would be asked for (wrt), so it kept nothing")
        _refuse_moved(self._network, self._version)
        inner = self._inner
        if not keep:
            self._inner, self._used = None, True
        return inner


class LinearisedPullback(NetworkPullback):
    """The pullback of a linearised network, used as that of a network: once, or with keep=True.

    `second(gradient)` takes any gradient dẏ of the shape of ẏ = J(θ, x)·ẋ, adds the gradients of ⟨dẏ, ẏ⟩ with respect to the
    parameters, and returns (dẋ, dx), its gradients with respect to the tangent and to x. dx is None where the network is
    piecewise linear, both are unless `linear` was asked for inputs.
    """

    def __call__(
        self,
        dy: Arrays,
        *,
        output: Arrays = None,
        inputs: Any = None,
        parameters: bool | None = None,
        keep: bool = False,
        over: bool = False,
    ) -> tuple[Arrays, Arrays]:
        """(dẋ, dx) for the gradient dẏ = `dy`, and parameter gradients added to `network.gradient`.

        output: the gradient dy of the network's ordinary output, if it is to be pulled back at once as well: then dx and the
            parameters' gradients have its part too, and where layers are not piecewise linear this costs no more.
        over: as for the network's own pullback; a linearised one makes no use of it.

        Raises:
            RuntimeError, ShapeError, TypeError: as for the network's own pullback.
        """
        wrt = self._ask(inputs, parameters, keep)
        require_gradient(dy, self._output, "pullback", "dy", "the output")
        require_gradient(output, self._output, "pullback", "output", "the output")
        inner = self._take(keep)
        with scope(self._network.device):
            found = inner((dy, output), wrt)
        dtangent, dx = (None, None) if found is None else found
        return dtangent, dx


class SlopePullback:
    """What `NetworkPullback.slope` leaves to be done for a tangent of x; used once.

    along(ẋ) adds the gradient of ⟨dy, J·ẋ⟩ + Σₙ sₙ·⟨dyₙ, yₙ⟩ with respect to the parameters, ẋ held constant, and returns ẏ.
    """

    def __init__(self, network: Network, along: Along, wrt: Wrt, given: Any) -> None:
        self._network, self._wrt, self._input = network, wrt, given
        self._along: Along | None = along
        self._version = network.parameters.version

    def __call__(self, tangent: Arrays) -> Arrays:
        """ẏ = J·ẋ for the tangent ẋ of x, of which parts may be None (0); parameter gradients go to `network.gradient`.

        Raises:
            RuntimeError: used a second time; θ was edited since.
            ShapeError, TypeError: the tangent is not like x.
        """
        require_gradient(tangent, self._input, "pullback", "tangent", "the input")
        if self._along is None:
            raise RuntimeError(
                "pullback: what slope gave was used a second time; call slope again, the first time with keep"
            )
        _refuse_moved(self._network, self._version)
        along, self._along = self._along, None
        with scope(self._network.device):
            moved, _ = along(tangent, Wrt(False, True, self._wrt.keep))
        return moved


def _refuse_moved(network: Network, version: int) -> None:
    _refuse_open(network.parameters)
    if network.parameters.version != version:
        raise RuntimeError(
            f"pullback: θ was edited since forward (version {version} → {network.parameters.version}); run forward again "
            "with the new weights"
        )


def _refuse_open(theta: Vector) -> None:
    if theta.editing:
        raise RuntimeError("θ is being edited: leave the edit() block before running the network or a pullback")


def _restored(structure: Layer, input_shape: Shapes, device: str, theta: Array, state: Array) -> Network:
    network = Network(structure, input_shape, dtype=theta.dtype, device=device)
    network.parameters.assign(to_device(theta, device))
    network.state.assign(to_device(state, device))
    return network


def _walk(declaration: Declaration, path: str = "") -> Iterator[tuple[str, Declaration]]:
    yield path, declaration
    for name, child in declaration.children.items():
        yield from _walk(child, f"{path}{name}.")


def _parameters(declaration: Declaration) -> Iterator[tuple[str, tuple[int, ...], str]]:
    for path, part in _walk(declaration):
        for name, parameter in part.parameters.items():
            yield path + name, parameter.shape, parameter.tag


def _states(declaration: Declaration) -> Iterator[tuple[str, tuple[int, ...], str]]:
    for path, part in _walk(declaration):
        for name, state in part.state.items():
            yield path + name, state.shape, "state"


def _initialise(declaration: Declaration, theta: Vector, state: Vector, rng: np.random.Generator, device: str) -> None:
    """Draw everything on the host in float64, in declaration order, then cast once."""
    for vector, kind in ((theta, "parameters"), (state, "state")):
        values = np.empty(len(vector))
        for path, part in _walk(declaration):
            for name, needed in getattr(part, kind).items():
                axis, groups = (needed.output_axis, needed.groups) if isinstance(needed, Parameter) else (-1, 1)
                drawn = needed.initializer(rng, needed.shape, fans(needed.shape, axis, groups))
                vector.layout.view(values, path + name)[...] = drawn
        vector.assign(to_device(values.astype(vector.values.dtype), device))
