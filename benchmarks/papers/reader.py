"""A small classifier that reads the digits of stacked pictures."""

from __future__ import annotations

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.data.images import to_float
from gan_np.data.sampler import Shuffler

from .digits import Digits

BATCH, CHUNK = 128, 500


def train_reader(train: Digits, updates: int, device: str = "cpu") -> gn.Network:
    """Two convolutions and two dense layers, Adam 1e-3: pictures [0, 1] (N, 28, 28, 1) to ten logits."""
    he = gn.He()
    network = gn.Network(
        gn.Sequential(
            gn.Conv2d(32, 5, stride=2, padding=2, activation="relu", weight_initializer=he),
            gn.Conv2d(64, 5, stride=2, padding=2, activation="relu", weight_initializer=he),
            gn.Flatten(),
            gn.Dense(128, activation="relu", weight_initializer=he),
            gn.Dropout(0.5),
            gn.Dense(10),
        ),
        (28, 28, 1),
        device=device,
    )
    adam, order, masks = gn.Adam(1e-3, beta1=0.9), Shuffler(len(train.images), BATCH), generator(0, 1)
    for _ in range(updates):
        index = next(order)
        pictures = to_float(to_device(train.images[index], device), "0..1", network.dtype)
        logits, pullback = network.forward(pictures, training=True, wrt=gn.Wrt(inputs=False), rng=masks)
        losses, derivative = gn.ops.softmax_cross_entropy(logits, to_device(train.labels[index], device))
        (gradient,) = derivative(losses * 0 + losses.dtype.type(1 / BATCH))
        pullback(gradient)
        adam.step(network.parameters, network.gradient)
    return network


def read(network: gn.Network, images: Array) -> Array:
    """The likeliest digit of each uint8 picture (N, 28, 28, 1), int64 (N,)."""
    found = []
    for start in range(0, len(images), CHUNK):
        part = to_device(images[start : start + CHUNK], network.device)
        found.append(to_host(network(to_float(part, "0..1", network.dtype)).argmax(axis=1)))
    return np.concatenate(found)
