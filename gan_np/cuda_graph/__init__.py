"""Training steps on a GPU: captured as one CUDA graph, replayed, their numbers read when they have arrived.

Knows vectors, operations and devices, and nothing of what a step computes: it is handed a function.
"""

from .readings import Reading, Readings
from .steps import DeviceSteps
from .tape import Tape

__all__ = ["DeviceSteps", "Reading", "Readings", "Tape"]
