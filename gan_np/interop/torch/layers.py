"""How each layer is written as modules of PyTorch, and its weights in their layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, Shape
from gan_np.layers import (
    Add,
    AveragePool2d,
    Basis,
    BatchNorm,
    BlurDownsample2d,
    BlurUpsample2d,
    Concatenate,
    Conv2d,
    ConvTranspose2d,
    Dense,
    DiffAugment,
    Dropout,
    Flatten,
    GroupNorm,
    InnerProduct,
    InstanceNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    Maxout,
    MinibatchStandardDeviation,
    Planes,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    SpectralNorm,
    Tanh,
    Upsample2d,
    WeightedSum,
)  # fmt: skip
from gan_np.models.gran import DrawStep, EmptyCanvas, FinishedCanvas
from gan_np.models.lapgan import AddDetail
from gan_np.networks import Fork, Identity, Loop, Parallel, Residual, Sequential

from ..spectral import normalised_weight
from .modules import Chain, Module, Site, Tensor, build, exports, in_own_order, ordered, permuted
from .order import Order, agrees, places, plain


def activation(value: Any) -> list[Module]:
    """The module of an activation as layers have it; none where it is linear."""
    chosen = ops.activation(value)
    if chosen.kind == "linear":
        return []
    code = {
        "relu": "nn.ReLU()",
        "leaky_relu": f"nn.LeakyReLU({float(chosen.slope)!r})",
        "tanh": "nn.Tanh()",
        "sigmoid": "nn.Sigmoid()",
    }
    return [Module(code[chosen.kind])]


@exports(ReLU, LeakyReLU, Tanh, Sigmoid, Softplus, Dropout)
@ordered
def pointwise(layer: Any, site: Site) -> Chain:
    """The module of the same name; what is in which order does not matter to it."""
    if isinstance(layer, Softplus):
        return Chain([Module("nn.Softplus()")], site.order)
    if isinstance(layer, Dropout):
        return Chain([Module(f"nn.Dropout({float(layer.rate)!r})")], site.order)
    if isinstance(layer, LeakyReLU):
        return Chain(activation(ops.Activation("leaky_relu", layer.slope)), site.order)
    return Chain(activation({ReLU: "relu", Tanh: "tanh", Sigmoid: "sigmoid"}[type(layer)]), site.order)


@exports(Identity, DiffAugment)
@ordered
def nothing(layer: Any, site: Site) -> Chain:
    """No module: augmentation happens in this library's training alone."""
    return Chain([], site.order)


@exports(Maxout)
def maxout(layer: Maxout, site: Site) -> list[Module]:
    """Export the layer as a helper module, whose source is written into the file."""
    return [Module(f"Maxout({layer.pieces})")]


@exports(Dense)
@ordered
def dense(layer: Dense, site: Site) -> Chain:
    """nn.Linear, its weight (out, in) with rows and columns in PyTorch's order."""
    before, after = site.order, site.wanted or plain((layer.out_features,))
    rows, columns = places(before), places(after)
    back_rows, back_columns = np.argsort(rows), np.argsort(columns)
    tensors = _present(
        weight=site.parameter("weight", lambda w: w[rows][:, columns].T, lambda w: w.T[back_rows][:, back_columns]),
        bias=site.parameter("bias", *permuted(after)),
    )
    code = f"nn.Linear({len(rows)}, {layer.out_features}{_without_bias(layer)})"
    made = Module(code, tensors, flat_input=before, flat_output=after)
    return Chain([made, *activation(layer.activation)], after)


@exports(Conv2d)
def convolution(layer: Conv2d, site: Site) -> list[Module]:
    """nn.Conv2d, its weight (out, in/groups, kernel_height, kernel_width)."""
    return _convolution("nn.Conv2d", layer, site, layer.out_channels)


@exports(ConvTranspose2d)
def transposed_convolution(layer: ConvTranspose2d, site: Site) -> list[Module]:
    """nn.ConvTranspose2d, its weight (in, out/groups, kernel_height, kernel_width)."""
    return _convolution("nn.ConvTranspose2d", layer, site, layer.out_channels)


def _convolution(name: str, layer: Any, site: Site, out_channels: int) -> list[Module]:
    settings = [str(site.shape[2]), str(out_channels), _sizes(layer.kernel_size)]
    for argument, usual in (("stride", 1), ("padding", 0), ("output_padding", 0)):
        sizes = getattr(layer, argument, (0, 0))
        if sizes != (usual, usual):
            settings.append(f"{argument}={_sizes(sizes)}")
    if layer.groups != 1:
        settings.append(f"groups={layer.groups}")
    tensors = _present(
        weight=site.parameter("weight", lambda w: w.transpose(3, 2, 0, 1), lambda w: w.transpose(2, 3, 1, 0)),
        bias=site.parameter("bias", _same, _same),
    )
    return [Module(f"{name}({', '.join(settings)}{_without_bias(layer)})", tensors), *activation(layer.activation)]


@exports(SpectralNorm)
@ordered
def spectral_norm(layer: SpectralNorm, site: Site) -> Chain:
    """The layer inside, with the normalised weight."""
    weight, before = normalised_weight(layer, site.variables), site.variables
    inside = build(
        layer.layer, replace(site, variables=before.with_parameter(layer.parameter, weight, before.gradient))
    )
    axis = 1 if isinstance(layer.layer, ConvTranspose2d) else 0
    modules = [
        replace(one, spectral=("weight", f"{site.state_path}spectral_u", axis)) if "weight" in one.tensors else one
        for one in inside.modules
    ]
    return Chain(modules, inside.order)


@exports(BatchNorm)
@ordered
def batch_norm(layer: BatchNorm, site: Site) -> Chain:
    """nn.BatchNorm1d or nn.BatchNorm2d with the running statistics."""
    shape = site.variables.declaration.output_shape
    there, back = permuted(site.order) if len(shape) == 1 else (_same, _same)
    affine = layer.affine and (layer.scale or layer.bias)
    tensors = _affine(layer, site, there, back) if affine else {}
    tensors |= {
        "running_mean": site.state("running_mean", there, back),
        "running_var": site.state("running_variance", there, back),
        "num_batches_tracked": Tensor(np.array(0, np.int64)),
    }
    settings = [str(shape[-1])]
    settings += [f"eps={layer.epsilon!r}"] if layer.epsilon != 1e-5 else []
    settings += [f"momentum={layer.momentum!r}"] if layer.momentum != 0.1 else []
    settings += [] if affine else ["affine=False"]
    rank = {1: "1d", 2: "1d", 3: "2d"}[len(shape)]
    return Chain(
        [Module(f"nn.BatchNorm{rank}({', '.join(settings)})", tensors), *activation(layer.activation)], site.order
    )


@exports(LayerNorm)
@ordered
def layer_norm(layer: LayerNorm, site: Site) -> Chain:
    """nn.LayerNorm over channels, height and width."""
    shape = site.variables.declaration.output_shape
    if len(shape) == 1:
        there, back = permuted(site.order)
    else:
        there, back = (lambda one: np.moveaxis(one, -1, 0)), (lambda one: np.moveaxis(one, 0, -1))
    affine = layer.affine and (layer.scale or layer.bias)
    sizes = (shape[-1], *shape[:-1])
    settings = f"{sizes!r}, eps={layer.epsilon!r}" + ("" if affine else ", elementwise_affine=False")
    tensors = _affine(layer, site, there, back) if affine else {}
    return Chain([Module(f"nn.LayerNorm({settings})", tensors), *activation(layer.activation)], site.order)


@exports(GroupNorm, InstanceNorm)
def group_norm(layer: Any, site: Site) -> list[Module]:
    """nn.GroupNorm; instance normalisation has one channel in a group."""
    channels = site.variables.declaration.output_shape[-1]
    groups = layer.groups if isinstance(layer, GroupNorm) else channels
    affine = layer.affine and (layer.scale or layer.bias)
    settings = f"{groups}, {channels}, eps={layer.epsilon!r}" + ("" if affine else ", affine=False")
    tensors = _affine(layer, site, _same, _same) if affine else {}
    return [Module(f"nn.GroupNorm({settings})", tensors), *activation(layer.activation)]


@exports(MinibatchStandardDeviation)
def minibatch_deviation(layer: MinibatchStandardDeviation, site: Site) -> list[Module]:
    """Export the layer as a helper module, whose source is written into the file."""
    return [Module(f"MinibatchStandardDeviation({layer.epsilon!r})")]


@exports(Reshape, Flatten)
@ordered
def reshape(layer: Reshape | Flatten, site: Site) -> Chain:
    """nn.Flatten and nn.Unflatten, whose features are in PyTorch's order; a helper for other changes of shape."""
    before, after = site.shape, site.variables.declaration.output_shape
    if before == after:
        return Chain([], site.order)
    if len(after) == 1:
        return Chain([Module("nn.Flatten()")], (before,))
    first = f"({after[-1]}, {', '.join(map(str, after[:-1]))})"
    if len(before) == 1 and (site.order == (after,) or (agrees(after) and all(map(agrees, site.order)))):
        return Chain([Module(f"nn.Unflatten(1, {first})")], None)
    ahead = [] if len(before) > 1 or all(map(agrees, site.order)) else in_own_order(Chain([], site.order), layer)
    return Chain([*ahead, Module(f"ChannelsLastReshape({', '.join(map(str, after))})")], None)


@exports(Add)
@ordered
def add(layer: Add, site: Site) -> Chain:
    """A helper; all inputs must be in one order."""
    first, *others = site.order
    if any(other != first for other in others):
        raise TypeError(
            f"{layer!r} (at {site.path!r}): no export to PyTorch where inputs are maps laid flat beside others"
        )
    return Chain([Module("Add()")], first)


@exports(Concatenate)
@ordered
def concatenate(layer: Concatenate, site: Site) -> Chain:
    """A helper; the features of one input follow those of the other."""
    if len(site.variables.declaration.output_shape) > 1:
        return Chain([Module("Concatenate()")], None)
    return Chain([Module("Concatenate()")], tuple(part for order in site.order for part in order))


@exports(Planes)
def planes(layer: Planes, site: Site) -> list[Module]:
    """Export the layer as a helper module, whose source is written into the file."""
    return [Module(f"Planes({layer.height}, {layer.width})")]


@exports(Upsample2d)
def upsample(layer: Upsample2d, site: Site) -> list[Module]:
    """nn.Upsample."""
    factor = tuple(map(float, layer.factor))
    corners = ", align_corners=False" if layer.mode == "bilinear" else ""
    return [Module(f'nn.Upsample(scale_factor={factor!r}, mode="{layer.mode}"{corners})')]


@exports(AveragePool2d)
def average_pool(layer: AveragePool2d, site: Site) -> list[Module]:
    """nn.AvgPool2d."""
    return [Module(f"nn.AvgPool2d({_sizes(layer.window)})")]


@exports(BlurUpsample2d)
def blur_upsample(layer: BlurUpsample2d, site: Site) -> list[Module]:
    """A helper."""
    return [Module(f"BlurUpsample({tuple(map(int, layer.odd))!r})")]


@exports(BlurDownsample2d)
def blur_downsample(layer: BlurDownsample2d, site: Site) -> list[Module]:
    """A helper."""
    return [Module("BlurDownsample()")]


@exports(Basis)
def basis(layer: Basis, site: Site) -> list[Module]:
    """nn.ConvTranspose2d of one pixel with a group for each channel."""
    channels = site.variables.declaration.output_shape[2]
    sizes = f"({layer.height}, {layer.width})"
    made = f"nn.ConvTranspose2d({channels}, {channels}, {sizes}, groups={channels}, bias=False)"
    return [Module(f"nn.Unflatten(1, ({channels}, 1, 1))"), Module(made, _maps(site))]


@exports(WeightedSum)
def weighted_sum(layer: WeightedSum, site: Site) -> list[Module]:
    """nn.Conv2d to one pixel with a group for each channel."""
    height, width, channels = site.shape
    made = f"nn.Conv2d({channels}, {channels}, ({height}, {width}), groups={channels}, bias=False)"
    return [Module(made, _maps(site)), Module("nn.Flatten()")]


def _maps(site: Site) -> dict[str, Tensor]:
    """The weight (height, width, C) as (C, 1, height, width)."""
    return _present(
        weight=site.parameter("weight", lambda w: w.transpose(2, 0, 1)[:, None], lambda w: w[:, 0].transpose(1, 2, 0))
    )


@exports(InnerProduct)
def inner_product(layer: InnerProduct, site: Site) -> list[Module]:
    """A helper."""
    return [Module("InnerProduct()")]


@exports(Sequential)
@ordered
def sequential(layer: Sequential, site: Site) -> Chain:
    """Its layers one after the other, in the chain that it stands in itself."""
    modules: list[Module] = []
    shape, order = site.shape, site.order
    for number, each in enumerate(layer.layers):
        wanted = _wanted(layer.layers[number + 1 :], site.wanted)
        inside = site.child(str(number), shape, order, wanted)
        made = build(each, inside)
        modules += made.modules
        shape, order = inside.variables.declaration.output_shape, made.order
    return Chain(modules, order)


def _wanted(following: Sequence[Layer], otherwise: Order | None) -> Order | None:
    """The order in which the layers that follow read a vector's features: as a map's, where they make one of it."""
    for layer in following:
        if isinstance(layer, Reshape):
            return (layer.sizes,) if len(layer.sizes) == 3 else None
        if not isinstance(
            layer, BatchNorm | LayerNorm | Dropout | Identity | ReLU | LeakyReLU | Tanh | Sigmoid | Softplus
        ):
            return None
    return otherwise


@exports(Fork)
@ordered
def fork(layer: Fork, site: Site) -> Chain:
    """A helper with a chain for each branch."""
    made = [build(each, site.child(str(n), site.shape, site.order)) for n, each in enumerate(layer.layers)]
    children = {str(number): one.modules for number, one in enumerate(made)}
    return Chain([Module("Fork", children=children)], tuple(one.order for one in made))


@exports(Parallel)
@ordered
def parallel(layer: Parallel, site: Site) -> Chain:
    """A helper with a chain for each branch."""
    made = [
        build(each, site.child(str(number), shape, order))
        for number, (each, shape, order) in enumerate(zip(layer.layers, site.shape, site.order, strict=True))
    ]
    children = {str(number): one.modules for number, one in enumerate(made)}
    changing = [Module("Parallel", children=children)] if any(children.values()) else []
    return Chain(changing, tuple(one.order for one in made))


@exports(Residual)
@ordered
def residual(layer: Residual, site: Site) -> Chain:
    """A helper with a chain for each path."""
    inside = site.child("0", site.shape, site.order)
    inner = in_own_order(build(layer.layer, inside.child("0", site.shape, site.order)), layer)
    beside = Chain([], site.order)
    if layer.shortcut is not None:
        beside = build(layer.shortcut, inside.child("1", site.shape, site.order))
    shape = site.variables.declaration.output_shape
    return Chain([Module("Residual", children={"inner": inner, "shortcut": in_own_order(beside, layer)})], plain(shape))


@exports(Loop)
def loop(layer: Loop, site: Site) -> list[Module]:
    """Unrolled: every step has its own statistics and a copy of the weights."""
    shared, modules = site.variables.children["shared"], []
    for step in range(layer.steps):
        name = f"step{step}"
        variables = shared.with_state_of(site.variables.children[name])
        inside = Site(variables, f"{site.path}shared.", f"{site.state_path}{name}.", site.shape, site.order)
        made = build(layer.layer, inside)
        modules += made.modules if isinstance(site.shape[0], tuple) else in_own_order(made, layer)
    return modules


@exports(EmptyCanvas)
def empty_canvas(layer: EmptyCanvas, site: Site) -> list[Module]:
    """Export the layer as a helper module, whose source is written into the file."""
    height, width, channels = layer.image_shape
    return [Module(f"EmptyCanvas({layer.code}, {channels}, {height}, {width})")]


@exports(DrawStep)
def draw_step(layer: DrawStep, site: Site) -> list[Module]:
    """A helper with a chain for the decoder and one for the encoder."""
    h_z, h_c, image = site.shape
    decoder = build(layer.decoder, site.child("decoder", (h_z, h_c), (plain(h_z), plain(h_c))))
    encoder = build(layer.encoder, site.child("encoder", image, None))
    return [Module("DrawStep", children={"decoder": decoder.modules, "encoder": in_own_order(encoder, layer)})]


@exports(FinishedCanvas)
def finished_canvas(layer: FinishedCanvas, site: Site) -> list[Module]:
    """A helper, and the activation."""
    return [Module("Canvas()"), *activation(layer.activation)]


@exports(AddDetail)
def add_detail(layer: AddDetail, site: Site) -> list[Module]:
    """Export the layer as a helper module, whose source is written into the file."""
    return [Module("AddDetail()")]


def _same(values: Array) -> Array:
    return values


def _present(**tensors: Tensor | None) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


def _affine(
    layer: Any, site: Site, there: Callable[[Array], Array], back: Callable[[Array], Array]
) -> dict[str, Tensor]:
    """γ and β; PyTorch has both or neither, so one that the layer lacks is 1 or 0."""
    weight, bias = site.parameter("scale", there, back), site.parameter("bias", there, back)
    known = weight or bias
    assert known is not None
    return {
        "weight": weight or Tensor(np.ones_like(known.value)),
        "bias": bias or Tensor(np.zeros_like(known.value)),
    }


def _without_bias(layer: Any) -> str:
    return "" if layer.bias else ", bias=False"


def _sizes(sizes: Shape) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else repr(tuple(sizes))
