"""A part of a network, as a network of its own."""

from __future__ import annotations

from .network import Network
from .sequential import Sequential


def first_layers(network: Network, count: int) -> Network:
    """A copy of the first `count` layers of a network that is a chain; negative counts from the end, as in slices.

    Raises:
        TypeError: the network is not a Sequential. ValueError: it has no so many layers.
    """
    chain = network.structure
    if not isinstance(chain, Sequential):
        raise TypeError(f"network: expected a Sequential, got {type(chain).__name__}")
    layers = chain.layers[:count]
    if not layers or abs(count) > len(chain.layers):
        raise ValueError(f"count: expected to keep 1 to {len(chain.layers)} layers, got {count}")
    part = Network(Sequential(*layers), network.input_shape, dtype=network.dtype, device=network.device)
    # Segments lie in the order of layers, so those of the first layers come first.
    for vector, whole in ((part.parameters, network.parameters), (part.state, network.state)):
        if whole.layout.segments[: len(vector.layout.segments)] != vector.layout.segments:
            raise RuntimeError("network: the segments of its first layers do not come first in its vectors")
        vector.assign(whole.values[: len(vector)])
    return part
