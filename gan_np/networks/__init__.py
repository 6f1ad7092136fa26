"""Composition of layers, and the binding of a structure to its θ, gradient and state vectors.

Uses layers by what `layers/layer.py` says of them; knows nothing of models and of training.
"""

from .branches import Fork, Identity, Parallel, Residual
from .folding import folded
from .loop import Loop
from .network import LinearisedPullback, Network, NetworkPullback, SlopePullback, parameter_limit
from .part import first_layers
from .sequential import Sequential

__all__ = [
    "Fork",
    "Identity",
    "LinearisedPullback",
    "Loop",
    "Network",
    "NetworkPullback",
    "Parallel",
    "Residual",
    "Sequential",
    "SlopePullback",
    "first_layers",
    "folded",
    "parameter_limit",
]
