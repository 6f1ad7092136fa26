"""Joining an operation on arrays to a layer's named parameters."""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.kernels import Into

from .layer import LayerPullback, Variables
from .run import Wrt


def asked(wrt: Wrt, parameters: int = 0) -> tuple[bool, ...]:
    """`wrt` for an operation on one input and `parameters` parameters."""
    return (wrt.any_input, *(wrt.parameters,) * parameters)


def bind(operation: ops.OperationPullback, variables: Variables, *names: str) -> LayerPullback:
    """A layer's pullback from that of its operation on (x, *parameters): gradients go to the parameters of these names.

    What the operation has no gradient for (a bias that is not there, or that the linearised layer drops) is passed over.
    """

    def function(dy: Array, wrt: Wrt) -> Array | None:
        has_input, *has = operation.wrt
        wanted = [wrt.any_input and has_input]
        places: list[Into | None] = [None]
        for name, there in zip(names, has, strict=True):
            wanted.append(wrt.parameters and there)
            places.append(variables.gradient(name) if wanted[-1] else None)
        return operation(dy, wanted, places)[0]

    def linear(tangent: Array, wrt: Wrt) -> tuple[Array, LayerPullback]:
        y, linearised = operation.linear(tangent, asked(wrt, len(names)))
        return y, bind(linearised, variables, *names)

    return LayerPullback(function, linear)
