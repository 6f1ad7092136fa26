"""One step of Algorithm 1 as `gn.train` runs it, against PyTorch's in the same process, turn by turn.

Both sides draw their own data and noise inside the timed step. Before anything is timed, one step of each on the same
pictures and the same noise must give the same losses, gradients and new weights, in float64 and in the dtype timed;
if not, the exit code is 1. Ours also looks for numbers that are not finite, as `gn.train` does; PyTorch's step does not.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, DType
from gan_np.optimizers import Optimizer
from gan_np.training import Config, Trainer
from gan_np.training.build import build_trainer

from . import machine, peers, report
from .timing import Timing, alternate

if TYPE_CHECKING:
    from .peers.torch_gan import TorchGAN

OURS = "gan_np"
PAUSE = 0.05
PICTURES = 2048
VERIFY_BATCH = 8


class Setup(NamedTuple):
    """What is trained."""

    model: str
    image_shape: tuple[int, int, int]
    latent_dim: int
    width: int
    """dcgan: channels of D's first layer; mlp: hidden units of G."""
    batch_size: int


PRESETS = {
    "mnist": Setup("dcgan", (28, 28, 1), 64, 32, 64),
    "dcgan64": Setup("dcgan", (64, 64, 3), 100, 64, 64),
    "mlp": Setup("mlp", (28, 28, 1), 100, 1200, 100),
}
"""mnist: what `gan-np train` runs by default; mlp: without dropout, whose draws could not be compared."""


class Agreement(NamedTuple):
    """How far two steps on the same draws lie apart."""

    name: str
    dtype: str
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


ALLOWED = {"float64": (1e-10, 1e-8, 1e-8), "float32": (1e-4, 0.05, 0.1)}
"""(losses, gradients, weights). Loose in float32: a pre-activation that rounding moves over a kink of ReLU changes one
entry's derivative at once, and batch normalisation hands that on to the whole layer below. Weights in a wrong order or a
missing term are off by about 1."""

SMOOTH = 1e-3
"""Adam's ε while steps are compared, on every side. With the usual 1e-8 the first update of an entry is the rate times the
sign of its gradient: where that is nearly 0, rounding turns the whole update round, and the comparison would say little."""


def main(arguments: Sequence[str]) -> int:
    """0: both sides agree (or there is only one); 1: they do not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        setup = _setup(options)
        trainer = make_trainer(setup, np.dtype(options.dtype), options)
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    threads = options.threads or machine.default_threads(options.quick)
    with machine.threads(threads):
        found = machine.describe()
        report.status("comparing one step of each")
        opponents, agreements = _opponents(setup, trainer, options, threads)
        runs: dict[str, Callable[[], object]] = {OURS: trainer.step}
        runs |= {name: functools.partial(_draw_and_step, opponent) for name, opponent in opponents.items()}
        repeats = options.repeats or (2 if options.quick else 20)
        report.status(f"timing {repeats} rounds of {len(runs)}")
        timings = alternate(runs, repeats=repeats, seconds=options.seconds, pause=PAUSE)
    report.status("")
    what = _describe(setup, options)
    rows = _rows(timings)
    _print(what, rows, agreements, found, threads, options)
    if options.json:
        report.save_json(
            options.json,
            "train_step",
            arguments,
            found,
            setup={**setup._asdict(), "share_noise": options.share_noise, "average": options.average},
            dtype=options.dtype,
            threads=threads,
            agreements=[{**agreement._asdict(), "holds": agreement.holds} for agreement in agreements],
            rows=rows,
        )
    if options.plot:
        dots = [report.Dot(name, name, timing.spread.scaled(1e3)) for name, timing in timings.items()]
        report.save_plot(options.plot, f"One training step, {what}", dots, found)
    return 0 if all(agreement.holds for agreement in agreements) else 1


def make_trainer(setup: Setup, dtype: DType, options: argparse.Namespace) -> Trainer:
    """A fresh trainer, with the defaults of `gn.train`; pictures are random bytes."""
    config = Config(
        batch_size=setup.batch_size,
        share_noise=options.share_noise,
        average_decay=Config.average_decay if options.average else 0.0,
    )
    gan = (
        gn.models.dcgan(setup.image_shape, setup.latent_dim, width=setup.width, dtype=dtype)
        if setup.model == "dcgan"
        else gn.models.mlp(
            setup.image_shape,
            setup.latent_dim,
            hidden=setup.width,
            input_dropout=0.0,
            hidden_dropout=0.0,
            dtype=dtype,
        )
    )
    count = max(PICTURES, setup.batch_size)
    images = np.random.default_rng(0).integers(0, 256, (count, *setup.image_shape), np.uint8)
    return build_trainer(gan, images, config)


def verify(trainer: Trainer, opponents: dict[str, TorchGAN]) -> list[Agreement]:
    """One step of ours, then one of each opponent on what ours drew; all must be fresh."""
    generator, discriminator = trainer.gan.generator, trainer.gan.discriminator
    adams = [_adam(trainer.d_optimizer), _adam(trainer.g_optimizer)]
    usual = [adam.epsilon for adam in adams]
    before = [network.parameters.values.copy() for network in (discriminator, generator)]
    for adam in adams:
        adam.epsilon = SMOOTH
    with _recorded(discriminator) as pictures, _recorded(generator) as noise:
        step = trainer.step()
    for adam, epsilon in zip(adams, usual, strict=True):
        adam.epsilon = epsilon
    theta = [network.parameters.values for network in (discriminator, generator)]
    moments = [adam.moments["first"] for adam in adams]
    losses = [float(step.d_loss), float(step.g_loss)]
    found = []
    for name, opponent in opponents.items():
        opponent.set_epsilon(SMOOTH)
        theirs = [float(loss) for loss in opponent.step(opponent.given(pictures[0], *noise))]
        opponent.set_epsilon(usual[0])
        found.append(
            Agreement(
                name,
                str(generator.dtype),
                max(abs(a - b) / abs(a) for a, b in zip(losses, theirs, strict=True)),
                max(_norm(a - b) / _norm(a) for a, b in zip(moments, opponent.first_moments(), strict=True)),
                max(_norm(a - b) / _norm(a - old) for a, b, old in zip(theta, opponent.theta(), before, strict=True)),
            )
        )
    return found


@contextlib.contextmanager
def _recorded(network: gn.Network) -> Iterator[list[Array]]:
    """Copies of what the network is applied to, in order: for G the noise, for D the real pictures first."""
    seen: list[Array] = []
    forward = network.forward

    def record(x: Array, **options: Any) -> Any:
        seen.append(x.copy())
        return forward(x, **options)

    network.forward = record  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        del network.forward  # the instance's own; the class's is back


def _adam(optimizer: Optimizer) -> gn.Adam:
    assert isinstance(optimizer, gn.Adam)
    return optimizer


def _opponents(
    setup: Setup, trainer: Trainer, options: argparse.Namespace, threads: int
) -> tuple[dict[str, TorchGAN], list[Agreement]]:
    """PyTorch's variants after one verified step, and what the verification found, first in float64."""
    if options.peer == "none":
        return {}, []
    if not peers.installed("torch"):
        report.say("PyTorch is not installed: gan_np alone is measured, and its numbers are compared with nothing.")
        return {}, []
    import torch

    from .peers.torch_gan import TorchGAN, variants

    torch.set_num_threads(threads)
    agreements = []
    if options.dtype == "float32":
        small = setup._replace(batch_size=min(setup.batch_size, VERIFY_BATCH))
        exact = make_trainer(small, np.dtype(np.float64), options)
        variant = variants(exact.gan)[-1]
        agreements += verify(exact, {variant.name: TorchGAN(exact, variant)})
    opponents = {variant.name: TorchGAN(trainer, variant) for variant in variants(trainer.gan)}
    return opponents, [*agreements, *verify(trainer, opponents)]


def _draw_and_step(opponent: TorchGAN) -> None:
    opponent.step(opponent.draw())


def _rows(timings: dict[str, Timing]) -> list[dict[str, Any]]:
    """For JSON; `speed_of_gan_np`: PyTorch's time divided by ours, round by round."""
    fastest = min((n for n in timings if n != OURS), key=lambda n: timings[n].spread.median, default=None)
    return [
        {
            "candidate": name,
            "fastest_peer": name == fastest,
            "milliseconds": timing.spread.scaled(1e3).numbers(),
            "least_milliseconds": timing.least * 1e3,
            "rounds": len(timing.seconds),
            "speed_of_gan_np": timings[OURS].speed_against(timing).numbers(),
        }
        for name, timing in timings.items()
    ]


def _print(
    what: str,
    rows: list[dict[str, Any]],
    agreements: list[Agreement],
    found: dict[str, Any],
    threads: int,
    options: argparse.Namespace,
) -> None:
    lines = []
    for row in rows:
        time, speed = row["milliseconds"], row["speed_of_gan_np"]
        lines.append(
            [
                row["candidate"] + (" *" if row["fastest_peer"] else ""),
                f"{time['median']:.1f}",
                f"{time['low']:.1f}–{time['high']:.1f}",
                "" if row["candidate"] == OURS else f"{speed['median']:.2f} ({speed['low']:.2f}–{speed['high']:.2f})",
            ]
        )
    caption = (
        f"{rows[0]['rounds']} rounds, {threads} threads on every side, {options.dtype}; data and noise are drawn in the "
        "step.  × gan_np: its time divided by gan_np's of the same round, quartiles; above 1 gan_np is faster."
        f"{'  * the fastest of PyTorch.' if len(rows) > 1 else ''}\n{machine.one_line(found)}"
    )
    columns = (("", 35), ("ms a step", 9), ("quartiles", 14), ("× gan_np", 16))
    report.print_table(f"one training step, {what}", columns, [report.Group("", lines)], caption)
    for agreement in agreements:
        report.say(
            f"{'agrees' if agreement.holds else 'DISAGREES'} in {agreement.dtype} with {agreement.name}: losses to "
            f"{agreement.losses:.1e}, gradients to {agreement.gradients:.1e}, weights to {agreement.weights:.1e} of the "
            "update"
        )


def _describe(setup: Setup, options: argparse.Namespace) -> str:
    size = "width" if setup.model == "dcgan" else "hidden"
    text = (
        f"{setup.model} {'×'.join(map(str, setup.image_shape))}, {size} {setup.width}, latent {setup.latent_dim}, "
        f"batch {setup.batch_size}"
    )
    return text + (", shared noise" if options.share_noise else "") + (", with average" if options.average else "")


def _setup(options: argparse.Namespace) -> Setup:
    setup = PRESETS[options.preset]
    given = {name: getattr(options, name) for name in ("image_shape", "latent_dim", "width", "batch_size")}
    setup = setup._replace(**{name: value for name, value in given.items() if value is not None})
    if len(setup.image_shape) != 3:
        raise ValueError(f"image-shape: expected height,width,channels, got {setup.image_shape}")
    if options.quick:
        setup = setup._replace(width=min(setup.width, 8), batch_size=min(setup.batch_size, 8))
    return setup


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values.astype(np.float64)))


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks train_step", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="mnist")
    parser.add_argument("--image-shape", type=_sizes, metavar="H,W,C")
    parser.add_argument("--latent-dim", type=int)
    parser.add_argument("--width", type=int, help="dcgan: channels of D's first layer; mlp: hidden units of G")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--share-noise", action="store_true", help="G learns from D's fake batch, on every side")
    parser.add_argument("--average", action="store_true", help="keep a moving average of G's weights, on every side")
    parser.add_argument("--repeats", type=int, help="rounds (default 20)")
    parser.add_argument("--seconds", type=float, default=120.0, help="no new round after this long (default 120)")
    parser.add_argument("--threads", type=int, help="default: all cores (with --quick one, if threadpoolctl is there)")
    parser.add_argument("--peer", choices=("torch", "none"), default="torch", help="the opponent, if installed")
    report.add_options(parser)
    return parser
