"""What a sweep trains: settings, those of them that are varied, seeds; every combination as a run with a name of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gan_np.arrays import generator
from gan_np.checks import integer, shown
from gan_np.evaluation.evaluate import LEAST
from gan_np.evaluation.readers import CLASSIFIER
from gan_np.runs import Config
from gan_np.runs.contradictions import refuse_overruled
from gan_np.runs.differences import written
from gan_np.runs.resolving import resolved
from gan_np.runs.values import plain

from .values import OWN, PRESET, known_setting, read_none

MOST_RUNS, LONGEST_NAME = 10_000, 150
COUNT = 2000
_STREAM = 1 << 27


@dataclass(frozen=True)
class SweepRun:
    """One training of a sweep.

    name: of its folder, which says what is varied and the seed. varied: the values of what is varied, by name. config: all
    settings.
    """

    name: str
    varied: Mapping[str, Any]
    config: Config

    @property
    def combination(self) -> str:
        """The name without the seed: the same for runs that differ in nothing else."""
        return self.name.rpartition("seed=")[0].rstrip(",")


@dataclass(frozen=True)
class Plan:
    """What a sweep trains and how it measures it.

    settings: those that all runs share, by name, as in a file for `gan-np train --config`.
    vary: the values that a setting is to have, by its name; every combination of them is trained. "preset" may be varied
        like a setting (None or "none": without one); what else is given counts over it.
    seeds: every combination is trained with each; none: with the seed of the settings alone.
    random: so many combinations, drawn at random with the seed of the settings; None: all.
    preset: of `gan-np train`; its schedules fit the steps of each combination.
    count, features: of the measurement at the end: samples, and what reads them (as in `evaluate_run`).

    >>> plan = Plan({"data": "digits.npz"}, {"g_learning_rate": [1e-4, 2e-4], "width": [16]}, seeds=(0, 1))
    >>> for run in plan.runs():
    ...     print(run.name)
    g_learning_rate=0.0001,width=16,seed=0
    g_learning_rate=0.0002,width=16,seed=0
    g_learning_rate=0.0001,width=16,seed=1
    g_learning_rate=0.0002,width=16,seed=1
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    vary: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    seeds: Sequence[int] = ()
    random: int | None = None
    preset: str | None = None
    count: int = COUNT
    features: str | None = None

    def __post_init__(self) -> None:
        for name in self.settings:
            known_setting(name, "settings")
        for name, values in self.vary.items():
            known_setting(name)
            if isinstance(values, str) or not isinstance(values, Sequence) or not values:
                raise ValueError(f"vary: expected a list of values of {name}, got {shown(values)}")
            if name in self.settings:
                raise ValueError(f"vary: {name} has a value of its own, {self.settings[name]!r}; leave one of them out")
        if PRESET in self.vary and self.preset is not None:
            raise ValueError(f"vary: preset has a value of its own, {self.preset!r}; leave one of them out")
        if "seed" in self.vary:
            raise ValueError("vary: seeds are given as seeds, over which medians are taken; leave seed out")
        if not isinstance(self.seeds, Sequence) or isinstance(self.seeds, str):
            raise TypeError(f"seeds: expected a list of integers, got {shown(self.seeds)}")
        for seed in self.seeds:
            integer("seeds", seed, 0)
            if list(self.seeds).count(seed) > 1:
                raise ValueError(f"seeds: expected each once, got {seed} twice")
        if not self.vary and len(self.seeds) < 2:
            raise ValueError("vary: expected at least one setting with its values (or several seeds)")
        if ("init_from" in self.settings or "init_from" in self.vary) and (
            "model" in self.settings or "model" in self.vary
        ):
            raise ValueError("model: the networks come from init_from as they are; leave it out")
        integer("count", self.count, LEAST)
        if not isinstance(self.features, str | None):
            raise TypeError(f"features: expected classifier, pixels or a file, got {shown(self.features)}")

    @property
    def wants_classifier(self) -> bool:
        """Whether a classifier was asked for, so that data without labels are wrong."""
        return self.features == CLASSIFIER

    @property
    def read_by(self) -> str:
        """What reads features; where nothing was asked for, the classifier if there can be one."""
        return CLASSIFIER if self.features is None else self.features

    @property
    def combinations(self) -> int:
        """How many combinations of values there are, all of them."""
        return math.prod(len(values) for values in self.vary.values())

    def runs(self) -> list[SweepRun]:
        """Every run: all combinations with the first seed, then with the next.

        Raises:
            ValueError, TypeError: a combination that cannot be trained whatever the data are, or that comes twice.
        """
        chosen = self._chosen()
        if len(chosen) * len(self.seeds or [0]) > MOST_RUNS:
            raise ValueError(
                f"vary: {len(chosen):,} combinations with {len(self.seeds):,} seeds are more than {MOST_RUNS:,} runs; "
                "leave some out, or draw some at random (random)"
            )
        combinations = [self._run(number) for number in chosen]
        seeds = self.seeds or [combinations[0].config.seed]
        found = [
            SweepRun(_name(one.varied, seed), one.varied, dataclasses.replace(one.config, seed=seed))
            for seed in seeds
            for one in combinations
        ]
        names = [run.name for run in found]
        twice = next((name for name, count in _counted(names).items() if count > 1), None)
        if twice is not None:
            raise ValueError(f"vary: two combinations are called {twice}; is a value given twice?")
        return found

    def _chosen(self) -> list[int]:
        """The numbers of the combinations that are trained."""
        if self.random is None:
            if self.combinations > MOST_RUNS:
                raise ValueError(
                    f"vary: expected at most {MOST_RUNS:,} combinations, there are {self.combinations:,}; leave some out, "
                    "or draw some at random (random)"
                )
            return list(range(self.combinations))
        wanted = integer("random", self.random, 1)
        if wanted > self.combinations:
            raise ValueError(f"random: expected at most {self.combinations:,}, all combinations, got {wanted:,}")
        seed = integer("seed", self.settings.get("seed", 0), 0)
        drawn = generator(seed, _STREAM).choice(self.combinations, min(wanted, MOST_RUNS + 1), replace=False)
        return sorted(int(number) for number in drawn)

    def _run(self, number: int) -> SweepRun:
        """The combination of this number, of which the last setting changes first."""
        varied: dict[str, Any] = {}
        for name in reversed(list(self.vary)):
            number, place = divmod(number, len(self.vary[name]))
            varied[name] = read_none(name, self.vary[name][place])
        varied = {name: varied[name] for name in self.vary}
        try:
            of_settings = {name: value for name, value in varied.items() if name != PRESET}
            refuse_overruled(self.settings, of_settings)
            config = resolved({**self.settings, **of_settings}, varied.get(PRESET, self.preset))
        except (ValueError, TypeError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            values_of = ", ".join(f"{name}={written(plain(value))}" for name, value in varied.items())
            raise kind(f"{error}" + (f" (with {values_of})" if varied else "")) from error
        varied |= {name: config.value(name) for name in of_settings}
        return SweepRun(_name(varied, config.seed), varied, config)

    def to_mapping(self) -> dict[str, Any]:
        """As a file has it: settings by name, `vary` as a table."""
        found: dict[str, Any] = {name: _kept(value) for name, value in self.settings.items() if value is not None}
        found["seeds"] = list(self.seeds)
        for name in ("random", "preset", "features"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        vary = {
            name: ["none" if value in (None, "") else _kept(value) for value in values]
            for name, values in self.vary.items()
        }
        return found | {"count": self.count, "vary": vary}

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Plan:
        """From what `to_mapping` gives, or a file like it.

        Raises:
            ValueError, TypeError: it is none.
        """
        own = {name: values[name] for name in OWN if name in values}
        if not isinstance(own.get("vary", {}), Mapping):
            raise TypeError(f"vary: expected a table of settings and their values, got {shown(own['vary'])}")
        settings = {name: value for name, value in values.items() if name not in (*OWN, "format")}
        return cls(settings, **own)


def _kept(value: Any) -> Any:
    """A value as a file has it."""
    return value if isinstance(value, list) else plain(value)


def _counted(names: Sequence[str]) -> dict[str, int]:
    return {name: len(list(same)) for name, same in itertools.groupby(sorted(names))}


def _name(varied: Mapping[str, Any], seed: int) -> str:
    """The name of a run's folder: what is varied, and the seed."""
    text = ",".join(f"{name}={_short(written(value))}" for name, value in varied.items())
    if len(text) > LONGEST_NAME:
        text = f"{text[:LONGEST_NAME]}~{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"
    return f"{text},seed={seed}" if text else f"seed={seed}"


def _short(text: str) -> str:
    """A value as a part of a file's name."""
    return re.sub(r"[^\w.+-]+", "-", text).strip("-")
