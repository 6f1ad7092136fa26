"""Whether two training steps on the same images, noise and weights give the same numbers: asked before any is timed."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, to_host
from gan_np.optimizers import Optimizer
from gan_np.training import Trainer

from . import peers, report
from .setups import Setup, make_trainer

if TYPE_CHECKING:
    from .peers.torch_gan import TorchGAN, Variant

VERIFY_BATCH = 8


class Agreement(NamedTuple):
    """How far two steps on the same draws lie apart."""

    name: str
    dtype: str
    """Or the precision, "tf32" or "bf16": float32 whose products are rounded."""
    losses: float
    """Largest difference of a loss, relative to it."""
    gradients: float
    """‖g − g'‖ relative to ‖g‖, the larger of both players'."""
    weights: float
    """‖θ − θ'‖ after the step relative to ‖update‖, the larger of both players'."""

    @property
    def holds(self) -> bool:
        """Whether all are within what rounding explains."""
        return all(found <= allowed for found, allowed in zip(self[2:], ALLOWED[self.dtype], strict=True))

    @classmethod
    def of(cls, numbers: dict[str, Any]) -> Agreement:
        """From what `numbers` gave, through JSON or not."""
        return cls(*(numbers[field] for field in cls._fields))

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        return {**self._asdict(), "holds": self.holds}

    def line(self) -> str:
        """Return a line for the terminal."""
        return (
            f"{'agrees' if self.holds else 'DISAGREES'} in {self.dtype} with {self.name}: losses to "
            f"{self.losses:.1e}, gradients to {self.gradients:.1e}, weights to {self.weights:.1e} of the update"
        )


ALLOWED = {
    "float64": (1e-10, 1e-8, 1e-8),
    "float32": (1e-3, 0.15, 0.3),
    "tf32": (5e-3, 0.3, 0.5),
    "bf16": (5e-2, 0.5, 0.7),
}
"""(losses, gradients, weights). Loose in float32: a pre-activation that rounding moves over a kink of ReLU changes one
entry's derivative at once, and batch normalisation hands that on to the whole layer below. (At 128×128 images,
width 32, PyTorch's gradient of G was 0.03 away from its own in float64, ours 0.0015; in weights that became 0.12.) Products
that are rounded to 10 or 7 bits move more of them, and the two sides do not round the same numbers: PyTorch's autocast keeps
bf16 images between layers, ours float32 ones. Weights in a wrong order or a missing term are off by about 1; what is
smaller than that, the step in float64 shows."""

SMOOTH = 1e-3
"""Adam's ε while steps are compared, on every side. With the usual 1e-8 the first update of an entry is the rate times the
sign of its gradient: where that is nearly 0, rounding turns the whole update round, and the comparison would say little."""


def opponents(
    setup: Setup, trainer: Trainer, options: argparse.Namespace, threads: int
) -> tuple[dict[str, TorchGAN], list[Agreement]]:
    """PyTorch's variants after one verified step, and what the verification found, first in float64.

    Nobody where `options.peer` is "none" or PyTorch is not installed, which is said.
    """
    if options.peer == "none":
        return {}, []
    if not peers.installed("torch"):
        report.say("PyTorch is not installed: gan_np alone is measured, and its numbers are compared with nothing.")
        return {}, []
    import torch

    from .peers.torch_gan import TorchGAN, variants

    torch.set_num_threads(threads)
    found = [exactly(setup)] if trainer.gan.generator.dtype == np.float32 else []
    chosen = {variant.name: TorchGAN(trainer, variant) for variant in variants(trainer.gan)}
    return chosen, [*found, *verify(trainer, chosen)]


def exactly(setup: Setup, name: str | None = None, *, device: str = "cpu", torch_device: str = "cpu") -> Agreement:
    """A small step in float64 against PyTorch's, which must be installed: rounding hides nothing there.

    name: of the variant; by default the last.
    device, torch_device: where ours and PyTorch's run.
    """
    from .peers.torch_gan import TorchGAN, variants

    small = setup._replace(batch_size=min(setup.batch_size, VERIFY_BATCH))
    trainer = make_trainer(small, np.dtype(np.float64), device=device)
    variant = next(variant for variant in reversed(variants(trainer.gan)) if name in (None, variant.name))
    variant = variant._replace(device=torch_device)
    return verify(trainer, {variant.name: TorchGAN(trainer, variant)})[0]


def verify(trainer: Trainer, chosen: dict[str, TorchGAN]) -> list[Agreement]:
    """One step of ours, then one of each opponent on what ours drew; all must be fresh."""
    generator, discriminator = trainer.gan.generator, trainer.gan.discriminator
    adams = [_adam(trainer.d_optimizer), _adam(trainer.g_optimizer)]
    usual = [adam.epsilon for adam in adams]
    before = [to_host(network.parameters.values).copy() for network in (discriminator, generator)]
    for adam in adams:
        adam.epsilon = SMOOTH
    with recorded(discriminator) as images, recorded(generator) as noise:
        step = trainer.step()
    for adam, epsilon in zip(adams, usual, strict=True):
        adam.epsilon = epsilon
    theta = [to_host(network.parameters.values) for network in (discriminator, generator)]
    moments = [to_host(adam.moments["first"]) for adam in adams]
    losses = [float(step.d_loss), float(step.g_loss)]
    found = []
    for name, opponent in chosen.items():
        opponent.set_epsilon(SMOOTH)
        theirs = [float(loss) for loss in opponent.step(opponent.given(images[0], *noise))]
        opponent.set_epsilon(usual[0])
        found.append(
            Agreement(
                name,
                _precision(opponent.variant, str(generator.dtype)),
                max(abs(a - b) / abs(a) for a, b in zip(losses, theirs, strict=True)),
                max(_norm(a - b) / _norm(a) for a, b in zip(moments, opponent.first_moments(), strict=True)),
                max(_norm(a - b) / _norm(a - old) for a, b, old in zip(theta, opponent.theta(), before, strict=True)),
            )
        )
    return found


@contextlib.contextmanager
def recorded(network: gn.Network) -> Iterator[list[Array]]:
    """Copies of what the network is applied to, in order: for G the noise, for D the real images first."""
    seen: list[Array] = []
    forward = network.forward

    def record(x: Array, **options: Any) -> Any:
        seen.append(to_host(x).copy())
        return forward(x, **options)

    network.forward = record  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        del network.forward  # the instance's own; the class's is back


def _precision(variant: Variant, dtype: str) -> str:
    """What the differences are judged by."""
    return variant.precision if dtype == "float32" else dtype


def _adam(optimizer: Optimizer) -> gn.Adam:
    assert isinstance(optimizer, gn.Adam)
    return optimizer


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values.astype(np.float64)))
