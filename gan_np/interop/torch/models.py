"""Whole models as a module of PyTorch: a file of tensors, and the text that builds the module and reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.data.encoding import VectorEncoding
from gan_np.layers.layer import Shapes
from gan_np.models import GAN, LAPGAN, Classifier, Model
from gan_np.models.lapgan import LaplacianLevel
from gan_np.networks import Network, Sequential, folded
from gan_np.runs.tensor_file import with_metadata

from ..about import of_classifier, of_discriminator, of_generator, texts
from ..cut import range_to_cut_to
from .helpers import HELPERS
from .modules import Module, Site, Tensor, build, chain_lines, in_own_order, leaves
from .order import plain

MARK = (
    "# Written by gan_np: builds a module of PyTorch and reads its weights. An export of the same name replaces it.\n"
)
"""The first line of a text, by which it is known again."""


@dataclass(frozen=True)
class Form:
    """How a model is written. fold, average: as in `gan_np.interop.onnx.Form`."""

    fold: bool = False
    average: bool = True

    def chain(self, network: Network) -> list[Module]:
        """The modules of a network as it is written."""
        return modules_of(folded(network) if self.fold and isinstance(network.structure, Sequential) else network)


def modules_of(network: Network) -> list[Module]:
    """The modules of a network, what they give out in this library's order of features."""
    shape = network.input_shape
    made = build(network.structure, Site(network.variables, "", "", shape, plain(shape)))
    several = network.output_shape and isinstance(network.output_shape[0], tuple)
    return made.modules if several else in_own_order(made, network.structure)


@dataclass(frozen=True)
class Written:
    """A model as PyTorch has it.

    chain: its modules. given, gives: what it takes and gives, in words. example: an input, as text. about: for the file.
    """

    chain: list[Module]
    given: str
    gives: str
    example: str
    about: dict[str, str]

    def tensors(self) -> bytes:
        """The .safetensors file, its names those of the state_dict of the nn.Sequential."""
        found: dict[str, Array] = {
            f"{name}.{own}": np.array(tensor.value, order="C")
            for name, module in leaves(self.chain)
            for own, tensor in module.tensors.items()
        }
        return with_metadata(found, {"format": "pt", **self.about})

    def text(self, stem: str, version: str) -> str:
        """The .py file that builds the module."""
        used = list(leaves(self.chain))
        sources = {module.helper: HELPERS[module.helper] for _, module in used if module.helper}
        sources |= {module.code: f"\n{module.source.strip()}\n" for _, module in used if module.source}
        helpers = "\n".join(sources[name] for name in sorted(sources))
        imported = "import math\n" if "math." in helpers else ""
        lines = chain_lines(self.chain)
        body = "\n".join(f"    {line}" for line in [f"return {lines[0]}", *lines[1:]])
        usage = f"    from {stem} import load\n\n" if stem.isidentifier() else ""
        return f'''{MARK}"""The {self.about["network"]} of a model of gan_np {version}, as a module of PyTorch.

{usage}    {self.about["network"]} = load()                    # reads {stem}.safetensors, beside this file
    out = {self.about["network"]}({self.example})

In: {self.given}.
Out: {self.gives}.
Needs torch and safetensors.
"""

{imported}from pathlib import Path

import torch
from torch import nn

{helpers}

def build():
    """The module, its weights as PyTorch draws them."""
{body}


def load(path=Path(__file__).with_suffix(".safetensors")):
    """The module with its weights, ready to draw."""
    from safetensors.torch import load_file

    module = build()
    module.load_state_dict(load_file(path))
    return module.eval()
'''


def generator(gan: Model, form: Form) -> Written:
    """G: z (with a label: the tuple (z, label)) to images or vectors."""
    about = texts(of_generator(gan), "NCHW")
    gives = _data(gan)
    if isinstance(gan, LAPGAN):
        noises = [level.prior.dim for level in gan.levels]
        parts = [f"torch.randn(16, {size})" for size in noises]
        words = [f"noise of level {k} (N, {size})" for k, size in enumerate(noises, start=1)]
        return Written(
            [*_one_hot(gan), _pyramid(gan, form), _cut(-1.0, 1.0)], *_inputs(gan, words, gives, parts), about
        )
    if not isinstance(gan, GAN):
        raise TypeError(
            f"run: {type(gan).__name__} is a model of several stages, and how they draw together is known for lapgan alone; "
            "export one of its stages, the folders inside the run's"
        )
    chain = [*_one_hot(gan), *form.chain(gan.sampler(average=form.average)), *_units(gan, "ToUnits")]
    if (limits := range_to_cut_to(gan)) is not None:
        chain.append(_cut(*limits))
    return Written(chain, *_inputs(gan, [], gives, []), about)


def discriminator(gan: GAN, form: Form) -> Written:
    """D: images or vectors (with a label: a tuple of both) to logits."""
    about = texts(of_discriminator(gan), "NCHW")
    chain = [*_one_hot(gan), *_units(gan, "FromUnits"), *form.chain(gan.finite_discriminator())]
    shape = (*gan.data_shape[:-1], gan.packing * gan.data_shape[-1])
    return Written(chain, *_inputs(gan, [], "logits", [], seen=shape), about)


def classifier(made: Classifier, form: Form) -> Written:
    """A classifier: images to features and logits."""
    network = made.network.check_finite(f"the classifier {made.name}")
    low, high = made.pixel_range.split("..")
    given = f"images (N, {_sizes(made.image_shape)}) from {low} to {high}"
    example = f"torch.rand(16, {_sizes(made.image_shape)})"
    return Written(form.chain(network), given, "(features, logits)", example, texts(of_classifier(made), "NCHW"))


def network(made: Network, form: Form) -> Written:
    """Write any network, with no model around it."""
    shapes = made.input_shape
    several = shapes and isinstance(shapes[0], tuple)
    each = [f"(N, {_sizes(shape)})" for shape in (shapes if several else (shapes,))]
    sizes = [f"torch.randn(16, {_sizes(shape)})" for shape in (shapes if several else (shapes,))]
    given, example = ", ".join(each), ", ".join(sizes)
    given, example = (f"the tuple ({given})", f"({example})") if several else (given, example)
    return Written(
        form.chain(made.check_finite("the network")), given, "what the network gives", example, {"network": "network"}
    )


def _inputs(
    gan: Any, words: Sequence[str], gives: str, examples: Sequence[str], seen: Shapes | None = None
) -> tuple[str, str, str]:
    """What the model takes, what it gives, and an example of the first."""
    shape = (gan.stages[0].prior.dim,) if seen is None else seen
    first = "z" if seen is None else "images" if len(shape) == 3 else "vectors"
    takes, example = [f"{first} (N, {_sizes(shape)})"], [f"torch.randn(16, {_sizes(shape)})"]
    context = gan.stages[0].context_shape
    if context is not None and context == (gan.classes,):
        takes.append(f"labels (N,), integers from 0 to {gan.classes - 1}")
        example.append("torch.zeros(16, dtype=torch.int64)")
    elif context is not None:
        takes.append(f"context (N, {_sizes(context)})")
        example.append(f"torch.randn(16, {_sizes(context)})")
    takes, example = [*takes, *words], [*example, *examples]
    if len(takes) == 1:
        return takes[0], gives, example[0]
    return f"the tuple of {', '.join(takes)}", gives, f"({', '.join(example)})"


def _sizes(shape: Shapes) -> str:
    return ", ".join(map(str, (shape[-1], *shape[:-1])))


def _data(gan: Model) -> str:
    if len(gan.data_shape) == 1:
        return f"vectors (N, {gan.data_shape[0]}) in the units of the data"
    if isinstance(gan, LaplacianLevel):
        return f"the detail (N, {_sizes(gan.data_shape)}) to add to the context's image"
    low, high = ("-1", "1") if isinstance(gan, LAPGAN) else gan.stages[0].pixel_range.split("..")
    return f"images (N, {_sizes(gan.data_shape)}) from {low} to {high}"


def _cut(low: float, high: float) -> Module:
    """What lies outside the range of images becomes its nearest end, as `GAN.sample` has it."""
    return Module(f"nn.Hardtanh({low!r}, {high!r})")


def _one_hot(gan: Any) -> list[Module]:
    """What makes one-hot vectors of labels, before all else."""
    first = gan.stages[0]
    return [Module(f"OneHot({gan.classes})")] if gan.classes and first.context_shape == (gan.classes,) else []


def _units(gan: GAN, helper: str) -> list[Module]:
    """What brings vectors from the units of the data, or to them."""
    encoding = gan.encoding
    if gan.pixel_range is not None:
        return []
    if not isinstance(encoding, VectorEncoding):
        raise TypeError(f"run: vectors of {type(encoding).__name__}: how to write it for PyTorch is not known")
    if encoding.mean is None or encoding.deviation is None:
        return []
    moments = {
        name: Tensor(np.asarray(values, np.dtype(encoding.dtype)))
        for name, values in (("mean", encoding.mean), ("deviation", encoding.deviation))
    }
    return [Module(f"{helper}({encoding.size}, torch.{encoding.dtype})", moments)]


def _pyramid(gan: LAPGAN, form: Form) -> Module:
    """Write all levels of a LAPGAN as one module."""
    children = {str(number): form.chain(stage.sampler(average=form.average)) for number, stage in enumerate(gan.stages)}
    low, high = gan.coarsest.image_range
    labelled = gan.classes is not None
    return Module("Pyramid", children=children, arguments=f"low={low!r}, high={high!r}, labelled={labelled}")


__all__ = ["MARK", "Form", "Written", "classifier", "discriminator", "generator", "modules_of", "network"]
