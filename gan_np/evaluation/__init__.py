"""Reads runs, measures them with `metrics`, and reports: `evaluate` of a gan, `evaluate_run` of a run folder, `compare` of
any two sets of images.

Stands above `runs` and `latent`. What is measured is a pure function in `metrics`: nothing here computes a metric.
"""

from .battles import battle_of_runs
from .comparison import compare
from .evaluate import evaluate
from .onnx_features import OnnxFeatures
from .parts import Bars, Figure, Section, Table
from .preprocessing import Preprocessing
from .reader import FactorReader, train_reader
from .report import Report
from .runs import evaluate_run
from .trunk import trunk_features

__all__ = [
    "Bars",
    "FactorReader",
    "Figure",
    "OnnxFeatures",
    "Preprocessing",
    "Report",
    "Section",
    "Table",
    "battle_of_runs",
    "compare",
    "evaluate",
    "evaluate_run",
    "train_reader",
    "trunk_features",
]
