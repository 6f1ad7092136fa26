"""Weights of a PyTorch model into a network of this library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from gan_np.arrays import Array, Shape, to_device, to_host
from gan_np.checks import ShapeError, shown
from gan_np.networks import Network
from gan_np.notebook import html_table

from . import layers as layers
from .models import modules_of
from .modules import Module, leaves
from .order import Order, places
from .state_dict import read

_IGNORED = "num_batches_tracked"
_HEADING = ("here", "shape", "there", "shape", "")


class _Misfit(ValueError):
    """Why the parameters of a module are not those of a layer."""


@dataclass(frozen=True)
class Move:
    """One array that went into a network.

    ours, shape: its name and shape here. theirs, their_shape: there; "" and None for one that was not there. note: what
    beside a change of layout was done to it.
    """

    ours: str
    shape: Shape
    theirs: str
    their_shape: Shape | None
    note: str


@dataclass(frozen=True)
class Loaded:
    """What went where, in the network's order; prints as a table.

    by_name: whether modules were found by their names, or in order.
    """

    moves: tuple[Move, ...]
    by_name: bool

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        return [
            (move.ours, _size(move.shape), move.theirs or "—", _size(move.their_shape), move.note)
            for move in self.moves
        ]

    def __str__(self) -> str:
        rows = [_HEADING, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, self._ending()])

    def _repr_html_(self) -> str:
        return f"{html_table(_HEADING, self._rows(), numbers=())}<p>{escape(self._ending())}</p>"

    def _ending(self) -> str:
        return f"{len(self.moves)} arrays, modules found {'by name' if self.by_name else 'in order'}"


def load_torch(network: Network, source: Any, *, names: Mapping[str, str] | None = None) -> Loaded:
    """Take the weights of a PyTorch model into a network, in place.

    network: of the same layers: dense layers, convolutions and normalisations, one for each of PyTorch's.
    source: a state_dict, a module of PyTorch, or a file: .safetensors (read without PyTorch), or .pth (only through PyTorch,
        with weights_only=True).
    names: for layers by their names in the network ("4", "0.1"; see `network.summary()`), the names of PyTorch's modules.

    Modules are found by name where all names are the same, otherwise in order: each layer takes the first module not taken
    yet whose shapes are its own. The report says what went where; look at it. Layouts are changed: of weights, and of
    features that are a map laid flat (channels first there, last here). A convolution over a whole map, or a transposed one
    of a single pixel, is taken into a dense layer, as which a DCGAN has it here. A bias that is missing there is 0, a scale
    1. Spectral normalisation is taken into `SpectralNorm` with its estimate of the largest singular value, and into another
    layer as the weight that it makes. What a state_dict does not say must agree by itself: activations, slopes, strides,
    padding, ε.

    >>> import numpy as np, gan_np as gn
    >>> D = gn.Network(gn.Sequential(gn.Dense(1)), input_shape=(3,))
    >>> print(gn.interop.load_torch(D, {"linear.weight": np.ones((1, 3)), "linear.bias": np.ones(1)}))
    here      shape  there          shape
    0.weight  3×1    linear.weight  1×3
    0.bias    1      linear.bias    1
    2 arrays, modules found in order

    Raises:
        ShapeError: the parameters are not those of this network; the message names one with both shapes. Nothing is changed.
        ValueError, TypeError: no state_dict, or a file that cannot be read. FileNotFoundError: no file.
        ModuleNotFoundError: a .pth file without PyTorch.
    """
    if not isinstance(network, Network):
        raise TypeError(f"network: expected a Network, as gan.generator, got {shown(network)}")
    theirs = {
        name: {own: value for own, value in parts.items() if own != _IGNORED} for name, parts in read(source).items()
    }
    # Modules that exports of this library have beside the network's.
    theirs = {name: parts for name, parts in theirs.items() if parts and set(parts) != {"mean", "deviation"}}
    slots = {name: module for name, module in leaves(modules_of(network)) if _sources(module)}
    chosen, by_name = _assigned(slots, theirs, dict(names or {}))
    arrays: dict[tuple[bool, str], Array] = {}
    moves = []
    for slot, other in chosen.items():
        for piece in _taken(slots[slot], other, theirs[other]):
            key = piece.state, piece.move.ours
            value = piece.value.astype(network.dtype)
            if key in arrays and not np.array_equal(arrays[key], value):
                raise ShapeError(
                    f"{piece.move.ours}: is the same at every step here, and {piece.move.theirs!r} is another than before"
                )
            if key not in arrays:
                moves.append(piece.move)
            arrays[key] = value
    _assign(network, arrays)
    return Loaded(tuple(moves), by_name)


def _assign(network: Network, arrays: Mapping[tuple[bool, str], Array]) -> None:
    changed = []
    for state, vector in ((False, network.parameters), (True, network.state)):
        values = np.array(to_host(vector.values))
        for (in_state, name), array in arrays.items():
            if in_state == state:
                vector.layout.view(values, name)[...] = array
        changed.append((vector, to_device(values, network.device)))
    for vector, values in changed:
        vector.assign(values)


def _sources(module: Module) -> list[str]:
    return [tensor.source for tensor in module.tensors.values() if tensor.source]


def _layer(module: Module) -> str:
    """The name of the layer in the network."""
    return _sources(module)[0].rpartition(".")[0]


def _assigned(
    slots: Mapping[str, Module], theirs: Mapping[str, Any], names: dict[str, str]
) -> tuple[dict[str, str], bool]:
    """The name of PyTorch's module for each of ours, and whether they were found by name."""
    if not names:
        for own in (lambda slot, module: slot), (lambda slot, module: _layer(module)):
            same = {slot: own(slot, module) for slot, module in slots.items()}
            if set(same.values()) == set(theirs) and not any(_misfit(slots[s], o, theirs[o]) for s, o in same.items()):
                return same, True
    known = {_layer(module): slot for slot, module in slots.items()}
    chosen: dict[str, str] = {}
    for layer, other in names.items():
        if layer not in known:
            raise ValueError(f"names: there is no layer {layer!r} with parameters here; there are {', '.join(known)}")
        if other not in theirs:
            raise ValueError(f"names: there is no module {other!r} there; there are {', '.join(theirs)}")
        chosen[known[layer]] = other
    free = [other for other in theirs if other not in chosen.values()]
    for slot, module in slots.items():
        if slot not in chosen:
            fitting = next((other for other in free if not _misfit(module, other, theirs[other])), None)
            if fitting is None:
                raise ShapeError(_nothing_fits(module, free, theirs))
            chosen[slot] = fitting
            free.remove(fitting)
    for slot, other in chosen.items():
        if why := _misfit(slots[slot], other, theirs[other]):
            raise ShapeError(why)
    if free:
        left = ", ".join(f"{other}.{own} {value.shape}" for other in free for own, value in theirs[other].items())
        raise ShapeError(f"source: the network has no layer for {left}")
    return {slot: chosen[slot] for slot in slots}, bool(names) and len(names) == len(slots)


def _nothing_fits(module: Module, free: list[str], theirs: Mapping[str, Mapping[str, Array]]) -> str:
    """For a layer that no module fits that is left: why the next one of its kind does not."""
    rank = min(module.tensors["weight"].value.ndim, 2) if "weight" in module.tensors else 1
    alike = [other for other in free if min(getattr(theirs[other].get("weight"), "ndim", 1), 2) == rank]
    if not alike:
        needs = ", ".join(f"{own} {one.value.shape}" for own, one in module.tensors.items() if one.source)
        return f"{_layer(module)}: needs {needs}, and nothing of the kind is left in the state_dict"
    return _misfit(module, alike[0], theirs[alike[0]])


@dataclass(frozen=True)
class _Piece:
    move: Move
    state: bool
    value: Array


def _misfit(module: Module, other: str, parts: Mapping[str, Array]) -> str:
    """Why they do not fit; "" if they do."""
    try:
        list(_taken(module, other, parts))
    except _Misfit as why:
        return str(why)
    return ""


def _taken(module: Module, other: str, parts: Mapping[str, Array]) -> Iterator[_Piece]:
    """What a layer takes of PyTorch's module.

    Raises:
        _Misfit: it is another's.
    """
    given, notes = dict(parts), dict.fromkeys(module.tensors, "")
    u, v = given.pop("u", None), given.pop("v", None)
    if module.spectral is not None and u is None:
        raise _Misfit(
            f"{_layer(module)}: is spectrally normalised here, and {_full(other, 'weight')!r} has no u beside it: take the "
            "layer without SpectralNorm"
        )
    if u is not None:
        yield from _normalised(module, other, given, notes, u, v)
    if module.flat_input is not None and getattr(given.get("weight"), "ndim", 2) == 4:
        _as_dense(module, given, notes)
    for own, tensor in module.tensors.items():
        value = given.pop(own, None)
        if own == _IGNORED:
            continue
        expected = tensor.value.shape
        if value is None:
            value = _missing(module, own, tensor.value, other)
            if tensor.source:
                note = f"{value.flat[0]:g}, which is not there"
                yield _Piece(
                    Move(tensor.source, tensor.to_ours(value).shape, "", None, note),
                    tensor.state,
                    tensor.to_ours(value),
                )
            continue
        if value.shape != expected:
            ours = tensor.to_ours(tensor.value).shape if tensor.source else expected
            raise _Misfit(
                f"{tensor.source or _layer(module)}: is {ours} here, so {expected} in PyTorch; "
                f"{_full(other, own)!r} is {parts[own].shape}"
            )
        if not tensor.source:
            if not np.array_equal(value, tensor.value):
                raise _Misfit(f"{_layer(module)}: has nothing here for {_full(other, own)!r} {value.shape}")
            continue
        ours_value = tensor.to_ours(value)
        yield _Piece(
            Move(tensor.source, ours_value.shape, _full(other, own), parts[own].shape, notes[own]),
            tensor.state,
            ours_value,
        )
    for own, value in given.items():
        if own == "bias" and not value.any():
            continue
        more = "; give the layer bias=True" if own == "bias" else ""
        raise _Misfit(f"{_layer(module)}: has nothing here for {_full(other, own)!r} {value.shape}{more}")


def _missing(module: Module, own: str, value: Array, other: str) -> Array:
    """What stands for a parameter that PyTorch's module does not have."""
    if own == "bias":
        return np.zeros_like(value)
    if own == "weight" and "running_mean" in module.tensors:
        return np.ones_like(value)
    raise _Misfit(f"{_layer(module)}: needs {own} {value.shape}, which {other!r} does not have")


def _normalised(
    module: Module, other: str, given: dict[str, Array], notes: dict[str, str], u: Array, v: Array | None
) -> Iterator[_Piece]:
    """Spectral normalisation: PyTorch divides by σ = uᵀWv with the v that it keeps; here v follows from u, σ = ‖Wᵀu‖, so u
    is kept as long as makes σ the same. (The next update of u makes it a unit vector again.)"""
    if "weight" not in given or "weight" not in module.tensors:
        raise _Misfit(f"{_layer(module)}: has nothing here for {_full(other, 'weight_u')!r}")
    weight = given["weight"].astype(np.float64)
    axis = 0 if weight.shape[0] == len(u) and "ConvTranspose" not in module.code else 1
    if weight.shape[axis] != len(u):
        raise _Misfit(f"{_layer(module)}: {_full(other, 'weight')!r} {weight.shape} has another u than {u.shape}")
    matrix = np.moveaxis(weight, axis, 0).reshape(len(u), -1)
    along = matrix.T @ u.astype(np.float64)
    length = float(np.linalg.norm(along))
    sigma = length if v is None else float(along @ v.astype(np.float64))
    if module.spectral is None:
        given["weight"], notes["weight"] = (
            (weight / sigma).astype(given["weight"].dtype),
            "divided by its spectral norm",
        )
        return
    own = u * (sigma / length)
    if module.flat_output is not None:
        if len(own) != len(places(module.flat_output)):
            raise _Misfit(f"{_layer(module)}: u of {_full(other, 'weight')!r} is {u.shape}, another is needed here")
        own = own[np.argsort(places(module.flat_output))]
    name = module.spectral[1]
    yield _Piece(Move(name, own.shape, _full(other, "weight_u"), u.shape, "so long that σ is the same"), True, own)


def _as_dense(module: Module, given: dict[str, Array], notes: dict[str, str]) -> None:
    """A convolution over a whole map, or a transposed one of a single pixel, as the dense layer that it is."""
    weight, (before, after) = given["weight"], (module.flat_input, module.flat_output)
    assert before is not None
    assert after is not None
    for order, first, transposed in ((before, after, False), (after, before, True)):
        shape = _map(order)
        if shape is None or weight.shape != (sum(map(math.prod, first)), shape[2], shape[0], shape[1]):
            continue
        rows = weight.reshape(len(weight), -1)
        given["weight"] = rows.T if transposed else rows
        notes["weight"] = "a convolution that is a dense layer"
        if transposed and "bias" in given and given["bias"].shape == (shape[2],):
            given["bias"] = np.repeat(given["bias"], shape[0] * shape[1])
        return


def _map(order: Order) -> tuple[int, int, int] | None:
    """The map that a vector is laid flat, one pixel where it is a plain one; None for several."""
    if len(order) != 1:
        return None
    (part,) = order
    if len(part) == 3:
        return part[0], part[1], part[2]
    return (1, 1, part[0]) if len(part) == 1 else None


def _full(module: str, own: str) -> str:
    return f"{module}.{own}" if module else own


def _size(shape: Shape | None) -> str:
    return "—" if shape is None else "×".join(map(str, shape)) or "1"
