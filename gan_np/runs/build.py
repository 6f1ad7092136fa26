"""From a configuration to players and optimisers."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gan_np import devices, kernels
from gan_np.arrays import Array
from gan_np.averaging import Average
from gan_np.data.labels import MOST_CLASSES
from gan_np.models import GAN, MODELS, Model
from gan_np.models.registered import listed
from gan_np.objectives import OBJECTIVES, Objective
from gan_np.optimizers import OPTIMIZERS, Optimizer
from gan_np.penalties import R1, Penalty, check_different
from gan_np.ranks import ALONE, Ranks
from gan_np.schedules import ExponentialDecay, Linear, Schedule
from gan_np.training.algorithm import Trainer, learning_rate_for
from gan_np.training.sources import Source

from .config import Config
from .measured_on import check_tuned
from .opened import load_gan
from .options import CONDITIONAL, arguments_for


def build_gan(config: Config, data_shape: tuple[int, ...], classes: int | None = None) -> Any:
    """The model that a configuration names, for images (H, W, C) or vectors (m,) of this shape: a `GAN`, or a model of
    several stages.

    classes: how many labels the data have; given to a model that needs them, or that is asked to be conditional.

    Raises:
        ValueError: labels are needed and there are none; an option outside its bounds.
    """
    if config.init_from:
        return _started(config, data_shape, classes)
    if not config.model:
        raise ValueError("model: this configuration names none; its run's checkpoints have the structure (gan_np.load)")
    make = MODELS[config.model]
    options = _arguments(config, "model", config.model)
    parameters = inspect.signature(make).parameters
    if len(data_shape) == 1 and "image_shape" in parameters:
        able = [name for name in listed() if "data_shape" in inspect.signature(MODELS[name]).parameters]
        raise ValueError(
            f"model: {config.model} is for images, and these data are vectors of {data_shape[0]} numbers; expected one of "
            f"{', '.join(able)}"
        )
    if "classes" in parameters:
        needed = parameters["classes"].default is inspect.Parameter.empty
        if needed or config.options[CONDITIONAL.name]:
            if classes is None:
                asked = f"model: {config.model}" if needed else "conditional:"
                raise ValueError(f"{asked} needs labels, and {config.data!r} has none")
            options["classes"] = _few(classes)
    given = {"seed": config.seed, "device": config.device}
    return make(data_shape, **options, **{name: value for name, value in given.items() if name in parameters})


def _arguments(config: Config, kind: str, name: str) -> dict[str, Any]:
    """The arguments that a configuration gives to the constructor of the model, objective or optimiser that it chose."""
    return {option.name: config.options[option.name] for option in arguments_for(kind, name)}


def _started(config: Config, data_shape: tuple[int, ...], classes: int | None) -> Model:
    """The networks of another run, weights, statistics and average with them.

    Raises:
        ValueError: they are for data of another shape, or for another number of classes.
    """
    gan: Model = load_gan(config.init_from, device=config.device)
    if gan.data_shape != tuple(data_shape):
        ours, theirs = ("×".join(map(str, shape)) for shape in (data_shape, gan.data_shape))
        raise ValueError(f"init_from: {config.init_from} makes data of {theirs}, the data have {ours}")
    if gan.classes is not None and classes != gan.classes:
        raise ValueError(
            f"init_from: {config.init_from} has {gan.classes} classes, the data have {classes or 'no labels'}"
        )
    for stage in gan.stages:
        _start_afresh(stage, config.average_decay)
    return gan


def _start_afresh(gan: GAN, decay: float | Schedule) -> None:
    """Forget what the classes of other data are called, and go on from the average with a count that begins again."""
    gan.label_table = None
    before, gan.average = gan.average, None
    if callable(decay) or decay:
        gan.average = Average(gan.generator, decay)
        if before is not None:
            gan.average.network.parameters.assign(before.network.parameters.values)


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


def build_optimizer(config: Config, player: str, data_shape: tuple[int, ...] = (1, 1, 1)) -> Optimizer:
    """The optimiser of a player, "g" or "d", for data of a shape; a new one at each call."""
    own = getattr(config, f"{player}_optimizer")
    if own:
        found: Optimizer = copy.deepcopy(own)
        return found
    rate = getattr(config, f"{player}_learning_rate")
    if rate is None:
        rate = learning_rate_for(data_shape, player)
    if config.learning_rate_decay > 1:
        if callable(rate):
            raise ValueError(f"learning_rate_decay: {player}_learning_rate is a schedule already, {rate!r}")
        rate = ExponentialDecay(rate, config.learning_rate_decay)
    made: Optimizer = OPTIMIZERS[config.optimizer](rate, **_arguments(config, "optimizer", config.optimizer))
    return made


def build_objective(config: Config) -> Objective:
    """Return the objective of the configuration."""
    if not isinstance(config.objective, str):
        given: Objective = config.objective
        return given
    made: Objective = OBJECTIVES[config.objective](**_arguments(config, "objective", config.objective))
    return made


def build_penalties(config: Config) -> list[Penalty]:
    """Return the penalties on D's slope that the configuration has."""
    r1 = [R1(config.r1)] if callable(config.r1) or config.r1 else []
    return [*r1, *config.penalties]


def check_settings(config: Config) -> None:
    """Refuse what is wrong with a configuration whatever the data are, before they are read.

    Raises:
        ValueError: a device, a kernel or its operation that is not there; what the objective and the optimisers refuse; the
            same penalty twice.
    """
    devices.parse(config.device)
    build_objective(config)
    check_different(build_penalties(config))
    for player in ("g", "d"):
        build_optimizer(config, player)
    kernels.parse_choices(config.kernels, "kernels")


def _instance_noise(config: Config) -> float | Schedule:
    if callable(config.instance_noise) or not config.instance_noise:
        return config.instance_noise
    steps = config.steps if config.instance_noise_steps is None else config.instance_noise_steps
    return Linear(config.instance_noise, 0.0, steps * config.d_steps)


def tuned_kernels(config: Config) -> kernels.Choices:
    """The tuned choice in the file that the configuration names; empty by default. Warns where it is not for this machine,
    or not for this size of batch."""
    if not config.tuned:
        return {}
    choices = kernels.read_tuned(config.tuned)
    check_tuned(config.tuned, choices, config.batch_size)
    return choices


@contextmanager
def chosen_kernels(config: Config, tuned: kernels.Choices) -> Iterator[None]:
    """The kernels that the configuration forces, by name or by precision, and for the rest a tuned choice; outside both the
    cost model's.

    tuned: what `tuned_kernels` read, or what a checkpoint kept of it. If it is empty, one around this block goes on.
    """
    forced = {**kernels.cuda.of_precision(config.precision), **kernels.parse_choices(config.kernels, "kernels")}
    with kernels.use_kernels(**forced), kernels.use_tuned(tuned or kernels.tuned_choices()):
        yield


def build_trainer(
    gan: GAN,
    images: Array | Source,
    config: Config,
    labels: Array | None = None,
    class_names: Sequence[str] | None = None,
    ranks: Ranks = ALONE,
) -> Trainer:
    """Algorithm 1 on this model and these data, as the configuration says; a source has its labels with it."""
    return Trainer(
        gan,
        images,
        labels,
        class_names=class_names,
        objective=build_objective(config),
        d_optimizer=build_optimizer(config, "d", gan.data_shape),
        g_optimizer=build_optimizer(config, "g", gan.data_shape),
        batch_size=config.batch_size,
        d_steps=config.d_steps,
        share_noise=config.share_noise,
        average_decay=config.average_decay,
        flip=config.flip,
        standardise=config.standardise,
        penalties=build_penalties(config),
        clip_weights=config.clip_weights,
        instance_noise=_instance_noise(config),
        seed=config.seed,
        graph=config.graph,
        ranks=ranks,
        sync_batch_norm=config.sync_batch_norm == "on",
    )
