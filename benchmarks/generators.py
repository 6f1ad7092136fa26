"""Who makes images from noise: ours, PyTorch's modules, onnxruntime's sessions, each as it is and with folded weights."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import gan_np as gn
from gan_np.arrays import Array
from gan_np.networks import folded

from . import peers, report

OURS = "gan_np"
PEERS = ("torch", "onnxruntime")

Run = Callable[[], Any]


class Candidate(NamedTuple):
    """One way to the images of a batch."""

    name: str
    library: str
    run: Run
    images: Callable[[Any], Array]
    """What `run` gave, as (N, H, W, C)."""


def variants(generator: gn.Network) -> dict[str, gn.Network]:
    """Suffix of a candidate's name → network: as it is, and with batch normalisation folded where there is any."""
    found = {"": generator}
    if any(isinstance(layer, gn.BatchNorm) for layer in _layers(generator)):
        found[", folded"] = folded(generator)
    return found


def ours(gan: gn.GAN, networks: dict[str, gn.Network], z: Array) -> Iterator[Candidate]:
    """A network's call (what the others do), and `generate`, which works in chunks."""
    for suffix, network in networks.items():
        yield Candidate(OURS + suffix, OURS, functools.partial(network, z), _as_it_is)
    yield Candidate("gan_np generate()", OURS, functools.partial(gan.generate, z), _as_it_is)


def others(
    networks: dict[str, gn.Network], wanted: Sequence[str], threads: int
) -> list[Callable[[Array], list[Candidate]]]:
    """Of each peer that is wanted and installed: noise → its candidates."""
    made: list[Callable[[Array], list[Candidate]]] = []
    for name, requires, maker in (("torch", ("torch",), _torch), ("onnxruntime", ("onnx", "onnxruntime"), _onnx)):
        if name not in wanted:
            continue
        missing = [library for library in requires if not peers.installed(library)]
        if missing:
            report.say(f"{' and '.join(missing)} not installed: {name} is left out.")
            continue
        made.append(maker(networks, threads))
    return made


def _torch(networks: dict[str, gn.Network], threads: int) -> Callable[[Array], list[Candidate]]:
    import torch

    from .peers.torch_layers import Translation

    torch.set_num_threads(threads)
    orders = {" channels_last": torch.channels_last, " NCHW": torch.contiguous_format}
    if not any(isinstance(layer, gn.ConvTranspose2d) for layer in _layers(networks[""])):
        orders = {"": torch.contiguous_format}
    modules = {}
    for suffix, network in networks.items():
        for order_name, order in orders.items():
            translation = Translation(network, order)
            translation.load_state(network.state.values)
            modules[f"torch{order_name}{suffix}"] = translation.module.eval()

    def run(module: torch.nn.Module, z: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            found: torch.Tensor = module(z)
            return found

    def make(z: Array) -> list[Candidate]:
        given = torch.from_numpy(z)
        return [
            Candidate(name, "torch", functools.partial(run, module, given), lambda y: _channels_last(y.numpy()))
            for name, module in modules.items()
        ]

    return make


def _onnx(networks: dict[str, gn.Network], threads: int) -> Callable[[Array], list[Candidate]]:
    from .peers import onnx_generator

    sessions = {
        f"onnxruntime{suffix}": onnx_generator.session(network, threads) for suffix, network in networks.items()
    }

    def make(z: Array) -> list[Candidate]:
        return [
            Candidate(
                name,
                "onnxruntime",
                functools.partial(session.run, None, {onnx_generator.INPUT: z}),
                lambda results: _channels_last(results[0]),
            )
            for name, session in sessions.items()
        ]

    return make


def _as_it_is(images: Array) -> Array:
    return images


def _channels_last(images: Array) -> Array:
    return images.transpose(0, 2, 3, 1)


def _layers(network: gn.Network) -> Sequence[gn.Layer]:
    assert isinstance(network.structure, gn.Sequential)
    return network.structure.layers
