"""Cases drawn from the values that each argument of an operation may have, so that all pairs of values are met.

`list_cases` has shapes that somebody thought of; a kernel that is wrong only at batch 1 and stride 2, or that does not read
one of Adam's numbers, agrees on all of them. Here every scalar, flag and optional array of a protocol varies. The draw is
seeded: the same cases at every run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array, array_module

from .cases import (
    ACTIVATIONS,
    KEY,
    Case,
    Results,
    affine_sample_case,
    bias_activation_case,
    blur_case,
    conv2d_case,
    convolution_geometry,
    cross_entropy_case,
    dense_case,
    dropout_case,
    maxout_case,
    normal_case,
    pool_case,
    scaled_sum_case,
    softplus_case,
    upsample_case,
)
from .interfaces import Activation
from .pairs import Row, Span, every_pair

FLAG = (True, False)
LENGTHS = (1, 7, 64, 1031, Span(2, 300, True), Span(20_001, 70_001, True))
"""Of flat vectors: below and above any vector width and any share of a thread, and hardly ever a multiple of either."""
SHAPES = ((1, 1), (5, 3), (64, 32), (257, 19), (2, 3, 5, 17), (1, 16, 17, 4), (3, 7, 33, 1))
IMAGES = {"batch": (1, 2, 5), "height": (1, 2, 5), "width": (1, 7, 16, 35), "channels": (1, 3, 16, 17)}
FACTORS = ((1, 1), (2, 2), (3, 3), (1, 2), (4, 1))
KEYS = (KEY, 0, (1 << 64) - 1, Span(1, 1 << 62, True))
KINDS = tuple(activation.kind for activation in ACTIVATIONS)
LEAKS = (0.2, Span(1e-3, 0.9))
NUMBERS = ("on the host", "with the arrays")
"""Where the numbers of an update lie that may change from step to step, if its arrays lie on a GPU."""


class Drawing(NamedTuple):
    """The arguments of one operation that may vary, and the function that makes a case of them."""

    values: dict[str, tuple[Any, ...]]
    make: Callable[..., Case | None]
    """(label, **a row of values) → the case, or None for values that do not go together."""


def draw_cases(
    operation: str, *, seed: int = 0, rounds: int = 1, fits: Callable[[Case], bool] = lambda case: True
) -> Iterator[Case]:
    """Draw cases in which all pairs of values of an operation's arguments occur together, each round once more.

    A case's label begins with "drawn" and its number, and names the values.

    seed: of the draw. The first cases of more rounds are those of fewer.
    fits: refuses cases that are not wanted (that a kernel does not support); the pairs are then those of the others.

    >>> from gan_np import kernels
    >>> print(next(kernels.draw_cases("adam")).label.partition(",")[0])
    drawn 1: size=1
    """
    drawing = DRAWINGS[operation]
    numbers = itertools.count(1)
    for turn in range(rounds):
        rng = np.random.default_rng((seed, turn))

        def allowed(row: Row) -> bool:
            case = drawing.make("", **row)
            return case is not None and fits(case)

        for row in every_pair(drawing.values, rng, allowed):
            text = ", ".join(f"{name}={value}" for name, value in row.items())
            case = drawing.make(f"drawn {next(numbers)}: {text}", **row)
            assert case is not None
            yield case


def _normal(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator, np.dtype[Any]], list[Array]]:
    return lambda rng, dtype: [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def _activation(kind: str, slope: float) -> Activation:
    return Activation(kind, slope if kind == "leaky_relu" else 0.0)


def _conv2d(
    label: str,
    batch: int,
    image: tuple[int, int] | None,
    channels: int,
    out: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    groups: int,
) -> Case | None:
    height, width = image or kernel
    if channels % groups or out % groups:
        return None
    geometry = convolution_geometry(batch, (height, width, channels), out, kernel, stride, padding, groups)
    return conv2d_case(label, geometry) if min(geometry.small) > 0 else None


def _dense_layer(
    label: str,
    rows: int,
    inputs: int,
    outputs: int,
    kind: str,
    slope: float,
    bias: bool,
    wrt: tuple[bool, bool, bool],
) -> Case:
    activation, with_bias = _activation(kind, slope), bias

    def run(kernel: Any, x: Array, weight: Array, bias: Array, dy: Array) -> Results:
        y = kernel.forward(x, weight, bias if with_bias else None, activation)
        output = None if kind == "linear" else y
        gradients = kernel.backward(dy, x if wrt[1] else None, output, weight, activation, wrt)
        found = {"y": y}
        for name, asked, gradient in zip(("dx", "dW", "db"), wrt, gradients, strict=True):
            assert (gradient is not None) == asked, f"{name}: {'asked for, got None' if asked else 'not asked for'}"
            if asked:
                found[name] = gradient
        return found

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        x, weight, bias, dy = _normal((rows, inputs), (inputs, outputs), (outputs,), (rows, outputs))(rng, dtype)
        weight /= dtype.type(inputs**0.5)  # else tanh is 1 but for its last digits, and 1 − y² has none
        return [x, weight, bias, dy]

    return Case("dense_layer", label, (rows, inputs, outputs), make, run)


def _batch_norm(
    label: str,
    shape: tuple[int, ...],
    kind: str,
    slope: float,
    epsilon: float,
    scale: bool,
    bias: bool,
    need_input: bool,
) -> Case:
    activation, with_scale, with_bias = _activation(kind, slope), scale, bias

    def run(kernel: Any, x: Array, scale: Array, bias: Array, dy: Array) -> Results:
        gamma, beta = scale if with_scale else None, bias if with_bias else None
        y, mean, variance, inverse = kernel.forward(x, gamma, beta, epsilon, activation)
        dx, dscale, dbias = kernel.backward(dy, x, y, gamma, beta, mean, inverse, activation, need_input)
        found = {"y": y, "mean": mean, "variance": variance, "inverse": inverse, "dγ": dscale, "dβ": dbias}
        if need_input:
            found["dx"] = dx
        else:
            assert dx is None, "dx was not asked for (need_input=False), expected None"
        return found

    return Case("batch_norm", label, shape, _normal(shape, shape[-1:], shape[-1:], shape), run)


def _running(label: str, channels: int, momentum: float, correction: float) -> Case:
    def run(kernel: Any, mean: Array, batch_mean: Array, variance: Array, batch_variance: Array) -> Results:
        mean, variance = mean.copy(), variance.copy()
        kernel.update(mean, variance, batch_mean, batch_variance, momentum, correction)
        return {"mean": mean, "variance": variance}

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        means, variances = rng.standard_normal((2, channels)), rng.exponential(size=(2, channels))
        return [array.astype(dtype) for array in (*means, *variances)]

    return Case("running", label, (channels,), make, run)


def _layer_norm(label: str, rows: int, features: int, epsilon: float) -> Case:
    def run(kernel: Any, x: Array, d: Array) -> Results:
        normalised, inverse = kernel.forward(x, epsilon)
        return {"x̂": normalised, "inverse": inverse, "dx": kernel.backward(d, normalised, inverse)}

    return Case("layer_norm", label, (rows, features), _normal((rows, features), (rows, features)), run)


def _images(
    label: str,
    batch: int,
    height: int,
    width: int,
    channels: int,
    index: bool,
    mirrored: bool,
    low: float,
    high: float,
) -> Case:
    shape, chosen, turned = (batch, height, width, channels), index, mirrored

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        count = 2 * batch + 3 if chosen else batch
        bytes_of = rng.integers(0, 256, (count, height, width, channels), np.uint8)
        return [np.zeros(1, dtype), bytes_of, rng.integers(0, count, batch), rng.integers(0, 2, batch, np.uint8)]

    def run(kernel: Any, like: Array, images: Array, index: Array, mirrored: Array) -> Results:
        given = index if chosen else None, mirrored if turned else None
        return {"images": kernel.forward(images, *given, low, high, like.dtype)}

    return Case("images", label, shape, make, run)


def _logistic(label: str, size: int, sign: int, weight: float) -> Case:
    def run(kernel: Any, s: Array) -> Results:
        value, gradient = kernel.forward(s, sign, weight)
        return {"value": np.asarray(value) if isinstance(value, np.generic) else value, "gradient": gradient}

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        return [(4 * rng.standard_normal((size, 1))).astype(dtype)]

    return Case("logistic", label, (size, 1), make, run)


def _accuracy(label: str, size: int, sign: int, boundary: float) -> Case:
    def run(kernel: Any, s: Array) -> Results:
        value = kernel.forward(s, sign, boundary)
        return {"share": (np.asarray(value) if isinstance(value, np.generic) else value).astype(s.dtype)}

    return Case("accuracy", label, (size, 1), _normal((size, 1)), run)


def _number(value: float, like: Array, numbers: str) -> Any:
    """A number as an update gets it: on a GPU also as an array there."""
    xp = array_module(like)
    if numbers == NUMBERS[0] or xp is np:
        return value
    return xp.asarray(value, np.int64 if isinstance(value, int) else np.float64)


def _vectors(size: int, step: float, squared: int) -> Callable[[np.random.Generator, np.dtype[Any]], list[Array]]:
    """θ about as large as a step, so that nothing in a step is too small to be seen in it; g and two more vectors, the
    last ones, which are second moments, not below 0."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        vectors = rng.standard_normal((4, size))
        vectors[0] *= step
        vectors[4 - squared :] **= 2
        return [vector.astype(dtype) for vector in vectors]

    return make


def _sgd(
    label: str, size: int, learning_rate: float, momentum: float, nesterov: bool, with_velocity: bool, numbers: str
) -> Case | None:
    if not with_velocity and (momentum or nesterov):
        return None

    def run(kernel: Any, theta: Array, gradient: Array, velocity: Array, unused: Array) -> Results:
        theta, moved = theta.copy(), velocity.copy() if with_velocity else None
        given = [_number(value, theta, numbers) for value in (learning_rate, momentum)]
        kernel.step(theta, gradient, moved, *given, nesterov)
        return {"θ": theta} if moved is None else {"θ": theta, "velocity": moved}

    return Case("sgd", label, (size,), _vectors(size, learning_rate, 0), run)


def _adam(
    label: str,
    size: int,
    count: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    numbers: str,
) -> Case:
    def run(kernel: Any, theta: Array, gradient: Array, first: Array, second: Array) -> Results:
        theta, first, second = theta.copy(), first.copy(), second.copy()
        given = [_number(value, theta, numbers) for value in (count, learning_rate, beta1, beta2)]
        kernel.step(theta, gradient, first, second, *given, epsilon)
        return {"θ": theta, "m": first, "v": second}

    return Case("adam", label, (size,), _vectors(size, learning_rate, 1), run)


def _rmsprop(
    label: str,
    size: int,
    learning_rate: float,
    smoothing: float,
    epsilon: float,
    momentum: float,
    with_velocity: bool,
    numbers: str,
) -> Case | None:
    if not with_velocity and momentum:
        return None

    def run(kernel: Any, theta: Array, gradient: Array, velocity: Array, second: Array) -> Results:
        theta, second, moved = theta.copy(), second.copy(), velocity.copy() if with_velocity else None
        rate, keep = (_number(value, theta, numbers) for value in (learning_rate, momentum))
        kernel.step(theta, gradient, second, moved, rate, smoothing, epsilon, keep)
        found = {"θ": theta, "v": second}
        return found if moved is None else {**found, "velocity": moved}

    return Case("rmsprop", label, (size,), _vectors(size, learning_rate, 1), run)


def _average(label: str, size: int, decay: float, numbers: str) -> Case:
    def run(kernel: Any, average: Array, values: Array) -> Results:
        average = average.copy()
        kernel.step(average, values, _number(decay, average, numbers))
        return {"average": average}

    return Case("average", label, (size,), _normal((size,), (size,)), run)


def _finite(label: str, size: int, place: float, bad: float, code: int, raised: int) -> Case:
    def run(kernel: Any, values: Array) -> Results:
        xp, at = array_module(values), round(place * (size - 1))
        given = values.copy()
        given[at : at + 1] = xp.full(1, bad, values.dtype)
        flag = xp.full((), raised, np.int32)
        kernel.look(given, flag, code)
        return {"flag": flag}

    return Case("finite", label, (size,), _normal((size,)), run)


def _report(label: str, size: int, first: int) -> Case:
    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        types = np.float32, np.int32, np.float64, np.bool_
        numbers = [rng.integers(-3, 4, 1).astype(types[(place + first) % 4]) for place in range(size)]
        return [np.zeros(1, dtype), *numbers]

    def run(kernel: Any, like: Array, *numbers: Array) -> Results:
        out = array_module(like).empty(size, like.dtype)
        kernel.collect(numbers, out)
        return {"report": out}

    return Case("report", label, (size,), make, run)


def _pool(label: str, batch: int, height: int, width: int, channels: int, window: tuple[int, int]) -> Case:
    return pool_case(label, (batch, height, width, channels), window)


def _upsample(operation: str) -> Callable[..., Case]:
    def make(label: str, batch: int, height: int, width: int, channels: int, factor: tuple[int, int]) -> Case:
        return upsample_case(operation, label, (batch, height, width, channels), factor)

    return make


def _blur(label: str, batch: int, height: int, width: int, channels: int, odd: tuple[int, int]) -> Case:
    return blur_case(label, (batch, height, width, channels), (2 * height + odd[0], 2 * width + odd[1]))


def _affine_sample(label: str, batch: int, height: int, width: int, channels: int, stretch: float) -> Case:
    return affine_sample_case(label, (batch, height, width, channels), stretch)


RATE = (1.0, Span(1e-4, 1.0))
MOMENTUM = (0.0, 0.9, Span(0.01, 0.99))

DRAWINGS: dict[str, Drawing] = {
    "dense": Drawing(
        {"batch": (1, 2, 7, 64, 133), "in_features": (1, 3, 16, 17, 100), "out_features": (1, 2, 8, 17, 65)}, dense_case
    ),
    "dense_layer": Drawing(
        {
            "rows": (1, 9, 70, 600),
            "inputs": (1, 16, 33, 64),
            "outputs": (1, 5, 16, 40),
            "kind": KINDS,
            "slope": LEAKS,
            "bias": FLAG,
            "wrt": tuple(wrt for wrt in itertools.product(FLAG, repeat=3) if any(wrt)),
        },
        _dense_layer,
    ),
    "conv2d": Drawing(
        {
            "batch": (1, 2, 5),
            "image": (None, (5, 16), (7, 19), (6, 6), (12, 35)),
            "channels": (1, 3, 8, 17, 32, 51),
            "out": (1, 2, 16, 19, 32, 51),
            "kernel": ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (1, 3)),
            "stride": ((1, 1), (2, 2), (3, 3), (1, 2), (2, 1)),
            "padding": ((0, 0), (1, 1), (2, 2), (0, 1)),
            "groups": (1, 2, 3, 8, 32, 51),
        },
        _conv2d,
    ),
    "bias_activation": Drawing(
        {"shape": SHAPES, "kind": KINDS, "slope": LEAKS},
        lambda label, shape, kind, slope: bias_activation_case(label, shape, _activation(kind, slope)),
    ),
    "batch_norm": Drawing(
        {
            "shape": SHAPES[1:],
            "kind": KINDS,
            "slope": LEAKS,
            "epsilon": (1e-5, 1e-3, Span(1e-6, 1.0)),
            "scale": FLAG,
            "bias": FLAG,
            "need_input": FLAG,
        },
        _batch_norm,
    ),
    "running": Drawing(
        {
            "channels": (1, 3, 16, 259, 1031),
            "momentum": (0.1, 0.0, 1.0, Span(1e-3, 0.9)),
            "correction": (1.0, 2.0, Span(1.0001, 1.9)),
        },
        _running,
    ),
    "layer_norm": Drawing(
        {"rows": (1, 4, 33), "features": (3, 7, 16, 33, 301), "epsilon": (1e-5, 1e-3, Span(1e-6, 1.0))},
        _layer_norm,
    ),
    "maxout": Drawing({"rows": (1, 4, 33), "units": (1, 3, 16, 35), "pieces": (1, 2, 3, 5, 8)}, maxout_case),
    "dropout": Drawing(
        {"shape": (*SHAPES, (10_007,)), "rate": (0.0, 0.5, Span(0.01, 0.99)), "key": KEYS}, dropout_case
    ),
    "average_pool": Drawing({**IMAGES, "window": FACTORS}, _pool),
    "upsample_nearest": Drawing({**IMAGES, "factor": FACTORS}, _upsample("upsample_nearest")),
    "upsample_bilinear": Drawing({**IMAGES, "factor": FACTORS}, _upsample("upsample_bilinear")),
    "blur": Drawing({**IMAGES, "odd": tuple(itertools.product((0, 1), repeat=2))}, _blur),
    "scaled_sum": Drawing({"shape": SHAPES[1:], "scaled": FLAG}, scaled_sum_case),
    "affine_sample": Drawing({**IMAGES, "stretch": (1.0, Span(0.4, 2.5))}, _affine_sample),
    "normal": Drawing({"count": (1, 2, 3, 4, 5, 1033, 10_007), "key": KEYS}, normal_case),
    "images": Drawing(
        {
            **IMAGES,
            "width": (1, 16, 35, 70),
            "index": FLAG,
            "mirrored": FLAG,
            "low": (-1.0, 0.0, Span(0.01, 0.9)),
            "high": (1.0, Span(1.1, 9.0)),
        },
        _images,
    ),
    "softplus": Drawing({"count": LENGTHS}, softplus_case),
    "logistic": Drawing({"size": LENGTHS, "sign": (1, -1), "weight": (1.0, -1.0, Span(0.1, 3.0))}, _logistic),
    "accuracy": Drawing({"size": LENGTHS, "sign": (1, -1), "boundary": (0.0, 0.5, -0.7, Span(0.1, 1.0))}, _accuracy),
    "softmax_cross_entropy": Drawing({"rows": (1, 5, 64, 257), "classes": (2, 7, 10, 33, 130)}, cross_entropy_case),
    "sgd": Drawing(
        {
            "size": LENGTHS,
            "learning_rate": RATE,
            "momentum": MOMENTUM,
            "nesterov": FLAG,
            "with_velocity": FLAG,
            "numbers": NUMBERS,
        },
        _sgd,
    ),
    "adam": Drawing(
        {
            "size": LENGTHS,
            "count": (1, 2, 3, Span(10, 100_000, True)),
            "learning_rate": RATE,
            "beta1": (0.0, 0.5, Span(0.1, 0.99)),
            "beta2": (0.999, 0.9, Span(0.1, 0.9999)),
            "epsilon": (1e-8, 0.1, Span(1e-3, 1.0)),
            "numbers": NUMBERS,
        },
        _adam,
    ),
    "rmsprop": Drawing(
        {
            "size": LENGTHS,
            "learning_rate": RATE,
            "smoothing": (0.99, 0.9, Span(0.01, 0.999)),
            "epsilon": (1e-8, 0.1, Span(1e-3, 1.0)),
            "momentum": MOMENTUM,
            "with_velocity": FLAG,
            "numbers": NUMBERS,
        },
        _rmsprop,
    ),
    "average": Drawing({"size": LENGTHS, "decay": (0.99, 0.0, 1.0, Span(0.01, 0.99)), "numbers": NUMBERS}, _average),
    "finite": Drawing(
        {
            "size": LENGTHS,
            "place": (0.0, 0.5, 1.0),
            "bad": (1.0, float("nan"), float("inf"), float("-inf")),
            "code": (1, 7),
            "raised": (0, 3),
        },
        _finite,
    ),
    "report": Drawing({"size": (1, 2, 5, 33, 100), "first": (0, 1, 2, 3)}, _report),
}
"""What may vary, by operation."""
