"""Data as a caller of `train` or `resume` gave them, with all that says how they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gan_np.checks import as_array
from gan_np.data.dataset import Dataset
from gan_np.data.encoding import VectorEncoding
from gan_np.models import Model
from gan_np.training.sources import Source, as_source

from .config import Config
from .training_data import training_part


@dataclass(frozen=True)
class Given:
    """images: anything that `as_source` takes. The others are its arguments, and `class_names` of `train`."""

    images: Any
    labels: Any = None
    class_names: Sequence[str] | None = None
    transform: Callable[..., Any] | None = None
    keys: Any = None
    prefetch: int | None = None

    def source(self, gan: Model, config: Config, *, by_label: bool = True) -> tuple[Source, Sequence[str] | None]:
        """The source of batches, and what labels are called; labels and names given beside a data set go before its own.

        Where the configuration holds a part out, it is the rest; by_label: see `training_part`. What is a source already is
        taken as it is.

        The configuration's layout and range of values say how data are read that were given as they are. A `Dataset` was
        read by them already; so was an array beside a configuration that names the place where it was loaded from (`data`).
        The gan keeps what a data set says that the columns of vectors are called.
        """
        images, class_names = self.images, self.class_names
        if isinstance(images, Dataset):
            if self.labels is None and class_names is None:
                class_names = images.class_names
            for stage in gan.stages:
                if images.columns is not None and isinstance(stage.encoding, VectorEncoding):
                    stage.encoding = stage.encoding.named(images.columns)
        read = isinstance(images, Dataset) or bool(config.data)
        source = as_source(
            images,
            gan,
            labels=self.labels,
            layout=None if read else config.layout,
            value_range=None if read else config.value_range,
            transform=self.transform,
            keys=self.keys,
            prefetch=self.prefetch,
        )
        if not isinstance(images, Source):
            source = training_part(source, config, by_label=by_label)
        return source, class_names

    def dataset(self) -> Dataset:
        """The data, which are an array, and their labels."""
        if isinstance(self.images, Dataset):
            return self.images
        labels = None if self.labels is None else as_array("labels", self.labels)
        return Dataset(as_array("images", self.images), labels)
