"""Layers that rearrange: reshape, flatten; and those that join several inputs: add, concatenate."""

from __future__ import annotations

import math

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import ShapeError, shape

from .binding import bind
from .layer import LAYERS, Declaration, Layer, LayerPullback, Shapes, Variables
from .run import Run, Wrt


@LAYERS.register()
class Reshape(Layer):
    """Each example in another shape: Reshape(7, 7, 64) makes images of 3136 features.

    sizes: the shape, without the batch axis.
    """

    def __init__(self, *sizes: int) -> None:
        self.sizes = shape("sizes", sizes)

    def __repr__(self) -> str:
        """Return the layer as it is written in Python."""
        return f"Reshape{self.sizes}"

    def declare(self, input_shape: Shapes) -> Declaration:
        """The number of values must agree."""
        before = shape("input", input_shape)
        if math.prod(before) != math.prod(self.sizes):
            raise ShapeError(f"{math.prod(before)} values cannot become {math.prod(self.sizes)}")
        return Declaration(self.sizes)

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.reshape`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.reshape(x, self.sizes, wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)


@LAYERS.register()
class Flatten(Layer):
    """Each example as one row of features."""

    def declare(self, input_shape: Shapes) -> Declaration:
        """Declare an output of one axis, the product of the input's sizes."""
        return Declaration((math.prod(shape("input", input_shape)),))

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """Apply `ops.reshape`, whose docstring has the formula and what the pullback needs."""
        y, pullback = ops.reshape(x, (math.prod(x.shape[1:]),), wrt=run.wrt.of_arrays())
        return y, bind(pullback, variables)


class _Join(Layer):
    """A function of a tuple of arrays."""

    def _joined(self, x: tuple[Array, ...], wrt: tuple[bool, ...]) -> tuple[Array, ops.OperationPullback]:
        raise NotImplementedError

    def forward(self, variables: Variables, x: tuple[Array, ...], run: Run) -> tuple[Array, LayerPullback]:
        """The pullback gives a tuple, None for each input that was not asked for."""
        y, pullback = self._joined(x, _each(run.wrt, len(x)))

        def function(dy: Array, wrt: Wrt) -> tuple[Array | None, ...]:
            return pullback(dy, _each(wrt, len(x_shapes)))

        def linear(tangents: tuple[Array, ...], wrt: Wrt) -> tuple[Array, LayerPullback]:
            moved, linearised = self._joined(tangents, _each(wrt, len(tangents)))
            return moved, LayerPullback(lambda dy, wrt: linearised(dy, _each(wrt, len(x_shapes))))

        x_shapes = [part.shape for part in x]
        return y, LayerPullback(function, linear, by_example=True)


def _each(wrt: Wrt, count: int) -> tuple[bool, ...]:
    return tuple(bool(part) for part in wrt.of_inputs(count))


@LAYERS.register()
class Add(_Join):
    """The sum of several inputs of one shape."""

    def declare(self, input_shape: Shapes) -> Declaration:
        """Declare the shape of the inputs, which must all agree."""
        if len(set(input_shape)) != 1:
            raise ShapeError(f"inputs to add must have one shape, got {input_shape}")
        return Declaration(input_shape[0])

    def _joined(self, x: tuple[Array, ...], wrt: tuple[bool, ...]) -> tuple[Array, ops.OperationPullback]:
        return ops.add(*x, wrt=wrt)


@LAYERS.register()
class Concatenate(_Join):
    """Several inputs joined along their last axis (channels, or features)."""

    def declare(self, input_shape: Shapes) -> Declaration:
        """Declare the inputs joined along the last axis; the others must agree."""
        if len({parts[:-1] for parts in input_shape}) != 1:
            raise ShapeError(f"inputs to concatenate must agree in all axes but the last, got {input_shape}")
        return Declaration((*input_shape[0][:-1], sum(parts[-1] for parts in input_shape)))

    def _joined(self, x: tuple[Array, ...], wrt: tuple[bool, ...]) -> tuple[Array, ops.OperationPullback]:
        return ops.concatenate(*x, wrt=wrt)
