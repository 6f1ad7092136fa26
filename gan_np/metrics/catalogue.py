"""The library's own figures, joined to the registry as a user's are.

What each is called, which way is better, how many images it needs, where it is from, and which function of this room
computes it from two sets of images.
"""

from __future__ import annotations

from . import classes
from .frechet import frechet_distance as distance_of_gaussians
from .kernel_distance import kernel_distance as distance_of_kernel_means
from .measure import Features
from .precision_recall import precision_recall_density_coverage
from .pyramid import PATCH, sliced_wasserstein_of_patches
from .registered import register
from .vendi import vendi_score as score_of_similarities


# Decorators apply from below: the report begins with precision.
@register("coverage", title="coverage on {features}", better="higher", source="Naeem et al. 2020", share=True)
@register("density", title="density on {features}", better="as real", source="Naeem et al. 2020", positive=True)
@register("recall", title="recall on {features}", better="higher", source="Kynkäänniemi et al. 2019", share=True)
@register("precision", title="precision on {features}", better="as real", source="Kynkäänniemi et al. 2019", share=True)
def neighbourhoods(real: Features, generated: Features) -> dict[str, float]:
    """Four shares of images within balls of neighbours."""
    found: dict[str, float] = precision_recall_density_coverage(real.features, generated.features)._asdict()
    return found


@register(
    "frechet_distance",
    title="Fréchet distance on {features}",
    better="lower",
    enough=2000,
    source="Heusel et al. 2017",
    positive=True,
)
def frechet_distance(real: Features, generated: Features) -> float:
    """Between Gaussians fitted to the features."""
    return distance_of_gaussians(real.features, generated.features)


@register("kernel_distance", title="kernel distance on {features}", better="lower", source="Bińkowski et al. 2018")
def kernel_distance(real: Features, generated: Features) -> float:
    """Unbiased, so that it may be below 0."""
    return distance_of_kernel_means(real.features, generated.features)


@register(
    "vendi_score", title="Vendi score on {features}", better="as real", source="Friedman and Dieng 2023", positive=True
)
def vendi_score(real: Features, generated: Features) -> float:
    """How many different images there are, in effect."""
    return score_of_similarities(generated.features)


@register(
    "sliced_wasserstein",
    title="sliced Wasserstein distance, level {part}",
    better="lower",
    source="Karras et al. 2018",
    positive=True,
)
def sliced_wasserstein(real: Features, generated: Features) -> dict[str, float]:
    """Of each level of the Laplacian pyramids, by its sides."""
    return {
        f"sliced_wasserstein_{height}x{width}": sliced_wasserstein_of_patches(
            one, other, channels=one.shape[2] // PATCH**2
        )
        for (height, width), one, other in zip(real.sides, real.descriptors, generated.descriptors, strict=True)
    }


@register("recognised", title="recognised with confidence 0.9", better="as real", share=True)
def recognised(real: Features, generated: Features) -> float | None:
    """Computed where a classifier reads the images."""
    return None if generated.probabilities is None else classes.recognised_share(generated.probabilities)


@register(
    "classifier_score",
    title="classifier score",
    better="as real",
    enough=5000,
    source="Salimans et al. 2016",
    positive=True,
)
def classifier_score(real: Features, generated: Features) -> float | None:
    """With a classifier: the formula of the Inception score."""
    return None if generated.probabilities is None else classes.classifier_score(generated.probabilities)


@register("classes_covered", title="classes covered", better="higher", positive=True)
def classes_covered(real: Features, generated: Features) -> float | None:
    """Computed where a classifier reads the images."""
    if real.probabilities is None or generated.probabilities is None:
        return None
    shares, of_real = classes.class_shares(generated.probabilities), classes.class_shares(real.probabilities)
    return float(classes.classes_covered(shares, of_real))


@register("effective_classes", title="effective number of classes", better="as real", positive=True)
def effective_classes(real: Features, generated: Features) -> float | None:
    """Computed where a classifier reads the images."""
    if generated.probabilities is None:
        return None
    return classes.effective_classes(classes.class_shares(generated.probabilities))


@register("accuracy", title="taken for the class asked for", better="as real", share=True)
def accuracy(real: Features, generated: Features) -> float | None:
    """With a classifier, of samples that were asked for by label."""
    if generated.probabilities is None or generated.labels is None:
        return None
    return classes.classification_accuracy(generated.probabilities.argmax(axis=1), generated.labels)
