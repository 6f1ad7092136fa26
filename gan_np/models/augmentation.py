"""What a model's option of augmentation puts before its discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from gan_np.layers import DiffAugment, Layer
from gan_np.schedules import Schedule, scheduled

Augmentation: TypeAlias = Literal["colour", "translation", "cutout", "geometry", "hue"]


def augmentation(policy: Sequence[Augmentation], probability: float | Schedule) -> list[Layer]:
    """A layer of differentiable augmentation, or none where the policy is empty.

    Raises:
        TypeError, ValueError: a probability outside [0, 1], whatever the policy.
    """
    scheduled("augment_probability", probability, 0.0, 1.0)
    return [DiffAugment(*policy, probability=probability)] if policy else []
