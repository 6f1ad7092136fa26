"""The settings of a training as type checkers and editors read them: what `gan_np.train` takes as **options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypedDict

from gan_np.objectives import Objective
from gan_np.optimizers import Optimizer
from gan_np.penalties import Penalty
from gan_np.schedules import Schedule

Scheduled: TypeAlias = float | Schedule | str
"""A number, a schedule, or a schedule as text: "cosine(2e-3, 1e-4, 2500)"."""


class Settings(TypedDict, total=False):
    """Fields of `gan_np.runs.Config` but for the model, which is made already, and the file of labels (`train` has an
    argument `labels`, an array); and the options of the library's own objectives and optimisers. `help(gan_np.train)` has
    the defaults, `gan-np train --help` says what each is.

    Options of an objective or optimiser of one's own, which no type checker can know, go through `config=Config(…)`.
    """

    data: str
    value_range: str | tuple[float, float] | None
    layout: Literal["NHWC", "NCHW"] | None
    standardise: bool
    hold_out: float
    flip: bool

    objective: str | Objective
    d_steps: int
    r1: Scheduled
    penalties: str | Sequence[Penalty]
    clip_weights: Scheduled | None
    instance_noise: Scheduled
    instance_noise_steps: int | None
    share_noise: bool

    optimizer: str
    g_optimizer: str | Optimizer
    d_optimizer: str | Optimizer
    g_learning_rate: Scheduled | None
    d_learning_rate: Scheduled | None
    learning_rate_decay: float
    average_decay: Scheduled

    steps: int
    batch_size: int
    seed: int
    kernels: str
    tuned: str
    device: str
    precision: Literal["float32", "tf32", "bf16"]
    graph: bool
    sync_batch_norm: Literal["on", "off"]

    sample_every: int
    sample_count: int
    log_every: int
    log_norms: bool
    checkpoint_every: int
    keep: int
    evaluate_every: int
    evaluate_count: int
    classifier: str
    tensorboard: bool
    animation: bool

    # Of objectives.
    smoothing: float

    # Of optimisers.
    beta1: Scheduled
    beta2: Scheduled
    decay: Scheduled
    epsilon: float
    momentum: Scheduled
    nesterov: bool
    weight_decay: Scheduled
    clip_norm: Scheduled | None
    clip_value: Scheduled | None
