"""Models as ONNX files, which other programs run: how each layer is written (`exports`), and the whole model around them.

Uses layers, networks and models; the package onnx is imported when a file is written.
"""

from . import linear, normalisation, pointwise, shapes, structures
from .graph import EXPORTERS, OPSET, Graph, Value, exports
from .models import DTYPES, LAYOUTS, Form, classifier, discriminator, generator, network

__all__ = [
    "DTYPES",
    "EXPORTERS",
    "LAYOUTS",
    "OPSET",
    "Form",
    "Graph",
    "Value",
    "classifier",
    "discriminator",
    "exports",
    "generator",
    "linear",
    "network",
    "normalisation",
    "pointwise",
    "shapes",
    "structures",
]
