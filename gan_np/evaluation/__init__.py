"""How good samples are: pure functions of pictures and features, and reports of runs.

`evaluate` makes a report of a gan, `evaluate_run` of a run folder. Every metric is a function of its own, in a file of
its own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .battle import Errors, battle_ratios, verdict
from .classes import (
    class_shares,
    classes_covered,
    classification_accuracy,
    classifier_score,
    effective_classes,
    recognised_share,
)
from .evaluate import evaluate
from .frechet import frechet_distance, frechet_of_gaussians
from .intervals import Estimate, jackknife
from .kernel_distance import kernel_distance
from .measure import estimates, figures, look
from .prdc import PRDC, precision_recall_density_coverage
from .pyramid import sliced_wasserstein_on_pyramids
from .report import Bars, Picture, Report, Section, Table
from .sliced import sliced_wasserstein
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
    "Errors",
    "Estimate",
    "Picture",
    "Report",
    "Section",
    "Table",
    "battle_of_runs",
    "battle_ratios",
    "class_shares",
    "classes_covered",
    "classification_accuracy",
    "classifier_score",
    "effective_classes",
    "estimates",
    "evaluate",
    "evaluate_run",
    "figures",
    "frechet_distance",
    "frechet_of_gaussians",
    "jackknife",
    "kernel_distance",
    "look",
    "precision_recall_density_coverage",
    "recognised_share",
    "sliced_wasserstein",
    "sliced_wasserstein_on_pyramids",
    "vendi_score",
    "verdict",
]
