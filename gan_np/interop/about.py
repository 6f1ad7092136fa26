"""What an exported file says of itself: which model, what it takes and gives, as texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gan_np.models import GAN, GRAN, LAPGAN, Classifier, Model
from gan_np.models.lapgan import LaplacianLevel


def of_generator(gan: Model) -> dict[str, Any]:
    """Return what a file says of a generator."""
    prior = gan.stages[0].prior
    about = {"network": "generator", "latent_dim": prior.dim, "latent": prior.kind, **_of_model(gan)}
    if isinstance(gan, LaplacianLevel):
        about["range"] = "none: detail, to be added to an image"
    return about | ({"draw_steps": gan.draw_steps} if isinstance(gan, GRAN) else {})


def of_discriminator(gan: GAN) -> dict[str, Any]:
    """Return what a file says of a discriminator."""
    return {"network": "discriminator", "packing": gan.packing, **_of_model(gan)}


def of_classifier(made: Classifier) -> dict[str, Any]:
    """Return what a file says of a classifier."""
    return {
        "network": "classifier",
        "name": made.name,
        "data_shape": list(made.image_shape),
        "range": made.pixel_range,
        "classes": made.classes,
        "class_names": list(made.names()),
    }


def _of_model(gan: Model) -> dict[str, Any]:
    found: dict[str, Any] = {
        "model": gan.recipe.get("model", type(gan).__name__),
        "data_shape": list(gan.data_shape),
    }
    if len(gan.data_shape) == 3:
        found["range"] = "-1..1" if isinstance(gan, LAPGAN) else gan.stages[0].pixel_range
    else:
        found["units"] = "of the data"
        if columns := gan.encoding.columns:
            found["columns"] = list(columns)
    if (table := gan.labels) is not None:
        found |= {"classes": len(table), "class_names": list(table.names), "labels": list(table.values)}
    return found


def texts(about: Mapping[str, Any], layout: str, **more: Any) -> dict[str, str]:
    """As files keep them: texts; lists as JSON. layout: of images, where there are some."""
    everything = {**about, **more}
    if len(about.get("data_shape", (0, 0, 0))) == 3:
        everything["layout"] = layout
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)
        for name, value in everything.items()
    }
