"""`wrt` at forward is an upper bound on what is kept: shown with weak references."""

import tracemalloc
import weakref

import numpy as np
import pytest
from every_operation import RULES, make

from gan_np import kernels, ops

_problem = kernels.list_cases("conv2d", size="dcgan")[1].problem(np.dtype(np.float32))
KERNELS = [entry.name for entry in kernels.available("conv2d", _problem)]


def alive_after(rng, function, /, *shapes, **options):
    """Which arrays live on because of the pullback, whether the output does (it is dropped too), and the pullback."""
    arrays = [rng.standard_normal(shape) for shape in shapes]
    references = [weakref.ref(array) for array in arrays]
    y, pullback = function(*arrays, **options)
    output = weakref.ref(y)
    del arrays, y
    return tuple(reference() is not None for reference in references), output() is not None, pullback


def test_the_helper_sees_what_is_kept(rng):
    (kept,), _, _ = alive_after(rng, lambda x: (x + 0, lambda dy: x), (3,))
    assert kept
    (kept,), _, _ = alive_after(rng, lambda x: (x + 0, lambda dy: dy), (3,))
    assert not kept


def test_dense_keeps_its_input_for_the_weight_gradient_only(rng):
    shapes = (5, 4), (4, 3), (3,)
    for wrt, expected in (((True, True, True), True), ((True, False, False), False), ((False, False, True), False)):
        (x, *_), output, _ = alive_after(rng, ops.dense, *shapes, wrt=wrt)
        assert x == expected, wrt
        assert not output, "a linear layer's pullback needs no output"


def test_dense_keeps_its_output_where_the_activation_reads_it(rng):
    shapes = (5, 4), (4, 3), (3,)
    tanh = ops.activation("tanh")
    (x, *_), output, _ = alive_after(rng, ops.dense, *shapes, activation=tanh, wrt=(True, False, False))
    assert (x, output) == (False, True)
    (x, *_), output, _ = alive_after(rng, ops.dense, *shapes, activation=tanh, wrt=False)
    assert (x, output) == (False, False)


@pytest.mark.parametrize("kernel", [*KERNELS, "full_size"])
@pytest.mark.parametrize("operation", [ops.conv2d, ops.conv_transpose2d])
def test_convolutions_keep_their_input_for_the_weight_gradient_only(kernel, operation, rng):
    shapes: tuple[tuple[int, ...], ...] = ((2, 8, 8, 32), (4, 4, 32, 32))  # channels enough for every plan
    options = {"stride": 2, "padding": 1}
    if kernel == "full_size":
        shapes, options = ((2, 4, 4, 3) if operation is ops.conv2d else (2, 1, 1, 3), (4, 4, 3, 3)), {}
    with kernels.use_kernels(conv2d=kernel):
        for wrt in (False, (True, False, False)):
            (x, _), output, _ = alive_after(rng, operation, *shapes, wrt=wrt, **options)
            assert (x, output) == (False, False)


def test_convolution_keeps_patches_instead_of_the_input(rng):
    """A plan whose prepared image is worth keeping: the image itself goes."""
    shapes = ((2, 8, 8, 4), (4, 4, 4, 4))
    with kernels.use_kernels(conv2d="im2col"):
        (x, _), _, pullback = alive_after(rng, ops.conv2d, *shapes, stride=2, padding=1)
    assert not x
    assert pullback(np.ones((2, 4, 4, 4)))[1].shape == shapes[1]
    with kernels.use_kernels(conv2d="reference"):
        (x, _), _, _ = alive_after(rng, ops.conv2d, *shapes, stride=2, padding=1)
    assert x


@pytest.mark.parametrize("kind", ["relu", "leaky_relu", "tanh", "sigmoid"])
def test_activations_keep_their_output_not_their_input(kind, rng):
    (x,), output, _ = alive_after(rng, ops.activate, (3, 4), function=kind)
    assert (x, output) == (False, True)
    (x,), output, _ = alive_after(rng, ops.activate, (3, 4), function=kind, wrt=False)
    assert (x, output) == (False, False)


def _batch_norm(*arrays, **options):
    return ops.batch_norm(*arrays, **options)[:2]


def test_normalisations_keep_nothing_when_nothing_is_asked(rng):
    shapes = (6, 4), (4,), (4,)
    (x, *_), output, _ = alive_after(rng, _batch_norm, *shapes, wrt=False)
    assert (x, output) == (False, False)
    (x, *_), _, _ = alive_after(rng, _batch_norm, *shapes)
    assert x
    (x, *_), output, _ = alive_after(rng, ops.layer_norm, (6, 4), (4,), (4,), wrt=False)
    assert (x, output) == (False, False)


def test_evaluation_batch_norm_keeps_its_input_for_the_scale_only(rng):
    def inference(x, mean, scale, **options):
        return ops.batch_norm_inference(x, mean, mean * mean + 1, scale, **options)

    for wrt, expected in (((True, True, False), True), ((True, False, False), False)):
        (x, *_), _, _ = alive_after(rng, inference, (6, 4), (4,), (4,), wrt=wrt)
        assert x == expected, wrt


@pytest.mark.parametrize(
    "operation",
    [
        lambda x, **o: ops.average_pool(x, 2, **o),
        lambda x, **o: ops.upsample_nearest(x, 2, **o),
        lambda x, **o: ops.upsample_bilinear(x, 2, **o),
        lambda x, **o: ops.blur_upsample(x, **o),
        lambda x, **o: ops.blur_downsample(x, **o),
        lambda x, **o: ops.maxout(x, 2, **o),
        lambda x, **o: ops.dropout(x, 0.5, np.random.default_rng(0), **o),
    ],
    ids=[
        "average_pool",
        "upsample_nearest",
        "upsample_bilinear",
        "blur_upsample",
        "blur_downsample",
        "maxout",
        "dropout",
    ],
)
def test_maps_whose_derivative_needs_no_input(operation, rng):
    for wrt in (True, False):
        (x,), output, _ = alive_after(rng, operation, (2, 4, 4, 4), wrt=wrt)
        assert (x, output) == (False, False)


def test_softplus_keeps_its_logits_only_when_asked(rng):
    for wrt in (True, False):
        (s,), output, _ = alive_after(rng, ops.softplus, (5,), wrt=wrt)
        assert (s, output) == (wrt, False)


@pytest.mark.parametrize("name", RULES)
def test_bytes_held_when_nothing_is_asked(name, rng):
    """Not only inputs and outputs: no mask, no normalised copy, no winner either."""
    function, arrays, _ = make(name, rng)
    per_example = (0, 1) if name in ("add", "concatenate", "affine_sample") else (0,)
    arrays = [np.repeat(array, 400, axis=0) if k in per_example else array for k, array in enumerate(arrays)]
    function(*arrays, wrt=False)  # what is computed once and kept on purpose
    tracemalloc.start()
    y, pullback = function(*arrays, wrt=False)
    size = y.nbytes
    del y
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 0.2 * size  # one number a row or a channel may stay
    assert not any(pullback.wrt)
