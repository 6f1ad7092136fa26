"""Every figure of an evaluation: what it is called, which way is better, how many images it needs, where it is from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """key: its name in JSON and logs; title: for people, {features} stands for whose features they are.

    better: "higher", "lower", or "as real": near what real images have, beyond it is no better.
    enough: images of each set below which it is marked as rough.
    share: whether it is a share of images, in [0, 1]; positive: whether it cannot be below 0.
    """

    key: str
    title: str
    better: str
    enough: int
    source: str
    share: bool = False
    positive: bool = True

    @property
    def short(self) -> str:
        """The title without whose features they are."""
        return self.title.partition(" on {features}")[0]


METRICS = (
    Metric("precision", "precision on {features}", "as real", 1000, "Kynkäänniemi et al. 2019", share=True),
    Metric("recall", "recall on {features}", "higher", 1000, "Kynkäänniemi et al. 2019", share=True),
    Metric("density", "density on {features}", "as real", 1000, "Naeem et al. 2020"),
    Metric("coverage", "coverage on {features}", "higher", 1000, "Naeem et al. 2020", share=True),
    Metric("frechet_distance", "Fréchet distance on {features}", "lower", 2000, "Heusel et al. 2017"),
    Metric("kernel_distance", "kernel distance on {features}", "lower", 1000, "Bińkowski et al. 2018", positive=False),
    Metric("vendi_score", "Vendi score on {features}", "as real", 1000, "Friedman and Dieng 2023"),
    Metric("recognised", "recognised with confidence 0.9", "as real", 1000, "", share=True),
    Metric("classifier_score", "classifier score", "as real", 5000, "Salimans et al. 2016"),
    Metric("classes_covered", "classes covered", "higher", 1000, ""),
    Metric("effective_classes", "effective number of classes", "as real", 1000, ""),
    Metric("accuracy", "taken for the class asked for", "as real", 1000, "", share=True),
)
SLICED = Metric("sliced_wasserstein", "sliced Wasserstein distance, level {side}", "lower", 1000, "Karras et al. 2018")


def sliced_key(height: int, width: int) -> str:
    """The key of the sliced Wasserstein distance at the level of these sides."""
    return f"{SLICED.key}_{height}x{width}"


def metric_of(key: str) -> Metric:
    """The metric of a figure's key ("sliced_wasserstein_28x28" is one level of that distance)."""
    if key.startswith(SLICED.key):
        side = key.removeprefix(SLICED.key + "_").replace("x", "×")
        return Metric(key, SLICED.title.format(side=side), SLICED.better, SLICED.enough, SLICED.source)
    return next(metric for metric in METRICS if metric.key == key)
