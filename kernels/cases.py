"""Work for every operation, small and odd or as in DCGAN: parity tests and kernel benchmarks both walk these.

A case makes its arrays from a generator and runs one implementation on them; what it returns can be compared between
implementations, name by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array, array_module

from .geometry import Geometry, small_size
from .interfaces import Activation, large_with_epilogue, small_with_epilogue
from .recording import RecordedProblem
from .selection import Problem, choose, entry

Results = dict[str, Array]
Maker = Callable[[np.random.Generator, "np.dtype[Any]"], list[Array]]

ACTIVATIONS = (
    Activation(),
    Activation("relu"),
    Activation("leaky_relu", 0.2),
    Activation("tanh"),
    Activation("sigmoid"),
)

KEY = 0x0123456789ABCDEF
"""The key of the counter-based random numbers in the cases of noise and dropout."""


class Case(NamedTuple):
    """One piece of work for one operation."""

    operation: str
    label: str
    shape: tuple[int, ...]
    make: Maker
    """A function from a random generator and a dtype to the arrays of the case, on the host."""
    run: Callable[..., Results]
    """(implementation, *arrays) → named results; modifies none of the arrays."""
    geometry: Geometry | None = None
    operations: float = 0.0
    """Floating-point operations, where they dominate (0: the work is bound by memory)."""

    def problem(self, dtype: np.dtype[Any], device: str = "cpu") -> Problem:
        """Return what the table is asked."""
        return Problem(device, dtype, self.shape, self.geometry)


def _normal(*shapes: tuple[int, ...]) -> Maker:
    return lambda rng, dtype: [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def _as_array(value: Any) -> Array:
    """Return a number as an array: what NumPy gives for a sum is a number of its own kind."""
    return np.asarray(value) if isinstance(value, np.generic) else value


def _positive_last(count: int, *shapes: tuple[int, ...]) -> Maker:
    """Draw standard normal arrays, the last `count` of them squared (second moments, variances)."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
        return [*arrays[:-count], *(array * array for array in arrays[-count:])]

    return make


def convolution_geometry(
    batch: int,
    large: tuple[int, int, int],
    out_channels: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    groups: int = 1,
) -> Geometry:
    """Return the geometry of a convolution of an image (height, width, channels)."""
    size = [small_size(large[axis], kernel[axis], stride[axis], padding[axis]) for axis in (0, 1)]
    return Geometry(batch, large, (size[0], size[1], out_channels), kernel, stride, padding, groups)


def conv2d_case(label: str, geometry: Geometry) -> Case:
    """Return a case of all three contractions of one geometry."""

    def run(kernel: Any, weight: Array, large: Array, small: Array) -> Results:
        plan = kernel.plan(geometry)
        w, a, b = plan.prepare_weight(weight), plan.prepare_large(large), plan.prepare_small(small)
        return {"small": plan.to_small(w, a), "large": plan.to_large(w, b), "weight": plan.to_weight(a, b)}

    make = _normal(geometry.weight_shape, geometry.large_shape, geometry.small_shape)
    return Case("conv2d", label, geometry.large_shape, make, run, geometry, 3.0 * geometry.operations)


def convolution_label(geometry: Geometry) -> str:
    """Name a convolution, or one that is transposed, by both its images, its kernel and its stride."""
    large, small, kernel, stride = (
        "×".join(map(str, sizes)) for sizes in (geometry.large_shape, geometry.small, geometry.kernel, geometry.stride)
    )
    return f"{large} ↔ {small}, {kernel} by {stride}"


def conv2d_layer_case(label: str, problem: Problem, side: str, activation: Activation, bias: bool) -> Case:
    """Return a case of all three contractions in which that to the `side` image has bias and activation behind it.

    A plan that has the epilogue does it on its way; for others the table's kernel does it, as in a layer.
    """
    geometry = problem.geometry
    assert geometry is not None
    plain = conv2d_case(label, geometry)

    def run(kernel: Any, weight: Array, large: Array, small: Array, vector: Array) -> Results:
        plan = kernel.plan(geometry)
        w, a, b = plan.prepare_weight(weight), plan.prepare_large(large), plan.prepare_small(small)
        given = vector if bias else None
        if side == "small":
            own = small_with_epilogue(plan)
            y = None if own is None else own.to_small_with_epilogue(w, a, given, activation)
            results = {"small": plan.to_small(w, a) if y is None else y, "large": plan.to_large(w, b)}
        else:
            other = large_with_epilogue(plan)
            y = None if other is None else other.to_large_with_epilogue(w, b, given, activation)
            results = {"small": plan.to_small(w, a), "large": plan.to_large(w, b) if y is None else y}
        if y is None:
            z = results[side]
            chosen = choose("bias_activation", Problem("cpu", z.dtype, z.shape))
            results[side] = chosen.implementation.forward(z, given, activation, in_place="in_place" in chosen.features)
        return {**results, "weight": plan.to_weight(a, b)}

    channels = geometry.small[2] if side == "small" else geometry.large[2]
    make = _normal(geometry.weight_shape, geometry.large_shape, geometry.small_shape, (channels,))
    return plain._replace(label=f"{label}, {activation.kind}{' and bias' if bias else ''}", make=make, run=run)


def dense_case(label: str, batch: int, in_features: int, out_features: int) -> Case:
    """Return a case of a product and both its gradients."""

    def run(kernel: Any, x: Array, weight: Array, dz: Array) -> Results:
        return {
            "z": kernel.forward(x, weight),
            "dx": kernel.input_gradient(dz, weight),
            "dw": kernel.weight_gradient(x, dz),
        }

    make = _normal((batch, in_features), (in_features, out_features), (batch, out_features))
    work = 6.0 * batch * in_features * out_features
    return Case("dense", label, (batch, in_features), make, run, None, work)


def dense_layer_case(label: str, batch: int, in_features: int, out_features: int, activation: Activation) -> Case:
    """Return a case of forward with and without a bias, and of all gradients of the former."""

    def run(kernel: Any, x: Array, weight: Array, bias: Array, dy: Array) -> Results:
        y = kernel.forward(x, weight, bias, activation)
        output = None if activation.kind == "linear" else y
        dx, dw, db = kernel.backward(dy, x, output, weight, activation, (True, True, True))
        only, no_weight, no_bias = kernel.backward(dy, None, output, weight, activation, (True, False, False))
        assert no_weight is None, "dW was not asked for, expected None"
        assert no_bias is None, "db was not asked for, expected None"
        without = kernel.forward(x, weight, None, activation)
        return {"y": y, "dx": dx, "dw": dw, "db": db, "dx alone": only, "y without bias": without}

    make = _normal((batch, in_features), (in_features, out_features), (out_features,), (batch, out_features))
    work = 10.0 * batch * in_features * out_features
    shape = (batch, in_features, out_features)
    return Case("dense_layer", f"{label} {activation.kind}", shape, make, run, None, work)


def bias_activation_case(label: str, shape: tuple[int, ...], activation: Activation) -> Case:
    """Return a case of the end of a layer with and without its bias, and the gradients of both."""

    def run(kernel: Any, z: Array, bias: Array, dy: Array) -> Results:
        y = kernel.forward(z, bias, activation)
        dz, dbias = kernel.backward(dy, y, activation, True)
        without, nothing = kernel.backward(dy, kernel.forward(z, None, activation), activation, False)
        assert nothing is None, "db was not asked for (need_bias=False), expected None"
        return {"y": y, "dz": dz, "db": dbias, "dz without bias": without}

    make = _normal(shape, shape[-1:], shape)
    return Case("bias_activation", f"{label} {activation.kind}", shape, make, run)


def _backward_case(label: str, shape: tuple[int, ...], activation: Activation, bias: bool) -> Case:
    """Return a case of the gradients at the end of a layer whose forward pass a convolution did."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        z, dy = _normal(shape, shape)(rng, dtype)
        return [entry("bias_activation", "reference").implementation.forward(z, None, activation), dy]

    def run(kernel: Any, y: Array, dy: Array) -> Results:
        dz, db = kernel.backward(dy, y, activation, bias)
        return {"dz": dz, "db": db} if bias else {"dz": dz}

    name = f"{label} {activation.kind}{' and bias' if bias else ''}, backward"
    return Case("bias_activation", name, shape, make, run)


def _batch_norm_case(label: str, shape: tuple[int, ...], activation: Activation, affine: bool) -> Case:
    def run(kernel: Any, x: Array, scale: Array, bias: Array, dy: Array) -> Results:
        gamma, beta = (scale, bias) if affine else (None, None)
        y, mean, variance, inverse = kernel.forward(x, gamma, beta, 1e-5, activation)
        dx, dscale, dbias = kernel.backward(dy, x, y, gamma, beta, mean, inverse, activation)
        return {"y": y, "mean": mean, "variance": variance, "inverse": inverse, "dx": dx, "dγ": dscale, "dβ": dbias}

    name = f"{label} {activation.kind}" + ("" if affine else " no affine")
    return Case("batch_norm", name, shape, _normal(shape, shape[-1:], shape[-1:], shape), run)


def _running_case(label: str, channels: int) -> Case:
    def run(kernel: Any, mean: Array, batch_mean: Array, variance: Array, batch_variance: Array) -> Results:
        mean, variance = mean.copy(), variance.copy()
        kernel.update(mean, variance, batch_mean, batch_variance, 0.1, 64 / 63)
        return {"mean": mean, "variance": variance}

    shape = (channels,)
    return Case("running", label, shape, _positive_last(2, shape, shape, shape, shape), run)


def _layer_norm_case(label: str, shape: tuple[int, int]) -> Case:
    def run(kernel: Any, x: Array, d: Array) -> Results:
        normalised, inverse = kernel.forward(x, 1e-5)
        return {"x̂": normalised, "inverse": inverse, "dx": kernel.backward(d, normalised, inverse)}

    return Case("layer_norm", label, shape, _normal(shape, shape), run)


def maxout_case(label: str, rows: int, units: int, pieces: int) -> Case:
    """Return a case of the maximum over pieces and its gradient."""

    def run(kernel: Any, x: Array, dy: Array) -> Results:
        y, winner = kernel.forward(x, pieces)
        return {"y": y, "winner": winner, "dx": kernel.backward(dy, winner, pieces)}

    return Case("maxout", label, (rows, units * pieces), _normal((rows, units * pieces), (rows, units)), run)


def dropout_case(label: str, shape: tuple[int, ...], rate: float, key: int = KEY) -> Case:
    """Return a case of dropout, whose mask is that of the key."""

    def run(kernel: Any, x: Array, dy: Array) -> Results:
        y, kept = kernel.forward(x, rate, key)
        return {"y": y, "kept": kept, "dx": kernel.backward(dy, kept, rate)}

    return Case("dropout", label, shape, _normal(shape, shape), run)


def pool_case(label: str, small: tuple[int, int, int, int], window: tuple[int, int]) -> Case:
    """Return a case of average pooling to images of the shape `small`."""
    n, height, width, channels = small
    large = (n, height * window[0], width * window[1], channels)

    def run(kernel: Any, x: Array, dy: Array) -> Results:
        return {"y": kernel.forward(x, window), "dx": kernel.backward(dy, window)}

    return Case("average_pool", label, large, _normal(large, small), run)


def upsample_case(operation: str, label: str, small: tuple[int, int, int, int], factor: tuple[int, int]) -> Case:
    """Return a case of enlargement of images of the shape `small`."""
    n, height, width, channels = small
    large = (n, height * factor[0], width * factor[1], channels)

    def run(kernel: Any, x: Array, dy: Array) -> Results:
        return {"y": kernel.forward(x, factor), "dx": kernel.backward(dy, factor)}

    return Case(operation, label, small, _normal(small, large), run)


def affine_sample_case(label: str, shape: tuple[int, int, int, int], stretch: float = 1.3) -> Case:
    """Return a case of images of a shape, each turned by another angle, stretched and moved."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        angles, sides = rng.uniform(-np.pi, np.pi, shape[0]), np.array(shape[1:3])
        cosine, sine = np.cos(angles), np.sin(angles)
        linear = np.stack([np.stack([cosine, -sine], axis=1), np.stack([sine, cosine], axis=1)], axis=1)
        linear[:, :, 0] *= stretch
        linear[:, :, 1] /= stretch
        centre = (sides - 1) / 2
        moved = rng.uniform(-0.2, 0.2, (shape[0], 2)) * sides
        maps = np.concatenate([linear, (centre - linear @ centre + moved)[:, :, None]], axis=2)
        x, dy = rng.standard_normal((2, *shape))
        return [x.astype(dtype), dy.astype(dtype), maps.astype(dtype)]

    def run(kernel: Any, x: Array, dy: Array, maps: Array) -> Results:
        return {"y": kernel.forward(x, maps), "dx": kernel.backward(dy, maps)}

    return Case("affine_sample", label, shape, make, run)


def blur_case(label: str, small: tuple[int, int, int, int], size: tuple[int, int]) -> Case:
    """Return a case of the low-pass between images of the shape `small` and of the sides `size`."""
    large = (small[0], *size, small[3])

    def run(kernel: Any, x: Array, dy: Array) -> Results:
        return {"large": kernel.enlarge(x, size, 1.0), "small": kernel.shrink(dy, 0.25)}

    return Case("blur", label, small, _normal(small, large), run)


def scaled_sum_case(label: str, shape: tuple[int, ...], scaled: bool) -> Case:
    """Return a case of x + s ⊙ y, or x + y, and of the sum over all examples, each times its number."""

    def run(kernel: Any, x: Array, y: Array, scale: Array) -> Results:
        return {"sum": kernel.add(x, y, scale if scaled else None), "total": kernel.total(x, scale)}

    name = label if scaled else f"{label} without factors"
    return Case("scaled_sum", name, shape, _normal(shape, shape, shape[:1]), run)


def normal_case(label: str, count: int, key: int = KEY) -> Case:
    """Return a case of the key's first random numbers."""

    def run(kernel: Any, like: Array) -> Results:
        out = array_module(like).empty(count, like.dtype)
        kernel.forward(key, out)
        return {"normal": out}

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        return [np.zeros(1, dtype)]

    return Case("normal", label, (count,), make, run)


def _images_case(label: str, shape: tuple[int, int, int, int]) -> Case:
    """Of twice as many and a few more: as they lie, chosen, and some of the chosen mirrored; one after another and not."""
    count, *size = shape

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        bytes_of = rng.integers(0, 256, (2 * count + 3, *size), np.uint8)
        index, mirrored = rng.integers(0, len(bytes_of), count), rng.integers(0, 2, count, np.uint8)
        index[-1], mirrored[0] = len(bytes_of) - 1, 1
        return [np.zeros(1, dtype), bytes_of, index, mirrored]

    def run(kernel: Any, like: Array, bytes_of: Array, index: Array, mirrored: Array) -> Results:
        dtype = like.dtype
        return {
            "all": kernel.forward(bytes_of[3:], None, None, 0.0, 1.0, dtype),
            "chosen": kernel.forward(bytes_of, index, None, -1.0, 1.0, dtype),
            "mirrored": kernel.forward(bytes_of, index, mirrored, -1.0, 1.0, dtype),
            "all mirrored": kernel.forward(bytes_of[:count], None, mirrored, 0.0, 1.0, dtype),
        }

    return Case("images", label, shape, make, run)


def softplus_case(label: str, count: int) -> Case:
    """Return a case of softplus and its derivative, also far from 0."""

    def run(kernel: Any, s: Array) -> Results:
        return {"value": kernel.forward(s), "derivative": kernel.derivative(s)}

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        return [(10 * rng.standard_normal(count)).astype(dtype)]

    return Case("softplus", label, (count,), make, run)


def _logistic_case(label: str, count: int) -> Case:
    def run(kernel: Any, s: Array) -> Results:
        results = {}
        for name, sign, weight in (("real", -1, 0.9), ("fake", 1, 1.0), ("minimax", 1, -1.0)):
            value, results[f"{name} gradient"] = kernel.forward(s, sign, weight)
            results[name] = _as_array(value)
        return results

    return Case("logistic", label, (count, 1), _normal((count, 1)), run)


def _accuracy_case(label: str, count: int) -> Case:
    def run(kernel: Any, s: Array) -> Results:
        sides = (("real", 1, 0.0), ("fake", -1, 0.0), ("above one half", 1, 0.5))
        found = {name: kernel.forward(s, sign, boundary) for name, sign, boundary in sides}
        return {name: _as_array(value).astype(s.dtype) for name, value in found.items()}

    return Case("accuracy", label, (count, 1), _normal((count, 1)), run)


def cross_entropy_case(label: str, rows: int, classes: int) -> Case:
    """Return a case of the loss of rows of logits and its derivative."""

    def run(kernel: Any, logits: Array, labels: Array) -> Results:
        loss, derivative = kernel.forward(logits, labels)
        return {"loss": loss, "derivative": derivative}

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        return [rng.standard_normal((rows, classes)).astype(dtype), rng.integers(0, classes, rows)]

    return Case("softmax_cross_entropy", label, (rows, classes), make, run)


def _update_cases(label: str, count: int) -> Iterator[Case]:
    def sgd(kernel: Any, theta: Array, gradient: Array, velocity: Array) -> Results:
        plain, moved, nesterov = theta.copy(), theta.copy(), theta.copy()
        first, second = velocity.copy(), velocity.copy()
        kernel.step(plain, gradient, None, 0.1, 0.0, False)
        kernel.step(moved, gradient, first, 0.1, 0.9, False)
        kernel.step(nesterov, gradient, second, 0.1, 0.9, True)
        return {"plain": plain, "momentum": moved, "nesterov": nesterov, "velocity": first}

    def adam(kernel: Any, theta: Array, gradient: Array, first: Array, second: Array) -> Results:
        theta, first, second = theta.copy(), first.copy(), second.copy()
        kernel.step(theta, gradient, first, second, 3, 1e-2, 0.5, 0.999, 1e-8)
        return {"θ": theta, "m": first, "v": second}

    def rmsprop(kernel: Any, theta: Array, gradient: Array, velocity: Array, second: Array) -> Results:
        theta, velocity, second = theta.copy(), velocity.copy(), second.copy()
        kernel.step(theta, gradient, second, velocity, 1e-2, 0.9, 1e-6, 0.5)
        kernel.step(theta, gradient, second, None, 1e-2, 0.9, 1e-6, 0.0)
        return {"θ": theta, "v": second, "velocity": velocity}

    def average(kernel: Any, mean: Array, values: Array) -> Results:
        mean = mean.copy()
        kernel.step(mean, values, 0.99)
        return {"average": mean}

    vector = (count,)
    yield Case("sgd", label, vector, _normal(vector, vector, vector), sgd)
    yield Case("adam", label, vector, _positive_last(1, vector, vector, vector, vector), adam)
    yield Case("rmsprop", label, vector, _positive_last(1, vector, vector, vector, vector), rmsprop)
    yield Case("average", label, vector, _normal(vector, vector), average)


def _finite_case(label: str, count: int) -> Case:
    """Return a case of looks in which the first, the last or no element is not finite; a flag that is up stays up."""

    def run(kernel: Any, values: Array) -> Results:
        xp = array_module(values)
        found = {}
        for name, place, bad in (
            ("none", 0, None),
            ("first", 0, np.nan),
            ("last", count - 1, -np.inf),
            ("both", 0, np.inf),
        ):
            given = values.copy()
            if bad is not None:
                given[place : place + 1] = xp.full(1, bad, values.dtype)
            if name == "both":
                given[count - 1 : count] = xp.full(1, np.nan, values.dtype)
            flag = xp.zeros((), np.int32)
            kernel.look(given, flag, 3)
            found[name] = flag.copy()
            kernel.look(values, flag, 4)
            found[f"{name}, then none"] = flag.copy()
            kernel.look(given, flag, 5)
            found[f"{name}, seen again"] = flag
        return found

    return Case("finite", label, (count,), _normal((count,)), run)


def _report_case(label: str, count: int) -> Case:
    """Return a case with numbers of all types in turn."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
        types = np.float32, np.int32, np.float64, np.bool_
        numbers = [rng.integers(-3, 4, 1).astype(types[place % 4]) for place in range(count)]
        return [np.zeros(1, dtype), *numbers]

    def run(kernel: Any, like: Array, *numbers: Array) -> Results:
        out = array_module(like).empty(count, like.dtype)
        kernel.collect(numbers, out)
        return {"report": out}

    return Case("report", label, (count,), make, run)


def _small_cases() -> Iterator[Case]:
    shapes = [
        ("1×1", (2, 3, 4, 2), 3, (1, 1), (1, 1), (0, 0)),
        ("kernel as large as the image", (3, 4, 3, 5), 6, (4, 3), (1, 1), (0, 0)),
        ("3×3", (2, 5, 4, 3), 2, (3, 3), (1, 1), (1, 1)),
        ("4×4 stride 2", (3, 8, 6, 5), 4, (4, 4), (2, 2), (1, 1)),
        ("5×5 stride 2", (2, 7, 9, 1), 3, (5, 5), (2, 2), (2, 2)),
        ("odd remainder", (1, 10, 11, 17), 1, (4, 3), (3, 2), (0, 1)),
        ("stride above kernel", (2, 9, 7, 2), 2, (2, 1), (3, 2), (0, 0)),
        ("padding above kernel", (1, 4, 4, 1), 2, (2, 2), (1, 2), (3, 2)),
        ("4×4 stride 2, full vectors", (3, 10, 7, 32), 64, (4, 4), (2, 2), (1, 1)),
        ("3×3, full vectors", (2, 7, 9, 32), 32, (3, 3), (1, 1), (1, 1)),
        ("4×4, full vectors", (1, 6, 8, 64), 32, (4, 4), (1, 1), (1, 1)),
        ("5×5 stride 2, full vectors", (5, 9, 8, 16), 32, (5, 5), (2, 2), (2, 2)),
    ]
    for label, (n, height, width, channels), out, kernel, stride, padding in shapes:
        yield conv2d_case(label, convolution_geometry(n, (height, width, channels), out, kernel, stride, padding))
    grouped = [
        ("3×3 in 3 groups", (2, 5, 4, 6), 9, (3, 3), (1, 1), (1, 1), 3),
        ("3×3 stride 2 in 2 groups", (3, 7, 6, 16), 32, (3, 3), (2, 2), (1, 1), 2),
        ("3×3, full vectors in 8 groups", (2, 6, 7, 128), 128, (3, 3), (1, 1), (1, 1), 8),
        ("1×1 in 4 groups", (2, 3, 4, 8), 4, (1, 1), (1, 1), (0, 0), 4),
        ("depthwise 3×3", (2, 5, 6, 17), 17, (3, 3), (1, 1), (1, 1), 17),
        ("depthwise 4×4 stride 2, twice the channels", (2, 6, 8, 16), 32, (4, 4), (2, 2), (1, 1), 16),
        ("depthwise 4×4 stride 2", (2, 10, 9, 24), 24, (4, 4), (2, 2), (1, 1), 24),
        ("depthwise 4×4 to one pixel", (3, 4, 4, 33), 33, (4, 4), (1, 1), (0, 0), 33),
    ]
    for label, (n, height, width, channels), out, kernel, stride, padding, groups in grouped:
        image = height, width, channels
        yield conv2d_case(label, convolution_geometry(n, image, out, kernel, stride, padding, groups))
    yield dense_case("one row", 1, 3, 5)
    yield dense_case("odd", 7, 17, 3)
    for activation in ACTIVATIONS:
        yield dense_layer_case("odd", 9, 17, 5, activation)
        yield dense_layer_case("two groups", 70, 33, 40, activation)
        yield bias_activation_case("rows", (5, 3), activation)
        yield bias_activation_case("image", (2, 3, 5, 17), activation)
        yield _batch_norm_case("rows", (6, 5), activation, True)
        yield _batch_norm_case("image", (3, 4, 5, 3), activation, activation.kind != "tanh")
    yield _running_case("more than a block", 259)
    yield _layer_norm_case("rows", (4, 7))
    yield maxout_case("five pieces", 4, 3, 5)
    yield dropout_case("three in ten", (3, 7, 5), 0.3)
    yield dropout_case("half", (1033,), 0.5)
    yield pool_case("3×2", (2, 3, 2, 5), (3, 2))
    for operation in ("upsample_nearest", "upsample_bilinear"):
        yield upsample_case(operation, "2×2", (2, 3, 4, 3), (2, 2))
        yield upsample_case(operation, "3×1 of one pixel", (1, 1, 2, 1), (3, 1))
    yield blur_case("3×4", (2, 3, 4, 3), (6, 8))
    yield blur_case("one pixel", (1, 1, 1, 1), (2, 3))
    yield blur_case("odd", (2, 3, 5, 17), (7, 10))
    yield affine_sample_case("one pixel", (1, 1, 1, 1))
    yield affine_sample_case("odd", (3, 5, 7, 3))
    yield scaled_sum_case("odd", (3, 5, 7, 3), True)
    yield scaled_sum_case("rows", (4, 7), False)
    yield normal_case("vector", 1033)
    yield _images_case("odd", (3, 3, 5, 1))
    yield _images_case("aligned", (4, 6, 4, 3))
    yield _images_case("several blocks", (2, 44, 36, 3))
    yield softplus_case("vector", 33)
    yield _logistic_case("few", 3)
    yield _logistic_case("more than threads", 611)
    yield _accuracy_case("few", 3)
    yield _accuracy_case("more than threads", 611)
    yield cross_entropy_case("seven classes", 5, 7)
    yield from _update_cases("vector", 101)
    yield _finite_case("one number", 1)
    yield _finite_case("several blocks and a rest", 4099)
    yield _report_case("as of a step", 5)
    yield _report_case("more than of one launch", 35)


def _dcgan_cases() -> Iterator[Case]:
    """Return the work of a DCGAN for 64×64×3 with widths 64 to 512, batch 64, and of its relative for 28×28."""
    batch = 64
    for side, channels, out in ((64, 3, 64), (32, 64, 128), (16, 128, 256), (8, 256, 512)):
        geometry = convolution_geometry(batch, (side, side, channels), out, (4, 4), (2, 2), (1, 1))
        yield conv2d_case(f"{channels}→{out} at {side}²", geometry)
    # The paper's 5×5 (transposed, from 16² with output_padding 1), residual 3×3, and a 4×4 map that ends in one pixel.
    for side, channels, out, kernel, stride, padding in (
        (64, 3, 64, 5, 2, 2),
        (32, 64, 128, 5, 2, 2),
        (8, 256, 512, 5, 2, 2),
        (32, 64, 64, 3, 1, 1),
        (8, 256, 256, 3, 1, 1),
        (4, 512, 100, 4, 1, 0),
    ):
        sizes = (kernel, kernel), (stride, stride), (padding, padding)
        geometry = convolution_geometry(batch, (side, side, channels), out, *sizes)
        yield conv2d_case(f"{channels}→{out} at {side}², {kernel}×{kernel} stride {stride}", geometry)
    # Of an R3GAN: 3×3 in groups of 8 and of 16 channels, and one weight a channel.
    for side, channels, kernel, padding, groups in (
        (14, 192, 3, 1, 24),
        (28, 192, 3, 1, 24),
        (8, 1536, 3, 1, 96),
        (16, 1536, 3, 1, 96),
        (32, 64, 3, 1, 64),
        (4, 512, 4, 0, 512),
    ):
        image, sizes = (side, side, channels), ((kernel, kernel), (1, 1), (padding, padding))
        geometry = convolution_geometry(batch, image, channels, *sizes, groups)
        yield conv2d_case(f"{channels} at {side}², {kernel}×{kernel}, {groups} groups", geometry)
    yield dense_case("100→8192", batch, 100, 8192)
    yield dense_case("8192→1", batch, 8192, 1)
    leaky = Activation("leaky_relu", 0.2)
    yield dense_layer_case("256→128, 512 rows", 512, 256, 128, leaky)
    yield bias_activation_case("32²×64", (batch, 32, 32, 64), leaky)
    yield _batch_norm_case("16²×128", (batch, 16, 16, 128), leaky, True)
    yield _batch_norm_case("32²×64", (batch, 32, 32, 64), Activation("relu"), True)
    yield _running_case("512 channels", 512)
    yield _layer_norm_case("64×8192", (batch, 8192))
    yield maxout_case("100×240×5", 100, 240, 5)
    yield dropout_case("200×784", (200, 784), 0.2)
    yield pool_case("2×2 of 64²×16", (batch, 32, 32, 16), (2, 2))
    for operation in ("upsample_nearest", "upsample_bilinear"):
        yield upsample_case(operation, "2×2 of 32²×16", (batch, 32, 32, 16), (2, 2))
    yield blur_case("32²×16 to 64²", (batch, 32, 32, 16), (64, 64))
    yield affine_sample_case("32²×3", (batch, 32, 32, 3))
    yield scaled_sum_case("64×32²×64", (batch, 32, 32, 64), True)
    yield scaled_sum_case("64×32²×32", (batch, 32, 32, 32), False)
    yield normal_case("512×256", 1 << 17)
    yield _images_case("128×64²×3", (128, 64, 64, 3))
    yield softplus_case("1024", 1024)
    yield _logistic_case("512", 512)
    yield _accuracy_case("512", 512)
    yield cross_entropy_case("128×10", 128, 10)
    yield from _update_cases("3.6 million", 3_600_000)
    yield _finite_case("3.6 million", 3_600_000)
    yield _report_case("with norms", 60)


def list_cases(operation: str | None = None, *, size: str = "small") -> list[Case]:
    """Return the cases of one operation, or of all.

    size: "small" (odd shapes, for parity) or "dcgan" (what training does, for timing).
    """
    makers: dict[str, Callable[[], Iterator[Case]]] = {"small": _small_cases, "dcgan": _dcgan_cases}
    if size not in makers:
        raise ValueError(f"size: expected 'small' or 'dcgan', got {size!r}")
    return [case for case in makers[size]() if operation in (None, case.operation)]


def case_of(work: RecordedProblem) -> Case:
    """Return a case like work that came up in a training step."""
    operation, problem, options = work
    shape, label = problem.shape, "×".join(map(str, problem.shape))
    if operation == "conv2d":
        assert problem.geometry is not None
        label = convolution_label(problem.geometry)
        return conv2d_layer_case(label, problem, *options) if options else conv2d_case(label, problem.geometry)
    if operation == "dense":
        return dense_case(f"{label}→{options[0]}", shape[0], shape[1], options[0])
    if operation == "dense_layer":
        return dense_layer_case(label, shape[0], shape[1], shape[2], *options)
    if operation == "bias_activation":
        return (
            _backward_case(label, shape, *options) if len(options) > 1 else bias_activation_case(label, shape, *options)
        )
    if operation == "batch_norm":
        return _batch_norm_case(label, shape, *options)
    if operation == "running":
        return _running_case(label, shape[0])
    if operation == "layer_norm":
        return _layer_norm_case(label, (shape[0], shape[1]))
    if operation == "maxout":
        return maxout_case(label, shape[0], shape[1] // options[0], options[0])
    if operation == "dropout":
        return dropout_case(label, shape, *options)
    if operation == "average_pool":
        batch, height, width, channels = shape
        (window,) = options
        return pool_case(label, (batch, height // window[0], width // window[1], channels), window)
    if operation in ("upsample_nearest", "upsample_bilinear"):
        return upsample_case(operation, label, (shape[0], shape[1], shape[2], shape[3]), *options)
    if operation == "affine_sample":
        return affine_sample_case(label, (shape[0], shape[1], shape[2], shape[3]))
    if operation == "blur":
        ((height, width),) = options
        return blur_case(label, (shape[0], height // 2, width // 2, shape[3]), (height, width))
    if operation == "scaled_sum":
        return scaled_sum_case(label, shape, *options)
    if operation == "normal":
        return normal_case(label, math.prod(shape))
    if operation == "images":
        return _images_case(label, (shape[0], shape[1], shape[2], shape[3]))
    if operation == "softplus":
        return softplus_case(label, math.prod(shape))
    if operation == "logistic":
        return _logistic_case(label, math.prod(shape))
    if operation == "accuracy":
        return _accuracy_case(label, math.prod(shape))
    if operation == "softmax_cross_entropy":
        return cross_entropy_case(label, shape[0], shape[1])
    if operation == "finite":
        return _finite_case(label, math.prod(shape))
    if operation == "report":
        return _report_case(label, math.prod(shape))
    for case in _update_cases(label, math.prod(shape)):
        if case.operation == operation:
            return case
    raise ValueError(f"work: {operation!r} has no case here that could be made as large")


__all__ = [
    "ACTIVATIONS",
    "Case",
    "affine_sample_case",
    "bias_activation_case",
    "blur_case",
    "case_of",
    "conv2d_case",
    "convolution_geometry",
    "cross_entropy_case",
    "dense_case",
    "dropout_case",
    "list_cases",
    "maxout_case",
    "normal_case",
    "pool_case",
    "scaled_sum_case",
    "softplus_case",
    "upsample_case",
]
