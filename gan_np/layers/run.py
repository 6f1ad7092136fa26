"""What one application of a layer is for: training or evaluation, and what will be asked of its pullback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from gan_np.arrays import DType
from gan_np.ops.recomputable import Recomputable
from gan_np.ranks import ALONE, Ranks

Inputs: TypeAlias = "bool | tuple[Inputs, ...]"


def _any(inputs: Inputs) -> bool:
    return inputs if isinstance(inputs, bool) else any(_any(part) for part in inputs)


@dataclass(frozen=True, slots=True)
class Wrt:
    """Which gradients a forward is asked for: those of inputs, of parameters, of both or of none.

    (Operations of `gan_np.ops` and kernels take one answer for each array: `of_arrays`.)

    inputs: the gradient of the input; for an input that is a tuple, one answer for all or one for each.
    parameters: the gradients of the parameters.
    keep: the pullback will be used again (otherwise it frees what it holds as it goes).
    """

    inputs: Inputs = True
    parameters: bool = True
    keep: bool = False

    any_input: bool = field(init=False, repr=False, compare=False)
    """Whether the gradient of any input is asked for."""
    anything: bool = field(init=False, repr=False, compare=False)
    """Whether any gradient is asked for."""

    def __post_init__(self) -> None:
        # Asked some 300 times in a step, of few objects.
        object.__setattr__(self, "any_input", _any(self.inputs))
        object.__setattr__(self, "anything", self.any_input or self.parameters)

    def of_inputs(self, count: int) -> Iterator[Inputs]:
        """Return for each of `count` inputs whether its gradient is asked for."""
        if isinstance(self.inputs, bool):
            return iter((self.inputs,) * count)
        if len(self.inputs) != count:
            raise ValueError(f"wrt: inputs has {len(self.inputs)} entries, the input has {count}")
        return iter(self.inputs)

    def of_arrays(self, parameters: int = 0) -> tuple[bool, ...]:
        """The same for an operation on one input and so many parameters, which takes one answer for each of its arrays.

        >>> Wrt(inputs=False).of_arrays(2)
        (False, True, True)
        """
        return (self.any_input, *(self.parameters,) * parameters)

    def within(self, bound: Wrt) -> bool:
        """Return whether this asks for no more than `bound` does."""
        return (not self.parameters or bound.parameters) and _within(self.inputs, bound.inputs)


ALL = Wrt()
"""Gradients of inputs and of parameters."""
INPUTS = Wrt(True, False)
"""Gradients of inputs alone, as in G's step through D."""
PARAMETERS = Wrt(False, True)
"""Gradients of parameters alone, as in D's own step."""
NOTHING = Wrt(False, False)
"""No gradients: nothing is kept for a pullback, as when samples are drawn."""


def _within(inputs: Inputs, bound: Inputs) -> bool:
    if not _any(inputs) or bound is True:
        return True
    if isinstance(inputs, bool):
        return not isinstance(bound, bool) and all(_within(inputs, part) for part in bound)
    return not isinstance(bound, bool) and all(_within(*pair) for pair in zip(inputs, bound, strict=True))


@dataclass(frozen=True, slots=True)
class Run:
    """The circumstances of one forward pass: training or not, which gradients, which generator, whether state moves.

    training: batch statistics and dropout, instead of running statistics and none.
    update_state: running statistics and power-iteration vectors move; otherwise state stays as it is.
    wrt: an upper bound on what the pullback will be asked for: forward keeps only what that needs.
    rng: where dropout and noise come from; needed by the layers that draw.
    momentum: overrides the momentum of running statistics (when statistics are recomputed over many batches).
    dtype: what the network computes in; layers that give out other floats are refused. None: nobody says.
    updates: how many updates the network has had, for layers whose numbers follow a schedule; asked when a number is needed,
        at a replay of a captured step too. None: nobody counts, and schedules are where they begin.
    ranks: the processes that have the rest of the batch. A layer that computes something over the batch adds up over them:
        `run.ranks.total(x.sum(axis=0))` is the sum over the whole batch, and a gradient that reaches all examples through
        such a sum is added up alike in the pullback.
    recomputable: the output of the layer before, where that can compute it again; see `recomputable_of`.
    """

    training: bool = False
    update_state: bool = False
    wrt: Wrt = ALL
    rng: np.random.Generator | None = None
    momentum: float | None = None
    dtype: DType | None = None
    updates: Callable[[], int] | None = None
    ranks: Ranks = ALONE
    recomputable: Recomputable | None = None

    def with_wrt(self, wrt: Wrt, recomputable: Recomputable | None = None) -> Run:
        """The same run, asked for something else. (`dataclasses.replace` takes several times as long.)"""
        return Run(
            self.training,
            self.update_state,
            wrt,
            self.rng,
            self.momentum,
            self.dtype,
            self.updates,
            self.ranks,
            recomputable,
        )

    def recomputable_of(self, x: object) -> Recomputable | None:
        """What computes x again, if x is what the layer before gave out and that layer can; else None, and x is kept."""
        known = self.recomputable
        return known if known is not None and known.is_of(x) else None

    def asking(self, inputs: Inputs) -> Run:
        """The same run with another answer about the input."""
        if inputs == self.wrt.inputs:
            return self
        return self.with_wrt(Wrt(inputs, self.wrt.parameters, self.wrt.keep))
