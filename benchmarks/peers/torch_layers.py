"""A gan_np network written in PyTorch, and weights carried both ways.

Ours has images (N, H, W, C) and weights (kh, kw, in, out), transposed (kh, kw, out, in); PyTorch has (N, C, H, W) and
(out, in, kh, kw), transposed (in, out, kh, kw). Where rows become images rows, the features of a row are in
another order too, so the weights of the dense layer beside it are permuted: the two networks then give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import gan_np as gn
from gan_np.arrays import Array, to_host
from gan_np.ops import activation

from .orders import Order, image_order, indices


class Carried(NamedTuple):
    """A parameter on both sides."""

    name: str
    """The name of the library's segment."""
    tensor: torch.Tensor
    to_torch: Callable[[Array], Array]
    to_ours: Callable[[Array], Array]


class Maxout(nn.Module):
    """Maximum over neighbouring features."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, units · pieces) to (N, units)."""
        return x.view(len(x), -1, self.pieces).max(dim=2).values


class ToImage(nn.Module):
    """Rows as images in the model's memory order."""

    def __init__(self, shape: tuple[int, int, int], order: torch.memory_format) -> None:
        super().__init__()
        self.shape, self.order = shape, order

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C·H·W) to (N, C, H, W)."""
        return x.view(len(x), *self.shape).contiguous(memory_format=self.order)


class LowPass(nn.Module):
    """[1, 3, 3, 1] along both axes with stride 2, each channel alone: down, or up as the adjoint."""

    def __init__(self, channels: int, up: bool, odd: tuple[bool, bool] = (False, False)) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / (4 if up else 8)
        self.register_buffer("weight", torch.outer(taps, taps).repeat(channels, 1, 1, 1), persistent=False)
        self.channels, self.up, self.odd = channels, up, (int(odd[0]), int(odd[1]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W), twice or half the size."""
        weight: Any = self.weight
        if self.up:
            return functional.conv_transpose2d(
                x, weight, stride=2, padding=1, output_padding=self.odd, groups=self.channels
            )
        return functional.conv2d(x, weight, stride=2, padding=1, groups=self.channels)


class Basis(nn.Module):
    """Features times learned maps."""

    def __init__(self, shape: tuple[int, int, int], order: torch.memory_format) -> None:
        super().__init__()
        self.weight, self.order = nn.Parameter(torch.empty(1, *shape)), order

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C) to (N, C, H, W)."""
        return (x[:, :, None, None] * self.weight).contiguous(memory_format=self.order)


class WeightedSum(nn.Module):
    """Each channel summed with learned weights."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, *shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C)."""
        return (x * self.weight).sum((2, 3))


class Block(nn.Module):
    """x + f(x)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of x's shape."""
        y: torch.Tensor = self.inner(x)
        return x + y


class Translation:
    """`module` computes what a network computes; `load` and `read` carry θ over and back, `load_state` the state over.

    network: it is read and not kept.
    order: PyTorch's memory order of images.
    rows: dense layers only: images stay rows in our order of features, as one would write it there.

    Raises:
        TypeError: a layer without a counterpart here.
    """

    def __init__(self, network: gn.Network, order: torch.memory_format, *, rows: bool = False) -> None:
        self.order, self.rows = order, rows
        self.layout, self.state_layout, self.dtype = network.parameters.layout, network.state.layout, network.dtype
        self.carried: list[Carried] = []
        self.carried_state: list[tuple[str, nn.Module, str]] = []
        dtype = torch.float64 if network.dtype == np.float64 else torch.float32
        self.module = nn.Sequential(*self._layers(network)).to(dtype)
        self.module.to(memory_format=order)  # type: ignore[call-overload]
        self.load(to_host(network.parameters.values))

    def load(self, theta: Array) -> None:
        """Take over our θ."""
        with torch.no_grad():
            for name, tensor, to_torch, _ in self.carried:
                tensor.copy_(torch.from_numpy(to_torch(self.layout.view(theta, name)).copy()))

    def load_state(self, state: Array) -> None:
        """Take over our state: the running statistics."""
        for name, module, buffer in self.carried_state:
            getattr(module, buffer).copy_(torch.from_numpy(self.state_layout.view(state, name).copy()))

    def read(self, value_of: Callable[[torch.Tensor], torch.Tensor]) -> Array:
        """What belongs to each parameter (itself, a moment) as one vector in our layout."""
        vector = np.full(self.layout.size, np.nan, self.dtype)
        for name, tensor, _, to_ours in self.carried:
            self.layout.view(vector, name)[...] = to_ours(value_of(tensor).detach().cpu().numpy())
        return vector

    def _layers(self, network: gn.Network) -> Iterator[nn.Module]:
        if not isinstance(network.structure, gn.Sequential):
            raise TypeError(f"network: expected a Sequential, got {network.structure!r}")
        return self._chain(network.structure, network.declaration, network.input_shape, "")

    def _chain(
        self, structure: gn.Sequential, declaration: gn.Declaration, shape: Any, prefix: str
    ) -> Iterator[nn.Module]:
        layers, declarations, order = structure.layers, declaration.children, None
        for index, layer in enumerate(layers):
            path = f"{prefix}{index}."
            output = declarations[str(index)].output_shape
            if isinstance(layer, gn.Dense):
                following = layers[index + 1] if index + 1 < len(layers) else None
                leaving = image_order(following.sizes) if isinstance(following, gn.Reshape) and not self.rows else None
                yield self._dense(path, layer, shape[0], order, leaving)
                order = None
            elif self.rows and isinstance(layer, gn.Flatten | gn.Reshape):
                pass
            elif isinstance(layer, gn.Reshape):
                yield ToImage((output[2], output[0], output[1]), self.order)
            elif isinstance(layer, gn.Flatten):
                yield nn.Flatten()
                order = image_order(shape)
            elif isinstance(layer, gn.Conv2d | gn.ConvTranspose2d):
                yield self._convolution(path, layer, shape[2])
            elif isinstance(layer, gn.Residual) and layer.shortcut is None and isinstance(layer.layer, gn.Sequential):
                inside = declarations[str(index)].children["0"].children["0"]
                yield Block(nn.Sequential(*self._chain(layer.layer, inside, shape, f"{path}0.0.")))
            elif isinstance(layer, gn.BlurUpsample2d):
                yield LowPass(shape[2], True, layer.odd)
            elif isinstance(layer, gn.BlurDownsample2d):
                yield LowPass(shape[2], False)
            elif isinstance(layer, gn.Basis):
                yield self._maps(path, Basis((output[2], *output[:2]), self.order))
            elif isinstance(layer, gn.WeightedSum):
                yield self._maps(path, WeightedSum((shape[2], *shape[:2])))
            elif isinstance(layer, gn.BatchNorm):
                yield self._batch_norm(path, layer, shape)
            elif isinstance(layer, gn.Maxout) and order is None:
                yield Maxout(layer.pieces)
            elif isinstance(layer, gn.Dropout):
                if layer.rate:
                    yield nn.Dropout(layer.rate)
            else:
                raise TypeError(f"{layer!r} at this place has no counterpart in PyTorch here")
            yield from _activation(getattr(layer, "activation", None))
            shape = output

    def _dense(self, path: str, layer: gn.Dense, features: int, entering: Order, leaving: Order) -> nn.Module:
        module = nn.Linear(features, layer.out_features, bias=layer.bias)
        rows, columns = indices(entering, features), indices(leaving, layer.out_features)
        back_rows, back_columns = np.argsort(rows), np.argsort(columns)
        self._carry(
            path + "weight", module.weight, lambda w: w[rows][:, columns].T, lambda w: w.T[back_rows][:, back_columns]
        )
        if layer.bias:
            self._carry(path + "bias", module.bias, lambda b: b[columns], lambda b: b[back_columns])
        return module

    def _convolution(self, path: str, layer: gn.Conv2d | gn.ConvTranspose2d, channels: int) -> nn.Module:
        arguments = (channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
        module: nn.Conv2d | nn.ConvTranspose2d
        if isinstance(layer, gn.Conv2d):
            module = nn.Conv2d(*arguments, groups=layer.groups, bias=layer.bias)
        else:
            more = {"output_padding": layer.output_padding, "groups": layer.groups}
            module = nn.ConvTranspose2d(*arguments, **more, bias=layer.bias)
        self._carry(
            path + "weight", module.weight, lambda w: w.transpose(3, 2, 0, 1), lambda w: w.transpose(2, 3, 1, 0)
        )
        if layer.bias:
            assert module.bias is not None
            self._carry(path + "bias", module.bias)
        return module

    def _maps(self, path: str, module: Basis | WeightedSum) -> nn.Module:
        self._carry(
            path + "weight", module.weight, lambda w: w.transpose(2, 0, 1)[None], lambda w: w[0].transpose(1, 2, 0)
        )
        return module

    def _batch_norm(self, path: str, layer: gn.BatchNorm, shape: tuple[int, ...]) -> nn.Module:
        kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
        module = kind(shape[-1], eps=layer.epsilon, momentum=layer.momentum, affine=layer.affine)
        if layer.affine:
            self._carry(path + "scale", module.weight)
            self._carry(path + "bias", module.bias)
        for name, buffer in (("running_mean", "running_mean"), ("running_variance", "running_var")):
            self.carried_state.append((path + name, module, buffer))
        return module

    def _carry(
        self,
        name: str,
        tensor: torch.Tensor,
        to_torch: Callable[[Array], Array] = lambda a: a,
        to_ours: Callable[[Array], Array] = lambda a: a,
    ) -> None:
        self.carried.append(Carried(name, tensor, to_torch, to_ours))


def _activation(value: Any) -> Iterator[nn.Module]:
    """Our fused activation as a module of its own, in place where PyTorch allows it."""
    kind, slope = activation(value)
    if kind == "relu":
        yield nn.ReLU(inplace=True)
    elif kind == "leaky_relu":
        yield nn.LeakyReLU(slope, inplace=True)
    elif kind == "tanh":
        yield nn.Tanh()
    elif kind == "sigmoid":
        yield nn.Sigmoid()
