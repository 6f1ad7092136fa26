"""Registered objects as text: `cosine(2e-4, 0, 5000)`, `r1(10), r2(10)`, `adam(2e-4, beta2=0.9)`.

A name that is registered, and its constructor's arguments: numbers, texts, true, false, none, and such objects again. Names
have - or _ alike. The text is parsed and its names are looked up; nothing in it is evaluated.
"""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

from gan_np.checks import shown
from gan_np.registry import NotRegistered, Registry, arguments_of, called, name_of

_HYPHEN = re.compile(r"(?<=[A-Za-z_])-(?=[A-Za-z])")
_WORDS = {"true": True, "false": False, "none": None, "True": True, "False": False, "None": None}


def parse(name: str, text: str, registry: Registry, *nested: Registry) -> Any:
    """The object that a text stands for.

    name: of the setting, for messages. registry: where the outermost name is looked up; names inside in `nested` too.

    Raises:
        ValueError, TypeError: it is no such text, a name is not registered, or a constructor refuses its arguments.
    """
    (found,) = parse_list(name, text, registry, *nested, exactly=1)
    return found


def parse_list(name: str, text: str, registry: Registry, *nested: Registry, exactly: int | None = None) -> list[Any]:
    """The objects that a text of several, separated by commas, stands for."""
    if not text.strip():
        nodes: list[ast.expr] = []
    else:
        try:
            body = ast.parse(f"[{_HYPHEN.sub('_', text)}]", mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise ValueError(
                f"{name}: expected something like {_example(registry)}, got {shown(text)}{_reason(text, error)}"
            ) from error
        if not isinstance(body, ast.List):
            raise ValueError(f"{name}: expected something like {_example(registry)}, got {shown(text)}")
        nodes = body.elts
    if exactly is not None and len(nodes) != exactly:
        raise ValueError(f"{name}: expected {exactly} such as {_example(registry)}, got {shown(text)}")
    return [_made(name, node, (registry,), (registry, *nested), text) for node in nodes]


def _reason(text: str, error: Exception) -> str:
    """Why a text cannot be parsed, for the end of a message: a bracket without its partner is said as such."""
    partners = {")": "(", "]": "["}
    open_ones: list[str] = []
    for character in re.sub(r"'[^']*'|\"[^\"]*\"", "", text):
        if character in partners.values():
            open_ones.append(character)
        elif character in partners and (not open_ones or open_ones.pop() != partners[character]):
            return f", in which {character} closes nothing"
    if open_ones:
        return f", in which {open_ones[-1]} is not closed"
    return f" ({error.msg})" if isinstance(error, SyntaxError) else ""


def _example(registry: Registry) -> str:
    return " or ".join(list(registry)[:3])


def _made(name: str, node: ast.expr, first: tuple[Registry, ...], others: tuple[Registry, ...], text: str) -> Any:
    function = node.func if isinstance(node, ast.Call) else node
    if not isinstance(function, ast.Name):
        raise ValueError(f"{name}: expected something like {_example(first[0])}, got {shown(text)}")
    make, word = _found(name, function.id, first)
    if not isinstance(node, ast.Call):
        return _called(name, make, {}, word)
    parameters = list(inspect.signature(make).parameters)
    if len(node.args) > len(parameters):
        raise TypeError(
            f"{name}: {word} takes {', '.join(parameters) or 'no arguments'}, got {len(node.args)} arguments"
        )
    arguments = {key: _value(name, value, others, text) for key, value in zip(parameters, node.args, strict=False)}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in arguments:
            raise TypeError(f"{name}: {word} is given {keyword.arg or '**'} twice, or not by name")
        arguments[keyword.arg] = _value(name, keyword.value, others, text)
    return _called(name, make, arguments, word)


def _called(name: str, make: Any, arguments: dict[str, Any], word: str) -> Any:
    """What a registered class makes of its arguments; what it refuses is told of the setting that the text is for.

    Raises:
        TypeError, ValueError: as the class does.
    """
    try:
        return called(make, arguments, {}, f"{name}: {word}")
    except (TypeError, ValueError) as error:
        text = str(error)
        if text.startswith(f"{name}: "):
            raise
        raise type(error)(f"{name}: {word}: {text}") from error


def _found(name: str, word: str, registries: tuple[Registry, ...]) -> tuple[Any, str]:
    for registry in registries:
        known = registry.spelled(word)
        if known is not None:
            return registry[known], known
    meant = next((registry for registry in registries if registry.nearest(word) is not None), registries[0])
    try:
        return meant[word], word
    except NotRegistered as error:
        raise NotRegistered(f"{name}: {error}") from error


def _value(name: str, node: ast.expr, others: tuple[Registry, ...], text: str) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str | bool | type(None)):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        if isinstance(value, int | float):
            return -value
    if isinstance(node, ast.Name) and node.id in _WORDS:
        return _WORDS[node.id]
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(_value(name, inner, others, text) for inner in node.elts)
    return _made(name, node, others, others, text)


def write(made: Any) -> str:
    """The text of a registered object: required arguments in their order, others by name where they are not the default.

    Raises:
        TypeError: its class is not registered, or an argument cannot be written.
    """
    if isinstance(made, bool) or made is None:
        return str(made).lower()
    if isinstance(made, int | float | str):
        return repr(made)
    if isinstance(made, tuple | list):
        return f"[{', '.join(map(write, made))}]"
    known = name_of(made)
    if known is None:
        raise TypeError(
            f"{shown(made)} cannot be written in a configuration: its class {type(made).__qualname__} is not registered "
            "(write a class and decorate it with the register of its kind, as @gan_np.objectives.register('mine') or "
            "@gan_np.schedules.register('mine'); a function has no arguments that a file could keep)"
        )
    word = known[1]
    parameters = inspect.signature(type(made)).parameters
    given = []
    for key, value in arguments_of(made).items():
        default = parameters[key].default
        if default is inspect.Parameter.empty:
            given.append(write(value))
        elif value != default:
            given.append(f"{key}={write(value)}")
    return f"{word}({', '.join(given)})" if given else word
