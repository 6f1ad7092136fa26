"""The configuration of a training: one object, behind `gn.train` and `gan-np train` alike.

Fields are settings that any training has. What the chosen model, objective and optimiser take beside them is read from their
constructors (`gan_np.constructors`) and stands in `options`; a configuration has those of what it chose and no others.
"""

# The functions that make fields give immutable defaults.
# ruff: noqa: RUF009

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_type_hints

from gan_np.bounds import COUNT, Check, maybe, real, whole
from gan_np.checks import shown
from gan_np.constructors import Option, checked, is_schedulable, options_of
from gan_np.data import ranges
from gan_np.expressions import parse, parse_list, write
from gan_np.models.registered import MODELS, NOT_STRUCTURE, TRAINING, Training, listed
from gan_np.objectives import OBJECTIVES
from gan_np.optimizers import OPTIMIZERS
from gan_np.penalties import PENALTIES
from gan_np.registry import Registry
from gan_np.schedules import SCHEDULES, Schedule, scheduled
from gan_np.training.algorithm import D_LEARNING_RATE, G_LEARNING_RATE

from .suggestions import suggestions

Scalar: TypeAlias = float | Schedule
"""A number, or a schedule; in a file and on the command line a schedule is text (`gan_np.expressions`)."""


def _option(default: Any, group: str, help: str, shown: str | None = None) -> Any:
    """shown: the default in words, where it depends on other fields."""
    return dataclasses.field(default=default, metadata={"group": group, "help": help, "shown": shown})


@dataclass(frozen=True, init=False)
class Config:
    """Everything that defines a training. `help(gan_np.runs.Config)` or `gan-np train --help` explain each field.

    Options of the model, objective and optimiser are given beside the fields, `Config(model="gran", draw_steps=4)`, and read
    as attributes too.
    """

    data: str = _option(
        "",
        "Data",
        "Images: mnist-5k, mnist, fashion-mnist, cifar10, or the path of a folder, an .npy, .npz or IDX file.",
        shown="mnist-5k",
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
    model: str = _option(
        "dcgan", "Model", "The pair of networks; its own options are listed by --model NAME --help.", shown="dcgan"
    )
    init_from: str = _option(
        "", "Model", "Start with the networks of this run or checkpoint, in place of new ones; all else starts afresh."
    )
    objective: Any = _option("non-saturating", "Game", "What the players minimise; with arguments: NAME(…).")
    d_steps: int = _option(1, "Game", "k: updates of D for each update of G.")
    r1: Scalar = _option(
        0.0, "Game", "γ of the penalty γ/2·E‖∇D(x)‖² on real images; needs a D without batch statistics."
    )
    penalties: Any = _option("", "Game", "Penalties on D's slope, as in: r1(10), r2(10), wasserstein(10).")
    clip_weights: Scalar | None = _option(None, "Game", "Keep every weight of D within ± this (wasserstein: 0.01).")
    instance_noise: Scalar = _option(
        0.0, "Game", "Gaussian noise of this deviation on all that D sees, falling to 0 over the training."
    )
    instance_noise_steps: int | None = _option(
        None,
        "Game",
        "Steps over which instance noise falls to 0, if other than steps (a run that goes on for longer keeps its own).",
    )
    share_noise: bool = _option(False, "Game", "G learns from D's last fake batch instead of a fresh one (faster).")

    optimizer: str = _option("adam", "Optimiser", "For both players.")
    g_optimizer: Any = _option("", "Optimiser", "For G alone, with its learning rate: rmsprop(cosine(5e-5, 0, 1000)).")
    d_optimizer: Any = _option("", "Optimiser", "For D alone, with its learning rate.")
    g_learning_rate: Scalar = _option(G_LEARNING_RATE, "Optimiser", "Learning rate of G.")
    d_learning_rate: Scalar = _option(D_LEARNING_RATE, "Optimiser", "Learning rate of D.")
    learning_rate_decay: float = _option(1.0, "Optimiser", "Divide both rates by this at every update (1: never).")
    average_decay: Scalar = _option(0.998, "Optimiser", "Decay of the average of G's weights (0: none).")

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

    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Of the model, the objective and the optimiser, by name."""

    def __init__(self, *, options: Mapping[str, Any] | None = None, **values: Any) -> None:
        self._fill(dict(options or {}), values, older=False)

    def _fill(self, options: dict[str, Any], values: dict[str, Any], *, older: bool) -> None:
        """older: what belongs to other models, objectives and optimisers is passed over."""
        for field in _FIELDS:
            object.__setattr__(self, field.name, values.pop(field.name, field.default))
        hints = get_type_hints(type(self))
        for field in _FIELDS:
            object.__setattr__(self, field.name, _setting(field.name, getattr(self, field.name), hints[field.name]))
        for name, check in BOUNDS.items():
            _bounded(name, getattr(self, name), check)
        ranges.checked("value_range", self.value_range)
        known = self.known_options()
        options |= values
        unknown = [name for name in options if name not in known]
        if older:
            unknown = [name for name in unknown if name not in owners()]
        if unknown:
            raise ValueError(self._unknown(unknown[0], known))
        filled = {}
        for name, option in known.items():
            filled[name] = _setting(name, options.get(name, option.default), option.kind)
        object.__setattr__(self, "options", filled)
        if self.precision != "float32" and self.device == "cpu":
            raise ValueError(
                f"precision: {self.precision!r} is that of a GPU's tensor cores; on the CPU (device='cpu') products are "
                "computed in float32"
            )

    def __getattr__(self, name: str) -> Any:
        options = self.__dict__.get("options", {})
        if name in options:
            return options[name]
        raise AttributeError(f"a configuration of {self.__dict__.get('model')!r} has no {name!r}")

    def __hash__(self) -> int:
        return hash(repr(self))

    def _unknown(self, name: str, known: Mapping[str, Option]) -> str:
        names = [field.name for field in _FIELDS] + list(known)
        whose = whose_option(name)
        if whose:
            chosen = ", ".join(f"{kind} {owner!r}" for kind, owner in self.chosen().items())
            return f"{name}: belongs to {whose}; here are {chosen}, with {', '.join(known) or 'no options'}"
        near = " or ".join(map(repr, suggestions(name, names)))
        hint = f"; did you mean {near}?" if near else f"; there are {', '.join(names)}"
        return f"configuration: unknown name {name!r}{hint}"

    def chosen(self) -> dict[str, str]:
        """The registered names whose options a configuration has, by kind."""
        found = {"model": self.model} if self.model else {}
        if isinstance(self.objective, str) and self.objective in OBJECTIVES:
            found["objective"] = self.objective
        if not (self.g_optimizer and self.d_optimizer):
            found["optimizer"] = self.optimizer
        return found

    def known_options(self) -> dict[str, Option]:
        """All options that this configuration has, by name.

        Raises:
            ValueError: two of them have one name, or the name of a field.
        """
        found: dict[str, Option] = {}
        taken = {field.name for field in _FIELDS}
        for kind, name in self.chosen().items():
            for option in options_for(kind, name):
                if option.name in taken:
                    raise ValueError(
                        f"{kind}: {name!r} has an option {option.name!r}, which another setting is called too"
                    )
                taken.add(option.name)
                found[option.name] = option
        return found

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, older: bool = False) -> Config:
        """From names and values (a TOML file's, say).

        older: the values are those of a run that an earlier version wrote, with options of models that were not chosen.

        Raises:
            ValueError: an unknown name, with the nearest known one; a value outside its range.
            TypeError: a value of the wrong type.
        """
        made = cls.__new__(cls)
        values = {name: value for name, value in values.items() if name != "format"}
        made._fill(dict(values.pop("options", {})), values, older=older)
        return made

    @classmethod
    def from_file(cls, values: Mapping[str, Any]) -> Config:
        """From what `to_file` wrote, or an earlier version of it: the settings of a run."""
        return cls.from_mapping(values, older=values.get("format", 1) == 1)

    def to_file(self) -> dict[str, Any]:
        """As `to_mapping`, with the number of the form in which runs keep it."""
        return {"format": FORMAT, **self.to_mapping()}

    def of(self, gan: Any) -> Config:
        """This configuration, but with the model that `gan` is."""
        recipe = gan.recipe
        model = recipe.get("model", "")
        model = model if model in MODELS else ""
        beside = self.options_beside_model()
        options = {name: value for name, value in self.options.items() if name in beside}
        if model:
            own = options_for("model", model)
            options |= {one.name: recipe[one.name] for one in own if one.name in recipe}
            if model == self.model and model in TRAINING:
                options |= {one.name: self.options[one.name] for one in options_of(TRAINING[model])}
            if recipe.get("classes") is not None and any(one is CONDITIONAL for one in own):
                options[CONDITIONAL.name] = True
        return Config(**self.settings() | {"model": model}, options=options)

    def settings(self) -> dict[str, Any]:
        """The fields by name, without the options."""
        return {field.name: getattr(self, field.name) for field in _FIELDS}

    def of_stage(self, number: int) -> Config:
        """The configuration of a stage of the model: with what the model's own training has there in place of the run's."""
        training = self._training()
        changed = {} if training is None else training.stage_settings(number)
        return dataclasses.replace(self, **changed) if changed else self

    def _training(self) -> Training | None:
        """What the training of the model has of its own."""
        kind = TRAINING.get(self.model)
        return None if kind is None else kind(**{one.name: self.options[one.name] for one in options_of(kind)})

    def changeable(self) -> tuple[str, ...]:
        """The names of the settings that may be others when the run goes on: `CHANGEABLE`, and what the model's training
        allows."""
        kind = TRAINING.get(self.model)
        return (*CHANGEABLE, *(() if kind is None else kind.changeable))

    def options_beside_networks(self) -> set[str]:
        """The names of the options that are not the model's structure: of its training, the objective and the optimiser."""
        kind = TRAINING.get(self.model)
        return self.options_beside_model() | {one.name for one in (() if kind is None else options_of(kind))}

    def options_beside_model(self) -> set[str]:
        """The names of the options of the objective and the optimiser."""
        chosen = self.chosen()
        chosen.pop("model", None)
        return {option.name for kind, name in chosen.items() for option in options_for(kind, name)}

    def going_on(self, **changes: Any) -> Config:
        """The configuration with which a run goes on; of `changes` those that are None leave things as they are.

        What was planned over `steps` stays as it was planned when there are more of them: without that instance noise
        would jump back to where it was long before.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if self.instance_noise and self.instance_noise_steps is None and given.get("steps", self.steps) != self.steps:
            given["instance_noise_steps"] = self.steps
        return dataclasses.replace(self, **given)

    def differing(self, other: Config) -> list[str]:
        """The names of the settings that are not the same in another configuration, but for those that may change, and
        what `going_on` changes with them."""
        free = {*self.changeable(), *other.changeable(), "instance_noise_steps"}
        names = dict.fromkeys([*(field.name for field in _FIELDS), *self.options, *other.options])
        return [name for name in names if name not in free and self.value(name) != other.value(name)]

    def value(self, name: str) -> Any:
        """A setting or an option as text or plain value; None where there is no such option."""
        return _plain(getattr(self, name, None))

    def to_mapping(self) -> dict[str, Any]:
        """Names and plain values, without those that are None or empty (TOML has no null).

        Raises:
            TypeError: an object of a class that is not registered, which no file can name.
        """
        settings = [field.name for field in _FIELDS]
        place = settings.index("model") + 1
        of_model = [option.name for option in options_for("model", self.model)] if self.model else []
        names = [
            *settings[:place],
            *of_model,
            *settings[place:],
            *(name for name in self.options if name not in of_model),
        ]
        found: dict[str, Any] = {}
        defaults = {field.name: field.default for field in _FIELDS}
        for name in names:
            try:
                value = _plain(getattr(self, name))
            except TypeError as error:
                raise TypeError(f"{name}: {error}") from error
            left_out = value is None or (value in ("", []) and _plain(defaults.get(name)) in ("", [], None))
            if name == "model" or not left_out:
                found[name] = value
        return found


_FIELDS = [field for field in dataclasses.fields(Config) if field.name != "options"]

FORMAT = 2
"""Of config.toml: 1 had the options of every model."""

REGISTRIES = {"model": MODELS, "objective": OBJECTIVES, "optimizer": OPTIMIZERS}
"""Where the names of settings are looked up."""

_OWN = {"model": ("image_shape", "classes", *NOT_STRUCTURE), "objective": (), "optimizer": ("learning_rate",)}
"""Arguments that the data and other settings give."""

CONDITIONAL = Option("conditional", bool, False, "Give the images' labels to both players.")
"""Of a model that may be conditional on labels: whether it is."""


def arguments_for(kind: str, name: str) -> list[Option]:
    """What the constructor of a registered model, objective or optimiser takes from the options.

    Raises:
        ValueError: it is not registered.
    """
    return options_of(REGISTRIES[kind][name], _OWN[kind])


def options_for(kind: str, name: str) -> list[Option]:
    """The options of a registered model, objective or optimiser: its constructor's arguments, and what training it takes.

    Raises:
        ValueError: it is not registered.
    """
    found = arguments_for(kind, name)
    if kind == "model":
        classes = inspect.signature(MODELS[name]).parameters.get("classes")
        if classes is not None and classes.default is None:
            found.append(CONDITIONAL)
        if name in TRAINING:
            found += options_of(TRAINING[name])
    return found


def owners() -> dict[str, list[tuple[str, str]]]:
    """Every option of everything registered, and whose it is."""
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, registry in REGISTRIES.items():
        for name in listed() if kind == "model" else registry:
            for option in options_for(kind, name):
                found.setdefault(option.name, []).append((kind, name))
    return found


def whose_option(name: str) -> str:
    """Whose option this is, in words; empty where it is nobody's."""
    return " or ".join(f"{kind} {owner!r}" for kind, owner in owners().get(name, []))


def _setting(name: str, value: Any, kind: Any) -> Any:
    """A setting as it is kept: text of objects and schedules is parsed once, to say at once what is wrong with it."""
    if name in REGISTRIES:
        return _named(name, value, REGISTRIES[name])
    if name in ("g_optimizer", "d_optimizer"):
        return _object(name, value, OPTIMIZERS) if value else ""
    if name == "penalties":
        return tuple(parse_list(name, value, PENALTIES, SCHEDULES)) if isinstance(value, str) else tuple(value)
    if isinstance(value, str) and is_schedulable(kind):
        return parse(name, value, SCHEDULES, SCHEDULES)
    return checked(name, value, kind)


def _named(name: str, value: Any, registry: Registry) -> Any:
    """A registered name, or (of an objective) an object."""
    if name == "model" and value == "":
        return value  # put together by hand: checkpoints have its structure
    if not isinstance(value, str):
        if name == "objective" and value is not None:
            return _object(name, value, registry)
        raise TypeError(f"{name}: expected a name, got {shown(value)}")
    known = registry.spelled(value)
    if known is not None:
        return known
    if name == "objective" and "(" in value:
        return _object(name, value, registry)
    names = listed() if name == "model" else list(registry)
    near = suggestions(value, names)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"{name}: expected one of {', '.join(names)}, got {shown(value)}{hint} (one of your own: give --import FILE, or "
        "import the module that registers it)"
    )


def _object(name: str, value: Any, registry: Registry) -> Any:
    if isinstance(value, str):
        return parse(name, value, registry, SCHEDULES)
    if isinstance(value, type):
        raise TypeError(f"{name}: expected a name or an object, got the class {value.__name__}: call it")
    return value


def _plain(value: Any) -> Any:
    """As TOML has it: objects as text."""
    if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        return list(value)
    if isinstance(value, tuple):
        return ", ".join(map(write, value))
    return value if value is None or isinstance(value, bool | int | float | str) else write(value)


def _bounded(name: str, value: Any, check: Check) -> None:
    if callable(value):
        scheduled(name, value)
        value = value(0)
    check(name, value)


CHANGEABLE = ("data", "steps", "device", "precision")
"""Settings that may be others when a run of any model goes on (see `Config.changeable`); data are only looked for in another
place, their fingerprint must agree."""

_STEPS, _EVERY, _HUGE = whole(1, COUNT), whole(0, COUNT), 1e30

BOUNDS: dict[str, Check] = {
    "image_size": maybe(whole(1, 4096)),
    "d_steps": whole(1, 1 << 20),
    "r1": real(0.0, _HUGE),
    "clip_weights": maybe(real(most=_HUGE, above=0.0)),
    "instance_noise": real(0.0, _HUGE),
    "instance_noise_steps": maybe(_STEPS),
    "g_learning_rate": real(most=_HUGE, above=0.0),
    "d_learning_rate": real(most=_HUGE, above=0.0),
    "learning_rate_decay": real(1.0, _HUGE),
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
"""What each number of a configuration may be; options have the bounds of the constructors that take them."""
