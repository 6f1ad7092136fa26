"""One flag for each setting and option of a configuration: type, help text, group and default come from there.

Settings are the same for all trainings. The options of a model, an objective and an optimiser are those of the chosen ones:
the command line is looked through for their names before it is parsed.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_type_hints

import typer

from gan_np.constructors import Option, choices_of, is_schedulable, is_sequence, kinds_of
from gan_np.files import read_toml
from gan_np.models.registered import listed
from gan_np.runs.config import Config
from gan_np.runs.hinting import worded
from gan_np.runs.options import REGISTRIES, options_for, owners, whose_option
from gan_np.runs.presets import PRESETS
from gan_np.runs.presets import preset as find_preset
from gan_np.runs.values import read_setting

from .usage import USAGE_ERROR, Command, checking_options, parameters_of, values_in, wrong_option

Function = TypeVar("Function", bound=Callable[..., None])

GROUPS = {"model": "Options of model", "objective": "Options of objective", "optimizer": "Options of optimiser"}
NAMED = dict.fromkeys((*REGISTRIES, "g_optimizer", "d_optimizer", "penalties", "image_size"), str)
"""Settings that are text on the command line, whatever else they may be in Python."""


def with_config_flags(command: Function) -> Function:
    """Replace a command's `**flags` by the fields of `Config`; a flag that was not given is None."""
    hints = get_type_hints(Config)
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    flags = []
    for field in dataclasses.fields(Config):
        if field.name == "options":
            continue
        default = field.metadata["shown"] or ("none" if field.default in (None, "") else str(field.default).lower())
        choices = choices_of(hints[field.name])
        named = f" One of: {', '.join(map(str, choices))}." if choices else ""
        if field.name in REGISTRIES:
            named = f" One of: {', '.join(listed() if field.name == 'model' else REGISTRIES[field.name])}."
        kind, metavar = _typed(NAMED.get(field.name, hints[field.name]))
        option = typer.Option(
            help=f"{field.metadata['help']}{named} [dim]\\[{default}][/dim]",
            metavar="NAME" if field.name in REGISTRIES or (choices and isinstance(choices[0], str)) else metavar,
            rich_help_panel=field.metadata["group"],
            show_default=False,
        )
        annotation = Annotated[kind | None, option]  # type: ignore[valid-type]
        flags.append(inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))

    @functools.wraps(command)
    def configured(**given: Any) -> None:
        command(**given, **_chosen.get() or {})

    configured.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    configured.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *flags]}
    return cast(Function, configured)


_chosen: ContextVar[dict[str, Any] | None] = ContextVar("gan_np_chosen_options", default=None)
"""The options of what the command line chose; typer hands a command only what its signature has."""


def _typed(kind: Any) -> tuple[Any, str | None]:
    """The type of a flag, and how help shows its value."""
    if is_schedulable(kind):
        return str, "NUMBER"
    if any(map(is_sequence, kinds_of(kind))):
        return str, "NAMES"
    return kind, None


class ConfiguredCommand(Command):
    """A command whose flags are the fields of `Config`, and the options of what the command line chooses."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.settings = list(self.params)
        self.names: list[str] = []

    def prepare(self, args: list[str]) -> None:
        """Adds the options of the chosen model, objective and optimiser, which a file that is imported may register."""
        super().prepare(args)
        chosen = _options_chosen(args)
        self.names = [parameter.name for parameter in chosen]
        self.params = [*self.settings, *chosen]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As any command; an option of what was not chosen is named with whose it is."""
        words = list(args)  # which Click takes from the list as it parses them
        try:
            return super().parse_args(ctx, args)
        except USAGE_ERROR as error:
            name = str(getattr(error, "option_name", "")).removeprefix("--").removeprefix("no-").replace("-", "_")
            if whose_option(name) and _last(words, "--init-from"):
                raise wrong_option(f"{name}: the networks come from --init-from as they are; leave it out") from None
            _check_choices(words)  # a misspelt choice is the reason why its options are not known
            if whose := whose_option(name):
                raise wrong_option(f"{name}: belongs to {whose}, which this command line does not choose") from None
            raise

    def invoke(self, ctx: Any) -> Any:
        """Options go beside what typer knows of, and hints are worded with flags, while the command runs."""
        wording = worded.set(as_flags)
        token = _chosen.set({name: ctx.params.pop(name) for name in self.names if name in ctx.params})
        try:
            return super().invoke(ctx)
        finally:
            _chosen.reset(token)
            worded.reset(wording)


def _options_chosen(args: list[str]) -> list[Any]:
    file, run = _last(args, "--config"), _last(args, "--resume")
    values: dict[str, Any] = {}
    if run is not None:
        file = str(Path(run) / "config.toml")  # what the run chose: some of its options may be others when it goes on
    if file is not None and Path(file).is_file():
        values = read_toml(Path(file))
    values = PRESETS[name].settings(1, 2) | values if (name := _last(args, "--preset")) in PRESETS else values
    found: dict[str, Any] = {}
    for kind, registry in REGISTRIES.items():
        if kind == "model" and _last(args, "--init-from"):
            continue  # its structure is that of the other run
        name = _last(args, f"--{kind}") or values.get(kind, getattr(Config, kind))
        chosen = registry.spelled(name) if isinstance(name, str) else None
        if chosen is not None:
            for option in options_for(kind, chosen):
                found.setdefault(option.name, _flag(option, f"{GROUPS[kind]} {chosen}"))
    return parameters_of(*found.values())


def _check_choices(args: list[str]) -> None:
    """Refuse a preset, a model, an objective or an optimiser that there is not, in a command line that is not parsed yet."""
    with checking_options():
        if preset := _last(args, "--preset"):
            find_preset(preset)
        for kind in REGISTRIES:
            if chosen := _last(args, f"--{kind}"):
                read_setting(kind, chosen, str)


def _last(args: list[str], option: str) -> str | None:
    """The value that counts of an option in a command line that is not parsed yet."""
    return next(reversed(values_in(args, option)), None)


def _flag(option: Option, group: str) -> inspect.Parameter:
    """An option of a constructor as a flag; None where it was not given."""
    choices = choices_of(option.kind)
    kind, metavar = _typed(option.kind)
    text = option.help.replace("`", "")
    text = text[:1].upper() + text[1:] if text[1:2].isalpha() else text  # not the formula of a symbol
    listed = "" if all(str(choice) in text for choice in choices) else f" One of: {', '.join(map(str, choices))}."
    default = option.default
    shown = "needed" if option.required else "none" if default in (None, "", ()) else str(default).lower()
    setting = typer.Option(
        help=f"{text}{listed} [dim]\\[{shown}][/dim]",
        metavar="NAME" if choices and isinstance(choices[0], str) else metavar,
        rich_help_panel=group,
        show_default=False,
    )
    annotation = Annotated[kind | None, setting]  # type: ignore[valid-type]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def settings_of(flags: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given as flags; those that may be schedules as numbers, where they are numbers."""
    hints = get_type_hints(Config)
    flags = given(flags)
    found = dict(flags)
    for name, value in flags.items():
        if isinstance(value, str) and (name not in hints or is_schedulable(hints[name])):
            try:
                found[name] = float(value)
            except ValueError:
                continue
    return found


def resolve(file: Path | None, flags: dict[str, Any], preset: str | None = None) -> Config:
    """The configuration: flags that were given, over the file, over the preset, over the defaults.

    Raises:
        ValueError, TypeError: something in the file is wrong.
        typer.BadParameter: a flag is, by itself or beside the others.
    """
    from gan_np.runs.build import check_settings
    from gan_np.runs.contradictions import refuse_overruled
    from gan_np.runs.folder import of_file
    from gan_np.runs.resolving import resolved

    values: dict[str, Any] = {}
    if file is not None:
        values = read_toml(file)
        if preset is None:
            with of_file(file):
                check_settings(Config.from_mapping(values))
    with checking_options():
        refuse_overruled(Config.from_mapping(values).chosen_otherwise() if file else {}, given(flags))
        return resolved(values | settings_of(flags), preset)


def as_flags(text: str) -> str:
    """Advice with settings as Python writes them, `packing=2` or `d_learning_rate`, as the flags that are typed.

    >>> as_flags('try packing=2, minibatch_deviation=True or penalties="r1(10)", or a lower g_learning_rate')
    'try --packing 2, --minibatch-deviation or --penalties "r1(10)", or a lower --g-learning-rate'
    """

    def flag(found: re.Match[str]) -> str:
        name, value = found["name"], found["value"]
        if name not in known or (value is None and "_" not in name):
            return found[0]
        words = f"--{name.replace('_', '-')}"
        if value is None or value == "True":
            return words
        return f"{words} {value[1:-1] if re.fullmatch(r'.[a-z0-9-]+.', value) and value[0] == chr(34) else value}"

    known = {field.name for field in dataclasses.fields(Config)} | set(owners())
    return re.sub(r'(?<![\w.-])(?P<name>[a-z][a-z0-9_]*)(?:=(?P<value>"[^"]*"|[\w.]*\w))?', flag, text)


def given(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given."""
    return {name: value for name, value in flags.items() if value is not None}
