"""One flag for each field of the configuration: type, help text, group and default come from there."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

from gan_np.files import read_toml
from gan_np.runs.config import Config

from .usage import checking_options

Command = TypeVar("Command", bound=Callable[..., None])


def with_config_flags(command: Command) -> Command:
    """Replace a command's `**flags` by the fields of `Config`; a flag that was not given is None."""
    hints = get_type_hints(Config)
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    flags = []
    for field in dataclasses.fields(Config):
        default = field.metadata["shown"] or ("none" if field.default in (None, "") else str(field.default).lower())
        choices = _choices(hints[field.name])
        listed = f" One of: {', '.join(map(str, choices))}." if choices else ""
        option = typer.Option(
            help=f"{field.metadata['help']}{listed} [dim]\\[{default}][/dim]",
            metavar="NAME" if choices and isinstance(choices[0], str) else None,
            rich_help_panel=field.metadata["group"],
            show_default=False,
        )
        kind = hints[field.name] | None
        annotation = Annotated[kind, option]  # type: ignore[valid-type]
        flags.append(inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
    command.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *flags]}
    return command


def _choices(kind: Any) -> tuple[Any, ...]:
    """What a field may be, if it is one of a few values (or nothing)."""
    literals = [option for option in (kind, *get_args(kind)) if get_origin(option) is Literal]
    return get_args(literals[0]) if literals else ()


def resolve(file: Path | None, flags: dict[str, Any]) -> Config:
    """The configuration: flags that were given, over the file, over the defaults.

    Raises:
        ValueError, TypeError: something in the file is wrong.
        typer.BadParameter: a flag is, by itself or beside the others.
    """
    from gan_np.runs.build import check_settings

    values = {} if file is None else read_toml(file)
    check_settings(Config.from_mapping(values))
    with checking_options():
        config = Config.from_mapping(values | given(flags))
        check_settings(config)
    return config


def given(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given."""
    return {name: value for name, value in flags.items() if value is not None}
