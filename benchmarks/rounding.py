"""How far float32 takes a step from float64: ours with each kernel of convolution, and PyTorch's, over several seeds.

    python -m benchmarks.rounding --seeds 8 --kernels default direct im2col

All take the same images, noise and weights, and the oracle is PyTorch's step in float64. One seed says little. In about one
of three a pre-activation lies so near 0 that rounding moves it over a kink of ReLU, batch normalisation hands that on to a
whole layer, and whoever met it is a hundred times farther away, PyTorch as often as we. And Adam's first update is the rate
times the gradient's sign: where the gradient is nearly 0, its last digits decide on the whole update. So the table has
medians over the seeds, and the gradient beside θ.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, to_host
from gan_np.training import Trainer

from . import peers, report
from .agreement import recorded
from .setups import PRESETS, Setup, make_gan, some_images

COLUMNS = ("θ_D", "θ_G", "gradient of G", "largest of θ_G")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rounding", description=__doc__)
    parser.add_argument(
        "--preset", default="mnist", choices=[name for name in PRESETS if PRESETS[name].model == "dcgan"]
    )
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--kernels", nargs="+", default=["default", "direct", "im2col"], help="of conv2d")
    parser.add_argument("--quick", action="store_true", help="two seeds of a small network: shows that it runs")
    options = parser.parse_args(arguments)
    if not peers.installed("torch"):
        report.say("PyTorch is not installed: it is the oracle here.")
        return 2
    setup, seeds = PRESETS[options.preset], options.seeds
    if options.quick:
        setup, seeds = setup._replace(width=8, batch_size=8), 2
    found: dict[str, list[list[float]]] = {}
    for seed in range(seeds):
        for name, distances in _distances(setup, seed, options.steps, options.kernels).items():
            found.setdefault(name, []).append(distances)
    report.say(
        f"{options.steps} step(s) in float32 from float64, ‖difference‖/‖float64‖: median (quartiles), {seeds} seeds"
    )
    for name, rows in found.items():
        low, middle, high = np.quantile(rows, (0.25, 0.5, 0.75), axis=0)
        cells = zip(COLUMNS, low, middle, high, strict=True)
        report.say(f"  {name:<10}" + "   ".join(f"{column} {m:.1e} ({a:.1e}, {b:.1e})" for column, a, m, b in cells))
    return 0


def _distances(setup: Setup, seed: int, steps: int, kernels: Sequence[str]) -> dict[str, list[float]]:
    """Of PyTorch's float32 and of ours with each kernel."""
    draws: list[list[Array]] = []
    ours = {}
    for kernel in kernels:
        trainer, drawn = _trainer(setup, seed, np.float32), []
        scope: Any = contextlib.nullcontext() if kernel == "default" else gn.use_kernels(conv2d=kernel)
        for _ in range(steps):
            with scope, recorded(trainer.gan.discriminator) as seen, recorded(trainer.gan.generator) as noise:
                trainer.step()
            drawn.append([seen[0], *noise])
        adam = trainer.g_optimizer
        theta = [to_host(player.parameters.values) for player in (trainer.gan.discriminator, trainer.gan.generator)]
        ours[kernel] = [*theta, to_host(adam.moments["first"])]
        draws = draws or drawn
    exact = _theirs(setup, seed, np.float64, draws)
    ours = {"torch": _theirs(setup, seed, np.float32, draws), **ours}
    return {
        name: [
            *(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in zip(theirs, exact, strict=True)),
            float(np.abs(theirs[1] - exact[1]).max()),
        ]
        for name, theirs in ours.items()
    }


def _trainer(setup: Setup, seed: int, dtype: Any) -> Trainer:
    """Fresh weights of the seed, as float32 has them in either dtype."""
    gan = make_gan(setup, np.dtype(dtype), "cpu")
    start = gn.models.dcgan(setup.image_shape, setup.latent_dim, width=setup.width, seed=seed)
    for player, first in ((gan.generator, start.generator), (gan.discriminator, start.discriminator)):
        player.parameters.assign(first.parameters.values.astype(dtype))
    return Trainer(gan, some_images(setup), batch_size=setup.batch_size, average_decay=0.0, seed=seed)


def _theirs(setup: Setup, seed: int, dtype: Any, draws: Sequence[Sequence[Array]]) -> list[Array]:
    """θ_D, θ_G and G's first moments after PyTorch's steps on these draws."""
    from .peers.torch_gan import TorchGAN, variants

    trainer = _trainer(setup, seed, dtype)
    torch_gan = TorchGAN(trainer, variants(trainer.gan)[0])
    for given in draws:
        torch_gan.step(torch_gan.given(*(array.astype(dtype) for array in given)))
    return [*torch_gan.theta(), torch_gan.first_moments()[1]]


if __name__ == "__main__":
    sys.exit(main())
