"""Models in other programs' forms and back: ONNX files, and weights of PyTorch both ways."""

from . import onnx, torch
from .export import export
from .torch.loading import load_torch

__all__ = ["export", "load_torch", "onnx", "torch"]
