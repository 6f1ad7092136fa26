"""A layer applied again and again with the same weights."""

from __future__ import annotations

from dataclasses import replace

from gan_np.checks import ShapeError, integer
from gan_np.layers import Declaration, Layer, LayerPullback, Run, Variables, Wrt
from gan_np.layers.layer import LAYERS, Arrays, Shapes

from .sequential import chain


@LAYERS.register()
class Loop(Layer):
    """xₜ₊₁ = f(xₜ) for t < steps, weights shared, state apart: y = f(f(… f(x))).

    f must keep the shape of its input (a tuple works: carry what the next step needs). The parameters are declared once;
    every step has its own running statistics ("step0", "step1", …), because the inputs of different steps are distributed
    differently: with one shared running mean, evaluation would differ from training.

    The gradient of a weight is the sum over steps: each step's pullback adds to it.
    """

    def __init__(self, layer: Layer, steps: int) -> None:
        self.layer = layer
        self.steps = integer("steps", steps, 1)

    @property
    def applications(self) -> int:
        """Return how often the layer inside runs: once a step."""
        return self.steps

    def declare(self, input_shape: Shapes) -> Declaration:
        """The parameters of one f, the state of `steps` of them."""
        inner = self.layer.build(input_shape)
        if inner.output_shape != input_shape:
            raise ShapeError(f"the looped layer must keep its input's shape, it gives {inner.output_shape}")
        children = {"shared": _only(inner, state=False)}
        children.update({f"step{t}": _only(inner, state=True) for t in range(self.steps)})
        return Declaration(input_shape, children=children, title=f"Loop(steps={self.steps})")

    def forward(self, variables: Variables, x: Arrays, run: Run) -> tuple[Arrays, LayerPullback]:
        """Step after step; the pullback in reverse."""
        shared = variables.children["shared"]
        pullbacks = []
        for t in range(self.steps):
            inputs = run.wrt.inputs if t == 0 else run.wrt.any_input or run.wrt.parameters
            step = shared.with_state_of(variables.children[f"step{t}"])
            x, pullback = self.layer.apply(step, x, run.asking(inputs))
            pullbacks.append(pullback)

        def of_steps(wrt: Wrt) -> list[Wrt]:
            later = replace(wrt, inputs=wrt.any_input or wrt.parameters)
            return [wrt] + [later] * (self.steps - 1)

        return x, chain(pullbacks, of_steps)


def _only(declaration: Declaration, *, state: bool) -> Declaration:
    """The state of a structure without its parameters, or the other way round."""
    return Declaration(
        declaration.output_shape,
        {} if state else declaration.parameters,
        declaration.state if state else {},
        {name: _only(child, state=state) for name, child in declaration.children.items()},
        "" if state else declaration.title,  # without a title `summary()` leaves it out
    )
