"""Norms of gradients and weights, layer by layer, for the log."""

from __future__ import annotations

from gan_np.arrays import Array, array_module, on_host
from gan_np.vectors import Layout


def layer_norms(player: str, what: str, layout: Layout, values: Array) -> dict[str, Array]:
    """The Euclidean norm of each segment, by "player/what/segment": 0-d arrays on the device."""
    xp, norms = array_module(values), {}
    for segment in layout.segments:
        part = values[segment.start : segment.stop]
        # CuPy computes its `norm` with what cannot be captured.
        norms[f"{player}/{what}/{segment.name}"] = (
            xp.linalg.norm(part) if on_host(part) else xp.sqrt((part * part).sum())
        )
    return norms
