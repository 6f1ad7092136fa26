"""Models for PyTorch and weights from there. PyTorch itself is needed for neither but to read a .pth file.

Uses layers, networks and models. A file for each way: `models.py` writes, `loading.py` reads.
"""

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
