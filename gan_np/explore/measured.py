"""What is measured of an explored model's directions, and the directions found by reading its samples."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.evaluation import FactorReader
from gan_np.models import Classifier
from gan_np.runs import load_classifier

from .effects import COUNT, SAMPLES, Ruler, directions_of, measure
from .explorer import Explorer
from .factors import told
from .known import has_factors, learn_apart

FEW, MANY, LARGE = 4, 32, 1 << 13
"""Images made while the lock is held: 32 small ones, or 4 of more than 2¹³ values, so that a drag meanwhile waits for some
milliseconds. (Models draw 16 at a time, and at most 4 as they are.)"""
MOST_DIRECTIONS = 4
"""Directions measured by one request."""

Learnt = tuple[FactorReader, tuple[str, ...], list[float]]


class Measured:
    """The effects of directions, measured when they are asked for and kept until another checkpoint is opened.

    classifier: a file that reads classes; None for `classifier.safetensors` of the run, where it is there. learn: makes the
    reader of what is known of a run's training images, by default in a process of its own.
    """

    def __init__(
        self, explorer: Explorer, classifier: Path | None = None, learn: Callable[[str], Learnt] = learn_apart
    ) -> None:
        self.explorer = explorer
        self._classifier, self._learn = classifier, learn
        self._given: Classifier | None = None
        if classifier is not None:
            self._given = load_classifier(classifier).extractor_for(explorer.model.image_shape)
        self._ruler: Ruler | None = None
        self._lock, self._learning = threading.RLock(), threading.Lock()
        self._effects: dict[str, dict[str, Any]] = {}
        self._names: list[str] = []
        self._found: list[dict[str, Any]] | None = None
        self._model: Any = explorer.model

    def factors(self) -> list[dict[str, Any]]:
        """What may be changed, see `Explorer.factors`, with the directions of classes and factors once they can be read."""
        usual = self.explorer.factors()
        with self._lock:
            self._begin_again()
            if self._ruler is None or (self._ruler.of_classes and self.explorer.model.labels is not None):
                return usual  # z does not know the class that a label gives
            if self._found is None:
                made = directions_of(self._decode, self._points(SAMPLES, 0), self._ruler)
                self._found = [factor for group, some in made.items() for factor in told(group, some)]
            first = next((place for place, factor in enumerate(usual) if factor["group"] not in ("kept", "code")), 0)
            return [*usual[:first], *self._found, *usual[first:]]

    def effects(self, names: Sequence[str]) -> dict[str, Any]:
        """What the directions of these names change, see `measure`, and "learnt": what reads the images, or None.

        Raises:
            ValueError: no such direction, too many, or a model of vectors.
        """
        _ = self.explorer.model.image_shape
        wanted = list(dict.fromkeys(names))
        if not 1 <= len(wanted) <= MOST_DIRECTIONS:
            raise ValueError(f"directions: expected 1 to {MOST_DIRECTIONS} names, got {len(wanted)}")
        known = {factor["id"]: factor for factor in self.factors()}
        for name in wanted:
            if name not in known:
                raise ValueError(f"directions: this model has no {name!r}")
        with self._lock:
            self._begin_again()
            # A name can be given to another direction.
            keys = {name: f"{name} {known[name]['vector']}" for name in wanted}
            missing = [known[name] for name in wanted if keys[name] not in self._effects]
            if missing:
                found = measure(self._decode, self._points(COUNT, 2), missing, self._ruler)
                self._names = found["factors"]
                self._effects |= {keys[name]: one for name, one in found["directions"].items()}
            ruler = self._ruler
            return {
                "factors": self._names,
                "directions": {name: self._effects[keys[name]] for name in wanted},
                "count": COUNT,
                "learnt": None
                if ruler is None
                else {"source": ruler.source, "explained": ruler.explained, "factors": ruler.names},
            }

    def learn(self) -> list[dict[str, Any]]:
        """Make what reads factors or classes from images; returns `factors`, which are more then.

        Raises:
            ValueError, FileNotFoundError: it is being made already, or nothing is known of the training images.
        """
        if not self._learning.acquire(blocking=False):
            raise ValueError("learn: the reader is being trained already")
        try:
            if self._ruler is None:
                ruler = self._made()
                with self._lock:
                    self._ruler, self._effects, self._found = ruler, {}, None
        finally:
            self._learning.release()
        return self.factors()

    def _made(self) -> Ruler:
        run = self.explorer.run
        read = None if has_factors(run) and self._given is None else self._reads_classes()
        if read is not None:
            names = tuple(f"class={name}" for name in read.names())
            return Ruler(read.probabilities, names, f"the classifier {read.name}")
        reader, names, explained = self._learn(str(run))
        return Ruler(reader, names, "a network trained on the run's own data", tuple(explained))

    def _reads_classes(self) -> Classifier | None:
        """The classifier that was given, or that of the run if it reads these images."""
        kept = self.explorer.run / "classifier.safetensors"
        if self._given is not None or not kept.is_file():
            return self._given
        return load_classifier(kept).extractor_for(self.explorer.model.image_shape)

    def _begin_again(self) -> None:
        """Forget what was measured of another checkpoint."""
        if self._model is not self.explorer.model:
            self._model, self._effects, self._found = self.explorer.model, {}, None

    def _points(self, count: int, seed: int) -> Array:
        gan = self.explorer.gan
        return gan.prior.of_seed(seed, count, gan.generator.dtype)

    def _decode(self, z: Array) -> Array:
        """Images of points, the labels of a conditional model in turn; others may ask between one part and the next."""
        explorer, table = self.explorer, self.explorer.model.labels
        labels = None if table is None else np.resize(np.asarray(table.values, np.int64), len(z))
        together = MANY if np.prod(explorer.model.image_shape) <= LARGE else FEW
        parts = []
        for start in range(0, len(z), together):
            part = slice(start, start + together)
            with explorer.lock:
                parts.append(
                    explorer.model.decode(
                        z[part], labels=None if labels is None else labels[part], average=explorer.average
                    )
                )
        return np.concatenate(parts)
