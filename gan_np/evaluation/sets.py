"""Sets of images to compare: a run, a checkpoint, a folder, an archive, a file or an array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import ShapeError
from gan_np.data import sources
from gan_np.data.channels import to_channels
from gan_np.data.dataset import Dataset
from gan_np.data.resize import Size, resize
from gan_np.metrics.measure import Sampler
from gan_np.models import Model
from gan_np.printable import printable
from gan_np.runs import load_gan
from gan_np.runs.folder import read_config

from .trained_on import data_of_run, with_labels_of

CHUNK_BYTES = 1 << 26
"""Images are read and drawn in parts of at most this much as floats (64 MiB), so that a set may be larger than memory."""
_ORDER, _SAMPLES = 1 << 28, (1 << 28) + 1


@dataclass(frozen=True)
class ImageSet:
    """Images, or vectors, that are read or drawn when they are wanted.

    name: what it is called; said: what it is, in words. data: of a data set. gan: of a run. average: sample from the
    averaged weights. run: the folder of the run, where there is one, to find its data by.
    size, fit, channels: what its images are brought to; None leaves them.
    """

    name: str
    said: str
    data: Dataset | None = None
    gan: Sampler | None = None
    average: bool = True
    run: Path | None = None
    size: Size | None = None
    fit: str = "crop"
    channels: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image or vector, as it is given out."""
        own = self.data.data_shape if self.data is not None else _gan_of(self).data_shape
        if len(own) == 1:
            return own
        height, width = self.size or own[:2]
        return height, width, self.channels or own[2]

    @property
    def described(self) -> str:
        """Words for one of them: 28×28×1, or vectors of 3 numbers."""
        return _what(self).removeprefix("images of ")

    def __len__(self) -> int:
        """The number of images or vectors; a run has as many as anybody wants."""
        return len(self.data) if self.data is not None else 1 << 40

    @property
    def labelled(self) -> Dataset | None:
        """Its images with their labels, of a run those that it was trained on, to train a classifier on; None without."""
        if self.data is not None:
            return self.data if self.data.labels is not None else None
        if self.run is None:
            return None
        found, _ = data_of_run(self.run, read_config(self.run), unseen=False)
        return found if found.labels is not None else None

    def chunks(self, first: int, last: int, seed: int) -> Iterator[Array]:
        """The images first…last − 1 of its random order, in parts.

        The order depends on the seed and the number of images alone, so that equal sets give equal images.
        """
        step = max(1, CHUNK_BYTES // (4 * int(np.prod(self.shape))))
        order = None if self.data is None else generator(seed, _ORDER).permutation(len(self.data))
        for start in range(first, last, step):
            stop = min(start + step, last)
            if self.data is not None and order is not None:
                rows = order[start:stop]
                part = np.asarray(self.data.data[np.sort(rows)])[np.argsort(np.argsort(rows))]
            else:
                part = self._drawn(start, stop, seed)
            yield self._brought(part)

    def _drawn(self, start: int, stop: int, seed: int) -> Array:
        """Samples; each part with a seed of its own, of a conditional model with labels as frequent as in its data."""
        gan = _gan_of(self)
        own = int(generator(seed, _SAMPLES).integers(1 << 31)) + start
        if gan.classes is None:
            return gan.sample(stop - start, own, average=self.average)
        table = getattr(gan, "labels", None)
        if table is None:
            labels = generator(own, _SAMPLES).integers(0, gan.classes, stop - start)
        else:
            labels = table.labels_of(table.drawn(stop - start))
        return gan.sample(stop - start, own, labels=labels, average=self.average)

    def _brought(self, images: Array) -> Array:
        if images.ndim == 2:
            return images
        if self.channels is not None and images.shape[3] != self.channels:
            images = to_channels(images, self.channels)
        if self.size is not None and images.shape[1:3] != self.size:
            images = resize(images if images.dtype == np.uint8 else images.astype(np.float32), self.size, self.fit)
            images = images if images.dtype == np.uint8 else np.clip(images, 0.0, 1.0)
        return images


def _gan_of(one: ImageSet) -> Sampler:
    assert one.gan is not None
    return one.gan


def opened(
    given: Any, argument: str, *, average: bool = True, device: str = "cpu", form: dict[str, Any] | None = None
) -> ImageSet:
    """The set that is meant by a path, a name, an array, a `Dataset` or a model; argument: what messages call it.

    form: arguments of `gan_np.data.open`, for what it opens.

    Raises:
        TypeError, ValueError, FileNotFoundError: as what opens it.
    """
    asked = {name: value for name, value in (form or {}).items() if value is not None}
    if isinstance(given, Model):
        said = f"samples of a {type(given).__name__}"
        return ImageSet(argument, said, gan=given, average=average)
    if isinstance(given, Dataset):
        return ImageSet(printable(given.name), given.counted, data=given)
    if isinstance(given, str | Path):
        place = Path(given).expanduser()
        if (place / "config.toml").is_file() or (place.suffix == ".safetensors" and place.is_file()):
            gan = load_gan(place, device=device)
            run = place if place.is_dir() else None
            if gan.classes is not None and gan.label_table is None and run is not None:
                with_labels_of(gan, data_of_run(run, read_config(run), unseen=False)[0])
            return ImageSet(printable(given), f"samples of {printable(given)}", gan=gan, average=average, run=run)
        found = sources.open_for(argument, str(given), **asked)
    else:
        try:
            found = sources.open(given, **asked)
        except (ShapeError, TypeError, ValueError) as error:  # says "images" or "data", of whichever of the two
            raise type(error)(f"{argument}: {error}") from error
    assert found is not None
    name = printable(given) if isinstance(given, str | Path) else f"{argument} (an array)"
    return ImageSet(name, " · ".join([found.counted, *found.decided]), data=found)


def alike(a: ImageSet, b: ImageSet, *, size: Size | None, fit: str | None, channels: int | None) -> list[ImageSet]:
    """Both sets with images of one shape.

    Raises:
        ShapeError: they are of different shapes, and nothing was said of what to do with them.
    """
    from dataclasses import replace

    if len(a.shape) != len(b.shape):
        raise ShapeError(f"b: {b.name} holds {_what(b)}, a, {a.name}, holds {_what(a)}: they cannot be compared")
    if len(a.shape) == 1:
        if a.shape != b.shape:
            raise ShapeError(f"b: {b.name} holds {_what(b)}, a, {a.name}, holds {_what(a)}")
        return [a, b]
    if size is None and a.shape[:2] != b.shape[:2]:
        if fit is None:
            raise ShapeError(
                f"b: {b.name} holds {_what(b)}, a, {a.name}, holds {_what(a)}; say how to bring both to the smaller size, "
                "--fit crop, pad or stretch (fit=), or name a size too, --image-size"
            )
        height, width = min((one.shape[:2] for one in (a, b)), key=lambda sides: sides[0] * sides[1])
        size = height, width
    if channels is None and a.shape[2] != b.shape[2]:
        raise ShapeError(
            f"b: {b.name} holds {_what(b)}, a, {a.name}, holds {_what(a)}; say which channels to compare, --channels 1 or "
            "--channels 3 (channels=)"
        )
    return [replace(one, size=size, fit=fit or "crop", channels=channels) for one in (a, b)]


def _what(one: ImageSet) -> str:
    if len(one.shape) == 1:
        return f"vectors of {one.shape[0]} numbers"
    return f"images of {'×'.join(map(str, one.shape))}"
