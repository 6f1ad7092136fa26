"""Where z enters a generator: the networks up to an early layer, and the weights that z meets first."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, to_host
from gan_np.layers import Concatenate, Declaration, Dense
from gan_np.models import GAN
from gan_np.networks import Network, Parallel, Sequential, first_layers


def first_weights(gan: GAN, *, average: bool = True) -> Array:
    """W (k, out) of the first dense layer, the rows that z is multiplied by (those of a label left out); float64, on
    the host.

    Raises:
        TypeError: the generator does not begin with a dense layer (but with a convolution, say).
    """
    network = gan.sampler(average=average)
    index = _first_dense(network)
    return to_host(network.parameters[f"{index}.weight"])[: gan.prior.dim].astype(np.float64)


def early_network(gan: GAN, layers: int | None = None, *, average: bool = True) -> Network:
    """A copy of the generator's first `layers` layers as a network of its own.

    None: up to the second layer with weights, not included: the first dense layer with what normalises it and makes it
    non-linear, before any convolution.

    Raises:
        TypeError, ValueError: the generator is not a chain that begins with a dense layer, or has fewer layers.
    """
    network = gan.sampler(average=average)
    chain = _chain(network)
    if layers is None:
        layers = _first_dense(network) + 1
        while layers < len(chain.layers) and not _has_weights(network.declaration.children[str(layers)]):
            layers += 1
    return first_layers(network, layers)


def _has_weights(declaration: Declaration) -> bool:
    """Whether a layer, or one inside it, has parameters that are weights, and not only scales and biases."""
    own = any(parameter.tag == "weight" for parameter in declaration.parameters.values())
    return own or any(map(_has_weights, declaration.children.values()))


def _chain(network: Network) -> Sequential:
    if not isinstance(network.structure, Sequential):
        raise TypeError(f"network: expected a Sequential, got {type(network.structure).__name__}")
    return network.structure


def _first_dense(network: Network) -> int:
    chain = _chain(network)
    for index, layer in enumerate(chain.layers):
        if isinstance(layer, Dense):
            return index
        if not isinstance(layer, Parallel | Concatenate):  # where a label joins
            break
    raise TypeError("generator: does not begin with a dense layer on z, so there are no first weights to look at")
