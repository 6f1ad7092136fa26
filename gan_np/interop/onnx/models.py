"""Whole models as ONNX: what is around the networks, so that inputs and outputs are in the data's units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.data.encoding import VectorEncoding
from gan_np.models import GAN, LAPGAN, Classifier, InfoGAN, Model
from gan_np.models.lapgan import LaplacianLevel
from gan_np.networks import Network, Sequential, folded

from ..about import of_classifier, of_discriminator, of_generator, texts
from ..cut import range_to_cut_to
from .graph import OPSET, Graph, Value, Values
from .shapes import enlarged, spread

LAYOUTS = ("nchw", "nhwc")
"""Where images have their channels: before height and width, or after them."""
DTYPES = ("float32", "float16")
"""Numbers that weights are written in."""


@dataclass(frozen=True)
class Form:
    """The options with which a model is written: its precision, its layout, and what is folded into weights.

    layout: of images at inputs and outputs, "nchw" (N, channels, height, width) or "nhwc". dtype: of weights and
    computation, "float32" or "float16". fold: batch normalisation goes into the weights before it. average: G's averaged
    weights, where there are any.
    """

    layout: str = "nchw"
    dtype: str = "float32"
    fold: bool = True
    average: bool = True

    @property
    def channels_last(self) -> bool:
        """Whether images are so at inputs and outputs."""
        return self.layout == "nhwc"

    def ready(self, network: Network) -> Network:
        """A network as it is written."""
        return folded(network) if self.fold and isinstance(network.structure, Sequential) else network


def generator(gan: Model, form: Form, version: str) -> Any:
    """G as a ModelProto: z (and label, or context, or noise) to images or vectors."""
    graph = Graph(form.dtype)
    if isinstance(gan, LAPGAN):
        series = _pyramid(graph, gan, form)
        series = [_cut(graph, image, -1.0, 1.0) for image in series]
        _output_image(graph, series[-1], "image", form)
        for image in series[:-1]:
            _output_image(graph, image, f"image_{image.shape[0]}x{image.shape[1]}", form)
    elif isinstance(gan, GAN):
        z = _half(graph, graph.input("z", (gan.prior.dim,)))
        context = _context(graph, gan, form)
        made = _run(graph, form.ready(gan.sampler(average=form.average)), z if context is None else (z, context))
        _output_data(graph, made, gan, form)
    else:
        raise TypeError(
            f"run: {type(gan).__name__} is a model of several stages, and how they draw together is known for lapgan alone; "
            "export one of its stages, the folders inside the run's"
        )
    return graph.model("generator", version, _texts(of_generator(gan), form))


def discriminator(gan: GAN, form: Form, version: str) -> Any:
    """D as a ModelProto: images or vectors (and label, or context) to logits, and what other heads say."""
    graph = Graph(form.dtype)
    shape = (*gan.data_shape[:-1], gan.packing * gan.data_shape[-1])
    if gan.pixel_range is None:
        seen = _encoded(graph, graph.input("vector", shape, dtype=gan.encoding.dtype), gan)
    else:
        seen = _half(graph, graph.input("image", shape, channels_last=form.channels_last))
    context = _context(graph, gan, form)
    out = _run(graph, form.ready(gan.finite_discriminator()), seen if context is None else (seen, context))
    names = ("logit", "codes") if isinstance(gan, InfoGAN) else ("logit",)
    several = out if isinstance(out, tuple) else (out,)
    for number, value in enumerate(several):
        name = names[number] if number < len(names) else f"head{number}"
        graph.output(_full(graph, value), name, channels_last=form.channels_last)
    return graph.model("discriminator", version, _texts(of_discriminator(gan), form))


def classifier(made: Classifier, form: Form, version: str) -> Any:
    """A classifier as a ModelProto: images to features and logits."""
    graph = Graph(form.dtype)
    image = _half(graph, graph.input("image", made.image_shape, channels_last=form.channels_last))
    network = form.ready(made.network.check_finite(f"the classifier {made.name}"))
    for value, name in zip(_run(graph, network, image), ("features", "logits"), strict=True):
        graph.output(_full(graph, value), name)
    return graph.model("classifier", version, _texts(of_classifier(made), form))


def network(made: Network, form: Form, version: str) -> Any:
    """Any network as a ModelProto: x to y, several as x0, x1, … and y0, y1, …."""
    graph = Graph(form.dtype)

    def given(shape: Any, name: str) -> Values:
        if shape and isinstance(shape[0], tuple):
            return tuple(given(part, f"{name}{number}") for number, part in enumerate(shape))
        return _half(graph, graph.input(name, shape, channels_last=form.channels_last))

    def give(value: Values, name: str) -> None:
        if isinstance(value, tuple):
            for number, part in enumerate(value):
                give(part, f"{name}{number}")
        else:
            graph.output(_full(graph, value), name, channels_last=form.channels_last)

    x = given(made.input_shape, "x")
    give(_run(graph, form.ready(made.check_finite("the network")), x), "y")
    return graph.model("network", version, _texts({"network": "network"}, form))


def _run(graph: Graph, made: Network, x: Values) -> Values:
    return graph.apply(made.structure, made.variables, x)


def _half(graph: Graph, value: Value) -> Value:
    """A float32 input in what the graph computes in."""
    return value if graph.dtype == np.float32 else graph.cast(value, graph.dtype)


def _full(graph: Graph, value: Value) -> Value:
    return value if graph.dtype == np.float32 else graph.cast(value, np.float32)


def _context(graph: Graph, gan: GAN, form: Form) -> Value | None:
    """What goes with z or an image: the one-hot vector of the input `label`, or what the input `context` is given."""
    if gan.context_shape is None:
        return None
    if gan.classes is not None and gan.context_shape == (gan.classes,):
        return _one_hot(graph, gan.classes)
    return _half(graph, graph.input("context", gan.context_shape, channels_last=form.channels_last))


def _one_hot(graph: Graph, classes: int) -> Value:
    label = graph.input("label", (), dtype=np.int64)
    depth, values = graph.constant(np.array([classes], np.int64), "classes"), graph.constant([0.0, 1.0], "off_and_on")
    return graph.node("OneHot", label, depth, values, shape=(classes,), axis=-1)


def _output_data(graph: Graph, made: Value, gan: GAN, form: Form) -> None:
    """Images in their range; vectors in the data's units."""
    if gan.pixel_range is not None:
        name = "detail" if isinstance(gan, LaplacianLevel) else "image"
        if (limits := range_to_cut_to(gan)) is not None:
            made = _cut(graph, made, *limits)
        _output_image(graph, made, name, form)
        return
    encoding, dtype = gan.encoding, np.dtype(gan.encoding.dtype)
    if graph.dtype != dtype:
        made = graph.cast(made, dtype)
    for operator, values in zip(("Mul", "Add"), _moments(encoding)[::-1], strict=False):
        made = graph.node(operator, made, graph.constant(values, "deviation" if operator == "Mul" else "mean", dtype))
    graph.output(made, "vector", dtype=dtype)


def _encoded(graph: Graph, vector: Value, gan: GAN) -> Value:
    """Vectors in the data's units as D sees them."""
    dtype = np.dtype(gan.encoding.dtype)
    for operator, values in zip(("Sub", "Div"), _moments(gan.encoding), strict=False):
        name = "mean" if operator == "Sub" else "deviation"
        vector = graph.node(operator, vector, graph.constant(values, name, dtype))
    return vector if graph.dtype == dtype else graph.cast(vector, graph.dtype)


def _moments(encoding: Any) -> list[Array]:
    """Mean and deviation of the columns; nothing where the numbers are taken as they are."""
    if not isinstance(encoding, VectorEncoding):
        raise TypeError(f"run: vectors of {type(encoding).__name__}: how to write it in a graph is not known")
    return [] if encoding.mean is None else [np.asarray(encoding.mean), np.asarray(encoding.deviation)]


def _output_image(graph: Graph, image: Value, name: str, form: Form) -> None:
    graph.output(_full(graph, image), name, channels_last=form.channels_last)


def _cut(graph: Graph, image: Value, low: float, high: float) -> Value:
    """What lies outside the range of images becomes its nearest end, as `GAN.sample` has it."""
    return graph.node("Clip", image, graph.constant(low, "low"), graph.constant(high, "high"))


def _pyramid(graph: Graph, gan: LAPGAN, form: Form) -> list[Value]:
    """Every size of a LAPGAN's image, coarse to fine, in [−1, 1]: each twice the one before, with a level's detail."""
    coarsest = gan.coarsest
    z = _half(graph, graph.input("z", (coarsest.prior.dim,)))
    label = None if gan.classes is None else _one_hot(graph, gan.classes)
    low, high = coarsest.image_range
    with graph.inside("level0"):
        network = form.ready(coarsest.sampler(average=form.average))
        image = _run(graph, network, z if label is None else (z, label))
        if (low, high) != (-1.0, 1.0):
            image = graph.node("Mul", image, graph.constant(2 / (high - low), "factor"))
            image = graph.node("Add", image, graph.constant(-1 - 2 * low / (high - low), "shift"))
    series = [image]
    for number, level in enumerate(gan.levels, start=1):
        noise = _half(graph, graph.input(f"noise{number}", (level.prior.dim,)))
        with graph.inside(f"level{number}"):
            larger = enlarged(graph, series[-1], (2, 2), "bilinear")
            height, width, _ = larger.shape
            context = larger
            if label is not None:
                planes = spread(graph, label, height, width)
                context = graph.node("Concat", larger, planes, shape=level.context_shape, axis=1)
            detail = _run(graph, form.ready(level.sampler(average=form.average)), (noise, context))
            series.append(graph.node("Add", larger, detail))
    return series


def _texts(about: dict[str, Any], form: Form) -> dict[str, str]:
    return texts(about, form.layout.upper(), dtype=form.dtype, opset=OPSET)
