"""Planted kernels that `check_kernel` must reject: wrong by 0.1 %, writing where they should not, of another dtype."""

import functools
import inspect

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.kernels import reference
from gan_np.testing import KernelError


class Dense(reference.Dense):
    """The reference with one bug."""

    def __init__(self, bug=None):
        self.bug = bug

    def forward(self, x, weight):
        z = super().forward(x, weight)
        if self.bug == "modifies x":
            x[0, 0] += 1
        if self.bug == "float32 inside":
            z = (x.astype(np.float32) @ weight.astype(np.float32)).astype(x.dtype)
        if self.bug == "another dtype":
            z = z.astype(np.float64)
        if self.bug == "another shape":
            z = z[None]
        if self.bug == "contiguous only":
            z = np.frombuffer(x.tobytes("A"), x.dtype).reshape(x.shape) @ weight
        return z * 1.001 if self.bug == "forward" else z

    def input_gradient(self, dz, weight):
        dx = super().input_gradient(dz, weight)
        if self.bug == "not a number":
            dx[0, 0] = np.nan
        return dx * 1.001 if self.bug == "input_gradient" else dx

    def weight_gradient(self, x, dz, into=None):
        if into is None:
            return super().weight_gradient(x, dz) * (1.001 if self.bug == "weight_gradient" else 1)
        if self.bug == "ignores into":
            return super().weight_gradient(x, dz)
        if self.bug == "ignores into.add":
            into = kernels.Into(into.array, False)
        if self.bug == "always adds":
            into = kernels.Into(into.array, True)
        dw = super().weight_gradient(x, dz, into)
        if self.bug == "writes outside":
            memory = into.array if into.array.base is None else into.array.base
            memory[-1] = 0
        return dw


def check(plant, operation, implementation):
    gn.testing.check_kernel(operation, plant(operation, implementation))


def test_without_a_bug_it_passes(plant):
    check(plant, "dense", Dense())


@pytest.mark.parametrize(
    ("bug", "message"),
    [
        ("forward", "z differs by 0.001"),
        ("input_gradient", "dx differs by 0.001"),
        ("weight_gradient", "dw differs by 0.001"),
        ("modifies x", "modified array 0"),
        ("float32 inside", "float64: z differs"),
        ("another dtype", "z is float64, expected float32"),
        ("another shape", "z has shape"),
        ("contiguous only", "z differs"),
        ("not a number", "dx differs by nan"),
        ("ignores into", "writing a gradient into place"),
        ("ignores into.add", r"into place \(adding\) is wrong"),
        ("always adds", r"into place \(overwriting\) is wrong"),
        ("writes outside", "wrote outside the place"),
    ],
)
def test_a_dense_kernel_with_a_bug(plant, bug, message):
    with pytest.raises(KernelError, match=message):
        check(plant, "dense", Dense(bug))


class Plan(reference.conv2d.DirectPlan):
    """Tap by tap, with one bug."""

    def __init__(self, geometry, bug):
        super().__init__(geometry)
        self.bug = bug

    def to_small(self, weight, large):
        if self.bug == "taps mirrored":
            weight = weight[::-1, ::-1]
        return super().to_small(weight, large)

    def to_large(self, weight, small):
        large = super().to_large(weight, small)
        if self.bug == "one border row":
            large[:, 0] *= 1.001
        return large

    def to_weight(self, large, small, into=None):
        gradient = super().to_weight(large, small)
        if self.bug == "one tap":
            gradient[0, 0] *= 1.001
        if self.bug == "ignores into.add" and into is not None:
            into = kernels.Into(into.array, False)
        return reference.placing.place(gradient, into)


@pytest.mark.parametrize("bug", ["taps mirrored", "one border row", "one tap", "ignores into.add"])
def test_a_convolution_with_a_bug(plant, bug):
    class Kernel:
        def plan(self, geometry):
            return Plan(geometry, bug)

    with pytest.raises(KernelError):
        check(plant, "conv2d", Kernel())


def test_a_bias_gradient_not_added_into_place(plant):
    class NotAdding(reference.BiasActivation):
        def backward(self, dy, y, activation, need_bias, into=None):
            into = None if into is None else kernels.Into(into.array, False)
            return super().backward(dy, y, activation, need_bias, into)

    with pytest.raises(KernelError, match="adding"):
        check(plant, "bias_activation", NotAdding)


@pytest.mark.parametrize(("bug", "message"), [("overwrites", "adding"), ("dx of the totals", "dx differs")])
def test_gradients_of_batch_normalisation_in_the_wrong_place(plant, bug, message):
    def wrong(original, given):
        asked = given.arguments
        if bug == "overwrites":
            for name in ("into_scale", "into_bias"):
                into = asked.get(name)
                asked[name] = None if into is None else kernels.Into(into.array, False)
            return original(*given.args, **given.kwargs)
        dx, dscale, dbias = original(*given.args, **given.kwargs)
        if asked.get("into_bias") is not None:
            dx -= dbias / (asked["x"].size // asked["x"].shape[-1])
        return dx, dscale, dbias

    with pytest.raises(KernelError, match=message):
        check(plant, "batch_norm", _altered("batch_norm", "backward", wrong))


def _altered(operation, method, alter):
    """The reference of an operation with alter(method, arguments) in place of one method, under the same signature."""
    base = type(kernels.entry(operation, "reference").implementation)
    original = getattr(base, method)

    @functools.wraps(original)
    def replacement(self, *arguments, **options):
        given = inspect.signature(original).bind(self, *arguments, **options)
        return alter(original, given)

    return type(base.__name__, (base,), {method: replacement})


SPOILED = [
    ("bias_activation", "forward", 0),
    ("bias_activation", "backward", 0),
    ("bias_activation", "backward", 1),
    *(("batch_norm", "forward", index) for index in range(4)),
    *(("batch_norm", "backward", index) for index in range(3)),
    *(("layer_norm", "forward", index) for index in range(2)),
    ("layer_norm", "backward", 0),
    ("maxout", "forward", 0),
    ("maxout", "backward", 0),
    ("average_pool", "forward", 0),
    ("average_pool", "backward", 0),
    ("upsample_nearest", "forward", 0),
    ("upsample_nearest", "backward", 0),
    ("upsample_bilinear", "forward", 0),
    ("upsample_bilinear", "backward", 0),
    ("affine_sample", "forward", 0),
    ("affine_sample", "backward", 0),
    ("blur", "enlarge", 0),
    ("blur", "shrink", 0),
    ("scaled_sum", "add", 0),
    ("scaled_sum", "total", 0),
    ("softplus", "forward", 0),
    ("softplus", "derivative", 0),
    ("softmax_cross_entropy", "forward", 0),
    ("softmax_cross_entropy", "forward", 1),
]


@pytest.mark.parametrize(("operation", "method", "index"), SPOILED)
def test_each_result_off_by_a_tenth_of_a_percent(plant, operation, method, index):
    def spoil(original, given):
        result = original(*given.args, **given.kwargs)
        if not isinstance(result, tuple):
            return result * result.dtype.type(1.001)
        return tuple(
            part * part.dtype.type(1.001) if place == index and part is not None else part
            for place, part in enumerate(result)
        )

    with pytest.raises(KernelError, match=r"differs by 0\.00"):
        check(plant, operation, _altered(operation, method, spoil))


@pytest.mark.parametrize("operation", ["sgd", "adam", "rmsprop"])
def test_an_update_with_another_learning_rate(plant, operation):
    def faster(original, given):
        given.arguments["learning_rate"] *= 1.02
        original(*given.args, **given.kwargs)

    with pytest.raises(KernelError, match="differs"):
        check(plant, operation, _altered(operation, "step", faster))


@pytest.mark.parametrize("operation", ["sgd", "adam", "rmsprop", "average"])
def test_an_update_that_is_not_left_out(plant, operation):
    def deaf(original, given):
        given.arguments["skip"] = None
        original(*given.args, **given.kwargs)

    with pytest.raises(KernelError, match="changed although skip is 1"):
        check(plant, operation, _altered(operation, "step", deaf))


@pytest.mark.parametrize("operation", ["sgd", "adam", "rmsprop", "average"])
def test_an_update_that_is_left_out_whenever_there_is_a_flag(plant, operation):
    def timid(original, given):
        if given.arguments.get("skip") is None:
            original(*given.args, **given.kwargs)

    with pytest.raises(KernelError, match="is not what it is without it when skip is 0"):
        check(plant, operation, _altered(operation, "step", timid))


def test_an_average_that_keeps_too_much(plant):
    class Wrong(reference.Average):
        def step(self, average, values, decay, skip=None):
            super().step(average, values, 0.9995 * decay, skip)

    with pytest.raises(KernelError, match="average differs"):
        check(plant, "average", Wrong)
