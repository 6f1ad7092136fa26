"""A chain of layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from gan_np.arrays import Array
from gan_np.layers import BatchNorm, Declaration, JointPullback, Layer, LayerPullback, Run, Variables, Wrt
from gan_np.layers.fitting import absent, added
from gan_np.layers.layer import LAYERS, Along, Arrays, Shapes


@LAYERS.register()
class Sequential(Layer):
    """Each layer applied to the output of the one before: y = fₙ(… f₂(f₁(x))).

    layers: in the order in which they are applied.

    Children are named "0", "1", …. Sequential is a layer, so chains nest.

    Layer i is asked for its input's gradient only if the chain's own input is asked for or an earlier layer has
    parameters that are: in D's own step the first layer with parameters computes none.
    """

    def __init__(self, *layers: Layer) -> None:
        for index, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"layers[{index}]: expected a Layer, got {layer!r}")
        if not layers:
            raise ValueError("layers: expected at least one")
        self.layers = layers
        self._names = tuple(map(str, range(len(layers))))

    def __repr__(self) -> str:
        """Return the chain with all its layers, as it is written in Python."""
        return f"Sequential({', '.join(map(repr, self.layers))})"

    def declare(self, input_shape: Shapes) -> Declaration:
        """Each layer is built on the shape that the one before gives out."""
        children: dict[str, Declaration] = {}
        shape = input_shape
        for index, layer in enumerate(self.layers):
            try:
                child = layer.build(shape)
            except ValueError as error:
                error.add_note(f"(layer {index} of a Sequential of {len(self.layers)})")
                raise
            children[str(index)] = child
            shape = child.output_shape
        return Declaration(shape, children=children, title=type(self).__name__)

    def forward(self, variables: Variables, x: Arrays, run: Run) -> tuple[Arrays, LayerPullback]:
        """Forward in order; the pullback in reverse."""
        parts = [variables.children[name] for name in self._names]
        trainable = tuple([part.trainable for part in parts])
        pullbacks: list[LayerPullback] = []
        y, own, known = x, run, run.recomputable
        for layer, part, wrt in zip(self.layers, parts, _of_layers(run.wrt, trainable), strict=True):
            if wrt is not own.wrt or known is not own.recomputable:
                own = run.with_wrt(wrt, known)
            y, pullback = layer.apply(part, y, own)
            # What a layer of somebody's own hands on from a layer within it may not be its own output.
            known = pullback.recomputable if type(layer) in (BatchNorm, Sequential) else None
            if wrt.anything:
                pullbacks.append(pullback)
        # Layers before the first that is asked for anything keep nothing and are never called.
        skipped = len(parts) - len(pullbacks)
        whole = chain(pullbacks, lambda wrt: _of_layers(wrt, trainable)[skipped:])
        whole.recomputable = known
        return y, whole


@functools.lru_cache(maxsize=1024)
def _of_layers(wrt: Wrt, trainable: tuple[bool, ...]) -> tuple[Wrt, ...]:
    """What a request to a chain asks of each layer, given which of them have parameters; neighbours often share one."""
    asked: list[Wrt] = []
    reaches = wrt.any_input
    for index, parameters in enumerate(trainable):
        own = Wrt(wrt.inputs if index == 0 else reaches, wrt.parameters and parameters, wrt.keep)
        asked.append(asked[-1] if asked and asked[-1] == own else own)
        reaches = reaches or (wrt.parameters and parameters)
    return tuple(asked)


def chain(pullbacks: list[LayerPullback], of_layers: Callable[[Wrt], Iterable[Wrt]]) -> LayerPullback:
    """The pullback of a chain, given those of its layers in forward order and what a request asks of each."""

    def linear(tangent: Arrays, wrt: Wrt) -> tuple[Arrays, JointPullback]:
        linearised = []
        for pullback, asked in zip(pullbacks, of_layers(wrt), strict=True):
            tangent, inner = pullback.linear(tangent, asked)
            linearised.append(inner)
        # A gradient that is a pair goes back through the layers as any other does.
        curved = any(inner.curved for inner in linearised)
        return tangent, JointPullback(_in_reverse(linearised, of_layers), curved=curved)

    def slope(dy: Arrays, wrt: Wrt, scale: Array | None) -> tuple[Arrays, Along]:
        parts: list[Along | None] = [None] * len(pullbacks)
        for index, asked in reversed(list(enumerate(of_layers(wrt)))):
            if not asked.anything or absent(dy):
                dy = None
                break
            dy, parts[index] = pullbacks[index].slope(dy, asked, scale)

        def along(tangent: Arrays, wrt: Wrt) -> tuple[Arrays, Arrays]:
            rest: list[Arrays] = []
            for index, asked in enumerate(of_layers(wrt)):
                part, parts[index] = parts[index], None  # frees what this layer held before the next one needs memory
                # None where no gradient reaches the layer, or nothing was asked of it: before the first with parameters of a
                # chain whose input does not move.
                tangent, more = (None, None) if part is None else part(tangent, asked)
                rest.append(more)
            return tangent, _rest_of(pullbacks, list(of_layers(wrt)), rest)

        return dy if wrt.any_input and not absent(dy) else None, along

    backward = _in_reverse(pullbacks, of_layers)
    over = None
    if pullbacks and pullbacks[0].over is not None:  # else what it returns may be somebody else's

        def over(dy: Arrays, wrt: Wrt) -> Arrays:
            return backward(dy, wrt, True)

    return LayerPullback(backward, linear, slope=slope, over=over)


def _rest_of(pullbacks: list[LayerPullback], asked: list[Wrt], rest: list[Arrays]) -> Arrays:
    """What `along` left to the layers' own pullbacks: rest[i], a gradient of layer i's input."""
    total = None
    for index, own in reversed(list(enumerate(asked))):
        if not absent(total):
            total = pullbacks[index](total, own)
        total = added(total, rest[index])
    return None if absent(total) else total


def _in_reverse(pullbacks: list[Any], of_layers: Callable[[Wrt], Iterable[Wrt]]) -> Callable[..., Arrays]:
    def function(dy: Arrays, wrt: Wrt, own: bool = False) -> Arrays:
        # own: whether dy may be written over; the first is the caller's, mostly.
        for index, asked in reversed(list(enumerate(of_layers(wrt)))):
            if not asked.anything or absent(dy):
                break
            pullback = pullbacks[index]
            over = pullback.over is not None
            dy = pullback(dy, asked, own) if over else pullback(dy, asked)
            own = over
            if not wrt.keep:
                del pullbacks[index]  # frees what this layer held before the next one needs memory
        return dy if wrt.any_input and not absent(dy) else None

    return function
