"""Every differentiable operation on arrays, for the gradient checks and for the checks of the checker.

A case makes its arrays from a generator; `function(*arrays)` gives the output and its pullback.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gan_np import ops
from gan_np.arrays import device_of, to_device

LEAKY = ops.Activation("leaky_relu", 0.2)
KINDS = [ops.activation(name) for name in ("linear", "relu", "leaky_relu", "tanh", "sigmoid")]


class OperationCase(NamedTuple):
    name: str
    operation: str
    function: Callable
    shapes: tuple


def _affine():
    for kind in KINDS:

        def dense(x, w, b, kind=kind):
            return ops.dense(x, w, b, activation=kind)

        def conv2d(x, w, b, kind=kind):
            return ops.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), activation=kind)

        def conv_transpose2d(x, w, b, kind=kind):
            return ops.conv_transpose2d(x, w, b, stride=(2, 3), padding=1, output_padding=(1, 2), activation=kind)

        yield OperationCase(f"dense {kind.kind}", "dense", dense, ((3, 4), (4, 2), (2,)))
        yield OperationCase(f"conv2d {kind.kind}", "conv2d", conv2d, ((2, 5, 4, 2), (3, 2, 2, 3), (3,)))
        shapes = (2, 3, 2, 3), (3, 2, 2, 3), (2,)
        yield OperationCase(f"conv_transpose2d {kind.kind}", "conv_transpose2d", conv_transpose2d, shapes)
    yield OperationCase("dense without bias", "dense", lambda x, w: ops.dense(x, w), ((1, 4), (4, 3)))

    def grouped(x, w, b):
        return ops.conv2d(x, w, b, stride=(2, 1), padding=1, groups=2, activation=LEAKY)

    def transposed(x, w, b):
        return ops.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1, groups=2, activation=LEAKY)

    yield OperationCase("conv2d in groups", "conv2d", grouped, ((2, 5, 4, 4), (3, 3, 2, 6), (6,)))
    yield OperationCase(
        "conv_transpose2d in groups", "conv_transpose2d", transposed, ((2, 3, 2, 6), (3, 3, 2, 6), (4,))
    )
    yield OperationCase("conv2d without bias", "conv2d", lambda x, w: ops.conv2d(x, w), ((1, 4, 4, 1), (2, 2, 1, 5)))


def _activations():
    for kind in KINDS:
        yield OperationCase(
            f"activate {kind.kind}", "activate", lambda x, kind=kind: ops.activate(x, kind), ((3, 2, 4),)
        )

        def with_bias(x, b, kind=kind):
            return ops.activate(x, kind, bias=b)

        yield OperationCase(f"activate {kind.kind} with bias", "activate", with_bias, ((3, 2, 4), (4,)))


def _beside(x, constant):
    """On the device of x, and floats in its dtype."""
    return to_device(constant.astype(x.dtype) if constant.dtype.kind == "f" else constant, device_of(x))


def _normalisations():
    mean, variance = np.array([0.3, -0.2, 0.1]), np.array([0.5, 1.5, 2.0])
    for kind in KINDS:
        for shape in ((6, 3), (2, 2, 3, 3)):

            def batch_norm(x, scale, bias, kind=kind):
                return ops.batch_norm(x, scale, bias, activation=kind)[:2]

            def inference(x, scale, bias, kind=kind):
                return ops.batch_norm_inference(x, _beside(x, mean), _beside(x, variance), scale, bias, activation=kind)

            name, shapes = f"{kind.kind} {len(shape)}-d", (shape, (3,), (3,))
            yield OperationCase(f"batch_norm {name}", "batch_norm", batch_norm, shapes)
            yield OperationCase(f"batch_norm_inference {name}", "batch_norm_inference", inference, shapes)
    yield OperationCase("batch_norm alone", "batch_norm", lambda x: ops.batch_norm(x)[:2], ((5, 4),))
    shapes = (2, 3, 2, 2), (3, 2, 2), (3, 2, 2)
    yield OperationCase("layer_norm", "layer_norm", lambda x, g, b: ops.layer_norm(x, g, b), shapes)
    for kind in KINDS:

        def layer_norm(x, g, b, kind=kind):
            return ops.layer_norm(x, g, b, activation=kind)

        def group_norm(x, g, b, kind=kind):
            return ops.group_norm(x, 2, g, b, activation=kind)

        if kind.kind != "linear":
            yield OperationCase(f"layer_norm {kind.kind}", "layer_norm", layer_norm, shapes)
        yield OperationCase(f"group_norm {kind.kind}", "group_norm", group_norm, ((2, 3, 2, 4), (4,), (4,)))
    yield OperationCase("group_norm of rows", "group_norm", lambda x: ops.group_norm(x, 3), ((4, 6),))
    yield OperationCase(
        "group_norm of one group", "group_norm", lambda x, g: ops.group_norm(x, 1, g), ((2, 3, 4), (4,))
    )
    yield OperationCase("group_norm of channels", "group_norm", lambda x: ops.group_norm(x, 3), ((2, 2, 3, 3),))
    yield OperationCase("layer_norm alone", "layer_norm", lambda x: ops.layer_norm(x, epsilon=0.1), ((3, 5),))


def _resampling():
    for size in (1, 2, (3, 1)):
        pooled, enlarged = ((2, 6, 4, 3),), ((2, 3, 2, 3),)
        yield OperationCase(f"average_pool {size}", "average_pool", lambda x, s=size: ops.average_pool(x, s), pooled)
        for name in ("upsample_nearest", "upsample_bilinear"):
            operation = getattr(ops, name)
            yield OperationCase(f"{name} {size}", name, lambda x, o=operation, s=size: o(x, s), enlarged)
    for odd in (False, True, (True, False)):
        yield OperationCase(
            f"blur_upsample odd={odd}", "blur_upsample", lambda x, o=odd: ops.blur_upsample(x, o), enlarged
        )
    maps = np.array([[[0.8, 0.5, -0.7], [-0.6, 0.9, 1.3]], [[1.2, 0.1, 0.4], [0.3, -0.7, 2.2]]])

    def affine_sample(x):
        return ops.affine_sample(x, _beside(x, maps))

    yield OperationCase("affine_sample", "affine_sample", affine_sample, ((2, 4, 3, 2),))
    yield OperationCase("spread", "spread", ops.spread, ((3, 2), (2, 4, 2)))
    yield OperationCase("weighted_sum", "weighted_sum", ops.weighted_sum, ((3, 2, 4, 2), (2, 4, 2)))
    for shape in ((2, 6, 4, 3), (1, 3, 2, 1), (2, 5, 7, 2)):
        yield OperationCase(f"blur_downsample {shape}", "blur_downsample", ops.blur_downsample, (shape,))


def _others():
    labels = np.array([2, 0, 1, 2])
    yield OperationCase("softplus", "softplus", lambda s: ops.softplus(s), ((9,),))

    def cross_entropy(s):
        return ops.softmax_cross_entropy(s, _beside(s, labels))

    yield OperationCase("softmax_cross_entropy", "softmax_cross_entropy", cross_entropy, ((4, 3),))
    yield OperationCase("maxout", "maxout", lambda x: ops.maxout(x, 3), ((2, 2, 6),))
    yield OperationCase("dropout", "dropout", lambda x: ops.dropout(x, 0.5, np.random.default_rng(5)), ((4, 6),))
    for policy in (("colour",), ("translation",), ("cutout",), ("cutout", "translation", "colour")):

        def diff_augment(x, policy=policy):
            return ops.diff_augment(x, policy, np.random.default_rng(5))

        yield OperationCase(f"diff_augment {policy}", "diff_augment", diff_augment, ((3, 8, 9, 3),))
    yield OperationCase("reshape", "reshape", lambda x: ops.reshape(x, (2, 6)), ((2, 3, 4),))
    yield OperationCase("concatenate", "concatenate", lambda *x: ops.concatenate(*x), ((2, 3, 1), (2, 3, 4), (2, 3, 2)))
    yield OperationCase("add", "add", lambda *x: ops.add(*x), ((2, 3), (2, 3), (2, 3)))


OPERATIONS = [*_affine(), *_activations(), *_normalisations(), *_resampling(), *_others()]


def arrays_of(case, rng, dtype=np.float64):
    return [rng.standard_normal(shape).astype(dtype) for shape in case.shapes]
