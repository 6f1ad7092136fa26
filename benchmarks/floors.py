"""What one step of Algorithm 1 must do at least: operations and bytes of each layer, from the sizes of the networks alone.

Counted is a step as the CUDA kernels divide it, every array once for each pass that must see it, and D frozen in G's step:

    product (dense, convolution)   2 operations for each term of the direct sum (border taps that fall on padding included);
                                   reads both operands, writes the result. Bias and activation are done on its way.
    bias, activation, backward     reads dy and y, writes dz
    batch normalisation, forward   reads z twice (the statistics must be complete before the first number), writes y
    batch normalisation, backward  reads dy and x twice, and y where its activation is tanh or sigmoid; writes dx
    optimiser                      Adam reads θ, g, m and v and writes θ, m and v

The first layer of each player has no input gradient in that player's own step. Images and activations lie in the dtype of
the networks at every precision. Losses, accuracies and the watch for numbers that are not finite are left out.

`python -m benchmarks.floors` prints the tables of gpu/notes.md: arithmetic with the data sheet's rates, nothing measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import gan_np as gn
from gan_np.kernels.cuda.normalisation import FROM_Y
from gan_np.ops import activation

from .setups import GPU_PRESETS, describe, make_gan


class Work(NamedTuple):
    """The operations and bytes of some work."""

    operations: float = 0.0
    bytes: float = 0.0

    def plus(self, other: Work) -> Work:
        """Return the sum of both works."""
        return Work(self.operations + other.operations, self.bytes + other.bytes)

    def times(self, count: int) -> Work:
        """Return this work done so many times."""
        return Work(self.operations * count, self.bytes * count)


NOTHING = Work()

RATES = {"float32": 67e12, "tf32": 495e12, "bf16": 989e12}
"""Operations a second of an H100 SXM by NVIDIA's data sheet: float32 outside the tensor cores, the others in them, dense."""
BANDWIDTH = 3.35e12
"""Bytes a second of its HBM3, there too."""


class LayerWork(NamedTuple):
    """One layer, its normalisation and its activation as layers of their own."""

    player: str
    """The player whose layer it is, "D" or "G"."""
    place: int
    """The number of the layer in its network."""
    name: str
    forward: Work
    input_gradient: Work
    weight_gradient: Work
    times: tuple[int, int, int]
    """How often a step does each of the three."""

    @property
    def step(self) -> Work:
        """Return the work of the layer in one training step."""
        passes = (self.forward, self.input_gradient, self.weight_gradient)
        total = NOTHING
        for work, count in zip(passes, self.times, strict=True):
            total = total.plus(work.times(count))
        return total


def of_step(gan: gn.GAN, batch_size: int, *, share_noise: bool = False, average: bool = False) -> list[LayerWork]:
    """Every layer of both players, and their optimisers.

    Raises:
        TypeError: a layer that nobody counted yet.
    """
    # (forward, input gradients, weight gradients) of the first layer with weights, and of those after it
    d_first, d_others = (3, 1, 2), (3, 3, 2)
    generated = 1 if share_noise else 2
    g_first, g_others = (generated, 0, 1), (generated, 1, 1)
    return [
        *_layers("D", gan.discriminator, batch_size, d_first, d_others, backwards=3),
        *_layers("G", gan.generator, batch_size, g_first, g_others, backwards=1),
        *_optimisers(gan, average),
    ]


def total(layers: list[LayerWork]) -> Work:
    """Return the work of the whole step."""
    found = NOTHING
    for layer in layers:
        found = found.plus(layer.step)
    return found


def _layers(
    player: str,
    network: gn.Network,
    batch: int,
    first: tuple[int, int, int],
    others: tuple[int, int, int],
    backwards: int,
) -> Iterator[LayerWork]:
    """backwards: how many pullbacks a step takes through this network."""
    structure = network.structure
    if not isinstance(structure, gn.Sequential):
        raise TypeError(f"network: expected a Sequential, got {structure!r}")
    shape, size, met = network.input_shape, network.dtype.itemsize, False
    for place, layer in enumerate(structure.layers):
        output = network.declaration.children[str(place)].output_shape
        before, after = batch * int(np.prod(shape)), batch * int(np.prod(output))
        times = others if met else first
        if layer.bilinear:
            met = True
            operations = 2.0 * batch * layer.multiply_adds(shape)
            weights = math.prod(network.declaration.children[str(place)].parameters["weight"].shape)
            product = Work(operations, size * (before + weights + after))
            yield LayerWork(player, place, _named(layer, shape, output), product, product, product, times)
            if activation(layer.arguments()["activation"]).kind != "linear":
                back = Work(0, size * 3 * after)
                yield LayerWork(player, place, "bias, activation", NOTHING, back, NOTHING, (0, backwards, 0))
        elif isinstance(layer, gn.BatchNorm):
            from_y = activation(layer.activation).kind in FROM_Y
            forward, back = Work(0, size * 3 * after), Work(0, size * (7 if from_y else 5) * after)
            passes = (times[0], backwards, 0)
            yield LayerWork(player, place, "batch normalisation", forward, back, NOTHING, passes)
        elif not isinstance(layer, gn.Reshape | gn.Flatten):
            raise TypeError(f"layer {place} of {player}: the work of {layer!r} is not counted here")
        shape = output


def _named(layer: gn.Layer, shape: tuple[int, ...], output: tuple[int, ...]) -> str:
    if isinstance(layer, gn.Dense):
        return f"dense {shape[0]}→{output[0]}"
    kind = "convolution" if isinstance(layer, gn.Conv2d) else "transposed"
    return f"{kind} {shape[2]}→{output[2]}, {shape[0]}²→{output[0]}²"


def _optimisers(gan: gn.GAN, average: bool) -> Iterator[LayerWork]:
    for player, network in (("D", gan.discriminator), ("G", gan.generator)):
        values = network.parameters.values
        yield LayerWork(player, -1, "Adam", Work(0, 7.0 * values.nbytes), NOTHING, NOTHING, (1, 0, 0))
        if player == "G" and average:
            yield LayerWork(player, -1, "moving average", Work(0, 3.0 * values.nbytes), NOTHING, NOTHING, (1, 0, 0))


def tables() -> str:
    """Floors of each preset on a GPU, and every layer of the first, as Markdown."""
    lines = ["| step | GFLOP | MB | bytes, ms | " + " | ".join(f"{name}, ms" for name in RATES) + " |"]
    lines.append("|---" * (4 + len(RATES)) + "|")
    found = {}
    for preset, setup in GPU_PRESETS.items():
        if setup.model == "r3gan":  # `python -m benchmarks.gpu.traffic` has its table
            continue
        found[preset] = of_step(make_gan(setup, np.dtype(np.float32)), setup.batch_size)
        work = total(found[preset])
        times = [f"{1e3 * work.operations / rate:.3g}" for rate in RATES.values()]
        cells = (describe(setup), f"{work.operations / 1e9:.3g}", f"{work.bytes / 1e6:,.0f}")
        lines.append(f"| {' | '.join((*cells, f'{1e3 * work.bytes / BANDWIDTH:.3g}', *times))} |")
    lines += [
        "",
        "| player, place | layer | forward, input gradient, weight gradient | GFLOP | MB | tf32, µs | bytes, µs |",
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for layer in next(iter(found.values())):
        work, place = layer.step, layer.player if layer.place < 0 else f"{layer.player} {layer.place}"
        floors = f"{1e6 * work.operations / RATES['tf32']:.0f} | {1e6 * work.bytes / BANDWIDTH:.0f}"
        times = ", ".join(map(str, layer.times))
        amounts = f"{work.operations / 1e9:.1f} | {work.bytes / 1e6:.0f}"
        lines.append(f"| {place} | {layer.name} | {times} | {amounts} | {floors} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(tables())
