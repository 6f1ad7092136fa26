"""What one step of training reports."""

from __future__ import annotations

from typing import NamedTuple

from gan_np.arrays import Array

from .readings import Reading


class Outcome(NamedTuple):
    """What one step of Algorithm 1 computes beside new weights, as 0-d arrays on the device; see `Step` for each."""

    d_loss: Array
    g_loss: Array
    d_real_accuracy: Array
    d_fake_accuracy: Array
    auxiliary: Array | None = None


class Step(NamedTuple):
    """What one step of Algorithm 1 reports, all as 0-d arrays on the device: reading one is the caller's decision."""

    number: int
    d_loss: Array
    """L_D of the last of the k updates, before that update."""
    g_loss: Array
    d_real_accuracy: Array
    """Share of real pictures that D calls real (logit above 0)."""
    d_fake_accuracy: Array
    """Share of generated pictures that D calls generated (logit below 0)."""
    auxiliary: Array | None = None
    """What both players minimise beside the game (InfoGAN: −λ·E[log Q(c | x)]), on G's batch."""
    reading: Reading | None = None
    """On a GPU: the same numbers on their way to the host."""

    @property
    def ready(self) -> bool:
        """Whether `numbers` has them at once, without waiting for a GPU."""
        return self.reading is None or self.reading.ready

    def numbers(self) -> dict[str, float]:
        """As Python numbers, by name; without what this model does not have.

        Raises:
            NonFiniteError: on a GPU, where it is found out late: something became NaN or infinite in this step or before.
        """
        values = {name: value for name in Outcome._fields if (value := getattr(self, name)) is not None}
        found = values.values() if self.reading is None else self.reading.values()
        return {"step": self.number, **{name: float(value) for name, value in zip(values, found, strict=True)}}
