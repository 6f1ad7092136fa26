"""Checks for people who write layers, operations and kernels: gradients by finite differences, kernels by the reference.

Uses the layers, networks, objectives and kernels that it checks, and nothing that stands above them.
"""

from .finite_differences import GradientError
from .gradients import check_gradients, check_operation
from .kernels import KernelError, check_kernel
from .linearisation import check_linearisation
from .objectives import check_objective, check_penalty

__all__ = [
    "GradientError",
    "KernelError",
    "check_gradients",
    "check_kernel",
    "check_linearisation",
    "check_objective",
    "check_operation",
    "check_penalty",
]
