"""Joining an operation on arrays to a layer's named parameters."""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.kernels import Into

from .layer import Along, JointPullback, LayerPullback, Variables
from .run import Wrt


def bind(operation: ops.OperationPullback, variables: Variables, *names: str) -> LayerPullback:
    """A layer's pullback from that of its operation on (x, *parameters): gradients go to the parameters of these names.

    What the operation has no gradient for (a bias that is not there, or that the linearised layer drops) is passed over.
    Linearised, the layer is what the operation is.
    """

    def places(wanted: tuple[bool, ...]) -> list[Into | None]:
        """Where the gradients go that are wanted; to ask for one is to promise that it will be written."""
        return [None] + [variables.gradient(name) if want else None for name, want in zip(names, wanted, strict=True)]

    def function(dy: Array, wrt: Wrt, over: bool = False) -> Array | None:
        has_input, *has = operation.wrt
        if not wrt.parameters:
            return operation(dy, (wrt.any_input and has_input, *(False,) * len(has)), None, over)[0]
        return operation(dy, (wrt.any_input and has_input, *has), places(tuple(has)), over)[0]

    def linear(tangent: Array, wrt: Wrt) -> tuple[Array, JointPullback]:
        moved, second = operation.linear(tangent, wrt.of_arrays(len(names)))

        def both(gradients: tuple[Array | None, Array | None], wrt: Wrt) -> tuple[Array | None, Array | None]:
            dmoved, dy = gradients
            if dmoved is None:
                return None, None if dy is None else function(dy, wrt)
            has_input, *has = second.wrt
            _, *reached = second.reached
            wanted = [
                wrt.parameters and there and (comes or dy is not None)
                for there, comes in zip(has, reached, strict=True)
            ]
            dtangent, dx, *_ = second(dmoved, dy, (wrt.any_input and has_input, *wanted), places(tuple(wanted)))
            return dtangent, dx

        return moved, JointPullback(both, curved=second.reached[0])

    def slope(dy: Array, wrt: Wrt, scale: Array | None) -> tuple[Array | None, Along]:
        has_input, *has = operation.wrt
        wanted = tuple(wrt.parameters and there for there in has)
        dx, of_operation = operation.slope(dy, (wrt.any_input and has_input, *wanted), scale)

        def along(tangent: Array | None, wrt: Wrt) -> tuple[Array | None, None]:
            _, *has = of_operation.wrt
            _, *reached = of_operation.reached
            wanted = tuple(
                wrt.parameters and there and (scale is not None or (comes and tangent is not None))
                for there, comes in zip(has, reached, strict=True)
            )
            return of_operation(tangent, (False, *wanted), places(wanted)), None

        return dx, along

    return LayerPullback(
        function,
        None if operation.refusal else linear,
        refusal=operation.refusal,
        slope=slope if operation.has_slope else None,
        recomputable=operation.recomputable,
        over=(lambda dy, wrt: function(dy, wrt, True)) if operation.writes_over else None,
    )
