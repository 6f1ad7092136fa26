"""PyTorch's modules as text and tensors, and which of ours each tensor comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gan_np.arrays import Array, to_host
from gan_np.layers import Layer, Variables
from gan_np.layers.layer import Shapes

from ..table import Exporters
from .helpers import HELPERS
from .order import Order, Orders, is_plain, places, plain

EXPORTERS: Exporters[Any] = Exporters("PyTorch", "gan_np.interop.torch")
"""How each class of layer is written for PyTorch; `gan_np.interop.torch.exports` adds one."""
exports = EXPORTERS.register


@dataclass(frozen=True)
class Tensor:
    """A tensor of a module.

    value: it, in PyTorch's layout. source: the name of what it comes from, in the network's θ or state; "" for a constant.
    state: whether that is in the state. to_ours: from PyTorch's layout to this library's.
    """

    value: Array
    source: str = ""
    state: bool = False
    to_ours: Callable[[Array], Array] = field(default=lambda value: value)


@dataclass(frozen=True)
class Module:
    """The text of one module of PyTorch, with the weights that it is to have.

    code: the call that makes it, as "nn.Linear(3, 4)"; with `children`, chains that are given to it as arguments by
        position, only what stands before the parenthesis. arguments: what follows them.
    tensors: its parameters and buffers by name. children: chains of modules by the names that they have inside it.
    source: the text of the class, if it is none of PyTorch's; known ones (`helpers.py`) need none.
    flat_input, flat_output: of a dense layer, the orders of its features. spectral: the names of the weight, of u among this
        library's state, and the axis of PyTorch's weight that counts outputs.
    """

    code: str
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    children: Mapping[str, list[Module]] = field(default_factory=dict)
    arguments: str = ""
    source: str = ""
    flat_input: Order | None = None
    flat_output: Order | None = None
    spectral: tuple[str, str, int] | None = None

    @property
    def helper(self) -> str:
        """The name of a class of `helpers.py` that it is of; "" for one of PyTorch's."""
        name = self.code.partition("(")[0]
        return name if name in HELPERS else ""

    def lines(self) -> list[str]:
        """Return the lines of the module's source."""
        if not self.children:
            return [self.code]
        inside = [line for chain in self.children.values() for line in chain_lines(chain, ",")]
        more = [f"{self.arguments},"] if self.arguments else []
        return [f"{self.code}(", *(f"    {line}" for line in [*inside, *more]), ")"]


def chain_lines(chain: list[Module], ending: str = "") -> list[str]:
    """The text of an nn.Sequential."""
    if not chain:
        return [f"nn.Sequential(){ending}"]
    inside = []
    for module in chain:
        *before, last = module.lines()
        inside += [*before, f"{last},"]
    return ["nn.Sequential(", *(f"    {line}" for line in inside), f"){ending}"]


def leaves(chain: list[Module], prefix: str = "") -> Iterator[tuple[str, Module]]:
    """All modules by their names in a state_dict, in its order."""
    for number, module in enumerate(chain):
        name = f"{prefix}{number}"
        yield name, module
        for child, inner in module.children.items():
            yield from leaves(inner, f"{name}.{child}.")


@dataclass(frozen=True)
class Site:
    """The place of a layer in the module that is written: its name, its input's shape and order.

    variables: its numbers. path, state_path: of its names in the network. shape: of its input. order: that of the features
    of its input. wanted: the order in which what follows reads the features of its output, where it is a vector.
    """

    variables: Variables
    path: str
    state_path: str
    shape: Shapes
    order: Orders
    wanted: Order | None = None

    def child(self, name: str, shape: Shapes, order: Orders, wanted: Order | None = None) -> Site:
        """Return the place of a layer inside this one."""
        return Site(
            self.variables.children[name], f"{self.path}{name}.", f"{self.state_path}{name}.", shape, order, wanted
        )

    def parameter(self, name: str, there: Callable[[Array], Array], back: Callable[[Array], Array]) -> Tensor | None:
        """A parameter in PyTorch's layout and the way back; None where the layer has none of this name."""
        found = self.variables.get(name)
        return None if found is None else Tensor(there(to_host(found)), f"{self.path}{name}", False, back)

    def state(self, name: str, there: Callable[[Array], Array], back: Callable[[Array], Array]) -> Tensor:
        """The same of a state array."""
        return Tensor(there(to_host(self.variables.state[name])), f"{self.state_path}{name}", True, back)


@dataclass(frozen=True)
class Chain:
    """Modules that one layer becomes, one after the other, and the order in which they give out features."""

    modules: list[Module]
    order: Orders


def build(layer: Layer, site: Site) -> Chain:
    """The modules of a layer. One that says nothing of orders is given features in this library's order.

    Raises:
        TypeError: no export is known for it, or several inputs of it are in other orders.
    """
    function = EXPORTERS.of(layer, site.path.rstrip("."))
    before: list[Module] = []
    ordered = getattr(function, "ordered", False)
    if not ordered and not is_plain(site.order):
        before, site = [reordered(layer, site.order)], replace(site, order=plain(site.shape))
    made = function(layer, site)
    if isinstance(made, Chain):
        return Chain([*before, *made.modules], made.order)
    return Chain([*before, *made], plain(site.variables.declaration.output_shape))


def in_own_order(chain: Chain, layer: Layer) -> list[Module]:
    """The modules, and one that brings the features into this library's order where they are in another."""
    return chain.modules if is_plain(chain.order) else [*chain.modules, reordered(layer, chain.order)]


def reordered(layer: Layer, order: Orders) -> Module:
    """A module that brings features into this library's order."""
    if not order or not all(part and all(isinstance(size, int) for size in part) for part in order):
        raise TypeError(f"{layer!r}: no export to PyTorch where several inputs are maps laid flat")
    return Module(f"ChannelsLast({', '.join(map(repr, order))})")


def ordered(function: Any) -> Any:
    """Marks a function that exports a layer as one that knows of orders and returns a `Chain`."""
    function.ordered = True
    return function


def permuted(order: Order) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """From this library's order of features to PyTorch's along the first axis, and back."""
    there = places(order)
    back = np.argsort(there)
    return (lambda values: values[there]), (lambda values: values[back])
