"""The figures of an evaluation by name: each a function of two sets of images, joined by a decorator."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import numpy as np

from gan_np.checks import choice, integer, shown
from gan_np.registry import Registry

Better = Literal["higher", "lower", "as real"]
Function: TypeAlias = Callable[[Any, Any], float | Mapping[str, float] | None]
Made = TypeVar("Made", bound=Function)

METRICS = Registry("metric")
"""All metrics in the order of a report."""


@dataclass(frozen=True)
class Metric:
    """What is said of a figure: see `register`."""

    key: str
    title: str
    better: str = ""
    enough: int = 0
    source: str = ""
    share: bool = False
    positive: bool = False

    @property
    def short(self) -> str:
        """The title without whose features they are."""
        return self.title.partition(" on {features}")[0]

    def titled(self, features: str) -> str:
        """The title with the name of the features."""
        return self.title.replace("{features}", features)


_SAID: dict[str, Metric] = {}


def register(
    name: str,
    *,
    title: str,
    better: Better,
    enough: int = 1000,
    source: str = "",
    share: bool = False,
    positive: bool = False,
) -> Callable[[Made], Made]:
    """A decorator for metrics of one's own: every evaluation computes them, with an interval.

    The function gets two sets of images, real and generated ones, as `Features`: as many of each. It returns a number; or
    None where it cannot be computed (there is no classifier); or several numbers by name, `NAME` or `NAME_part`. It is
    called again with parts of both sets, for the interval. A function with several of these decorators is called once and
    returns the numbers of them all by name.

    name: of the figure in JSON and in logs.
    title: for people; {features} stands for whose features are read, {part} for the part of a name.
    better: "higher", "lower", or "as real": near what real images have, beyond it is no better.
    enough: images of each set below which the figure is marked as rough.
    source: the paper.
    share: it is a share of images, in [0, 1], and so is its interval.
    positive: it cannot be below 0, nor can its interval.

    >>> import numpy as np, gan_np as gn
    >>> @gn.metrics.register("brightness_gap", title="difference of mean brightness", better="lower", positive=True)
    ... def brightness_gap(real, generated):
    ...     return abs(real.images.mean() - generated.images.mean())
    >>> dark, light = np.zeros((20, 8, 8, 1), np.uint8), np.full((20, 8, 8, 1), 9, np.uint8)
    >>> views = [gn.metrics.extract_features(images, gn.metrics.PixelFeatures((8, 8, 1))) for images in (dark, light)]
    >>> gn.metrics.compute_metrics(*views)["brightness_gap"]
    9.0
    >>> gn.metrics.METRICS.unregister("brightness_gap")

    Raises:
        TypeError, ValueError: a name that is taken or is no name; `better` or `enough` is no such value.
    """
    for argument, text in (("title", title), ("source", source)):
        if not isinstance(text, str):
            raise TypeError(f"{argument}: expected a text, got {text!r}")
    better_, enough_ = choice("better", better, get_args(Better)), integer("enough", enough, 1)
    said = Metric(name, title, better_, enough_, source, share, positive)

    def put(made: Made) -> Made:
        METRICS.register(name)(made)
        _SAID[name] = said
        return made

    return put


def metric_of(key: str) -> Metric:
    """What is said of a figure, by its key: a metric's name, or NAME_part.

    Of a metric that is not registered here (a log of a run that imported it) only its name is known.
    """
    name = _whose(key, METRICS)
    if name is None:
        return Metric(key, key.replace("_", " "))
    part = re.sub(r"(?<=\d)x(?=\d)", "×", key[len(name) + 1 :])
    return replace(_SAID[name], key=key, title=_SAID[name].title.replace("{part}", part))


def _whose(key: str, names: Iterable[str]) -> str | None:
    """The name that a key is, or the longest that it begins with; None if there is none."""
    return max((name for name in names if key == name or key.startswith(f"{name}_")), key=len, default=None)


def figures_of(real: Any, generated: Any) -> dict[str, float]:
    """The figures of all metrics that these two sets allow, by key, in the order of the registry.

    Raises:
        TypeError: a metric returns something else than numbers, or names that are not its own.
    """
    found: dict[str, float] = {}
    known: dict[Function, dict[str, dict[str, float]]] = {}
    for name in METRICS:
        function = METRICS[name]
        if function not in known:
            known[function] = _by_name(function, real, generated)
        found |= known[function].get(name, {})
    return found


def _by_name(function: Function, real: Any, generated: Any) -> dict[str, dict[str, float]]:
    """The figures of a function by key, for each name that it is registered under."""
    names = [name for name in METRICS if METRICS[name] is function]
    said = f"metric {' or '.join(map(repr, names))}"
    try:
        value = function(real, generated)
    except Exception as error:
        error.add_note(f"(in {said})")
        raise
    found: dict[str, dict[str, float]] = {}
    for key, one in (value if isinstance(value, Mapping) else {} if value is None else {names[0]: value}).items():
        name = _whose(key, names) if isinstance(key, str) else None
        if name is None:
            raise TypeError(f"{said}: returned a figure {key!r}; expected one of its name, or NAME_part")
        if isinstance(one, str | bytes) or np.ndim(one) or not np.isrealobj(one):
            raise TypeError(f"{said}: expected a number, got {shown(one)} for {key!r}")
        found.setdefault(name, {})[key] = float(one)
    return found
