"""Models in other programs' forms and back: ONNX files, and weights of PyTorch both ways.

How a layer is written stands here and not with the layer, so that no layer knows of another program. May use every room
but `cli`.
"""

from . import onnx, torch
from .export import export
from .torch.loading import load_torch

__all__ = ["export", "load_torch", "onnx", "torch"]
