"""Spectral normalisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gan_np.arrays import Array, Shape, array_module, on_host
from gan_np.kernels import Into
from gan_np.ops.pullback import placed

from .layer import LAYERS, Along, Arrays, Declaration, JointPullback, Layer, LayerPullback, Shapes, State, Variables
from .run import Run, Wrt


@LAYERS.register()
class SpectralNorm(Layer):
    """A layer with its weight divided by an estimate of its largest singular value (Miyato et al. 2018).

    W seen as a matrix (everything else, outputs);  v = Wu/‖Wu‖,  σ = ‖Wu‖ = vᵀWu,  Ŵ = W/σ.

    u (outputs,) is state: in training, where the run says update_state, it first moves by one power iteration,
    u ← Wᵀv/‖Wᵀv‖. v is recomputed from u at each forward. With u constant, σ is an exact function of W with gradient
    v·uᵀ, so

        dW = (dŴ − ⟨dŴ, Ŵ⟩·v·uᵀ)/σ.

    σ does not depend on x, so the layer linearised at x is that inside, with the same way from dŴ to dW.

    SpectralNorm(Conv2d(64, 4, stride=2)): parameters and outputs are those of the layer inside.

    parameter: the name of its weight.
    epsilon: what is added to the length of a vector that is divided by it.
    """

    def __init__(self, layer: Layer, *, parameter: str = "weight", epsilon: float = 1e-12) -> None:
        self.layer, self.parameter, self.epsilon = layer, parameter, epsilon

    def declare(self, input_shape: Shapes) -> Declaration:
        """Declare what the layer inside needs, and the state vector u of the power iteration."""
        inner = self.layer.build(input_shape)
        if self.parameter not in inner.parameters:
            raise ValueError(f"{self.layer!r} has no parameter {self.parameter!r} to normalise")
        weight = inner.parameters[self.parameter]
        self_state = State((weight.shape[weight.output_axis],), _unit_vector)
        return Declaration(
            inner.output_shape, inner.parameters, {**inner.state, "spectral_u": self_state}, inner.children
        )

    def forward(self, variables: Variables, x: Array, run: Run) -> tuple[Array, LayerPullback]:
        """The layer inside, run with Ŵ."""
        weight = variables[self.parameter]
        xp, axis = array_module(weight), variables.declaration.parameters[self.parameter].output_axis % weight.ndim
        matrix = xp.moveaxis(weight, axis, -1).reshape(-1, weight.shape[axis])
        u = variables.state["spectral_u"]
        if run.training and run.update_state:
            u = self._unit(_product(matrix.T, self._unit(_product(matrix, u))))
            variables.set_state("spectral_u", u)
        u = u.copy()  # state may move before the pullback is called
        image = _product(matrix, u)
        sigma = xp.sqrt(_square(image))
        v = image / sigma
        normalised = weight / sigma

        collected: list[Array] = []

        def gradient(name: str) -> Into:
            if name != self.parameter:
                return variables.gradient(name)
            collected.append(xp.empty(weight.shape, weight.dtype))
            return Into(collected[-1], False)

        inner = variables.with_parameter(self.parameter, normalised, gradient)
        y, pullback = self.layer.apply(inner, x, run)

        def through_sigma(inside: LayerPullback) -> Callable[[Arrays, Wrt], Arrays]:
            def function(dy: Arrays, wrt: Wrt) -> Arrays:
                dx = inside(dy, wrt)
                settle()
                return dx

            return function

        def settle() -> None:
            while collected:
                d = collected.pop()
                if on_host(d) and axis == d.ndim - 1:
                    _pull_in_blocks(d, normalised, v, u, sigma, variables.gradient(self.parameter))
                else:
                    variables.add_gradient(self.parameter, _pulled(d, normalised, v, u, sigma, axis))

        def linear(tangent: Array, wrt: Wrt) -> tuple[Array, JointPullback]:
            moved, linearised = pullback.linear(tangent, wrt)
            return moved, JointPullback(through_sigma(linearised), curved=linearised.curved)

        def slope(dy: Array, wrt: Wrt, scale: Array | None) -> tuple[Arrays, Along]:
            dx, inner = pullback.slope(dy, wrt, scale)

            def along(tangent: Arrays, wrt: Wrt) -> tuple[Arrays, Arrays]:
                found = inner(tangent, wrt)
                settle()
                return found

            return dx, along

        return y, LayerPullback(through_sigma(pullback), linear, repr(self), slope=slope)

    def _unit(self, vector: Array) -> Array:
        length = array_module(vector).sqrt(_square(vector))
        unit: Array = vector / (length + vector.dtype.type(self.epsilon))
        return unit


BLOCK = 1 << 16
"""Numbers of a weight that are gone through at a time: with what is made of them they stay in the second-level cache."""


def _pull_in_blocks(d: Array, normalised: Array, v: Array, u: Array, sigma: Array, into: Into) -> None:
    """Put (dŴ − ⟨dŴ, Ŵ⟩·v·uᵀ)/σ into place and write over dŴ; on the host, where outputs are W's last axis.

    dŴ is read twice, Ŵ once, and dW written once; nothing else has the size of a weight.
    """
    if not into.array.flags.c_contiguous:  # a place of somebody's own, of which rows are no view
        placed(_pulled(d, normalised, v, u, sigma, d.ndim - 1), into)
        return
    changes, weights, target = (array.reshape(-1, u.size) for array in (d, normalised, into.array))
    height = max(1, BLOCK // u.size)
    blocks = [slice(start, start + height) for start in range(0, len(v), height)]
    along = 0.0
    for rows in blocks:
        along += float(np.einsum("ij,ij->", changes[rows], weights[rows]))
    inverse = 1 / sigma
    shares = v * (d.dtype.type(along) * inverse)
    room = np.empty((min(height, len(v)), u.size), d.dtype)
    for rows in blocks:
        rank_one = np.multiply(shares[rows, None], u, out=room[: len(shares[rows])])
        change = changes[rows]
        change *= inverse
        if into.add:
            change -= rank_one
            target[rows] += change
        else:
            np.subtract(change, rank_one, out=target[rows])


def _pulled(d: Array, normalised: Array, v: Array, u: Array, sigma: Array, axis: int) -> Array:
    """(dŴ − ⟨dŴ, Ŵ⟩·v·uᵀ)/σ, on any device and with outputs along any axis."""
    xp = array_module(d)
    outer = (v[:, None] * u).reshape(*_without(d.shape, axis), -1)
    pulled: Array = (d - (d * normalised).sum() * xp.moveaxis(outer, -1, axis)) / sigma
    return pulled


def _product(matrix: Array, vector: Array) -> Array:
    """matrix·vector.

    On the host by NumPy's own loops: what it gives to OpenBLAS wakes that one's threads, which then spin beside the kernels'
    own, and a product of 0.2 ms takes 4. On a GPU as a sum of products: what CuPy gives to cuBLAS cannot be captured in a
    CUDA graph.
    """
    product: Array = np.einsum("ij,j->i", matrix, vector) if on_host(matrix) else (matrix * vector).sum(axis=1)
    return product


def _square(vector: Array) -> Array:
    """Return the squared norm of a vector."""
    square: Array = np.einsum("i,i->", vector, vector) if on_host(vector) else (vector * vector).sum()
    return square


def _unit_vector(rng: np.random.Generator, shape: Shape, fans: tuple[int, int]) -> Array:
    """Any direction, of length 1: a longer u would scale σ."""
    drawn = rng.standard_normal(shape)
    length: Array = np.sqrt(drawn @ drawn)
    return drawn / length


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]
