"""Bugs to plant: a layer or an operation whose gradients are right but for one, which is off by a tenth of a percent."""

import numpy as np

import gan_np as gn
from gan_np import ops
from gan_np.kernels import Into
from gan_np.layers import Variables
from gan_np.layers import layer as layer_module
from gan_np.ops import affine


class Spoiled(gn.Layer):
    """A layer with one of its gradients spoiled: that of the parameter `target`, or of input number `target`.

    spoil: what happens to that gradient; times 1.001 unless told otherwise.
    """

    def __init__(self, layer, target, spoil=lambda gradient: 1.001 * gradient):
        self.layer, self.target, self.spoil = layer, target, spoil
        self.spoilt = False

    def declare(self, input_shape):
        return self.layer.build(input_shape)

    def forward(self, variables, x, run):
        written = {}

        def gradient(name):
            if name != self.target:
                return variables.gradient(name)
            written[name] = np.empty_like(variables[name])
            return Into(written[name], False)

        own = Variables(
            variables.declaration,
            variables.parameters,
            gradient,
            variables.state,
            variables.set_state,
            variables.edit_state,
            variables.children,
            lambda: 0,
        )
        y, pullback = self.layer.apply(own, x, run)

        def spoiling(dy, wrt):
            dx = pullback(dy, wrt)
            for name, value in written.items():
                self.spoilt = True
                variables.add_gradient(name, self.spoil(value))
            written.clear()
            if isinstance(self.target, int) and dx is not None:
                self.spoilt = True
                parts = list(dx) if isinstance(dx, tuple) else [dx]
                parts[self.target] = self.spoil(parts[self.target])
                dx = tuple(parts) if isinstance(dx, tuple) else parts[0]
            return dx

        return y, spoiling


def spoil_operation(function, target, spoil=lambda gradient: 1.001 * gradient):
    """An operation with gradient number `target` spoiled."""

    def spoiled(*arrays):
        y, pullback = function(*arrays)

        def pull(dy):
            gradients = list(pullback(dy))
            gradients[target] = spoil(gradients[target])
            return gradients

        return y, pull

    return spoiled


def drop_the_second_derivative(monkeypatch):
    """f″ = 0, and dx comes from dy alone, as if every layer were piecewise linear."""
    of_operation, joined = ops.Linearised.__call__, layer_module.LayerPullback._joined

    def flat(self, dmoved, dy=None, wrt=None, into=None):
        dtangent, dx, *rest = of_operation(self, dmoved, dy, wrt, into)
        _, bent, *_ = of_operation(self, dmoved)
        return dtangent, dx if dx is None or bent is None else dx - bent, *rest

    def without(self, second):
        linear = isinstance(second, gn.LayerPullback)
        return joined(self, second if linear else lambda dmoved, wrt: (second(dmoved, wrt)[0], None))

    monkeypatch.setattr(affine, "curvature", lambda activation, y: np.zeros_like(y))
    monkeypatch.setattr(ops.Linearised, "__call__", flat)
    monkeypatch.setattr(layer_module.LayerPullback, "_joined", without)
