"""The configuration of a training: one typed object, behind `gn.train` and `gan-np train` alike."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from gan_np.bounds import COUNT, Check, maybe, real, whole
from gan_np.checks import shown
from gan_np.data import ranges

from .suggestions import suggestions


def _option(default: Any, group: str, help: str, shown: str | None = None) -> Any:
    """shown: the default in words, where it depends on other fields."""
    return dataclasses.field(default=default, metadata={"group": group, "help": help, "shown": shown})


D_NORMS = {"residual": "spectral"}
"""Model → what normalises its D if nothing else is said; "batch" for all others."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that defines a training. `help(gan_np.runs.Config)` or `gan-np train --help` explain each field."""

    data: str = _option(
        "mnist-5k",
        "Data",
        "Images: mnist-5k, mnist, fashion-mnist, cifar10, or the path of a folder, an .npy, .npz or IDX file.",
    )
    image_size: int | None = _option(None, "Data", "Resize and crop images to squares of this side.")
    channels: Literal[1, 3, 4] | None = _option(None, "Data", "Convert images to grey (1), RGB (3) or RGBA (4).")

    value_range: str | None = _option(
        None,
        "Data",
        "LOW..HIGH: the values that are black and white, as in 0..4095 (bytes: as they are; others: by a rule).",
    )
    split: Literal["train", "all"] = _option(
        "train", "Data", "all: folders called train, test, … are no parts of the data set but classes."
    )
    skip_broken: bool = _option(False, "Data", "Leave out image files that cannot be read, with a warning.")
    flip: bool = _option(False, "Data", "Mirror each real image left to right with probability one half.")
    augment: str = _option(
        "", "Data", "What D sees changed at random, for small data: some of colour,translation,cutout."
    )

    model: Literal["dcgan", "mlp", "conditional-dcgan", "gran", "lapgan", "infogan", "residual"] = _option(
        "dcgan", "Model", "The pair of networks."
    )
    latent_dim: int = _option(64, "Model", "Size of z.")
    latent: Literal["normal", "uniform", "uniform-unit-variance"] = _option("normal", "Model", "Distribution of z.")
    width: int = _option(32, "Model", "dcgan: channels of D's first layer; each further one has twice as many.")
    kernel_size: Literal[4, 5] = _option(4, "Model", "dcgan: size of the convolution kernels.")
    d_norm: Literal["batch", "none", "spectral"] | None = _option(
        None,
        "Model",
        "What normalises D: batch statistics, nothing, or the spectral norm of its weights (residual: not batch).",
        shown="batch; residual: spectral",
    )
    levels: int = _option(2, "Model", "lapgan: how often the images are halved.")
    coarsest_steps: int | None = _option(
        None,
        "Model",
        "lapgan: updates of the coarsest G, if other than steps (they are cheap and decide what is drawn).",
    )
    conditional: bool = _option(False, "Model", "lapgan: give the images' labels to both players of every level.")
    minibatch_deviation: bool = _option(False, "Model", "residual: show D how much a batch varies.")
    draw_steps: int = _option(3, "Model", "gran: how often the generator adds to its canvas.")
    categories: int = _option(10, "Model", "infogan: values of the categorical code.")
    continuous: int = _option(2, "Model", "infogan: how many continuous codes.")
    information: float = _option(1.0, "Model", "infogan: λ, the weight of reading the codes back.")
    condition: Literal["planes", "embedding"] = _option(
        "planes", "Model", "conditional-dcgan: how labels enter, one-hot or through a learnt embedding."
    )
    hidden: int = _option(1200, "Model", "mlp, lapgan's coarsest level: units of the hidden layers.")

    objective: Literal["non-saturating", "minimax", "least-squares", "hinge", "wasserstein"] = _option(
        "non-saturating", "Game", "What the players minimise."
    )
    smoothing: float = _option(0.0, "Game", "One-sided label smoothing: the target of real images is 1 minus this.")
    d_steps: int = _option(1, "Game", "k: updates of D for each update of G.")
    r1: float = _option(0.0, "Game", "γ of the penalty γ/2·E‖∇D(x)‖² on real images; needs d_norm none or spectral.")
    clip_weights: float | None = _option(None, "Game", "Keep every weight of D within ± this (wasserstein: 0.01).")
    instance_noise: float = _option(
        0.0, "Game", "Gaussian noise of this deviation on all that D sees, falling to 0 over the training."
    )
    instance_noise_steps: int | None = _option(
        None,
        "Game",
        "Steps over which instance noise falls to 0, if other than steps (a run that goes on for longer keeps its own).",
    )
    packing: int = _option(1, "Game", "How many images D judges together (PacGAN).")
    share_noise: bool = _option(False, "Game", "G learns from D's last fake batch instead of a fresh one (faster).")

    optimizer: Literal["adam", "sgd", "rmsprop"] = _option("adam", "Optimiser", "For both players.")
    g_learning_rate: float = _option(2e-3, "Optimiser", "Learning rate of G.")
    d_learning_rate: float = _option(5e-4, "Optimiser", "Learning rate of D.")
    detail_g_learning_rate: float = _option(
        1e-3,
        "Optimiser",
        "lapgan: learning rate of G in the levels that add detail (2e-4 for photographs, whose detail is fainter).",
    )
    detail_d_learning_rate: float = _option(
        5e-4, "Optimiser", "lapgan: learning rate of D in those levels (1e-3 for photographs)."
    )
    learning_rate_decay: float = _option(1.0, "Optimiser", "Divide both rates by this at every update (1: never).")
    beta1: float = _option(0.5, "Optimiser", "adam: decay of the first moment.")
    beta2: float = _option(0.999, "Optimiser", "adam: decay of the second moment.")
    momentum: float = _option(0.0, "Optimiser", "sgd, rmsprop: momentum.")
    weight_decay: float = _option(0.0, "Optimiser", "L2 penalty on weights (not on biases and scales).")
    clip_norm: float | None = _option(None, "Optimiser", "Scale each player's gradient down to this norm.")
    average_decay: float = _option(0.998, "Optimiser", "Decay of the average of G's weights (0: none).")

    steps: int = _option(2500, "Training", "Updates of G.")
    batch_size: int = _option(32, "Training", "Images in each batch.")
    seed: int = _option(0, "Training", "Of weights, data order and noise: same seed, same bits.")
    kernels: str = _option("", "Training", "Force kernels by name: operation=kernel,… (kept with the run).")
    tuned: str = _option("", "Training", "A file of gan-np tune: which kernels are fastest here (kept with the run).")
    device: str = _option("cpu", "Training", "cpu, cuda or cuda:N.")
    precision: Literal["float32", "tf32", "bf16"] = _option(
        "float32",
        "Training",
        "On a GPU: what products of matrices round their factors to, for tensor cores (weights stay in float32).",
    )
    graph: bool = _option(True, "Training", "On a GPU: capture the step as a CUDA graph, where that can be done.")

    sample_every: int = _option(250, "Output", "Steps between sample grids (0: none).")
    sample_count: int = _option(64, "Output", "Images in a grid.")
    log_every: int = _option(1, "Output", "Steps between lines in the log.")
    log_norms: bool = _option(False, "Output", "Log the norm of each layer's gradient and weights too.")
    checkpoint_every: int = _option(500, "Output", "Steps between checkpoints (0: only at the end).")
    keep: int = _option(2, "Output", "How many of the newest checkpoints are kept, beside the best.")
    evaluate_every: int = _option(
        0, "Output", "Steps between evaluations, written to the log and drawn in evaluation.png (0: none)."
    )
    evaluate_count: int = _option(1000, "Output", "Samples in an evaluation, and as many real images.")
    classifier: str = _option(
        "", "Output", "A file of gan-np train-classifier whose features evaluations read (without it: pixels)."
    )
    tensorboard: bool = _option(False, "Output", "Write TensorBoard event files too (needs tensorboardX).")
    animation: bool = _option(True, "Output", "Write training.gif from the sample grids at the end.")

    def __post_init__(self) -> None:
        if self.d_norm is None:
            object.__setattr__(self, "d_norm", D_NORMS.get(self.model, "batch"))
        for name, kind in get_type_hints(type(self)).items():
            _check_type(name, getattr(self, name), kind)
        for name, check in BOUNDS.items():
            check(name, getattr(self, name))
        ranges.checked("value_range", self.value_range)
        if self.precision != "float32" and self.device == "cpu":
            raise ValueError(
                f"precision: {self.precision!r} is that of a GPU's tensor cores; on the CPU (device='cpu') products are "
                "computed in float32"
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Config:
        """From names and values (a TOML file's, say).

        Raises:
            ValueError: an unknown name, with the nearest known one; a value outside its range.
            TypeError: a value of the wrong type.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                near = " or ".join(map(repr, suggestions(name, known)))
                hint = f"; did you mean {near}?" if near else f"; there are {', '.join(known)}"
                raise ValueError(f"configuration: unknown name {name!r}{hint}")
        return cls(**values)

    def going_on(self, **changes: Any) -> Config:
        """The configuration with which a run goes on; of `changes` those that are None leave things as they are.

        What was planned over `steps` stays as it was planned when there are more of them: without that instance noise
        would jump back to where it was long before.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if self.instance_noise and self.instance_noise_steps is None and given.get("steps", self.steps) != self.steps:
            given["instance_noise_steps"] = self.steps
        return dataclasses.replace(self, **given)

    def differing(self, other: Config, changeable: Collection[str]) -> list[str]:
        """The names of the settings that are not the same in another configuration, but for those that may change."""
        names = (field.name for field in dataclasses.fields(self))
        return [name for name in names if name not in changeable and getattr(self, name) != getattr(other, name)]

    def to_mapping(self) -> dict[str, Any]:
        """Names and values, without those that are None (TOML has no null)."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


CHANGEABLE = ("data", "steps", "device", "precision")
"""Fields that may be others when a run goes on; data are only looked for in another place, their fingerprint must agree."""

_STEPS, _EVERY, _SIZE, _HUGE = whole(1, COUNT), whole(0, COUNT), whole(1, 1 << 20), 1e30

BOUNDS: dict[str, Check] = {
    "image_size": maybe(whole(1, 4096)),
    "latent_dim": _SIZE,
    "width": _SIZE,
    "levels": whole(1, 12),
    "coarsest_steps": maybe(_STEPS),
    "draw_steps": whole(1, 100),
    "categories": whole(2, 1 << 20),
    "continuous": whole(0, 1 << 20),
    "information": real(0.0, _HUGE),
    "hidden": _SIZE,
    "smoothing": real(0.0, _HUGE),
    "d_steps": whole(1, 1 << 20),
    "r1": real(0.0, _HUGE),
    "clip_weights": maybe(real(most=_HUGE, above=0.0)),
    "instance_noise": real(0.0, _HUGE),
    "instance_noise_steps": maybe(_STEPS),
    "packing": whole(1, 256),
    "g_learning_rate": real(most=_HUGE, above=0.0),
    "d_learning_rate": real(most=_HUGE, above=0.0),
    "detail_g_learning_rate": real(most=_HUGE, above=0.0),
    "detail_d_learning_rate": real(most=_HUGE, above=0.0),
    "learning_rate_decay": real(1.0, _HUGE),
    "beta1": real(0.0, 1.0),
    "beta2": real(0.0, 1.0),
    "momentum": real(0.0, _HUGE),
    "weight_decay": real(0.0, _HUGE),
    "clip_norm": maybe(real(most=_HUGE, above=0.0)),
    "average_decay": real(0.0, 1.0),
    "steps": _STEPS,
    "batch_size": whole(2, 1 << 24),
    "seed": whole(0, (1 << 128) - 1),
    "sample_every": _EVERY,
    "sample_count": whole(1, 1 << 20),
    "log_every": _STEPS,
    "checkpoint_every": _EVERY,
    "keep": _STEPS,
    "evaluate_every": _EVERY,
    "evaluate_count": whole(20, 1 << 30),
}
"""What each number of a configuration may be. What a structure is made of has the bounds of a recipe, so that what was
trained can be read back; how long a training may be is the user's affair."""


def _check_type(name: str, value: Any, kind: Any) -> None:
    options = get_args(kind) if get_origin(kind) in (typing.Union, _UNION) else (kind,)
    if value is None and type(None) in options:
        return
    for option in options:
        if get_origin(option) is Literal:
            if value in get_args(option) and not isinstance(value, bool):
                return
            near = difflib.get_close_matches(shown(value, str), map(str, get_args(option)), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"{name}: expected one of {', '.join(map(str, get_args(option)))}, got {shown(value)}{hint}"
            )
        if option is float and isinstance(value, int | float) and not isinstance(value, bool):
            return
        if isinstance(option, type) and isinstance(value, option) and isinstance(value, bool) == (option is bool):
            return
    expected = " or ".join("nothing" if option is type(None) else option.__name__ for option in options)
    raise TypeError(f"{name}: expected {expected}, got {shown(value)}")


_UNION = type(int | str)
