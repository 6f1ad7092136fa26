"""From a configuration to players and optimisers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gan_np import devices, kernels
from gan_np.arrays import Array
from gan_np.checks import choice
from gan_np.data.labels import MOST_CLASSES
from gan_np.models import GAN, LAPGAN, MODELS, lapgan
from gan_np.objectives import OBJECTIVES, Objective
from gan_np.ops import AUGMENTATIONS
from gan_np.optimizers import SGD, Adam, Optimizer, RMSprop
from gan_np.penalties import R1
from gan_np.schedules import ExponentialDecay, Linear, Schedule
from gan_np.training.algorithm import Trainer

from .config import Config

MODEL_OPTIONS = {
    "dcgan": ("width", "kernel_size", "d_norm", "packing"),
    "mlp": ("hidden", "packing"),
    "residual": ("width", "d_norm", "minibatch_deviation"),
    "infogan": ("categories", "continuous", "information", "width", "kernel_size"),
    "gran": ("draw_steps", "width", "kernel_size", "d_norm", "packing"),
    "conditional-dcgan": ("width", "kernel_size", "d_norm", "condition"),
}
"""Which fields of the configuration each model has beside latent_dim, latent, seed and device."""


CONDITIONAL = ("conditional-dcgan",)
"""Models that need labels."""


PRODUCTS = ("dense", "conv2d")
PRECISIONS = {"float32": None, "tf32": "cuda_tf32", "bf16": "cuda_bf16"}
"""Precision → the kernels of `PRODUCTS` that round to it (statistics, weights and all else stay in float32)."""


def build_gan(config: Config, image_shape: tuple[int, int, int], classes: int | None = None) -> GAN:
    """The model that a configuration names, for images of this shape; `classes` for one conditional on labels."""
    if config.model == "lapgan":
        raise ValueError("model: a lapgan is several GANs; build it with build_lapgan and train it with train_lapgan")
    options = {name: getattr(config, name) for name in MODEL_OPTIONS[config.model]}
    if config.model in CONDITIONAL:
        if classes is None:
            raise ValueError(f"model: {config.model} needs labels, and {config.data!r} has none")
        options["classes"] = _few(classes)
    gan: GAN = MODELS[config.model](
        image_shape,
        config.latent_dim,
        augment=_augmentations(config),
        latent=config.latent,
        seed=config.seed,
        device=config.device,
        **options,
    )
    return gan


def _augmentations(config: Config) -> list[str]:
    names = filter(None, (name.strip() for name in config.augment.split(",")))
    return [choice("augment", name, AUGMENTATIONS) for name in names]


def build_lapgan(config: Config, image_shape: tuple[int, int, int], classes: int | None = None) -> LAPGAN:
    """The LAPGAN that a configuration describes; `classes` for one conditional on labels."""
    if config.conditional and classes is None:
        raise ValueError(f"conditional: needs labels, and {config.data!r} has none")
    assert config.d_norm is not None  # the configuration has put the model's own there
    return lapgan(
        image_shape,
        config.latent_dim,
        levels=config.levels,
        classes=_few(classes) if config.conditional and classes is not None else None,
        width=config.width,
        hidden=config.hidden,
        kernel_size=config.kernel_size,
        d_norm=config.d_norm,
        seed=config.seed,
        device=config.device,
    )


def _few(classes: int) -> int:
    """So many classes that a model of them can be meant.

    Raises:
        ValueError: more; found before networks are made that would not fit memory.
    """
    if classes > MOST_CLASSES:
        raise ValueError(
            f"labels: expected at most {MOST_CLASSES:,} classes, the data have {classes:,} different labels: do they "
            "number something else than classes?"
        )
    return classes


def build_optimizer(config: Config, learning_rate: float) -> Optimizer:
    """One player's optimiser."""
    rate: float | Schedule = learning_rate
    if config.learning_rate_decay > 1:
        rate = ExponentialDecay(learning_rate, config.learning_rate_decay)
    decay, clip = config.weight_decay, config.clip_norm
    if config.optimizer == "adam":
        return Adam(rate, beta1=config.beta1, beta2=config.beta2, weight_decay=decay, clip_norm=clip)
    if config.optimizer == "sgd":
        return SGD(rate, momentum=config.momentum, weight_decay=decay, clip_norm=clip)
    return RMSprop(rate, momentum=config.momentum, weight_decay=decay, clip_norm=clip)


def build_objective(config: Config) -> Objective:
    """What the players minimise."""
    made: Objective
    if config.objective in ("non-saturating", "minimax"):
        made = OBJECTIVES[config.objective](config.smoothing)
        return made
    if config.smoothing:
        raise ValueError(f"smoothing: belongs to the cross-entropy objectives, not to {config.objective!r}")
    made = OBJECTIVES[config.objective]()
    return made


def check_settings(config: Config) -> None:
    """Refuse what is wrong with a configuration whatever the data are, before they are read.

    Raises:
        ValueError: a device, an augmentation, a kernel or its operation that is not there; an objective with settings that
            belong to another.
    """
    devices.parse(config.device)
    _augmentations(config)
    build_objective(config)
    kernels.parse_choices(config.kernels, "kernels")


def _instance_noise(config: Config) -> float | Schedule:
    if not config.instance_noise:
        return 0.0
    steps = config.steps if config.instance_noise_steps is None else config.instance_noise_steps
    return Linear(config.instance_noise, 0.0, steps * config.d_steps)


def tuned_kernels(config: Config) -> kernels.Choices:
    """The tuned choice in the file that the configuration names; empty by default."""
    return kernels.read_tuned(config.tuned) if config.tuned else {}


def _of_precision(precision: str) -> dict[str, str]:
    """The kernels of a precision, by name: rounded products are used where they are asked for and nowhere else."""
    name = PRECISIONS[precision]
    return {} if name is None else {kernels.entry(operation, name).operation: name for operation in PRODUCTS}


@contextmanager
def chosen_kernels(config: Config, tuned: kernels.Choices) -> Iterator[None]:
    """The kernels that the configuration forces, by name or by precision, and for the rest a tuned choice; outside both the
    cost model's.

    tuned: what `tuned_kernels` read, or what a checkpoint kept of it. If it is empty, one around this block goes on.
    """
    forced = {**_of_precision(config.precision), **kernels.parse_choices(config.kernels, "kernels")}
    with kernels.use_kernels(**forced), kernels.use_tuned(tuned or kernels.tuned_choices()):
        yield


def build_trainer(
    gan: GAN,
    images: Array,
    config: Config,
    labels: Array | None = None,
    class_names: Sequence[str] | None = None,
) -> Trainer:
    """Algorithm 1 on this model and these images, as the configuration says."""
    return Trainer(
        gan,
        images,
        labels,
        class_names=class_names,
        objective=build_objective(config),
        d_optimizer=build_optimizer(config, config.d_learning_rate),
        g_optimizer=build_optimizer(config, config.g_learning_rate),
        batch_size=config.batch_size,
        d_steps=config.d_steps,
        share_noise=config.share_noise,
        average_decay=config.average_decay,
        flip=config.flip,
        penalties=[R1(config.r1)] if config.r1 else [],
        clip_weights=config.clip_weights,
        instance_noise=_instance_noise(config),
        seed=config.seed,
        graph=config.graph,
    )
