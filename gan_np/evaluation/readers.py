"""Which features are read: pixels, a classifier's, or those of a network in an ONNX file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from gan_np.metrics.pixels import FeatureExtractor
from gan_np.models import Classifier
from gan_np.runs import load_classifier

from .onnx_features import OnnxFeatures, named_network
from .preprocessing import Preprocessing

PIXELS, CLASSIFIER = "pixels", "classifier"


def reader_named(
    features: str | None, preprocessing: Preprocessing | None = None, *, device: str = "cpu"
) -> FeatureExtractor | None:
    """The reader that a text names: FILE.onnx, FILE.onnx:OUTPUT, or FILE.safetensors of a classifier; None for "pixels",
    "classifier" and nothing (None), which depend on the data.

    Raises:
        ValueError: another text, or preprocessing for something else than an ONNX network.
        FileNotFoundError: no such file.
    """
    network = None if features is None else named_network(features)
    if network is None and preprocessing is not None and preprocessing != Preprocessing():
        usual = Preprocessing()
        name = next(one.name for one in fields(usual) if getattr(usual, one.name) != getattr(preprocessing, one.name))
        raise ValueError(
            f"input_{name.removeprefix('value_')}: is for features of an ONNX network, and these are "
            f"{features or CLASSIFIER!r}"
        )
    if network is not None:
        return OnnxFeatures(*network, preprocessing)
    if features is None or features in (PIXELS, CLASSIFIER):
        return None
    if Path(features).suffix.lower() == ".safetensors":
        return load_classifier(features, device=device)
    raise ValueError(
        f"features: expected pixels, classifier, a classifier's file (.safetensors) or FILE.onnx[:OUTPUT], got {features!r}"
    )


def facts_of(reader: FeatureExtractor) -> dict[str, Any]:
    """The lines of a report that say whose features were read."""
    if isinstance(reader, OnnxFeatures):
        return dict(reader.facts)
    if isinstance(reader, Classifier):
        known = reader.held_out
        said = "unknown" if known is None else f"{known.accuracy:.2%} of {known.count:,} {known.source}"
        return {
            "features": f"{reader.feature_count} of the classifier {reader.name}",
            "classifier right on": said,
        }
    return {"features": reader.name}
