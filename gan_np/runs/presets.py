"""Presets: settings that belong together, by name; any of them may be given otherwise beside it.

A preset only fills a configuration in. What it chose stands in the run's config.toml as if it had been typed, so a run does
not depend on what a later version calls by the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_np.checks import choice, integer


@dataclass(frozen=True)
class R3GANPreset:
    """R3GAN's game with its schedules (Huang et al. 2024), sized for one kind of data.

    Rate, γ, β₂, the average's half-life and the augmentation's probability go along half a cosine from their first to their
    last value, over all steps.

    title: for lists. data: what it is for; "" where data must be given. steps, batch_size: by default.
    gamma: γ of R1 and of R2 at first; a tenth of it at last. rates: of both players, first and last.
    half_life: of the average, in images, at last (0 at first). augment: what D's images are changed by.
    augment_probability: at last (0 at first). options: of the model, and other settings.
    """

    title: str
    data: str
    steps: int
    batch_size: int
    gamma: float
    rates: tuple[float, float]
    half_life: int
    augment: tuple[str, ...] = ()
    augment_probability: float = 0.3
    options: Mapping[str, Any] = field(default_factory=dict)

    def settings(self, steps: int, batch_size: int) -> dict[str, Any]:
        """For a configuration, schedules as text; they are as long as `steps` says."""

        def over(first: float, last: float) -> str:
            return f"cosine({first!r}, {last!r}, {steps})"

        rate, gamma = over(*self.rates), over(self.gamma, self.gamma / 10)
        found = {
            "model": "r3gan",
            "objective": "relativistic",
            "penalties": f"r1({gamma}), r2({gamma})",
            "optimizer": "adam",
            "g_learning_rate": rate,
            "d_learning_rate": rate,
            "beta1": 0.0,
            "beta2": over(0.9, 0.99),
            "average_decay": f"half-life({over(0.0, float(self.half_life))}, {batch_size})",
            "steps": steps,
            "batch_size": batch_size,
            **self.options,
        }
        if self.augment:
            found |= {"augment": list(self.augment), "augment_probability": over(0.0, self.augment_probability)}
        return found | ({"data": self.data} if self.data else {})


PRESETS: dict[str, R3GANPreset] = {
    "r3gan-digits": R3GANPreset(
        "28×28 grey digits or clothes, 5,000 to 70,000 of them",
        "mnist-5k",
        steps=8000,
        batch_size=16,
        gamma=3.0,
        rates=(6e-3, 3e-4),
        half_life=10_000,
        options={"width": 16, "latent_dim": 64},
    ),
    "r3gan-cifar": R3GANPreset(
        "32×32 colour photographs, 50,000 of them, mirrored",
        "cifar10",
        steps=40_000,
        batch_size=16,
        gamma=1.0,
        rates=(3e-3, 3e-4),
        half_life=10_000,
        options={"width": 16, "latent_dim": 64, "flip": True},
    ),
    "r3gan-stacked-mnist": R3GANPreset(
        "28×28 triples of digits in three colours, a thousand modes (examples/stacked_digits.py makes them)",
        "",
        steps=12_000,
        batch_size=16,
        gamma=3.0,
        rates=(6e-3, 3e-4),
        half_life=10_000,
        options={"width": 16, "latent_dim": 64},
    ),
    "r3gan-faces": R3GANPreset(
        "64×64 colour faces (examples/cartoon_faces.py draws some)",
        "",
        steps=6000,
        batch_size=16,
        gamma=40.0,
        rates=(2e-3, 2e-4),
        half_life=10_000,
        options={"width": 8, "latent_dim": 64},
    ),
}
"""Presets by name. Sizes are for two cores; the paper's own are in docs/modern-baseline.md."""


def preset(name: str, *, steps: int | None = None, batch_size: int | None = None) -> dict[str, Any]:
    """The settings of a preset by name, for `Config.from_mapping`; its schedules fit these steps and this batch.

    >>> import gan_np as gn
    >>> settings = gn.runs.preset("r3gan-digits", steps=100)
    >>> settings["beta2"]
    'cosine(0.9, 0.99, 100)'
    >>> config = gn.runs.Config.from_mapping(settings | {"width": 8})
    >>> gn.runs.build_gan(config, (28, 28, 1)).data_shape
    (28, 28, 1)

    Raises:
        ValueError: an unknown name; no such steps or batch size.
    """
    chosen = PRESETS[choice("preset", name, PRESETS)]
    return chosen.settings(
        integer("steps", chosen.steps if steps is None else steps, 1),
        integer("batch_size", chosen.batch_size if batch_size is None else batch_size, 2),
    )
