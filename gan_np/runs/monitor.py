"""Figures of evaluation while a training runs: a cheap subset, on fixed draws, so that a resumed run measures the same.

At each evaluation the samples of one seed stand beside the same real images, a seeded draw from those of training.
There are no intervals, and no test images: `gan-np evaluate` has both.
"""

from __future__ import annotations

from pathlib import Path

from gan_np.arrays import Array, generator
from gan_np.files import write_atomically
from gan_np.metrics.measure import Features, compute_metrics, extract_features, features_of_samples
from gan_np.metrics.pixels import FeatureExtractor, plain_features
from gan_np.models import GAN
from gan_np.training.sources import Source, some_of

from .classifier_file import load_classifier
from .config import Config
from .folder import PREFIX
from .tensor_file import CheckpointError

CLASSIFIER = "classifier.safetensors"
"""In the run folder: the classifier whose features are read, as it was when the training began."""

LEAST = 20
_SEED, _STREAM = 0, 1 << 28


class Monitor:
    """Measures a gan at steps of its training."""

    def __init__(self, gan: GAN, images: Array | Source, reader: FeatureExtractor, count: int) -> None:
        real = some_of(images, count, generator(_SEED, _STREAM))
        self.gan, self.reader, self.size = gan, reader, len(real)
        self.real: Features = extract_features(real, reader, seed=_SEED)

    def figures(self) -> dict[str, float]:
        """Figures of the gan as it is now, by name in the log."""
        samples, _ = features_of_samples(self.gan, self.size, self.reader, _SEED)
        found = compute_metrics(self.real, samples)
        return {PREFIX + name: float(f"{value:.6g}") for name, value in found.items()}


def check_monitor(config: Config, gan: GAN, images: int, folder: bool) -> None:
    """Refuse, before anything is made, evaluations that could not be done.

    Raises:
        FileNotFoundError, ValueError: the classifier's file is not there, is no classifier's, or reads other images;
            too few images; no run folder to write to; a classifier that nothing would read.
    """
    if not config.evaluate_every:
        if config.classifier:
            raise ValueError("classifier: is read by evaluations only; ask for some with evaluate_every")
        return
    if not folder:
        raise ValueError("evaluate_every: evaluations are written to a run folder; give one with out")
    if images < LEAST:
        raise ValueError(f"evaluate_count: figures need at least {LEAST} real images, there are {images}")
    if config.classifier:
        _fitting(config.classifier, gan, config.device)


def keep_classifier(config: Config, folder: Path) -> None:
    """Copy the configuration's classifier into a new run folder: what its file says later does not matter."""
    if config.classifier and not (folder / CLASSIFIER).exists():
        write_atomically(folder / CLASSIFIER, Path(config.classifier).read_bytes())


def extractor_of_run(config: Config, folder: Path, gan: GAN) -> FeatureExtractor:
    """The maker of features of a run: the classifier kept in its folder, or pixels."""
    if not config.classifier:
        return plain_features(gan)
    try:
        return _fitting(folder / CLASSIFIER, gan, config.device)
    except CheckpointError as error:
        error.add_note(f"(evaluations of this run read it; copy {config.classifier} there again to go on)")
        raise


def _fitting(file: str | Path, gan: GAN, device: str) -> FeatureExtractor:
    return load_classifier(file, device=device).extractor_for(gan.image_shape)
