"""What a layer is: structure without numbers.

A layer holds no numbers. `declare` says which parameters and state it needs for an input shape; `forward` is handed where
those numbers are and returns the output and its pullback. So one structure runs with θ, with its average, with a
perturbed copy in a gradient check, or several times before any backward, with no special case.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any, ClassVar, Self, TypeAlias

from gan_np.arrays import Array, Like, Shape
from gan_np.checks import ShapeError, choice, shape, shown
from gan_np.kernels import Into
from gan_np.ops.recomputable import Recomputable
from gan_np.registry import Registry, attributes_of, called

from . import timing
from .fitting import absent, added, by_example, filled, like, require_gradient, require_output
from .initializers import Initializer
from .run import Run, Wrt

Arrays: TypeAlias = Any
"""An array, or a tuple of arrays (nested where structures are)."""
Shapes: TypeAlias = Any
"""The shape of one example without the batch axis, or a tuple of such."""


Along: TypeAlias = Callable[[Arrays, Wrt], tuple[Arrays, Arrays]]
"""(ẋ, wrt) → (ẏ, c), see `LayerPullback.slope`."""
Slope: TypeAlias = Callable[[Arrays, Wrt, Array | None], tuple[Arrays, Along]]
"""(dy, wrt, scale) → (dx, along)."""

TAGS = ("weight", "bias", "scale")


@dataclass(frozen=True, slots=True)
class Parameter:
    """The declaration of a trainable array.

    shape: its shape.
    initializer: how it starts (`gan_np.layers.initializers`).
    tag: "weight", "bias" or "scale"; weight decay reaches only "weight".
    output_axis: which axis of a weight counts outputs (for spectral normalisation).
    groups: into how many groups the last axis of a weight is divided, of which each meets the whole of the last but one.
    """

    shape: Shape
    initializer: Initializer
    tag: str = "weight"
    output_axis: int = -1
    groups: int = 1

    def __post_init__(self) -> None:
        shape("shape", self.shape)
        choice("tag", self.tag, TAGS)
        _check_initializer(self.initializer)


@dataclass(frozen=True, slots=True)
class State:
    """An array that moves only when asked to: running statistics, power-iteration vectors.

    shape: its shape.
    initializer: how it starts (`gan_np.layers.initializers`).
    """

    shape: Shape
    initializer: Initializer

    def __post_init__(self) -> None:
        shape("shape", self.shape)
        _check_initializer(self.initializer)


def _check_initializer(initializer: Any) -> None:
    if not callable(initializer):
        raise TypeError(f"initializer: expected an initializer such as Normal(0.02), got {initializer!r}")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a layer needs for one input shape, and what it then gives out. Shapes leave out the batch axis.

    output_shape: of what it gives out.
    parameters, state: its trainable arrays, and those that move only when asked to, by name.
    children: what the layers inside it need, by name.
    title: what `summary()` calls it.
    """

    output_shape: Shapes
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    state: Mapping[str, State] = field(default_factory=dict)
    children: Mapping[str, Declaration] = field(default_factory=dict)
    title: str = ""
    """What `summary()` calls it; filled in by `Layer.build`."""


class _Undeclared(KeyError):
    """A KeyError whose message is text, and not shown in quotes."""

    def __str__(self) -> str:
        return str(self.args[0])


class _DeclaredState(dict[str, Array]):
    """State arrays by name; a name that is not declared is refused with the layer's name."""

    __slots__ = ("_declaration",)

    def __init__(self, state: Mapping[str, Array], declaration: Declaration) -> None:
        super().__init__(state)
        self._declaration = declaration

    def __missing__(self, name: str) -> Array:
        known = ", ".join(map(repr, self)) or "none"
        raise _Undeclared(f"{self._declaration.title}: declare names no state {name!r}; there is {known}")


class Variables:
    """Where the numbers of one layer are: views into θ, its gradient and the state vector.

    variables["weight"] is a read-only view of a parameter, variables.state["running_mean"] of a state array.
    """

    __slots__ = (
        "_edit_state", "_gradient", "_memo", "_set_state", "_version", "children", "declaration", "parameters", "state",
        "trainable",
    )  # fmt: skip

    def __init__(
        self,
        declaration: Declaration,
        parameters: Mapping[str, Array],
        gradient: Callable[[str], Into],
        state: Mapping[str, Array],
        set_state: Callable[[str, Array], None],
        edit_state: Callable[..., AbstractContextManager[list[Array]]],
        children: Mapping[str, Variables],
        version: Callable[[], int],
    ) -> None:
        self.declaration = declaration
        self.parameters, self.state, self.children = parameters, _DeclaredState(state, declaration), children
        self._gradient, self._set_state, self._edit_state, self._version = gradient, set_state, edit_state, version
        self._memo: dict[Any, Any] = {}
        self.trainable: bool = bool(parameters) or any(child.trainable for child in children.values())
        """Whether there are any parameters here or below."""

    def __getitem__(self, name: str) -> Array:
        try:
            return self.parameters[name]
        except KeyError:
            raise self._undeclared(name, "parameters", self.parameters) from None

    def _undeclared(self, name: str, kind: str, declared: Mapping[str, Any]) -> KeyError:
        known = ", ".join(map(repr, declared)) or "none"
        title = self.declaration.title
        return _Undeclared(f"{title}: declare names no {name!r} among its {kind}; there are {known}")

    def get(self, name: str) -> Array | None:
        """A parameter, or None where the layer has none of this name (no bias, not affine)."""
        return self.parameters.get(name)

    def gradient(self, name: str) -> Into:
        """Return where the next contribution to the gradient of `name` must be written, and whether it adds."""
        if name not in self.parameters:
            raise self._undeclared(name, "parameters", self.parameters)
        return self._gradient(name)

    def add_gradient(self, name: str, value: Array) -> None:
        """Add `value` to the gradient of `name`.

        Raises:
            TypeError, ShapeError: `value` is not of the parameter's dtype and shape.
        """
        own = Like(self[name])
        own.require(value, self.declaration.title, f"the gradient of {name!r}", "the parameter")
        array, add = self.gradient(name)
        if add:
            array += value
        else:
            array[...] = value

    def set_state(self, name: str, value: Array) -> None:
        """Move a state array. Only when `run.update_state`."""
        if name not in self.state:
            raise self._undeclared(name, "state", self.state)
        self._set_state(name, value)

    def edit_state(self, *names: str) -> AbstractContextManager[list[Array]]:
        """State arrays of these names, to be changed in place inside the `with` block. Only when `run.update_state`."""
        return self._edit_state(*names)

    def cache(self, key: Any, compute: Callable[[], Any]) -> Any:
        """compute(), or what it gave before while θ has not moved: prepared weights."""
        version = self._version()
        if self._memo.get("version") != version:
            self._memo.clear()
            self._memo["version"] = version
        if key not in self._memo:
            self._memo[key] = compute()
        return self._memo[key]

    def forget(self) -> None:
        """Free what `cache` keeps, here and below; it is computed again where it is asked for."""
        self._memo.clear()
        for child in self.children.values():
            child.forget()

    def with_state_of(self, other: Variables) -> Variables:
        """These parameters with another's state, children alike: weights shared over steps, statistics for each."""
        children = {
            name: child.with_state_of(other.children[name]) if name in other.children else child
            for name, child in self.children.items()
        }
        joined = Variables(
            self.declaration,
            self.parameters,
            self._gradient,
            other.state,
            other._set_state,
            other._edit_state,
            children,
            self._version,
        )
        joined._memo = self._memo
        return joined

    def with_parameter(self, name: str, value: Array, gradient: Callable[[str], Into]) -> Variables:
        """The same with one parameter replaced; gradients go where `gradient` says. For wrappers. Nothing is cached."""
        parameters = {**self.parameters, name: value}
        return Variables(
            self.declaration,
            parameters,
            gradient,
            self.state,
            self._set_state,
            self._edit_state,
            self.children,
            self._version,
        )


class LayerPullback:
    """A layer's pullback: takes dy, adds the gradients of the parameters to where they belong, returns dx.

    function: (dy, wrt) → dx (None where wrt asks for no input).
    linear: (ẋ, wrt) → ẏ and `second`, the layer linearised at x: ẏ = ∂f/∂x·ẋ for a tangent ẋ, and the pullback of that as
        a function of x, ẋ and θ. second: (dẏ, wrt) → (dẋ, dx), which adds the parameters' gradients of ⟨dẏ, ẏ⟩. For a
        piecewise linear layer ẏ does not depend on x: its dx is None, and `second` may be the `LayerPullback` of the
        linear map, (dẏ, wrt) → dẋ.
    refusal: why there is no `linear`, for the message.
    slope: (dy, wrt, scale) → (dx, along), see `LayerPullback.slope`, of a layer that can do it in fewer passes than
        follow from the other two.
    by_example: whether the layer is piecewise linear, has no parameters and treats each example by itself: its `slope`
        is then made of the other two without a pass more.
    recomputable: the layer's output, where the layer can compute it again from what it keeps anyway, so that the next layer
        need not keep it.
    over: as `function`, and it may write over dy. A layer has one only if the dx of both is memory that nobody else holds.
        Whoever puts another `function` in place of this one does away with it.

    `Layer.apply` tells it whose it is and what the input was; from then on a gradient that is not like the input is refused,
    in the layer's name, before the next layer reads it.
    """

    __slots__ = (
        "_input", "_over", "_owner", "by_example", "function", "linear_function", "name", "recomputable", "refusal",
        "slope_function",
    )  # fmt: skip

    def __init__(
        self,
        function: Callable[[Arrays, Wrt], Arrays],
        linear: Callable[[Arrays, Wrt], tuple[Arrays, Any]] | None = None,
        name: str = "",
        refusal: str | None = None,
        *,
        slope: Slope | None = None,
        by_example: bool = False,
        recomputable: Recomputable | None = None,
        over: Callable[[Arrays, Wrt], Arrays] | None = None,
    ) -> None:
        self.function, self.linear_function, self.name = function, linear, name
        self.recomputable, self._over = recomputable, (function, over)
        self.slope_function, self.by_example = slope, by_example
        self.refusal = refusal or "the pullback that its forward gives has none (docs/write-your-own-layer.md adds one)"
        self._owner: Any = None
        self._input: Any = None

    @property
    def over(self) -> Callable[[Arrays, Wrt], Arrays] | None:
        """Return what may write over dy, if there is such a function and it still does what `function` does."""
        function, over = self._over
        return over if self.function is function else None

    def of(self, owner: Any, given: Any) -> Self:
        """This pullback, from now on that of the layer `owner` for an input like `given` (see `like`)."""
        self._owner, self._input = owner, given
        return self

    def __call__(self, dy: Arrays, wrt: Wrt, own: bool = False) -> Arrays:
        """Return dx for the gradient dy of the output; `own`: dy is nobody else's and is not needed after this."""
        over = self.over if own else None
        dx = self.function(dy, wrt) if over is None else over(dy, wrt)
        if self._owner is not None and wrt.any_input:
            require_gradient(dx, self._input, self._owner, "the gradient from its pullback", "the input")
        return dx

    def linear(self, tangent: Arrays, wrt: Wrt) -> tuple[Arrays, JointPullback]:
        """ẏ = ∂f/∂x·ẋ for the tangent ẋ, and the pullback of (x, ẋ) → (y, ẏ).

        Raises:
            TypeError: the layer has no linearisation.
        """
        if self.linear_function is None:
            raise TypeError(f"{self.name or repr(self._owner)} has no linearisation: {self.refusal}")
        moved, second = self.linear_function(tangent, wrt)
        joint = second if isinstance(second, JointPullback) else self._joined(second)
        return moved, joint if self._owner is None else joint.of(self._owner, (self._input, self._input))

    def slope(self, dy: Arrays, wrt: Wrt, scale: Array | None = None) -> tuple[Arrays, Along]:
        """dx = Jᵀdy, and what remains for the parameters' gradients of ⟨dy, J·ẋ⟩ + ⟨s ⊙ dy, y⟩: along(ẋ, wrt) → (ẏ, c).

        scale: s (N,), by which each example's dy is multiplied in the second term; None for 0.
        along: ẋ is a tangent of x, or None for 0, as parts of a tuple may be. It adds the gradients of the parameters, for
            the second term as if s ⊙ dx were what goes on to the layers before. Where that is not all, since the layer is
            not piecewise linear or couples examples, c is the rest, a gradient of x that takes its usual way; else None.

        Raises:
            TypeError: the layer has no linearisation.
        """
        narrowed = Wrt(wrt.inputs, False, keep=True)
        along: Along
        if self.slope_function is not None:
            dx, along = self.slope_function(dy, wrt, scale)
        elif self.by_example:
            dx, along = self.function(dy, narrowed), self._straight
        else:
            dx = self.function(dy, narrowed) if wrt.any_input else None
            along = self._in_general(dy, dx, scale)
        if self._owner is not None and wrt.any_input:
            require_gradient(dx, self._input, self._owner, "the gradient from its pullback", "the input")
        return dx, along

    def _straight(self, tangent: Arrays, wrt: Wrt) -> tuple[Arrays, None]:
        if absent(tangent):
            return None, None
        return self.linear(filled(tangent, self._input), Wrt(wrt.inputs, False))[0], None

    def _in_general(self, dy: Arrays, dx: Arrays, scale: Array | None) -> Along:
        """By the layer's pullback and that of its linearisation, whatever the layer does."""

        def along(tangent: Arrays, wrt: Wrt) -> tuple[Arrays, Arrays]:
            weighted = None if scale is None else by_example(scale, dy)
            if absent(tangent):
                if weighted is None:
                    return None, None
                moved, found = None, self.function(weighted, replace(wrt, keep=True))
            else:
                moved, second = self.linear(filled(tangent, self._input), wrt)
                found = second((dy, weighted), wrt)[1] if wrt.anything else None
            if not wrt.any_input:
                return moved, None
            return moved, found if scale is None else added(found, by_example(-scale, dx))

        return along

    def _joined(self, second: Any) -> JointPullback:
        """What a layer says of ẏ, and of y as ever."""
        linear = isinstance(second, LayerPullback)

        def function(gradients: Arrays, wrt: Wrt) -> Arrays:
            dmoved, dy = gradients
            dtangent = dx = None
            if not absent(dmoved):
                dtangent, dx = (second(dmoved, wrt), None) if linear else second(dmoved, wrt)
            if not absent(dy):
                # Kept: the layer's own pullback may be called again after this one.
                dx = added(dx, self.function(dy, replace(wrt, keep=True)))
            return dtangent, dx

        return JointPullback(function, curved=not linear)


class JointPullback(LayerPullback):
    """The pullback of a layer joined with its linearisation, (x, ẋ) → (y, ẏ): its gradients are pairs, (dẏ, dy) → (dẋ, dx).

        dẋ = Jᵀdẏ                                       J = ∂f/∂x
        dx = Jᵀdy + (∂(Jẋ)/∂x)ᵀdẏ
        dθ = (∂f/∂θ)ᵀdy + (∂(Jẋ)/∂θ)ᵀdẏ

    Either of a pair may be None. Where f is piecewise linear the second term of dx is 0, and dx is None if dy is.

    curved: whether a gradient of ẏ alone gives one of x.
    """

    __slots__ = ("curved",)

    def __init__(self, function: Callable[[Arrays, Wrt], Arrays], *, curved: bool) -> None:
        super().__init__(function)
        self.curved = curved


LAYERS = Registry("layer")
"""Layers by the names that descriptions use; one's own join with `gan_np.layers.register`."""


class Layer:
    """Base of every layer and of every composition of layers.

    A layer of your own overrides `forward`, and `declare` if it has parameters, state or another output shape:

    >>> import gan_np as gn
    >>> class Square(gn.Layer):
    ...     def forward(self, variables, x, run):
    ...         return x * x, lambda dy, wrt: 2 * x * dy
    >>> gn.testing.check_gradients(Square(), input_shape=(5,))
    """

    bilinear: ClassVar[bool] = False
    """Whether the layer is y = f(L(weight, x) + bias), with L linear in each and f named by its argument `activation`."""

    def declare(self, input_shape: Shapes) -> Declaration:
        """What this layer needs for an input of this shape (without the batch axis). Default: nothing, same shape."""
        return Declaration(input_shape)

    def forward(self, variables: Variables, x: Arrays, run: Run) -> tuple[Arrays, Any]:
        """The output, and a pullback: a function (dy, wrt) → dx, or a `LayerPullback`.

        The pullback adds parameter gradients if wrt.parameters and returns dx, or None if not wrt.any_input. It must
        not write to dy.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def build(self, input_shape: Shapes) -> Declaration:
        """`declare`, with the layer's name on the result and on any error."""
        try:
            declared = self.declare(input_shape)
        except (ShapeError, ValueError) as error:
            if getattr(error, "located", False):
                raise
            located = ShapeError(f"{self!r} with input {input_shape}: {error}")
            located.located = True  # type: ignore[attr-defined]
            raise located from error
        except TypeError as error:
            error.add_note(f"(in what {self!r} declares)")
            raise
        if not isinstance(declared, Declaration):
            raise TypeError(
                f"{self!r}: declare is to return a Declaration, got {shown(declared)}; "
                "gan_np.Declaration(output_shape) is that of a layer without parameters"
            )
        return declared if declared.title else replace(declared, title=repr(self))

    def apply(self, variables: Variables, x: Arrays, run: Run) -> tuple[Arrays, LayerPullback]:
        """`forward`, with its pullback as a `LayerPullback`; what either gives out is checked.

        Raises:
            TypeError, ShapeError: the output is not of the network's dtype and of the declared shape.
        """
        times = timing.active()
        if times is None:
            made = self.forward(variables, x, run)
        else:
            made = times.timed(self, "forward", lambda: self.forward(variables, x, run))
        if not (isinstance(made, tuple) and len(made) == 2 and callable(made[1])):
            raise TypeError(f"{self!r}: forward is to return (output, pullback), got {shown(made)}")
        y, pullback = made
        if not _takes_two(pullback):
            raise TypeError(
                f"{self!r}: its pullback is to take (dy, wrt) and return dx, it takes{_signature(pullback)}"
            )
        if run.dtype is not None:
            require_output(y, variables.declaration.output_shape, run.dtype, self)
        if not isinstance(pullback, LayerPullback):
            pullback = LayerPullback(pullback, name=repr(self))
        if times is not None:
            pullback = _timed(self, pullback, times)
        return y, pullback.of(self, like(x)) if run.wrt.any_input else pullback

    @property
    def applications(self) -> int:
        """How often the layer runs what is inside it in one forward pass."""
        return 1

    def multiply_adds(self, input_shape: Shapes) -> int:
        """Multiplications (each with an addition) in the products of one example's forward pass; 0 where there are none."""
        return 0

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments by name, read from the attributes of the same names.

        Raises:
            TypeError: an argument is not kept as an attribute of its name.
        """
        return attributes_of(self)

    def replaced(self, **changes: Any) -> Self:
        """The same layer with some of its constructor's arguments changed.

        >>> import gan_np as gn
        >>> gn.Dense(3, activation="relu").replaced(activation=None)
        Dense(3)
        """
        arguments = {**self.arguments(), **changes}
        made: Self = called(type(self), arguments, {}, type(self).__name__)
        return made

    def __repr__(self) -> str:
        """The constructor's arguments that differ from their defaults; initialisers left out."""
        shown = []
        for name, parameter in inspect.signature(type(self).__init__).parameters.items():
            if name == "self" or name.endswith("initializer") or not hasattr(self, name):
                continue
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]:
                value = value[0]  # (2, 2) was given as 2
            if parameter.default is inspect.Parameter.empty:
                shown.append(f"{value!r}")
            elif value != parameter.default:
                shown.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


def _takes_two(function: Any) -> bool:
    """Return whether a function can be called with two positional arguments; what is no plain function is believed to."""
    if type(function) is not FunctionType:
        return True
    code = function.__code__
    needed = code.co_argcount - len(function.__defaults__ or ())
    return needed <= 2 and (code.co_argcount >= 2 or bool(code.co_flags & inspect.CO_VARARGS))


def _signature(function: Any) -> str:
    return f" {inspect.signature(function)}"


def _timed(layer: Layer, pullback: LayerPullback, times: timing.LayerTimes) -> LayerPullback:
    """The same pullback, its time added to the layer's."""

    def function(dy: Arrays, wrt: Wrt) -> Arrays:
        return times.timed(layer, "backward", lambda: pullback.function(dy, wrt))

    def slope(dy: Arrays, wrt: Wrt, scale: Array | None) -> tuple[Arrays, Along]:
        dx, inner = times.timed(layer, "backward", lambda: pullback.slope(dy, wrt, scale))
        return dx, lambda tangent, wrt: times.timed(layer, "backward", lambda: inner(tangent, wrt))

    return LayerPullback(
        function,
        pullback.linear_function,
        pullback.name,
        pullback.refusal,
        slope=slope if pullback.slope_function is not None or pullback.by_example else None,
        recomputable=pullback.recomputable,
    )
