"""What the page asks of a trained model."""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.data.decode import Unreadable, decode
from gan_np.latent import Decoder, Direction, invert, keep_directions, through, walk
from gan_np.latent.named import check_name
from gan_np.models import GAN, CodePrior, Model
from gan_np.runs import load_gan
from gan_np.runs.checkpoint import all_of, describe_file, find
from gan_np.runs.drawing import enlarged
from gan_np.runs.stage_folders import has_stages

from .factors import factors_of, told
from .sprite import to_show

INVERSION = {"starts": 4, "steps": 150}
"""A second or two for small images; `gan-np invert` tries longer."""
MOST_FRAMES = 600


class Explorer:
    """A model that images are asked of, one request at a time.

    path: a run folder, or a checkpoint file. device: where its images are made. average: from the average of G's weights.

    Its kernels run in threads of their own, which not every threading layer lets two callers enter: a lock keeps them one
    behind the other.

    Raises:
        FileNotFoundError, CheckpointError: nothing to open there.
    """

    def __init__(self, path: str | Path, *, device: str = "cpu", average: bool = True) -> None:
        self.path, self.device, self.average = Path(path), device, average
        self.run = self.path if self.path.is_dir() else self.path.parent.parent
        self.lock = threading.RLock()
        self._factors: list[dict[str, Any]] | None = None
        self.model: Model
        self.open()

    def open(self) -> None:
        """Open the newest checkpoint that there is: of a run that trains, a newer one than before."""
        step = self.newest()
        model: Model = load_gan(self.path, device=self.device)
        with self.lock:
            self.model, self.step, self._factors = model, step, None

    def newest(self) -> int | None:
        """The step of the newest checkpoint; None of a run of several stages, or where nothing is there any more."""
        if has_stages(self.path):
            return None
        if self.path.is_dir():
            found = all_of(self.path)
            return int(found[-1].stem[5:]) if found else None
        try:
            steps = describe_file(find(self.path)).get("training", {}).get("steps")
        except (OSError, ValueError):
            return None
        return steps if isinstance(steps, int) else None

    @property
    def gan(self) -> GAN:
        """The GAN whose z is moved."""
        first: GAN = self.model.stages[0]
        return first

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of z."""
        return np.dtype(self.gan.generator.dtype)

    @property
    def draws_images(self) -> bool:
        """Whether the model draws images, and not vectors."""
        return len(self.model.data_shape) == 3

    def about(self) -> dict[str, Any]:
        """What the page needs to know of the model."""
        gan, table, prior = self.gan, self.model.labels, self.gan.prior
        codes = isinstance(prior, CodePrior)
        noise = prior.noise_of(np.zeros((1, prior.dim), self.dtype)).shape[1]
        return {
            "run": self.path.name or str(self.path),
            "model": self.model.recipe.get("model", type(self.model).__name__),
            "images": self.draws_images,
            "shape": list(self.model.data_shape),
            "dim": prior.dim,
            "noise": noise,
            "prior": prior.kind,
            "categories": prior.categories if isinstance(prior, CodePrior) else 0,
            "codes": prior.continuous if isinstance(prior, CodePrior) else 0,
            "has_codes": codes,
            "labels": None
            if table is None
            else [{"value": value, "name": name} for value, name in zip(table.values, table.names, strict=True)],
            "draw_steps": self.model.draw_steps,
            "step": self.step,
            "newest": self.newest(),
            "invertible": self.draws_images and self.model is gan and self.model.data_shape[-1] in (1, 3, 4),
            "stages": len(self.model.stages),
            "plane": self.model is gan and self.model.data_shape == (2,) and gan.classes is None,
        }

    def factors(self) -> list[dict[str, Any]]:
        """What may be changed, see `factors_of`; computed once."""
        with self.lock:
            if self._factors is None:
                self._factors = factors_of(self.gan, self.run, average=self.average)
            return self._factors

    def points(self, seeds: Sequence[int]) -> tuple[Array, list[int | None]]:
        """The first point z of each seed, (N, k), and its label.

        They are those of `gan-np sample --seeds`; of a model of several stages, those of `gan-np traverse --seed`.
        """
        z = np.concatenate([self.gan.prior.of_seed(seed, 1, self.dtype) for seed in seeds])
        return z, [self.model.label_of_seed(seed) for seed in seeds]

    def images(self, z: Array, labels: Sequence[int] | None = None, seeds: Sequence[int] | None = None) -> Array:
        """Images (N, H, W, C) of points z (N, k), uint8 as they are shown.

        labels: of a conditional model, one each. seeds: of a model of several stages, those of the noise beside each z;
        None: 0.

        Raises:
            ValueError: labels that the model has not; a model of vectors.
        """
        _ = self.model.image_shape
        given = None if labels is None else np.asarray(labels, np.int64)
        with self.lock:
            if self.model is self.gan or seeds is None or len(set(seeds)) == 1:
                seed = 0 if seeds is None else seeds[0]
                return to_show(Decoder(self.model, seed, self.average)(z, given))
            made = [
                Decoder(self.model, seed, self.average)(
                    z[row : row + 1], None if given is None else given[row : row + 1]
                )
                for row, seed in enumerate(seeds)
            ]
        return to_show(np.concatenate(made))

    def series(self, z: Array, labels: Sequence[int] | None = None, seed: int = 0) -> Array:
        """One point z (1, k) as a model that draws in steps draws it: uint8 (steps, H, W, C), all at the finished size."""
        given = None if labels is None else np.asarray(labels, np.int64)
        with self.lock:
            steps = self.model.decode_series(z, labels=given, average=self.average, seed=seed)
        return to_show(enlarged(steps)[0])

    def invert(self, file: bytes, label: int | None = None) -> tuple[Array, float, Array]:
        """The z whose image is nearest to that of a file.

        Returns z (k,), the root mean square difference of the two images as values from 0 to 1, and the file's image at the
        model's size, uint8 (H, W, C).

        Raises:
            ValueError: not an image that can be read, or a model that cannot be inverted.
        """
        gan, (height, width, channels) = self.gan, self.model.image_shape
        if self.model is not gan:
            raise ValueError("image: only a model of one stage can be inverted")
        if channels not in (1, 3, 4):
            raise ValueError(f"image: this model's images have {channels} channels, which image files have not")
        floats = np.dtype(getattr(gan.encoding, "dtype", np.uint8)).kind == "f"
        try:
            image = decode(io.BytesIO(file), channels, (height, width), dtype="float32" if floats else "uint8")
        except Unreadable as error:
            raise ValueError(f"image: not an image that can be read: {error}") from error
        with self.lock:
            found = invert(gan, image[None], labels=label, average=self.average, **INVERSION)
        return found.z[0], float(found.distances[0]) / image.size**0.5, to_show(image[None])[0]

    def keep(self, name: str, vector: Array, source: str) -> None:
        """Keep a direction with the run under a name, as `gan-np traverse --keep` does.

        Raises:
            ValueError: not a name, or no direction; a damaged file. FileNotFoundError: the run is not there any more.
        """
        check_name(name)
        if not (self.run / "config.toml").is_file():
            raise FileNotFoundError(f"{self.run}: is no run folder (any more), and names are kept with a run")
        with self.lock:
            keep_directions(self.run, [Direction(name, vector, source)], self.step)
            if self._factors is not None:
                entry = told("kept", [Direction(name, vector, source)])
                self._factors = [*entry, *(one for one in self._factors if one["id"] != name)]

    def walk(
        self, stops: Array, label: int | None, frames: int, fps: float, suffix: str, *, closed: bool = True
    ) -> bytes:
        """An animation along the path through stops (S, k), as the bytes of a file: .gif, .webp or .apng."""
        from gan_np.data.animation import write_animation
        from gan_np.data.images import enlarged as larger

        _ = self.model.image_shape
        labels = None if self.model.labels is None else (self.model.labels.values[0] if label is None else label)
        path = through(self.gan.prior, stops, frames, closed=closed)
        decoder = Decoder(self.model, 0, self.average)
        zoom = max(1, 256 // max(self.model.data_shape[:2]))
        with self.lock, tempfile.TemporaryDirectory() as folder:
            made = (larger(to_show(images)[0], zoom) for images in walk(decoder, path[:, None], labels))
            return write_animation(made, Path(folder) / f"walk{suffix}", fps=fps, loop=closed).read_bytes()
