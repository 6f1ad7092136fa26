"""A generator and a discriminator, and what they need to know of the data, of z and of what goes with each of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from html import escape
from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module, generator, on_host, to_device, to_host
from gan_np.averaging import Average, recompute_statistics
from gan_np.checks import NonFiniteError, ShapeError, choice, integer, shape
from gan_np.data.encoding import Encoding, encoding_of
from gan_np.data.images import RANGES
from gan_np.data.labels import LabelTable
from gan_np.devices import CPU, memory_explained, scope
from gan_np.networks import Network, Sequential, folded
from gan_np.notebook import Summary, titled
from gan_np.objectives import Loss
from gan_np.vectors import all_finite

from .model import Model
from .prior import Prior
from .registered import register
from .truncation import Truncation

STATISTICS_BATCH, STATISTICS_BATCHES = 128, 8

MOST_SAMPLES = 1 << 28
"""Samples of one call: more would not fit memory, and a slip of the keyboard would take all of it."""

PART, FEW = 16, 4
"""Images are made in parts of PART, the last one filled up: a product of matrices rounds differently for another number of
rows, so only a fixed number makes an image the same whatever is asked for beside it. At most FEW are made as they are,
since filling up would make one image cost what sixteen do."""


TRANSIENT = {"transient": True}
"""Metadata of a field of a GAN that is no part of its structure: what training sets, what is computed once."""


@register()
@dataclass
class GAN(Model):
    """Two players, for images (H, W, C) or for vectors of m numbers.

    generator: z (N, latent_dim) → images (N, H, W, C) in `pixel_range`, or vectors (N, m); of a conditional model
        (z, context) → images or vectors.
    discriminator: images or vectors → logits (N, 1); of a conditional model (images, context) → logits.
    prior: p(z).
    pixel_range: "-1..1" or "0..1", the range of the images that G draws; None for vectors.
    packing: how many images D judges together (`gan_np.models.packing`).
    classes: of a model conditional on labels, how many there are: the context of an image is its label, one-hot.
    label_table: labels, names and frequencies of those classes in the data that it was trained on; training sets it. Where
        it is not known, labels are 0…classes−1 and equally frequent.
    encoding: how data become what the players see, and back (`gan_np.data.encoding`): the mean and deviation of vectors,
        whether images are bytes or floats. Training sets it from its data.
    average: the moving average of the generator, if training keeps one; samples then come from it.
    recipe: for people, the call that made it (the name of a registered model and its arguments); empty for one put together
        by hand.

    A checkpoint has its class, the structures of both networks and its other fields (see `gan_np.registry`), so that a GAN
    put together by hand is saved and opened as the named ones are. A subclass is a dataclass registered with
    `gan_np.models.register`; fields that are no part of the structure have
    `metadata=TRANSIENT`.
    """

    generator: Network
    discriminator: Network
    prior: Prior
    pixel_range: str | None = None
    packing: int = 1
    classes: int | None = None
    average: Average | None = field(default=None, kw_only=True, repr=False, metadata=TRANSIENT)
    label_table: LabelTable | None = field(default=None, kw_only=True, repr=False, metadata=TRANSIENT)
    encoding: Encoding = field(default=None, kw_only=True, repr=False, metadata=TRANSIENT)  # type: ignore[assignment]
    recipe: Mapping[str, Any] = field(default_factory=dict, kw_only=True, repr=False, metadata=TRANSIENT)
    _statistics_of: tuple[int, int, LabelTable | None] | None = field(
        default=None, kw_only=True, repr=False, metadata=TRANSIENT
    )
    _folded: tuple[Network, tuple[int, int], Network] | None = field(
        default=None, kw_only=True, repr=False, metadata=TRANSIENT
    )

    def __post_init__(self) -> None:
        for name, kind in (("generator", Network), ("discriminator", Network), ("prior", Prior)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name}: expected a {kind.__name__}, got {getattr(self, name)!r}")
        if self.label_table is not None and len(self.label_table) != self.classes:
            raise ValueError(f"label_table: expected {self.classes} classes, got {len(self.label_table)}")
        made = self.generator.output_shape
        if len(made) not in (1, 3) or not all(isinstance(size, int) for size in made):
            raise ShapeError(
                f"generator: expected to give images (height, width, channels) or vectors (m,), it gives {made}"
            )
        if len(made) == 3:
            choice("pixel_range", self.pixel_range, RANGES)
        elif self.pixel_range is not None:
            raise ValueError(f"pixel_range: vectors have none, expected None, got {self.pixel_range!r}")
        if self.encoding is None:
            self.encoding = encoding_of(made, self.pixel_range)
        z: Any = (self.prior.dim,)
        seen: Any = *made[:-1], integer("packing", self.packing, 1, 256) * made[-1]
        context = self.context_shape
        if context is not None:
            if self.packing > 1:
                raise ValueError(f"packing: a conditional model judges images one by one, got {self.packing}")
            z, seen = (z, context), (seen, context)
        for name, network, expected in (("generator", self.generator, z), ("discriminator", self.discriminator, seen)):
            if network.input_shape != expected:
                raise ShapeError(f"{name}: expected input {expected}, it has {network.input_shape}")
        if self.discriminator.output_shape != self.discriminator_output_shape:
            raise ShapeError(
                f"discriminator: expected to give out {self.discriminator_output_shape} (one logit first), "
                f"it gives {self.discriminator.output_shape}"
            )

    def arguments(self) -> dict[str, Any]:
        """Its structure: the fields that are not transient."""
        return {one.name: getattr(self, one.name) for one in fields(self) if not one.metadata.get("transient")}

    @property
    def data_shape(self) -> tuple[int, ...]:
        """The shape of one output of G: (height, width, channels) of images, (m,) of vectors."""
        made: tuple[int, ...] = self.generator.output_shape
        return made

    @property
    def stages(self) -> tuple[GAN, ...]:
        """The models that are trained, in order: this one alone."""
        return (self,)

    @property
    def image_range(self) -> tuple[float, float]:
        """(low, high) of the images that G draws, as floats.

        Raises:
            ValueError: G gives vectors.
        """
        if self.pixel_range is None:
            raise ValueError(f"gan: this one gives vectors of {self.data_shape[0]} numbers, images are needed here")
        return RANGES[self.pixel_range]

    def learn_encoding(self, data: Array, *, standardise: bool = True) -> None:
        """Take from data how they are encoded: the dtype, and the mean and deviation of vectors, of which a model that was
        trained before keeps its own.

        Raises:
            TypeError, ValueError: data with numbers of another kind (see `gan_np.data.encoding`).
        """
        self.encoding = self.encoding.learned(data, fit=standardise)

    @property
    def context_shape(self) -> tuple[int, ...] | None:
        """Shape of what goes with each image: (classes,) of a model conditional on labels, None if there is nothing."""
        return None if self.classes is None else (integer("classes", self.classes, 1),)

    @property
    def labels(self) -> LabelTable | None:
        """The labels of its classes: `label_table`, or what is assumed without one; None without classes."""
        return None if self.classes is None else self.label_table or LabelTable.equal(self.classes)

    def learn_labels(self, labels: Array, class_names: Sequence[str] | None = None) -> Array:
        """Take labels (N,) of data, and their names, as those of this model's classes; the class of each image, int64 (N,).

        A model that knows its labels already keeps what they and their names stand for, and takes in how frequent they are.

        Raises:
            ValueError: labels that are not those of its classes.
        """
        assert self.classes is not None
        known = self.label_table
        if known is None:
            self.label_table = LabelTable.of(labels, class_names, self.classes)
            return self.label_table.classes_of(labels)
        classes = known.classes_of(labels)
        self.label_table = LabelTable(
            known.values,
            known.names if class_names is None else LabelTable.of(np.array(known.values), class_names).names,
            tuple(np.bincount(classes, minlength=len(known)).tolist()),
        )
        return classes

    @property
    def discriminator_output_shape(self) -> Any:
        """Shape of what D gives out: one logit, or a map (h, w, 1) of them; a model with more heads has a tuple, the logit
        first."""
        own = self.discriminator.output_shape
        return own if len(own) == 3 and own[-1] == 1 else (1,)

    @property
    def statistics_need_data(self) -> bool:
        """True if G's batch statistics depend on real images, so that a checkpoint must keep those of the average."""
        return False

    def heads(self, output: Any) -> tuple[Array, Array | None]:
        """Divide D's output into the logits and the outputs of its other heads (None if there are none)."""
        return output, None

    def auxiliary(self, head_output: Array | None, z: Array) -> Loss | None:
        """The loss that both players minimise beside the game, for images made from z, and its gradient for the other
        heads."""
        return None

    def prepare(self, images: Array, labels: Array | None = None) -> None:
        """Called once before training with all real data and their labels; a model that needs some keeps them."""

    def examples(self, images: Array, labels: Array | None) -> tuple[Array, Array | None]:
        """A batch of real data as D sees it: floats on its device, and their context (None if there is none)."""
        device, dtype = self.discriminator.device, self.discriminator.dtype
        return self.shown(self.encoding.encode(to_device(images, device), dtype), labels)

    def shown(self, floats: Array, labels: Array | None) -> tuple[Array, Array | None]:
        """As `examples`, of data that are encoded already, on D's device."""
        return floats, None if labels is None else self.context_of(labels)

    def context_of(self, labels: Array) -> Array:
        """Classes (N,), 0…classes−1, one-hot (N, classes), on the model's device (see `chosen_labels` for a user's labels).

        Raises:
            ValueError: the model takes no labels, or one is not a class. (Checked for host arrays; on a device that would
                force a synchronisation.)
        """
        if self.classes is None:
            raise ValueError("labels: this model is not conditional, it takes none")
        if on_host(labels) and len(labels) and not (labels.min() >= 0 and labels.max() < self.classes):
            raise ValueError(f"labels: expected 0 to {self.classes - 1}, got {labels.min()} to {labels.max()}")
        one_hot = (labels[:, None] == array_module(labels).arange(self.classes)).astype(self.generator.dtype)
        return to_device(one_hot, self.generator.device)

    def sample(
        self,
        count: int,
        seed: int = 0,
        *,
        labels: Any = None,
        average: bool = True,
        truncation: float = 1.0,
        truncation_bound: float | None = None,
    ) -> Array:
        """`count` images of a seed, (count, H, W, C), or vectors, (count, m), as the data are (`encoding`), on the host.

        Images are uint8, or floats from 0 to 1 where the training's were; vectors are in the units of the data. Image i of
        a seed is the same whatever `count` is (up to 4 images are made without filling up a batch, which may
        round a pixel to the next of its 256 levels). labels: of a conditional model, one for all or one for each, as
        integers or names (see `gan_np.data.labels`); None draws each class as often as the data have it, equally frequent
        ones in turn. average: from the averaged weights, where there are any. truncation, truncation_bound: ψ from 0 to 1,
        by which z is drawn towards its mean, and what no coordinate exceeds (`gan_np.models.truncation`).

        As many as do not fit memory: `stream`.
        """
        integer("count", count, 1, MOST_SAMPLES)
        changed = Truncation(truncation, truncation_bound)
        return self.sample_part(0, count, seed, labels=labels, average=average, truncation=changed)

    def sample_part(
        self,
        start: int,
        count: int,
        seed: int,
        *,
        labels: Any = None,
        average: bool = True,
        truncation: Truncation | None = None,
    ) -> Array:
        """As in `Model`."""
        z = self.prior.of_seed(seed, count, self.generator.dtype, start=start, truncation=truncation)
        return self.decode(z, labels=labels, average=average)

    def decode(self, z: Array, *, labels: Any = None, average: bool = True, seed: int = 0) -> Array:
        """The images or vectors of given points z (N, latent_dim) of the generator's dtype, as in `sample`, on the host.

        In evaluation mode and in parts of fixed size, so that an image depends on its own z (and label) alone: nothing else
        is drawn, and `seed` (see `Model.decode`) changes nothing.
        """
        if z.ndim != 2 or z.shape[1] != self.prior.dim:
            raise ShapeError(f"z: expected (N, {self.prior.dim}), got {z.shape}")
        floats = self.generate(z, self._sample_context(labels, len(z)), average=average)
        return self.encoding.decode(floats)

    def generate(self, z: Array, context: Array | None = None, *, average: bool = True) -> Array:
        """What G gives for (z, context), as floats on the host, in parts of fixed size; a few at once.

        Raises:
            NonFiniteError: weights, z or what G makes of them are NaN or infinite.
        """
        network = self._with_fewer_passes(self.sampler(average=average))
        if not all_finite(z):
            raise NonFiniteError("z: some values are NaN or infinite")
        made = np.empty((len(z), *self.data_shape), network.dtype)
        device, size = network.device, len(z) if len(z) <= FEW else PART
        with scope(device), memory_explained(device, f"sampling {size} images at a time", "use a smaller model"):
            for start in range(0, len(z), size):
                stop = min(start + size, len(z))
                part = _filled(to_host(z[start:stop]), size)
                given = None if context is None else _filled(to_host(context[start:stop]), size)
                floats = network(joined(*(to_device(a, device) for a in (part, given) if a is not None)))
                made[start:stop] = to_host(floats)[: stop - start]
        if not all_finite(made):
            raise NonFiniteError(
                f"generator: its weights are finite, but its {self._things} come out NaN or infinite: they overflow"
            )
        return made

    def chosen_labels(self, labels: Any, count: int) -> Array | None:
        """The classes, 0…classes−1, of `count` samples for a user's labels; None without classes.

        labels: one for all, one for each, or (None) each class as often as the data have it.

        Raises:
            ValueError, TypeError: the model takes no labels, or they are not among its labels and their names.
        """
        table = self.labels
        if table is None:
            if labels is not None:
                raise ValueError("labels: this model is not conditional, it takes none")
            return None
        return table.drawn(count) if labels is None else np.broadcast_to(table.asked(labels), (count,))

    def _sample_context(self, labels: Any, count: int) -> Array | None:
        chosen = self.chosen_labels(labels, count)
        return None if chosen is None else self.context_of(chosen)

    def sampler(self, *, average: bool = True) -> Network:
        """The network that samples come from, its statistics up to date with its weights.

        The averaged weights never saw a batch: their batch statistics are recomputed from a fixed noise, and labels as
        frequent as the data have them, once for each version of them.

        Raises:
            NonFiniteError: weights or statistics are NaN or infinite.
        """
        if not average or self.average is None:
            return self.finite_generator(self.generator)
        network = self.average.network
        version = (id(network), network.parameters.version, self.label_table)
        if self._statistics_of != version:
            self.with_own_statistics(self.finite_generator(network))
            self._statistics_of = version
        return self.finite_generator(network)

    def finite_generator(self, network: Network) -> Network:
        """`network`, the generator or its average, if all its numbers are finite (`Network.check_finite`)."""
        averaged = "" if network is self.generator else "averaged "
        return network.check_finite(f"the {averaged}generator of {self._sized}")

    def finite_discriminator(self) -> Network:
        """The discriminator, if all its numbers are finite (`Network.check_finite`)."""
        return self.discriminator.check_finite(f"the discriminator of {self._sized}")

    @property
    def _things(self) -> str:
        return "vectors" if len(self.data_shape) == 1 else "images"

    @property
    def _sized(self) -> str:
        if len(self.data_shape) == 1:
            return f"vectors of {self.data_shape[0]} numbers"
        return f"{self.data_shape[0]}×{self.data_shape[1]} images"

    def _with_fewer_passes(self, network: Network) -> Network:
        """The same function with batch normalisation in the weights, made once for each version of them; on the CPU."""
        if network.device != CPU or not len(network.state) or not isinstance(network.structure, Sequential):
            return network
        version = network.parameters.version, network.state.version
        if self._folded is None or self._folded[0] is not network or self._folded[1] != version:
            self._folded = network, version, folded(network)
        return self._folded[2]

    def with_own_statistics(self, network: Network) -> Network:
        """A generator with its running statistics recomputed from a fixed noise, in place; itself if it has none."""
        if len(network.state):
            with scope(network.device):
                recompute_statistics(network, self._fixed_noise(network))
        return network

    def _fixed_noise(self, network: Network) -> Iterator[Any]:
        rng = generator(0, 0)
        contexts = self._sample_context(None, STATISTICS_BATCH * STATISTICS_BATCHES)
        for batch in range(STATISTICS_BATCHES):
            rows = slice(batch * STATISTICS_BATCH, (batch + 1) * STATISTICS_BATCH)
            z = to_device(self.prior.draw(rng, STATISTICS_BATCH, network.dtype), network.device)
            yield joined(z, None if contexts is None else contexts[rows])

    def summary(self) -> Summary:
        """Both networks as tables: text, which a notebook shows as tables."""
        return titled({"generator": self.generator.summary(), "discriminator": self.discriminator.summary()})

    def _repr_html_(self) -> str:
        size = "×".join(map(str, self.data_shape))
        about = f"{self.recipe.get('model', type(self).__name__)}: {self.prior!r} → {size}"
        return f"<p>{escape(about)}</p>{self.summary().html}"


def checked_data_shape(data_shape: Any) -> tuple[int, ...]:
    """(m,) of vectors, or (height, width, channels) of images, as plain integers.

    Raises:
        ShapeError: neither.
    """
    sizes = data_shape if isinstance(data_shape, tuple | list) else ()
    if len(sizes) not in (1, 3):
        raise ShapeError(
            f"data_shape: expected (m,) for vectors or (height, width, channels) for images, got {data_shape!r}"
        )
    return tuple(shape("data_shape", tuple(sizes), len(sizes)))


def joined(array: Array, context: Array | None = None) -> Any:
    """The input of a network: the array, or with a context both."""
    return array if context is None else (array, context)


def _filled(part: Array, size: int) -> Array:
    """A last part filled up with zeros to `size` rows."""
    if len(part) == size:
        return part
    chunk = np.zeros((size, *part.shape[1:]), part.dtype)
    chunk[: len(part)] = part
    return chunk
