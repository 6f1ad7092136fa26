"""Two run folders against each other: who errs on whose samples (see `battle.py`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gan_np.arrays import Array, generator, to_host
from gan_np.layers import NOTHING
from gan_np.metrics.battle import TOLERANCE, Errors, battle_ratios, verdict
from gan_np.metrics.intervals import jackknife
from gan_np.models import GAN, Model
from gan_np.models.gan import joined
from gan_np.models.packing import pack
from gan_np.runs import load_gan
from gan_np.runs.build import build_objective
from gan_np.runs.config import Config
from gan_np.runs.fingerprints import IMAGES, LABELS, is_known
from gan_np.runs.folder import read_config
from gan_np.runs.opened import description_of_data
from gan_np.runs.training_data import had_labels

from .evaluate import COUNT, Real
from .parts import Section, Table
from .runs import Run


def battle_of_runs(
    first: str | Path,
    second: str | Path,
    *,
    count: int = COUNT,
    seed: int = 0,
    device: str = "cpu",
    data: str | None = None,
) -> Section:
    """The generative adversarial metric between two runs, as a section (see `battle.py`).

    Judged on the first run's test images (training images where it has none), by each discriminator in batches as
    in its training: see `discriminator_logits`. data: where the first run's data are now, if they were moved; the
    second's are not read.

    Raises:
        ValueError: a model without a discriminator of finished images; conditional models; images of different shapes; runs
            that were trained on other data, or hold out another part of them: then one has seen what both are judged on.
    """
    source, configs = Run.open(first, data=data), [read_config(path) for path in (first, second)]
    gans: list[Model] = [load_gan(path, device=device) for path in (first, second)]
    judges: list[GAN] = []
    for path, gan in zip((first, second), gans, strict=True):
        if gan.judge is None or gan.judge.context_shape is not None:
            raise ValueError(
                f"{path}: needs a discriminator of finished images alone; that of a conditional model is shown more, and a "
                "model of several stages may have none"
            )
        judges.append(gan.judge)
    if gans[0].data_shape != gans[1].data_shape:
        raise ValueError(f"against: data of {gans[1].data_shape}, the first run makes {gans[0].data_shape}")
    alike = _check_held_out((first, second), configs)
    objectives = [build_objective(config) for config in configs]
    for path, config, objective in zip((first, second), configs, objectives, strict=True):
        if objective.boundary is None:
            raise ValueError(
                f"{path}: was trained with {config.objective!r}, whose score is no verdict: there is no boundary above "
                "which an image is called real, so errors cannot be counted"
            )
    together = [(gan.packing, config.batch_size) for gan, config in zip(judges, configs, strict=True)]
    if together[0] != together[1]:
        of_each = ", the second ".join(f"packing {packing}, batch_size {size}" for packing, size in together)
        raise ValueError(f"against: both discriminators must judge as many images together; the first has {of_each}")
    chosen = Real.choose(source.train.data, None if source.test is None else source.test.data, count, seed)
    samples = [gan.sample(len(chosen.reference), seed) for gan in gans]
    boundaries = [objective.boundary for objective in objectives]

    def errors(judge: int, images: Array, *, real: bool) -> Array:
        called_real = discriminator_logits(judges[judge], images, configs[judge].batch_size) > boundaries[judge]
        return ~called_real if real else called_real

    found = Errors(
        errors(0, chosen.reference, real=True),
        errors(1, chosen.reference, real=True),
        errors(0, samples[1], real=False),
        errors(1, samples[0], real=False),
    )
    sizes = len(found.first_on_test), len(found.first_on_second)
    ratios = jackknife(lambda test, made: battle_ratios(found.take(test, made)), sizes, seed=seed)
    winner = verdict(ratios["r_test"].value, ratios["r_samples"].value)
    names = {"first": str(first), "second": str(second), "undecided": "undecided"}
    rates = {name: float(part.mean()) for name, part in found._asdict().items()}
    rows = (
        ("r_test, error on test images, first / second", str(ratios["r_test"])),
        ("r_samples, first's error on second's samples / second's on first's", str(ratios["r_samples"])),
        *((f"error rate: {name.replace('_', ' ')}", f"{rate:.2%}") for name, rate in rates.items()),
        ("winner", names[winner]),
    )
    text = (
        f"Each run's discriminator judges the other's samples (Im et al. 2016). The first, {first}, wins if r_samples is "
        f"below 1, the second, {second}, if it is above 1, as long as r_test lies between 1/{TOLERANCE:g} and "
        f"{TOLERANCE:g}: otherwise one discriminator is simply the weaker one, and nothing is decided.{alike}"
    )
    found_out = {
        "against": str(second),
        "winner": winner,
        "error_rates": rates,
        **{name: estimate.to_mapping() for name, estimate in ratios.items()},
    }
    return Section("battle", "Against another run", text, tables=(Table(("", ""), rows, numbers=(1,)),), data=found_out)


def _check_held_out(runs: tuple[str | Path, str | Path], configs: list[Config]) -> str:
    """Refuse runs of which one has seen images that both are judged on; a sentence where that cannot be known, else nothing.

    Raises:
        ValueError: other data, another share held out, or labels had a say in one and not in the other.
    """
    first, second = (description_of_data(run) for run in runs)
    shares = [config.hold_out for config in configs]
    if not (is_known(first) and is_known(second)):
        if shares[0] != shares[1]:
            raise ValueError(_other_part(runs, f"hold_out {shares[0]:g} and {shares[1]:g}"))
        return " Whether both were trained on the same data cannot be checked: one of them read batches or items."
    if first[IMAGES] != second[IMAGES]:
        raise ValueError(
            f"against: {runs[1]} was trained on other data than {runs[0]} (their fingerprints differ), so it may have seen "
            "the images that both are judged on"
        )
    if shares[0] != shares[1]:
        raise ValueError(_other_part(runs, f"hold_out {shares[0]:g} and {shares[1]:g}"))
    if shares[0] and (had_labels(first), first.get(LABELS)) != (had_labels(second), second.get(LABELS)):
        raise ValueError(_other_part(runs, "by other labels"))
    return ""


def _other_part(runs: tuple[str | Path, str | Path], how: str) -> str:
    return (
        f"against: {runs[0]} and {runs[1]} do not hold out the same part of their data ({how}), so one of them was trained "
        "on images that both are judged on"
    )


def discriminator_logits(gan: GAN, images: Array, batch_size: int, seed: int = 0) -> Array:
    """D's logits of uint8 images, all real or all generated, on the host.

    As D judges while it trains: in full batches of `batch_size` (what is left over is not judged) and with their batch
    statistics.

    With running statistics a batch-normalised D judges badly: they mix real and generated images, which pass D in
    separate batches. (A DCGAN of 1,500 steps on MNIST then called every test image and every sample real; with batch
    statistics it called 92 % of real batches real.) The logits of images that are judged together (packing) are one.
    """
    step, found, rng = batch_size * gan.packing, [], generator(seed)
    gan.finite_discriminator()
    if len(images) < step:
        raise ValueError(f"count: expected at least one batch of {step} images, got {len(images)}")
    for start in range(0, len(images) - step + 1, step):
        floats, context = gan.examples(np.ascontiguousarray(images[start : start + step]), None)
        judged, _ = gan.discriminator.forward(
            joined(pack(floats, gan.packing), context), training=True, wrt=NOTHING, rng=rng
        )
        found.append(to_host(gan.heads(judged)[0])[:, 0])
    return np.concatenate(found)
