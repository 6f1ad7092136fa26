"""How good samples are, as pure functions of arrays: every metric in a file of its own, with intervals.

The figures of an evaluation are those of `METRICS`; one's own join by `register`. Knows arrays and images, no run folder.
"""

from . import catalogue  # noqa: F401 (it joins the library's own figures to METRICS)
from .battle import Errors, battle_ratios, verdict
from .cells import cell_of, k_means
from .classes import (
    class_shares,
    classes_covered,
    classification_accuracy,
    classifier_score,
    effective_classes,
    recognised_share,
)
from .copying import Copying, copying_test
from .disentanglement import Effects, effects
from .frechet import frechet_distance, frechet_of_gaussians
from .intervals import Estimate, jackknife
from .kernel_distance import kernel_distance
from .measure import Features, compute_metrics, estimate_metrics, extract_features
from .mixtures import ModeReport, class_modes, mixture_modes, reverse_kl
from .moves import nearest_after_moves
from .neighbours import Neighbours, nearest_neighbours
from .parzen import ParzenWindow, parzen_log_likelihoods, parzen_window
from .pixels import PixelFeatures
from .precision_recall import PRDC, precision_recall_density_coverage
from .pyramid import sliced_wasserstein_on_pyramids
from .registered import METRICS, register
from .same_source import SameSource, same_source_test
from .sliced import sliced_wasserstein
from .spread import spread
from .vendi import vendi_score

__all__ = [
    "METRICS",
    "PRDC",
    "Copying",
    "Effects",
    "Errors",
    "Estimate",
    "Features",
    "ModeReport",
    "Neighbours",
    "ParzenWindow",
    "PixelFeatures",
    "SameSource",
    "battle_ratios",
    "cell_of",
    "class_modes",
    "class_shares",
    "classes_covered",
    "classification_accuracy",
    "classifier_score",
    "compute_metrics",
    "copying_test",
    "effective_classes",
    "effects",
    "estimate_metrics",
    "extract_features",
    "frechet_distance",
    "frechet_of_gaussians",
    "jackknife",
    "k_means",
    "kernel_distance",
    "mixture_modes",
    "nearest_after_moves",
    "nearest_neighbours",
    "parzen_log_likelihoods",
    "parzen_window",
    "precision_recall_density_coverage",
    "recognised_share",
    "register",
    "reverse_kl",
    "same_source_test",
    "sliced_wasserstein",
    "sliced_wasserstein_on_pyramids",
    "spread",
    "vendi_score",
    "verdict",
]
