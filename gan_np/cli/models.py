"""A run as the model that it is."""

from __future__ import annotations

from pathlib import Path

from gan_np.models import GAN, LAPGAN


def load_model(run: Path, device: str = "cpu") -> GAN | LAPGAN:
    """The GAN of a run folder or checkpoint file, or the LAPGAN of a run folder."""
    from gan_np.runs import load_gan, load_lapgan
    from gan_np.runs.levels import is_lapgan

    return load_lapgan(run, device=device) if is_lapgan(run) else load_gan(run, device=device)
