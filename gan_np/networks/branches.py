"""Structures with more than one path: Fork, Parallel, Residual."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gan_np.arrays import Array
from gan_np.checks import ShapeError
from gan_np.layers import Add, Declaration, JointPullback, Layer, LayerPullback, Run, Variables, Wrt
from gan_np.layers.fitting import absent, added
from gan_np.layers.layer import LAYERS, Along, Arrays, Shapes

from .sequential import Sequential


class _Branches(Layer):
    def __init__(self, *layers: Layer) -> None:
        for index, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"layers[{index}]: expected a Layer, got {layer!r}")
        if len(layers) < 2:
            raise ValueError(f"layers: expected at least two branches, got {len(layers)}")
        self.layers = layers

    def __repr__(self) -> str:
        """Return the structure with all its branches, as it is written in Python."""
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"

    def _declare(self, shapes: tuple[Shapes, ...]) -> Declaration:
        children = {
            str(index): layer.build(shape) for index, (layer, shape) in enumerate(zip(self.layers, shapes, strict=True))
        }
        output = tuple(child.output_shape for child in children.values())
        return Declaration(output, children=children, title=type(self).__name__)

    def _child(self, variables: Variables, index: int) -> Variables:
        return variables.children[str(index)]


@LAYERS.register()
class Fork(_Branches):
    """Several layers on one input: x to (f₁(x), f₂(x), …); two heads on one trunk are Sequential(trunk, Fork(a, b)).

    The pullback takes a tuple of gradients and sums what comes back; None for a head means that it receives no gradient:
    that head is then not run backwards and its parameters get none.
    """

    def declare(self, input_shape: Shapes) -> Declaration:
        """Each branch sees the same input."""
        return self._declare((input_shape,) * len(self.layers))

    def forward(self, variables: Variables, x: Arrays, run: Run) -> tuple[tuple[Arrays, ...], LayerPullback]:
        """Apply all branches, in their order."""
        results = [layer.apply(self._child(variables, i), x, run) for i, layer in enumerate(self.layers)]
        return tuple(y for y, _ in results), _fork([pullback for _, pullback in results])


def _fork(pullbacks: list[LayerPullback]) -> LayerPullback:
    def function(dy: tuple[Arrays, ...], wrt: Wrt) -> Arrays:
        if len(dy) != len(pullbacks):
            raise ShapeError(f"Fork: expected {len(pullbacks)} gradients (None where a head has none), got {len(dy)}")
        return _sum_of(pullbacks, dy, wrt)

    def linear(tangent: Arrays, wrt: Wrt) -> tuple[tuple[Arrays, ...], JointPullback]:
        results = [pullback.linear(tangent, wrt) for pullback in pullbacks]
        linearised = [pullback for _, pullback in results]

        def both(gradients: Arrays, wrt: Wrt) -> Arrays:
            return _sum_of(linearised, _pairs(gradients, len(linearised)), wrt)

        curved = any(pullback.curved for pullback in linearised)
        return tuple(y for y, _ in results), JointPullback(both, curved=curved)

    def slope(dy: tuple[Arrays, ...], wrt: Wrt, scale: Array | None) -> tuple[Arrays, Along]:
        dx, parts = None, []
        for pullback, part in zip(pullbacks, dy, strict=True):
            of_branch, along_branch = (None, None) if absent(part) else pullback.slope(part, wrt, scale)
            dx = added(dx, of_branch)
            parts.append(along_branch)

        def along(tangent: Arrays, wrt: Wrt) -> tuple[tuple[Arrays, ...], Arrays]:
            results = [(None, None) if part is None else part(tangent, wrt) for part in parts]
            return tuple(moved for moved, _ in results), functools.reduce(added, (rest for _, rest in results))

        return dx, along

    return LayerPullback(function, linear, slope=slope)


def _sum_of(pullbacks: Sequence[LayerPullback], gradients: Iterable[Arrays], wrt: Wrt) -> Arrays:
    total = None
    for pullback, part in zip(pullbacks, gradients, strict=True):
        if not absent(part):
            total = added(total, pullback(part, wrt))
    return total if wrt.any_input else None


def _pairs(gradients: Arrays, count: int) -> Iterable[Arrays]:
    """A pair of tuples (dẏ, dy), of which either may be None, as a pair for each branch."""
    return zip(*((None,) * count if part is None else part for part in gradients), strict=True)


@LAYERS.register()
class Parallel(_Branches):
    """Each layer on its own input: (x₁, x₂, …) to (f₁(x₁), f₂(x₂), …).

    A label that joins halfway: Sequential(Parallel(convolutions, embedding), Concatenate(), …).
    """

    def declare(self, input_shape: Shapes) -> Declaration:
        """One input shape for each branch."""
        if len(input_shape) != len(self.layers) or not all(isinstance(part, tuple) for part in input_shape):
            raise ShapeError(f"expected {len(self.layers)} input shapes, got {input_shape}")
        return self._declare(tuple(input_shape))

    def forward(
        self, variables: Variables, x: tuple[Arrays, ...], run: Run
    ) -> tuple[tuple[Arrays, ...], LayerPullback]:
        """Apply all branches, in their order."""
        results = [
            layer.apply(self._child(variables, i), x[i], run.asking(inputs))
            for i, (layer, inputs) in enumerate(zip(self.layers, run.wrt.of_inputs(len(self.layers)), strict=True))
        ]
        return tuple(y for y, _ in results), _parallel([pullback for _, pullback in results])


def _parallel(pullbacks: list[LayerPullback]) -> LayerPullback:
    def linear(tangent: tuple[Arrays, ...], wrt: Wrt) -> tuple[tuple[Arrays, ...], JointPullback]:
        parts = zip(pullbacks, tangent, wrt.of_inputs(len(pullbacks)), strict=True)
        results = [pullback.linear(part, replace(wrt, inputs=inputs)) for pullback, part, inputs in parts]
        linearised = [pullback for _, pullback in results]

        def both(gradients: Arrays, wrt: Wrt) -> Arrays:
            found = _each(linearised, _pairs(gradients, len(linearised)), wrt)
            return tuple(zip(*((None, None) if pair is None else pair for pair in found), strict=True))

        curved = any(pullback.curved for pullback in linearised)
        return tuple(y for y, _ in results), JointPullback(both, curved=curved)

    def slope(dy: tuple[Arrays, ...], wrt: Wrt, scale: Array | None) -> tuple[tuple[Arrays, ...], Along]:
        found: list[tuple[Arrays, Along | None]] = []
        for pullback, part, inputs in zip(pullbacks, dy, wrt.of_inputs(len(pullbacks)), strict=True):
            asked = replace(wrt, inputs=inputs)
            there = not absent(part) and asked.anything
            found.append(pullback.slope(part, asked, scale) if there else (None, None))

        def along(tangent: Arrays, wrt: Wrt) -> tuple[tuple[Arrays, ...], tuple[Arrays, ...]]:
            tangents = (None,) * len(found) if tangent is None else tangent
            results = [
                (None, None) if part is None else part(own, replace(wrt, inputs=inputs))
                for (_, part), own, inputs in zip(found, tangents, wrt.of_inputs(len(found)), strict=True)
            ]
            return tuple(moved for moved, _ in results), tuple(rest for _, rest in results)

        return tuple(dx for dx, _ in found), along

    return LayerPullback(lambda dy, wrt: _each(pullbacks, dy, wrt), linear, slope=slope)


def _each(pullbacks: Sequence[LayerPullback], gradients: Iterable[Arrays], wrt: Wrt) -> tuple[Arrays, ...]:
    found = []
    for pullback, part, inputs in zip(pullbacks, gradients, wrt.of_inputs(len(pullbacks)), strict=True):
        asked = replace(wrt, inputs=inputs)
        found.append(None if absent(part) or not asked.anything else pullback(part, asked))
    return tuple(found)


@LAYERS.register()
class Identity(Layer):
    """y = x: a branch that does nothing."""

    def forward(self, variables: Variables, x: Arrays, run: Run) -> tuple[Arrays, LayerPullback]:
        """Return the input as it is."""
        return x, _identity()


def _identity() -> LayerPullback:
    return LayerPullback(
        lambda dy, wrt: dy if wrt.any_input else None,
        lambda tangent, wrt: (tangent, _identity()),
        by_example=True,
    )


@LAYERS.register()
class Residual(Layer):
    """y = x + f(x), or y = g(x) + f(x) with `shortcut` g where f changes the shape (He et al. 2016)."""

    def __init__(self, layer: Layer, shortcut: Layer | None = None) -> None:
        self.layer, self.shortcut = layer, shortcut
        self._chain = Sequential(Fork(layer, Identity() if shortcut is None else shortcut), Add())

    def declare(self, input_shape: Shapes) -> Declaration:
        """Both paths must give one shape."""
        return replace(self._chain.build(input_shape), title="Residual")

    def forward(self, variables: Variables, x: Arrays, run: Run) -> tuple[Arrays, LayerPullback]:
        """A fork and a sum."""
        return self._chain.apply(variables, x, run)
