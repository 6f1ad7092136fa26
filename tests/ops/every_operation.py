"""Each differentiable operation once, with arrays and their axes: for the rules that all of them keep."""

import numpy as np

from gan_np import ops

RULES = {
    "dense": (lambda x, w, b, **o: ops.dense(x, w, b, **o), ((5, 4), (4, 3), (3,))),
    "conv2d": (lambda x, w, b, **o: ops.conv2d(x, w, b, stride=2, padding=1, **o), ((2, 6, 5, 3), (3, 3, 3, 4), (4,))),
    "conv_transpose2d": (
        lambda x, w, b, **o: ops.conv_transpose2d(x, w, b, stride=2, padding=1, **o),
        ((2, 3, 4, 4), (3, 3, 3, 4), (3,)),
    ),
    "fused dense": (
        lambda x, w, b, **o: ops.dense(x, w, b, activation=ops.activation("tanh"), **o),
        ((5, 4), (4, 3), (3,)),
    ),
    "fused conv2d": (
        lambda x, w, b, **o: ops.conv2d(x, w, b, activation=ops.activation("leaky_relu"), **o),
        ((2, 6, 5, 3), (3, 3, 3, 4), (4,)),
    ),
    "activate": (lambda x, b, **o: ops.activate(x, "leaky_relu", bias=b, **o), ((5, 2, 3), (3,))),
    "batch_norm": (lambda x, g, b, **o: ops.batch_norm(x, g, b, **o)[:2], ((3, 2, 2, 4), (4,), (4,))),
    "fused batch_norm": (
        lambda x, g, b, **o: ops.batch_norm(x, g, b, activation=ops.activation("relu"), **o)[:2],
        ((6, 4), (4,), (4,)),
    ),
    "batch_norm_inference": (
        lambda x, m, g, b, **o: ops.batch_norm_inference(x, m, m * m + 1, g, b, **o),
        ((6, 4), (4,), (4,), (4,)),
    ),
    "layer_norm": (lambda x, g, b, **o: ops.layer_norm(x, g, b, **o), ((3, 2, 4), (2, 4), (2, 4))),
    "group_norm": (lambda x, g, b, **o: ops.group_norm(x, 2, g, b, **o), ((3, 2, 3, 4), (4,), (4,))),
    "average_pool": (lambda x, **o: ops.average_pool(x, 2, **o), ((2, 4, 6, 3),)),
    "upsample_nearest": (lambda x, **o: ops.upsample_nearest(x, 2, **o), ((2, 2, 3, 3),)),
    "upsample_bilinear": (lambda x, **o: ops.upsample_bilinear(x, 2, **o), ((2, 2, 3, 3),)),
    "blur_upsample": (lambda x, **o: ops.blur_upsample(x, (True, False), **o), ((2, 2, 3, 3),)),
    "blur_downsample": (lambda x, **o: ops.blur_downsample(x, **o), ((2, 4, 5, 3),)),
    "spread": (lambda x, w, **o: ops.spread(x, w, **o), ((4, 3), (2, 5, 3))),
    "weighted_sum": (lambda x, w, **o: ops.weighted_sum(x, w, **o), ((4, 2, 5, 3), (2, 5, 3))),
    "affine_sample": (lambda x, m, **o: ops.affine_sample(x, m, **o), ((2, 4, 5, 3), (2, 2, 3))),
    "softplus": (lambda s, **o: ops.softplus(s, **o), ((7,),)),
    "maxout": (lambda x, **o: ops.maxout(x, 3, **o), ((4, 6),)),
    "diff_augment": (
        lambda x, **o: ops.diff_augment(x, ops.AUGMENTATIONS, np.random.default_rng(1), **o),
        ((3, 8, 6, 3),),
    ),
    "reshape": (lambda x, **o: ops.reshape(x, (6,), **o), ((4, 2, 3),)),
    "concatenate": (lambda x, y, **o: ops.concatenate(x, y, **o), ((4, 2), (4, 3))),
    "add": (lambda x, y, **o: ops.add(x, y, **o), ((4, 2), (4, 2))),
}
"""Name → (function of arrays and options, shapes of the arrays)."""

CONSTANTS = {"batch_norm_inference": {1}, "affine_sample": {1}}
"""Arrays that have no gradient."""


def make(name, rng, dtype="float64"):
    """The operation, its arrays, and which of them have gradients."""
    function, shapes = RULES[name]
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    differentiable = [index for index in range(len(shapes)) if index not in CONSTANTS.get(name, ())]
    return function, arrays, differentiable
