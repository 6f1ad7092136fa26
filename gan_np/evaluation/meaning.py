"""What figures say, in one sentence: better or worse than which, by how much, sure or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gan_np.metrics.intervals import Estimate
from gan_np.metrics.registered import metric_of

DISTANCES = ("frechet_distance", "kernel_distance", "sliced_wasserstein")
"""What is read first; the next one where it is not there."""
SHARES = ("precision", "recall", "density", "coverage")


class Words(NamedTuple):
    """Parts of the sentence: for worse samples, where nothing can be told, for better ones, and the name of what
    they are held against."""

    worse: str
    alike: str
    better: str
    other: str


def meaning(
    found: Mapping[str, Estimate], floor: Mapping[str, Estimate], words: Words, *, things: str = "images"
) -> str:
    """A sentence on a distance beside its floor, and on the share that lies furthest below its own.

    found: the figures of what is judged; floor: those of what it is measured by. things: what they are of. It is sure where
    the two intervals do not meet.

    >>> near, far = Estimate(0.5, 0.4, 0.6, (2000, 2000)), Estimate(5.0, 4.5, 5.5, (2000, 2000))
    >>> words = Words("they are worse", "nothing can be told", "they are nearer", "that of others")
    >>> print(meaning({"frechet_distance": far}, {"frechet_distance": near}, words))
    In short: they are worse, and surely so: the Fréchet distance is 5 [4.5, 5.5], 10 times that of others, 0.5 [0.4, 0.6].
    """
    key = next((key for name in DISTANCES for key in found if key.startswith(name) and key in floor), None)
    if key is None:
        return ""
    own, other, metric = found[key], floor[key], metric_of(key)
    size = min(own.sizes)
    rough = f" (rough: {size:,} {things} of each, {metric.enough:,} wanted)" if size < metric.enough else ""
    beside = f"the {metric.short} is {own}, {words.other} {other}{rough}"
    share = _share(found, floor)
    if not np.isfinite([own.low, own.high, other.low, other.high]).all():
        return f"In short: nothing sure can be said: the interval of the {metric.short} is not finite."
    if own.low > other.high:
        if other.value > 0:
            beside = f"the {metric.short} is {own}, {_times(own.value / other.value)} {words.other}, {other}{rough}"
        also = f"; lowest beside it is {share}" if share else ""
        return f"In short: {words.worse}, and surely so: {beside}{also}."
    if share:
        return f"In short: {words.worse}, and surely so by {share}; {beside}, does not show it."
    if own.high < other.low:
        return f"In short: {words.better}: {beside}."
    return f"In short: {words.alike} with {size:,} {things} of each: {beside}, and the intervals meet."


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.2g} times"


def _share(found: Mapping[str, Estimate], floor: Mapping[str, Estimate]) -> str:
    """The share that is surely below its floor, and by most; empty where none is."""
    below = [
        (floor[name].value - found[name].value, name)
        for name in SHARES
        if name in found and name in floor and found[name].high < floor[name].low
    ]
    if not below:
        return ""
    _, name = max(below)
    return f"{name}, {found[name].value:.2g} where {floor[name].value:.2g} would be as good"
