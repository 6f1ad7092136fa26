"""Directions towards a class that a classifier of labelled images tells from the others."""

from __future__ import annotations

from dataclasses import dataclass

from gan_np.checks import choice
from gan_np.models import Classifier

from .decoding import Decoder
from .directions import Direction
from .properties import by_property

SAMPLES = 2000
"""The error of a mean over half of them is 0.03 in each coordinate of a normal z."""


@dataclass(frozen=True)
class Towards:
    """What a model's samples look like to a classifier, as directions of z.

    decoder: the model. classifier: reads its images. seed: of the samples.
    """

    decoder: Decoder
    classifier: Classifier
    seed: int = 0

    def __post_init__(self) -> None:
        self.classifier.extractor_for(self.decoder.model.image_shape)

    def named(self, name: str) -> Direction:
        """E[z | samples called `name`] − E[z | the others], over `SAMPLES` samples (see `by_property`).

        Raises:
            ValueError: no such class; or all samples are called so, or none.
        """
        wanted = self.classifier.names().index(choice("class", name, self.classifier.names()))
        z = self.decoder.points(SAMPLES, self.seed)
        return by_property(f"class:{name}", z, self.classifier.predict(self.decoder(z)) == wanted)
