"""Models in other programs' forms and back: ONNX files, and weights of PyTorch both ways."""

from . import onnx
from .export import export

__all__ = ["export", "onnx"]
