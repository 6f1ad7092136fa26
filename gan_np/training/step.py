"""What one step of training reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gan_np.arrays import Array
from gan_np.cuda_graph.readings import Reading


class Outcome(NamedTuple):
    """What one step of Algorithm 1 computes beside new weights, as 0-d arrays on the device; see `Step` for each."""

    d_loss: Array
    g_loss: Array
    d_real_accuracy: Array | None
    d_fake_accuracy: Array | None
    auxiliary: Array | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the numbers that this objective and this model have."""
        return tuple(name for name, value in zip(self._fields, self, strict=True) if value is not None)


class Step:
    """What one step of Algorithm 1 reports, all as 0-d arrays on the device: reading one is the caller's decision.

    number: which step it was, from 1.
    outcome: what it computed; on a GPU a function that gives it, as few ever ask.
    reading, names: on a GPU, the same numbers on their way to the host, and which they are.
    """

    __slots__ = ("_names", "_outcome", "number", "reading")

    def __init__(
        self,
        number: int,
        outcome: Outcome | Callable[[], list[Array]],
        reading: Reading | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        self.number, self.reading = number, reading
        self._outcome, self._names = outcome, names

    def __repr__(self) -> str:
        return f"<Step {self.number}>"

    @property
    def outcome(self) -> Outcome:
        """Return all numbers of the step."""
        if not isinstance(self._outcome, Outcome):
            found = dict(zip(self._names, self._outcome(), strict=True))
            self._outcome = Outcome(*(found.get(name) for name in Outcome._fields))  # type: ignore[arg-type]
        return self._outcome

    @property
    def d_loss(self) -> Array:
        """L_D of the last of the k updates, before that update."""
        return self.outcome.d_loss

    @property
    def g_loss(self) -> Array:
        """L_G, before G's update."""
        return self.outcome.g_loss

    @property
    def d_real_accuracy(self) -> Array | None:
        """Share of real images that D calls real (score above the objective's boundary); None without such a boundary."""
        return self.outcome.d_real_accuracy

    @property
    def d_fake_accuracy(self) -> Array | None:
        """Share of generated images that D calls generated (score below it); None as above."""
        return self.outcome.d_fake_accuracy

    @property
    def auxiliary(self) -> Array | None:
        """What both players minimise beside the game (InfoGAN: −λ·E[log Q(c | x)]), on G's batch."""
        return self.outcome.auxiliary

    @property
    def ready(self) -> bool:
        """Whether `numbers` has them at once, without waiting for a GPU."""
        return self.reading is None or self.reading.ready

    def numbers(self) -> dict[str, float]:
        """As Python numbers, by name; without what this game or this model does not have.

        Raises:
            NonFiniteError: on a GPU, where it is found out late: something became NaN or infinite in this step or before.
        """
        if self.reading is not None:
            return {"step": self.number, **dict(zip(self._names, self.reading.values(), strict=True))}
        outcome = self.outcome
        return {"step": self.number, **{name: float(getattr(outcome, name)) for name in outcome.names}}
