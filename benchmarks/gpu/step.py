"""One whole training step on a GPU against PyTorch's at the same precision, turn by turn on the same device.

First numbers: a small step in float64 and one at each precision must give what PyTorch's gives (`agreement.py` has the
tolerances), and captured steps the same bits as launched ones; if not, the exit code is 1. Then times: medians of
alternating turns, the device synchronised at both ends of each; the host's time alone, until a step's calls return; launches
counted; and floors from rates that are measured in the same run. Without a GPU the exit code is 2; --pretend tries the
command on the stand-in for CuPy.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import functools
import gc
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import agreement, floors, machine, peers, report, setups
from benchmarks.agreement import Agreement
from benchmarks.setups import Setup
from benchmarks.timing import Timing, alternate
from gan_np import kernels
from gan_np.arrays import to_host
from gan_np.devices import DeviceError, cupy_for, scope
from gan_np.runs import Config
from gan_np.runs.build import chosen_kernels
from gan_np.training import Trainer

from . import launches, peaks, pretended, step_output, traffic
from .contest import GRAPH, LAUNCHED, Contest
from .launches import Launches
from .pretended import Where

if TYPE_CHECKING:
    from benchmarks.peers.torch_gan import TorchGAN

COMPARED = 8
"""Steps after which a captured training must have the weights of a launched one: at least two are replays."""


def main(arguments: Sequence[str]) -> int:
    """0: numbers agree; 1: they do not; 2: there is no such GPU."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        chosen = setups.chosen(options, setups.GPU_PRESETS)
        for setup in chosen.values():
            setups.make_gan(setup, np.dtype(np.float32))  # refuses its sizes now, not after the presets before it
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    precisions = list(kernels.cuda.PRECISIONS) if options.precision == "all" else [options.precision]
    with pretended.asked_for(options.device, pretend=options.pretend, idle=options.launches) as where:
        try:
            cupy_for(where.device)
        except (DeviceError, ValueError) as error:
            report.say(f"gpu_step: {error}")
            return 2
        with scope(where.device):
            return _run(chosen, precisions, where, options, arguments)


def _run(
    chosen: dict[str, Setup], precisions: list[str], where: Where, options: argparse.Namespace, arguments: Sequence[str]
) -> int:
    found = {**machine.describe(), "gpu": machine.describe_device(where.device)}
    if options.launches:
        step_output.print_launches(
            [
                (preset, setup, precision, counted(setup, precision, where))
                for preset, setup in chosen.items()
                for precision in precisions
            ],
            found,
        )
        return 0
    contests = []
    reason = _no_peer(where, options)
    if reason is not None:
        report.say(f"{reason}: gan_np alone is measured, and its numbers are compared with nothing.")
    torch_device = None if reason else where.torch_device
    for preset, setup in chosen.items():
        report.status(f"{preset}: comparing a small step in float64")
        exact = [agreement.exactly(setup, device=where.device, torch_device=torch_device)] if torch_device else []
        for precision in precisions:
            measured = contest(preset, setup, precision, where, torch_device, options)
            contests.append(measured._replace(agreements=[*exact, *measured.agreements]))
            gc.collect()  # networks and their bound methods form cycles; the next contest should not pay for their memory
    report.status("")
    step_output.print_contests(contests, found)
    if options.json:
        runs = [measured.numbers() for measured in contests]
        report.save_json(options.json, "gpu_step", arguments, found, quick=options.quick, runs=runs)
    if options.plot:
        date = datetime.date.today().isoformat()
        step_output.plot(options.plot, [each.numbers() for each in contests], found, date=date, quick=options.quick)
    return 0 if all(measured.holds for measured in contests) else 1


def contest(
    preset: str, setup: Setup, precision: str, where: Where, torch_device: str | None, options: argparse.Namespace
) -> Contest:
    """Numbers, then launches, floors and times; the current device is the caller's.

    torch_device: PyTorch's, or None where it does not take part.
    """
    report.status(f"{preset}, {precision}: comparing one step of each")
    with _computing(precision, where, torch_device):
        modes = (None,) if options.no_compile else (None, options.compile_mode or where.compiled)
        opponents, agreements = compared(setup, precision, where, torch_device, modes)
        ours = {GRAPH: _trainer(setup, where, graph=True), LAUNCHED: _trainer(setup, where, graph=False)}
        launched = _launches(ours[GRAPH], where)
        same = _same_bits(ours)
        peak = peaks.measure(precision, where.device, torch_device, quick=options.quick)
        work = _work(setup, ours, where)
        repeats = options.repeats or (2 if options.quick else 20)
        report.status(f"{preset}, {precision}: timing {repeats} rounds of {len(ours) + len(opponents)}")
        runs: dict[str, Callable[[], object]] = {name: trainer.step for name, trainer in ours.items()}
        runs |= {name: functools.partial(_draw_and_step, opponent) for name, opponent in opponents.items()}
        device, host = timed(runs, repeats, options.seconds, 0.0 if options.quick else options.turn)
        for trainer in ours.values():
            trainer.settle()
    reason = ours[GRAPH].graph_reason
    return Contest(preset, setup, precision, agreements, same, reason, launched, peak, work, device, host)


def counted(setup: Setup, precision: str, where: Where) -> Launches:
    """Launches of a step, and nothing else."""
    with chosen_kernels(Config(precision=precision, device=where.device), {}):
        return launches.count(_trainer(setup, where, graph=True), where.nodes)


def compared(
    setup: Setup, precision: str, where: Where, torch_device: str | None, modes: Sequence[str | None]
) -> tuple[dict[str, TorchGAN], list[Agreement]]:
    """PyTorch's variants after one verified step at this precision, and what the verification found."""
    if torch_device is None:
        return {}, []
    from benchmarks.peers.torch_gan import TorchGAN, variants_on_gpu

    trainer = _trainer(setup, where, graph=False)
    chosen = {
        variant.name: TorchGAN(trainer, variant)
        for variant in variants_on_gpu(trainer.gan, precision, torch_device, modes)
    }
    return chosen, agreement.verify(trainer, chosen)


def timed(
    runs: dict[str, Callable[[], object]],
    repeats: int,
    seconds: float,
    turn: float,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[dict[str, Timing], dict[str, Timing]]:
    """Seconds a step on the device, and of the host until a step's calls return: all in turn, as `timing.alternate`."""
    cupy: Any = importlib.import_module("cupy")

    def synchronised() -> float:
        cupy.cuda.Device().synchronize()
        return clock()

    def synchronise(pause: float) -> None:
        cupy.cuda.Device().synchronize()

    device = alternate(runs, repeats=repeats, seconds=seconds, turn=turn, clock=synchronised)
    # The rest before a turn is a wait for the device: calls that find its queue full would take the device's time.
    host = alternate(runs, repeats=repeats, seconds=seconds, pause=1.0, clock=clock, sleep=synchronise)
    return device, host


@contextlib.contextmanager
def _computing(precision: str, where: Where, torch_device: str | None) -> Iterator[None]:
    """Both sides at a precision."""
    with contextlib.ExitStack() as held:
        held.enter_context(chosen_kernels(Config(precision=precision, device=where.device), {}))
        if torch_device is not None:
            from benchmarks.peers.torch_modes import computing

            held.enter_context(computing(precision, torch_device))
        yield


def _work(setup: Setup, ours: dict[str, Trainer], where: Where) -> floors.Work:
    """What a step must do at least: counted from the layers, or, of networks that have others, from what it launches."""
    if setup.model == "r3gan":
        return traffic.total(traffic.of_step(_trainer(setup, where, graph=False)))
    gan = ours[GRAPH].gan
    return floors.total(floors.of_step(gan, setup.batch_size, share_noise=setup.share_noise, average=setup.average))


def _no_peer(where: Where, options: argparse.Namespace) -> str | None:
    if options.peer == "none":
        return "PyTorch was not asked for"
    if not peers.installed("torch"):
        return "PyTorch is not installed"
    if where.torch_device != "cpu":
        import torch

        if not torch.cuda.is_available():
            return f"PyTorch {torch.__version__} finds no GPU"
    return None


def _trainer(setup: Setup, where: Where, *, graph: bool) -> Trainer:
    return setups.make_trainer(setup, np.dtype(np.float32), device=where.device, graph=graph)


def _launches(trainer: Trainer, where: Where) -> Launches | None:
    """None where the step could not be captured or the driver does not tell, which is said."""
    try:
        return launches.count(trainer, where.nodes)
    except RuntimeError as error:
        report.say(str(error))
        return None


def _same_bits(ours: dict[str, Trainer]) -> bool:
    """Both go on to step COMPARED, and their weights are compared."""
    for trainer in ours.values():
        while trainer.steps < COMPARED:
            trainer.step()
        trainer.settle()
    one, other = (
        [to_host(network.parameters.values) for network in (trainer.gan.discriminator, trainer.gan.generator)]
        for trainer in ours.values()
    )
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


def _draw_and_step(opponent: TorchGAN) -> None:
    opponent.step(opponent.draw())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu_step", description=__doc__)
    setups.add_sizes(parser, "all", several=True, presets=setups.GPU_PRESETS)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument(
        "--precision", choices=(*kernels.cuda.PRECISIONS, "all"), default="all", help="on every side (default all)"
    )
    parser.add_argument("--device", default="cuda", help="cuda or cuda:N")
    parser.add_argument("--peer", choices=("torch", "none"), default="torch", help="the opponent, if installed")
    parser.add_argument("--no-compile", action="store_true", help="PyTorch as written alone, not compiled")
    parser.add_argument(
        "--compile-mode",
        choices=("max-autotune", "reduce-overhead"),
        help="both use CUDA graphs (default max-autotune)",
    )
    parser.add_argument("--repeats", type=int, help="rounds (default 20)")
    parser.add_argument("--turn", type=float, default=0.2, help="seconds of a turn (default 0.2)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="no new round of a contest after this long (default 60)"
    )
    parser.add_argument("--launches", action="store_true", help="count launches, time nothing")
    parser.add_argument("--pretend", action="store_true", help="on the stand-in for CuPy: to try this command")
    report.add_options(parser)
    return parser
