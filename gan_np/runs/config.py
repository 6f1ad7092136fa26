"""The configuration of a training: one object, behind `gn.train` and `gan-np train` alike.

Fields are settings that any training has. What the chosen model, objective and optimiser take beside them is read from their
constructors (`gan_np.constructors`) and stands in `options`; a configuration has those of what it chose and no others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from gan_np.constructors import Option, options_of
from gan_np.data import ranges
from gan_np.models.registered import MODELS, TRAINING, Training
from gan_np.objectives import OBJECTIVES
from gan_np.registry import build
from gan_np.training.algorithm import learning_rate_for

from .fields import BOUNDS, Fields
from .options import CONDITIONAL, options_for, owners, whose_option
from .suggestions import suggestions
from .values import check_bounds, plain, read_setting

ON_THE_CPU = {
    "bf16": ", also where it has instructions for bf16: they save less than fast convolution does (docs/cpu-kernels.md)"
}
"""Precision → why there is no such kernel for the CPU."""


@dataclass(frozen=True, init=False)
class Config(Fields):
    """Everything that defines a training, given by name: the fields that are listed below, and options.

    Options of the model, objective and optimiser are given beside the fields, `Config(model="gran", draw_steps=4)`, and read
    as attributes too.
    """

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
            object.__setattr__(self, field.name, read_setting(field.name, getattr(self, field.name), hints[field.name]))
        for name, check in BOUNDS.items():
            check_bounds(name, getattr(self, name), check)
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
            filled[name] = read_setting(name, options.get(name, option.default), option.kind)
        object.__setattr__(self, "options", filled)
        if self.precision != "float32" and self.device == "cpu":
            raise ValueError(
                f"precision: {self.precision!r} is that of a GPU's tensor cores; on the CPU (device='cpu') products are "
                f"computed in float32{ON_THE_CPU.get(self.precision, '')}"
            )

    def __getattr__(self, name: str) -> Any:
        options = self.__dict__.get("options", {})
        if name in options:
            return options[name]
        raise AttributeError(f"a configuration of {self.__dict__.get('model')!r} has no {name!r}")

    def __hash__(self) -> int:
        return hash(repr(self))

    def _unknown(self, name: str, known: Mapping[str, Option]) -> str:
        fields = [field.name for field in _FIELDS]
        names = fields + list(known)
        if name in fields:
            return f"options: {name!r} is a setting of every training; give it beside options, not within"
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
        """Return all options that this configuration has, by name.

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
        """Return the configuration that has these values by name, those of a TOML file for example.

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
        """This configuration, but with the model that `gan` is, and its learning rates where none are given."""
        recipe = gan.recipe
        model = recipe.get("model", "")
        model = model if model in MODELS else ""
        beside = self.options_beside_model()
        options = {name: value for name, value in self.options.items() if name in beside}
        if model:
            own = options_for("model", model)
            given = {one.name: recipe[one.name] for one in own if one.name in recipe}
            options |= {name: build(value) if isinstance(value, Mapping) else value for name, value in given.items()}
            if model == self.model and model in TRAINING:
                options |= {one.name: self.options[one.name] for one in options_of(TRAINING[model])}
            if recipe.get("classes") is not None and any(one is CONDITIONAL for one in own):
                options[CONDITIONAL.name] = True
        settings = self.settings() | {"model": model}
        for player in ("g", "d"):
            if settings[f"{player}_learning_rate"] is None and not settings[f"{player}_optimizer"]:
                settings[f"{player}_learning_rate"] = learning_rate_for(gan.data_shape, player)
        return Config(**settings, options=options)

    def settings(self) -> dict[str, Any]:
        """The fields by name, without the options."""
        return {field.name: getattr(self, field.name) for field in _FIELDS}

    def chosen_otherwise(self) -> dict[str, Any]:
        """The fields that are not at their default, by name."""
        defaults = {field.name: field.default for field in _FIELDS}
        return {name: value for name, value in self.settings().items() if value != defaults[name]}

    def of_stage(self, number: int) -> Config:
        """The configuration of a stage of the model: with what the model's own training has there in place of the run's."""
        training = self._training()
        changed = {} if training is None else training.stage_settings(number)
        return dataclasses.replace(self, **changed) if changed else self

    def _training(self) -> Training | None:
        """The settings that only the training of this model has."""
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
        if given.get("data") == "" and self.data:  # a stage of a run on data that were given has none
            raise ValueError("data: expected a name or a path, got an empty text")
        if self.instance_noise and self.instance_noise_steps is None and given.get("steps", self.steps) != self.steps:
            given["instance_noise_steps"] = self.steps
        return dataclasses.replace(self, **given)

    def differing(self, other: Config) -> list[str]:
        """The names of the settings that are not the same in another configuration, but for those that may change, and
        what `going_on` changes with them."""
        free = {*self.changeable(), *other.changeable(), "instance_noise_steps", *(self._unused() & other._unused())}
        names = dict.fromkeys([*(field.name for field in _FIELDS), *self.options, *other.options])
        return [name for name in names if name not in free and self.value(name) != other.value(name)]

    def _unused(self) -> set[str]:
        """The settings of optimisers that the players do not use, since they have optimisers of their own."""
        own = [player for player in ("g", "d") if getattr(self, f"{player}_optimizer")]
        return {f"{player}_learning_rate" for player in own} | ({"optimizer"} if len(own) == 2 else set())

    def value(self, name: str) -> Any:
        """A setting or an option as text or plain value; None where there is no such option."""
        return plain(getattr(self, name, None))

    def to_mapping(self) -> dict[str, Any]:
        """Names and plain values, without those that are None or empty (TOML has no null), and without those for images or
        vectors alone that have their default.

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
        unused = self._unused()
        some_data = {field.name for field in _FIELDS if field.metadata["some_data"]}
        for name in names:
            try:
                value = plain(getattr(self, name))
            except TypeError as error:
                raise TypeError(f"{name}: {error}") from error
            left_out = (
                value is None or name in unused or (value in ("", []) and plain(defaults.get(name)) in ("", [], None))
            )
            left_out |= name in some_data and getattr(self, name) == defaults[name]
            if name == "model" or not left_out:
                found[name] = value
        return found


_FIELDS = [field for field in dataclasses.fields(Config) if field.name != "options"]

Config.__doc__ = f"{Config.__doc__}\n" + "\n".join(
    f"    {field.name}: {field.metadata['help']} (default: {field.metadata['shown'] or repr(field.default)})"
    for field in _FIELDS
)

FORMAT = 2
"""The version of the form of config.toml; files of version 1 had the options of every model."""

CHANGEABLE = ("data", "labels", "steps", "device", "precision")
"""Settings that may be others when a run of any model goes on (see `Config.changeable`); data and
labels are only looked for in another place, their fingerprints must agree."""
