"""What a training was set to, so that hints advise options that its model has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_np.penalties import Penalty

from .algorithm import Trainer


@dataclass(frozen=True)
class Setting:
    """The settings of a training, as far as hints ask for them.

    recipe: the name of the model (`model`) and its options; empty for a GAN that was put together by hand.
    penalties: on D's slope. one_head: whether D gives out nothing beside its score, as penalties need it. d_steps: updates
    of D for each of G.
    """

    recipe: Mapping[str, Any] = field(default_factory=dict)
    penalties: tuple[Penalty, ...] = ()
    one_head: bool = True
    d_steps: int = 1

    @classmethod
    def of(cls, trainer: Trainer) -> Setting:
        """The settings of a trainer."""
        gan = trainer.gan
        one_head = not isinstance(gan.discriminator_output_shape[0], tuple)
        return cls(gan.recipe, trainer.penalties, one_head, trainer.d_steps)

    @property
    def model(self) -> str:
        """The name of the model; empty for one that was put together by hand."""
        return str(self.recipe.get("model", ""))

    @property
    def without_batch_norm(self) -> str:
        """What must be said beside a penalty, which refuses a D with batch normalisation; empty where D has none."""
        return ' (with d_norm="none")' if self.recipe.get("d_norm") == "batch" else ""

    @property
    def further_penalty(self) -> list[str]:
        """The advice to give D a penalty, where it has none and can have one."""
        return [f"a penalty such as r1{self.without_batch_norm}"] if self.one_head and not self.penalties else []


def listed(parts: list[str], word: str = "or") -> str:
    """Several parts of a sentence as one: "a, b or c", or with another word before the last."""
    *most, last = parts
    return f"{', '.join(most)} {word} {last}" if most else last
