"""The weight that a spectrally normalised layer computes with."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, to_host
from gan_np.layers import SpectralNorm, Variables


def normalised_weight(layer: SpectralNorm, variables: Variables) -> Array:
    """Ŵ = W/σ with σ = ‖W·u‖ of the u that the network has, computed in float64, of the weight's dtype."""
    weight = to_host(variables[layer.parameter])
    axis = variables.declaration.parameters[layer.parameter].output_axis
    matrix = np.moveaxis(weight.astype(np.float64), axis, -1).reshape(-1, weight.shape[axis])
    sigma = np.linalg.norm(matrix @ to_host(variables.state["spectral_u"]))
    normalised: Array = (weight / sigma).astype(weight.dtype)
    return normalised
