"""Metrics of one's own beside the library's: computed by walking the registry, with titles and intervals."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.metrics.registered import METRICS, metric_of

OWN = ["precision", "recall", "density", "coverage", "frechet_distance", "kernel_distance", "vendi_score"]
OF_CLASSES = ["recognised", "classifier_score", "classes_covered", "effective_classes", "accuracy"]


@pytest.fixture
def registered() -> Iterator[Callable[..., Any]]:
    """`gn.metrics.register`, undone afterwards."""
    before = set(METRICS)
    yield gn.metrics.register
    for name in set(METRICS) - before:
        METRICS.unregister(name)


@pytest.fixture(scope="module")
def views() -> tuple[gn.metrics.Features, gn.metrics.Features]:
    rng = np.random.default_rng(0)
    reader = gn.metrics.PixelFeatures((8, 8, 1))
    real, generated = (rng.integers(0, high, (40, 8, 8, 1), np.uint8) for high in (256, 200))
    return gn.metrics.extract_features(real, reader), gn.metrics.extract_features(generated, reader)


def test_the_librarys_own_figures_in_their_order(views: Any) -> None:
    assert list(METRICS) == [*OWN, "sliced_wasserstein", *OF_CLASSES]
    assert list(gn.metrics.compute_metrics(*views)) == [*OWN, "sliced_wasserstein_8x8"]
    metric = metric_of("sliced_wasserstein_28x14")
    assert (metric.key, metric.short, metric.better) == (
        "sliced_wasserstein_28x14", "sliced Wasserstein distance, level 28×14", "lower",
    )  # fmt: skip
    assert metric_of("recall").titled("pixels") == "recall on pixels"
    assert (metric_of("recall").short, metric_of("recall").share) == ("recall", True)


def test_images_are_those_of_the_rows(views: Any) -> None:
    real, _ = views
    part = real.take(np.arange(10, 30)).take(np.array([3, 5]))
    assert np.array_equal(part.images, real.images[[13, 15]])
    assert np.array_equal(part.features, real.features[[13, 15]])


def test_one_of_ones_own_has_an_interval(registered: Callable[..., Any], views: Any) -> None:
    @registered("none_dark", title="no dark pixel", better="lower", share=True)
    def none_dark(real: Any, generated: Any) -> float:
        return 0.0

    @registered("mean", title="mean", better="as real")
    def mean(real: Any, generated: Any) -> float:
        return generated.images.mean()

    found = gn.metrics.estimate_metrics(*views)
    assert list(found)[-2:] == ["none_dark", "mean"]
    assert found["mean"].value == views[1].images.mean()
    assert found["mean"].low < found["mean"].value < found["mean"].high
    assert found["none_dark"].low == 0
    assert found["none_dark"].high == 3 / 40, "a share of 0 has an interval nevertheless"


def test_several_figures_of_one_computation(registered: Callable[..., Any], views: Any) -> None:
    calls = []

    @registered("two", title="two, {part}", better="higher")
    @registered("one", title="one", better="higher")
    def both(real: Any, generated: Any) -> dict[str, float]:
        calls.append(1)
        return {"two_9x9": 2.0, "one": 1.0, "two_max": 3.0}

    found = gn.metrics.compute_metrics(*views)
    assert list(found.items())[-3:] == [("one", 1.0), ("two_9x9", 2.0), ("two_max", 3.0)]
    assert len(calls) == 1
    assert [metric_of(key).title for key in list(found)[-3:]] == ["one", "two, 9×9", "two, max"]


def test_one_that_needs_what_is_not_there_is_left_out(registered: Callable[..., Any], views: Any) -> None:
    registered("sure", title="sure", better="higher")(lambda real, generated: generated.probabilities)
    assert "sure" not in gn.metrics.compute_metrics(*views)


@pytest.mark.parametrize(
    ("value", "said"),
    [("a lot", "expected a number, got 'a lot'"), ({"other": 1.0}, "returned a figure 'other'"), ([1, 2], "got")],
)
def test_what_is_no_figure_is_refused(registered: Callable[..., Any], views: Any, value: Any, said: str) -> None:
    registered("wrong", title="wrong", better="higher")(lambda real, generated: value)
    with pytest.raises(TypeError, match=f"metric 'wrong': .*{said}"):
        gn.metrics.compute_metrics(*views)


def test_an_error_says_in_which_metric(registered: Callable[..., Any], views: Any) -> None:
    registered("broken", title="broken", better="higher")(lambda real, generated: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        gn.metrics.compute_metrics(*views)
    assert caught.value.__notes__ == ["(in metric 'broken')"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"better": "more"}, "better"),
        ({"enough": 0}, "enough"),
        ({"title": None}, "title"),
        ({"name": "recall"}, "recall"),
    ],
)
def test_a_wrong_registration_is_refused(changed: dict[str, Any], said: str) -> None:
    arguments = {"name": "mine", "title": "mine", "better": "higher"} | changed
    with pytest.raises((TypeError, ValueError), match=said):
        gn.metrics.register(arguments.pop("name"), **arguments)(lambda real, generated: 0.0)
    assert "mine" not in METRICS


def test_a_figure_of_a_metric_that_is_not_here_keeps_its_name() -> None:
    metric = metric_of("edges_of_mine")
    assert (metric.key, metric.short, metric.better) == ("edges_of_mine", "edges of mine", "")


def test_features_without_images_say_so() -> None:
    with pytest.raises(ValueError, match="images"):
        _ = gn.metrics.Features(np.zeros((3, 2)), None, (), ()).images


def test_the_page_names_the_function_of_every_figure() -> None:
    """The second column of its table; names of files, such as `precision_recall`, are modules and cannot be called."""
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    table = page.split("| figure | function in `gn.metrics` |")[1].split("\n\n")[0]
    named = re.findall(r"^\| [^|]+ \| `(\w+)` \|", table, flags=re.MULTILINE)
    assert len(named) == 11
    assert all(callable(getattr(gn.metrics, name)) for name in named)
