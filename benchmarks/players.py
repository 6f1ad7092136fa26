"""Inside a fresh process: one side's players, ready to train; the other side's library is not kept in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import setups

OURS = "gan_np"


class Players(NamedTuple):
    """The players of one side, built and ready for a step."""

    step: Callable[[], tuple[float, float]]
    """One step on data and noise of its own: both losses."""
    seconds: float
    """What building took; for another library without that of ours, which its weights come from."""


def requested(request: dict[str, Any]) -> tuple[setups.Setup, np.dtype[Any]]:
    """What `request_of` put there."""
    setup = setups.Setup(**request["setup"])
    height, width, channels = setup.image_shape  # a list, through JSON
    return setup._replace(image_shape=(height, width, channels)), np.dtype(request["dtype"])


def request_of(side: str, setup: setups.Setup, dtype: str, threads: int) -> dict[str, Any]:
    """What a child is asked; side: "gan_np" or the name of a variant of PyTorch."""
    return {"side": side, "setup": setup._asdict(), "dtype": dtype, "threads": threads}


def sides(setup: setups.Setup, peer: str, *, quick: bool) -> list[str]:
    """Ours, and PyTorch's variants where it is wanted and installed (with --quick only one of them)."""
    from . import peers, report

    if peer == "none":
        return [OURS]
    if not peers.installed("torch"):
        report.say("PyTorch is not installed: gan_np alone is measured, and its numbers are compared with nothing.")
        return [OURS]
    from .peers.torch_gan import variants

    names = [variant.name for variant in variants(setups.make_gan(setup, np.dtype(np.float32)))]
    return [OURS, *(names[-1:] if quick else names)]


def build(request: dict[str, Any]) -> Players:
    """The players of `request["side"]`."""
    setup, dtype = requested(request)
    images = setups.some_images(setup)
    started = time.perf_counter()
    trainer = setups.make_trainer(setup, dtype, images)
    if request["side"] == OURS:

        def ours() -> tuple[float, float]:
            step = trainer.step()
            return float(step.d_loss), float(step.g_loss)

        return Players(ours, time.perf_counter() - started)

    import torch

    from .peers.torch_gan import TorchGAN

    torch.set_num_threads(request["threads"])
    started = time.perf_counter()
    opponent = TorchGAN(trainer, variant_of(request, trainer))

    def theirs() -> tuple[float, float]:
        d_loss, g_loss = opponent.step(opponent.draw())
        return float(d_loss), float(g_loss)

    return Players(theirs, time.perf_counter() - started)


def variant_of(request: dict[str, Any], trainer: Any) -> Any:
    """The variant of PyTorch that is asked for."""
    from .peers.torch_gan import variants

    return next(variant for variant in variants(trainer.gan) if variant.name == request["side"])


def compared(request: dict[str, Any]) -> dict[str, Any]:
    """Another library's small step in float64 against ours, for `Agreement.of`; asked when all else is measured."""
    from .agreement import exactly

    setup, _ = requested(request)
    return exactly(setup, request["side"]).numbers()
