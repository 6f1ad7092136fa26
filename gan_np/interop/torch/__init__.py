"""Models for PyTorch and weights from there. PyTorch itself is needed for neither but to read a .pth file."""

from . import layers
from .loading import Loaded, load_torch
from .models import MARK, Form, Written, classifier, discriminator, generator, network
from .modules import EXPORTERS, Module, Site, Tensor, exports

__all__ = [
    "EXPORTERS",
    "MARK",
    "Form",
    "Loaded",
    "Module",
    "Site",
    "Tensor",
    "Written",
    "classifier",
    "discriminator",
    "exports",
    "generator",
    "layers",
    "load_torch",
    "network",
]
