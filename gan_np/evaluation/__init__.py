"""How good samples are: pure functions of pictures and features, and reports of runs.

`evaluate` makes a report of a gan, `evaluate_run` of a run folder. Every metric is a function of its own, in a file of
its own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
from .evaluate import evaluate
from .frechet import frechet_distance, frechet_of_gaussians
from .intervals import Estimate, jackknife
from .kernel_distance import kernel_distance
from .measure import estimates, figures, look
from .mixtures import ModeReport, class_modes, mixture_modes, reverse_kl
from .moves import nearest_after_moves
from .neighbours import Neighbours, nearest_neighbours
from .parzen import ParzenWindow, parzen_log_likelihoods, parzen_window
from .prdc import PRDC, precision_recall_density_coverage
from .pyramid import sliced_wasserstein_on_pyramids
from .reader import FactorReader, train_reader
from .report import Bars, Picture, Report, Section, Table
from .same_source import SameSource, same_source_test
from .sliced import sliced_wasserstein
from .trunk import trunk_features
from .vendi import vendi_score

if TYPE_CHECKING:
    from .battles import battle_of_runs
    from .runs import evaluate_run

_OF_RUNS = {"battle_of_runs": "battles", "evaluate_run": "runs"}


def __getattr__(name: str) -> Any:
    # Reading runs needs gan_np.training, which itself measures with the functions above: loaded when first used.
    if name in _OF_RUNS:
        return getattr(importlib.import_module(f"gan_np.evaluation.{_OF_RUNS[name]}"), name)
    raise AttributeError(f"module 'gan_np.evaluation' has no attribute {name!r}")


__all__ = [
    "PRDC",
    "Bars",
    "Copying",
    "Effects",
    "Errors",
    "Estimate",
    "FactorReader",
    "ModeReport",
    "Neighbours",
    "ParzenWindow",
    "Picture",
    "Report",
    "SameSource",
    "Section",
    "Table",
    "battle_of_runs",
    "battle_ratios",
    "cell_of",
    "class_modes",
    "class_shares",
    "classes_covered",
    "classification_accuracy",
    "classifier_score",
    "copying_test",
    "effective_classes",
    "effects",
    "estimates",
    "evaluate",
    "evaluate_run",
    "figures",
    "frechet_distance",
    "frechet_of_gaussians",
    "jackknife",
    "k_means",
    "kernel_distance",
    "look",
    "mixture_modes",
    "nearest_after_moves",
    "nearest_neighbours",
    "parzen_log_likelihoods",
    "parzen_window",
    "precision_recall_density_coverage",
    "recognised_share",
    "reverse_kl",
    "same_source_test",
    "sliced_wasserstein",
    "sliced_wasserstein_on_pyramids",
    "train_reader",
    "trunk_features",
    "vendi_score",
    "verdict",
]
