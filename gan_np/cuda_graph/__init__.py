"""Training steps on a GPU: captured as one CUDA graph, replayed, their numbers read when they have arrived.

Knows vectors, operations and devices, and nothing of what a step computes: it is handed a function.
"""

from .capture import DeviceSteps
from .readings import Reading, Readings
from .tape import Tape

__all__ = ["DeviceSteps", "Reading", "Readings", "Tape"]
