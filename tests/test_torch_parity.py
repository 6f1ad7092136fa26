"""The same numbers as PyTorch, forward and backward: what a reader will compare with PyTorch agrees with PyTorch.

Layouts differ: images (N, H, W, C) here and (N, C, H, W) there; weights (kh, kw, in, out) here and (out, in, kh, kw)
there, of a transposed convolution (kh, kw, out, in) here and (in, out, kh, kw) there.
"""

import numpy as np
import pytest

import gan_np as gn
from gan_np import ops

torch = pytest.importorskip("torch", reason="parity with PyTorch needs PyTorch")
functional = torch.nn.functional

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-11}


def same(found, expected, dtype, factor=1.0, terms=None):
    """Equal up to rounding, relative to the largest entry, or to the largest of the `terms` whose differences they are."""
    expected = expected.detach().numpy() if isinstance(expected, torch.Tensor) else expected
    assert found.dtype == dtype
    assert found.shape == expected.shape
    scale = max(float(np.abs(expected if terms is None else terms).max(initial=0)), 1e-3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=factor * TOLERANCE[np.dtype(dtype)] * scale)


def leaf(array):
    return torch.from_numpy(np.array(array, order="C")).requires_grad_()


def channels_first(array):
    return np.moveaxis(array, -1, 1)


def channels_last(tensor):
    return np.moveaxis(tensor.detach().numpy(), 1, -1)


def normal(rng, dtype, *shapes):
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


CONFIGURATIONS = range(8)


def _random_geometry(rng):
    kernel, stride = (tuple(int(v) for v in rng.integers(low, high, 2)) for low, high in ((1, 6), (1, 4)))
    padding = tuple(int(rng.integers(0, 4)) for _ in range(2))
    batch, before, after = (int(v) for v in rng.integers(1, 6, 3))
    return kernel, stride, padding, batch, before, after


@FLOATS
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_conv2d(dtype, configuration):
    rng = np.random.default_rng(configuration)
    kernel, stride, padding, batch, before, after = _random_geometry(rng)
    size = [max(k - 2 * p, 1) + int(rng.integers(0, 7)) for k, p in zip(kernel, padding, strict=True)]
    x, w, b = normal(rng, dtype, (batch, *size, before), (*kernel, before, after), (after,))
    y, pullback = ops.conv2d(x, w, b, stride=stride, padding=padding)
    tx, tw, tb = leaf(channels_first(x)), leaf(w.transpose(3, 2, 0, 1)), leaf(b)
    ty = functional.conv2d(tx, tw, tb, stride=stride, padding=padding)
    same(y, channels_last(ty), dtype)
    (dy,) = normal(rng, dtype, y.shape)
    dx, dw, db = pullback(dy)
    ty.backward(torch.from_numpy(np.ascontiguousarray(channels_first(dy))))
    same(dx, channels_last(tx.grad), dtype)
    same(dw, tw.grad.numpy().transpose(2, 3, 1, 0), dtype)
    same(db, tb.grad, dtype)


@FLOATS
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_conv_transpose2d(dtype, configuration):
    rng = np.random.default_rng(100 + configuration)
    kernel, stride, _, batch, before, after = _random_geometry(rng)
    padding = tuple(int(rng.integers(0, k)) for k in kernel)
    extra = tuple(int(rng.integers(0, s)) for s in stride)
    # Enough pixels that something is left after the padding is cut off.
    size = [2 + (2 * p) // s + int(rng.integers(0, 3)) for p, s in zip(padding, stride, strict=True)]
    x, w, b = normal(rng, dtype, (batch, *size, before), (*kernel, after, before), (after,))
    y, pullback = ops.conv_transpose2d(x, w, b, stride=stride, padding=padding, output_padding=extra)
    tx, tw, tb = leaf(channels_first(x)), leaf(w.transpose(3, 2, 0, 1)), leaf(b)
    ty = functional.conv_transpose2d(tx, tw, tb, stride=stride, padding=padding, output_padding=extra)
    same(y, channels_last(ty), dtype)
    (dy,) = normal(rng, dtype, y.shape)
    dx, dw, db = pullback(dy)
    ty.backward(torch.from_numpy(np.ascontiguousarray(channels_first(dy))))
    same(dx, channels_last(tx.grad), dtype)
    same(dw, tw.grad.numpy().transpose(2, 3, 1, 0), dtype)
    same(db, tb.grad, dtype)


GROUPED = [
    (3, 6, 9, (3, 3), (2, 1), (1, 1)),
    (4, 8, 4, (1, 1), (1, 1), (0, 0)),
    (5, 5, 5, (3, 2), (1, 2), (1, 0)),
    (16, 16, 32, (3, 3), (1, 1), (1, 1)),
    (17, 17, 17, (4, 4), (2, 2), (1, 1)),
    (2, 32, 64, (3, 3), (1, 1), (1, 1)),
]
"""Groups, channels of the large and of the small image, kernel, stride, padding."""


@FLOATS
@pytest.mark.parametrize(("groups", "large", "small", "kernel", "stride", "padding"), GROUPED)
def test_groups(dtype, groups, large, small, kernel, stride, padding):
    rng = np.random.default_rng(groups)
    options = {"stride": stride, "padding": padding, "groups": groups}
    for ours, peer, channels, outputs in (
        (ops.conv2d, functional.conv2d, large, small),
        (ops.conv_transpose2d, functional.conv_transpose2d, small, large),
    ):
        x, w, b = normal(rng, dtype, (2, 7, 6, channels), (*kernel, large // groups, small), (outputs,))
        y, pullback = ours(x, w, b, **options)
        tx, tw, tb = leaf(channels_first(x)), leaf(w.transpose(3, 2, 0, 1)), leaf(b)
        ty = peer(tx, tw, tb, **options)
        same(y, channels_last(ty), dtype)
        (dy,) = normal(rng, dtype, y.shape)
        dx, dw, db = pullback(dy)
        ty.backward(torch.from_numpy(np.ascontiguousarray(channels_first(dy))))
        same(dx, channels_last(tx.grad), dtype)
        same(dw, tw.grad.numpy().transpose(2, 3, 1, 0), dtype)
        same(db, tb.grad, dtype)


@FLOATS
@pytest.mark.parametrize("output_padding", [0, 1])
def test_dcgan_layer_as_a_module(dtype, output_padding):
    """Weights exchanged by the layouts above, layer against module."""
    rng = np.random.default_rng(output_padding)
    network = gn.Network(
        gn.ConvTranspose2d(3, 4, stride=2, padding=1, output_padding=output_padding), (5, 4, 6), dtype=dtype
    )
    module = torch.nn.ConvTranspose2d(6, 3, 4, stride=2, padding=1, output_padding=output_padding)
    module = module.to(torch.from_numpy(np.zeros(0, dtype)).dtype)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(network.parameters["weight"].transpose(3, 2, 0, 1).copy()))
        module.bias.copy_(torch.from_numpy(network.parameters["bias"].copy()))
    (x,) = normal(rng, dtype, (2, 5, 4, 6))
    same(network(x), channels_last(module(torch.from_numpy(np.ascontiguousarray(channels_first(x))))), dtype)


ACTIVATIONS = {
    "linear": lambda t: t,
    "relu": torch.relu,
    "leaky_relu": lambda t: functional.leaky_relu(t, 0.2),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


@FLOATS
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_dense_with_each_activation(dtype, kind):
    rng = np.random.default_rng(1)
    x, w, b, dy = normal(rng, dtype, (7, 5), (5, 4), (4,), (7, 4))
    y, pullback = ops.dense(x, w, b, activation=ops.activation(kind))
    tx, tw, tb = leaf(x), leaf(w.T), leaf(b)
    ty = ACTIVATIONS[kind](functional.linear(tx, tw, tb))
    same(y, ty, dtype)
    ty.backward(torch.from_numpy(dy))
    dx, dw, db = pullback(dy)
    same(dx, tx.grad, dtype)
    same(dw, tw.grad.numpy().T, dtype)
    same(db, tb.grad, dtype)


@FLOATS
@pytest.mark.parametrize("shape", [(9, 4), (3, 4, 5, 6), (2, 1, 1, 3), (1, 7, 3, 2)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(dtype, shape, training):
    """Outputs, gradients and running statistics over three batches, then evaluation."""
    rng = np.random.default_rng(len(shape))
    channels = shape[-1]
    network = gn.Network(gn.BatchNorm(), shape[1:], dtype=dtype)
    module = (torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d)(
        channels, dtype=getattr(torch, np.dtype(dtype).name)
    )
    scale, bias = normal(rng, dtype, (channels,), (channels,))
    network.parameters.assign(np.concatenate([scale, bias]))
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(scale))
        module.bias.copy_(torch.from_numpy(bias))
    for _ in range(3):
        (x,) = normal(rng, dtype, shape)
        network.forward(2 * x + 1, training=True, update_state=True)
        module(leaf(channels_first(2 * x + 1)))
    same(network.state["running_mean"], module.running_mean, dtype)
    same(network.state["running_variance"], module.running_var, dtype)
    module.train(training)
    x, dy = normal(rng, dtype, shape, shape)
    y, pullback = network.forward(x, training=training)
    tx = leaf(channels_first(x))
    module.zero_grad()
    ty = module(tx)
    same(y, channels_last(ty), dtype)
    ty.backward(torch.from_numpy(np.ascontiguousarray(channels_first(dy))))
    # dx is a difference of terms of this size; of two values a channel about 10⁻⁵ of them is left (see the next test).
    variance = x.reshape(-1, channels).var(axis=0) if training else network.state["running_variance"]
    same(pullback(dy), channels_last(tx.grad), dtype, terms=scale / np.sqrt(variance + 1e-5) * dy)
    same(network.gradient["scale"], module.weight.grad, dtype, factor=2)
    same(network.gradient["bias"], module.bias.grad, dtype)


def test_batch_norm_of_two_values_a_channel():
    """Two values become −1 and 1 whatever they were, so that all of dx cancels but for a part ε/(σ² + ε).

    In float32 one rounding of the terms is up to some percent of what is left: both sides are that far from the exact
    gradient, in no order, and neither can be asked for more digits of dx. Measured against the terms both have all of them.
    """
    rng = np.random.default_rng(0)
    for _ in range(50):
        x, dy, scale, bias = normal(rng, np.float32, (2, 1, 1, 3), (2, 1, 1, 3), (3,), (3,))
        tx, tscale, tbias = leaf(channels_first(x)), leaf(scale), leaf(bias)
        functional.batch_norm(tx, None, None, tscale, tbias, True).backward(torch.from_numpy(channels_first(dy).copy()))
        ours = ops.batch_norm(x, scale, bias)[1](dy)[0]
        a, b = x.reshape(2, 3).astype(np.float64)
        half, (da, db) = (a - b) / 2, dy.reshape(2, 3).astype(np.float64)
        deviation = np.sqrt(half**2 + 1e-5)
        # By hand: ŷ = ±h/√(h² + ε), whose derivative with respect to h is ε/(h² + ε)^1.5, and h moves by half of each.
        exact = scale / 2 * (da - db) * 1e-5 / deviation**3 * np.array([[1.0], [-1.0]])
        terms = float(np.abs(scale / deviation * dy.reshape(2, 3)).max())
        for found in (ours, channels_last(tx.grad)):
            np.testing.assert_allclose(found.reshape(2, 3), exact, rtol=0, atol=2e-5 * terms)


@FLOATS
@pytest.mark.parametrize("shape", [(5, 7), (3, 2, 4, 3)])
def test_layer_norm(dtype, shape):
    rng = np.random.default_rng(len(shape))
    x, scale, bias, dy = normal(rng, dtype, shape, shape[1:], shape[1:], shape)
    y, pullback = ops.layer_norm(x, scale, bias)
    tx, tscale, tbias = leaf(x), leaf(scale), leaf(bias)
    ty = functional.layer_norm(tx, shape[1:], tscale, tbias)
    same(y, ty, dtype)
    ty.backward(torch.from_numpy(dy))
    for found, expected in zip(pullback(dy), (tx, tscale, tbias), strict=True):
        same(found, expected.grad, dtype, factor=2)


@FLOATS
@pytest.mark.parametrize(("groups", "shape"), [(1, (4, 6)), (3, (5, 6)), (2, (3, 2, 4, 6)), (6, (2, 3, 3, 6))])
def test_group_norm(dtype, groups, shape):
    rng = np.random.default_rng(groups)
    x, scale, bias, dy = normal(rng, dtype, shape, shape[-1:], shape[-1:], shape)
    y, pullback = ops.group_norm(x, groups, scale, bias, epsilon=1e-3)
    tx, tscale, tbias = leaf(channels_first(x)), leaf(scale), leaf(bias)
    ty = functional.group_norm(tx, groups, tscale, tbias, eps=1e-3)
    same(y, channels_last(ty), dtype)
    ty.backward(torch.from_numpy(np.ascontiguousarray(channels_first(dy))))
    dx, dscale, dbias = pullback(dy)
    same(dx, channels_last(tx.grad), dtype, factor=2)
    same(dscale, tscale.grad, dtype, factor=2)
    same(dbias, tbias.grad, dtype, factor=2)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (gn.GroupNorm(2), torch.nn.GroupNorm(2, 6)),
        (gn.GroupNorm(3, affine=False, epsilon=0.1), torch.nn.GroupNorm(3, 6, eps=0.1, affine=False)),
        (gn.InstanceNorm(), torch.nn.InstanceNorm2d(6)),
        (gn.InstanceNorm(affine=True), torch.nn.InstanceNorm2d(6, affine=True)),
    ],
    ids=repr,
)
def test_normalisations_of_each_example_as_modules(ours, theirs):
    """The same defaults, in training and in evaluation."""
    (x,) = normal(np.random.default_rng(0), np.float32, (3, 4, 5, 6))
    network = gn.Network(ours, (4, 5, 6))
    assert len(network.parameters) == sum(part.numel() for part in theirs.parameters())
    for training in (True, False):
        y, _ = network.forward(x, training=training)
        same(y, channels_last(theirs.train(training)(torch.from_numpy(channels_first(x)))), np.float32)


def test_one_pixel_is_refused_as_in_pytorch():
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        torch.nn.InstanceNorm2d(3)(torch.zeros(2, 3, 1, 1))
    with pytest.raises(gn.ShapeError, match="at least 2"):
        gn.Network(gn.InstanceNorm(), (1, 1, 3))


@FLOATS
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("factor", [(2, 2), (3, 1), (2, 5)])
def test_upsampling(dtype, mode, factor):
    rng = np.random.default_rng(factor[1])
    (x,) = normal(rng, dtype, (2, 3, 4, 5))
    y, pullback = getattr(ops, f"upsample_{mode}")(x, factor)
    tx = leaf(channels_first(x))
    options = {"align_corners": False} if mode == "bilinear" else {}
    ty = functional.interpolate(tx, scale_factor=tuple(map(float, factor)), mode=mode, **options)
    same(y, channels_last(ty), dtype)
    (dy,) = normal(rng, dtype, y.shape)
    ty.backward(torch.from_numpy(np.ascontiguousarray(channels_first(dy))))
    same(pullback(dy)[0], channels_last(tx.grad), dtype)


@FLOATS
@pytest.mark.parametrize("window", [(2, 2), (3, 1)])
def test_average_pool(dtype, window):
    rng = np.random.default_rng(window[0])
    (x,) = normal(rng, dtype, (2, 6, 4, 3))
    y, pullback = ops.average_pool(x, window)
    tx = leaf(channels_first(x))
    ty = functional.avg_pool2d(tx, window)
    same(y, channels_last(ty), dtype)
    (dy,) = normal(rng, dtype, y.shape)
    ty.backward(torch.from_numpy(np.ascontiguousarray(channels_first(dy))))
    same(pullback(dy)[0], channels_last(tx.grad), dtype)


@FLOATS
def test_softmax_cross_entropy(dtype):
    rng = np.random.default_rng(0)
    (logits,) = normal(rng, dtype, (9, 5))
    labels = rng.integers(0, 5, 9)
    y, pullback = ops.softmax_cross_entropy(5 * logits, labels)
    tlogits = leaf(5 * logits)
    ty = functional.cross_entropy(tlogits, torch.from_numpy(labels), reduction="none")
    same(y, ty, dtype)
    (dy,) = normal(rng, dtype, (9,))
    ty.backward(torch.from_numpy(dy))
    same(pullback(dy)[0], tlogits.grad, dtype)


@FLOATS
def test_softplus_and_objectives(dtype):
    """From logits, against binary_cross_entropy_with_logits with smoothed targets."""
    rng = np.random.default_rng(0)
    logits = (10 * rng.standard_normal((8, 1))).astype(dtype)
    bce = functional.binary_cross_entropy_with_logits
    objective = gn.objectives.NonSaturating(smoothing=0.1)
    for loss, target in (
        (objective.real(logits), 0.9),
        (objective.fake(logits), 0.0),
        (objective.generator(logits), 1.0),
    ):
        tlogits = leaf(logits)
        expected = bce(tlogits, torch.full_like(tlogits, target))
        expected.backward()
        same(np.asarray(loss.value), expected, dtype)
        same(loss.gradient, tlogits.grad, dtype)


OPTIMIZERS = {
    "sgd": (lambda: gn.SGD(0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (lambda: gn.SGD(0.1, momentum=0.9), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
    "nesterov": (
        lambda: gn.SGD(0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    ),
    "sgd with decay": (
        lambda: gn.SGD(0.1, momentum=0.5, weight_decay=0.01),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.5, weight_decay=0.01),
    ),
    "adam": (lambda: gn.Adam(0.01, beta1=0.9), lambda p: torch.optim.Adam(p, lr=0.01)),
    "adam of DCGAN": (lambda: gn.Adam(2e-4), lambda p: torch.optim.Adam(p, lr=2e-4, betas=(0.5, 0.999))),
    "adam, large epsilon": (
        lambda: gn.Adam(0.01, epsilon=0.1),
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.999), eps=0.1),
    ),
    "rmsprop": (lambda: gn.RMSprop(0.01), lambda p: torch.optim.RMSprop(p, lr=0.01)),
    "rmsprop with momentum": (
        lambda: gn.RMSprop(0.01, decay=0.9, momentum=0.8),
        lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, momentum=0.8),
    ),
}


@FLOATS
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_over_several_steps(dtype, name):
    rng = np.random.default_rng(0)
    network = gn.Network(gn.Dense(4, bias=False), (6,), dtype=dtype)
    start = network.parameters["weight"].copy()
    make, make_torch = OPTIMIZERS[name]
    optimizer, weight = make(), leaf(start)
    theirs = make_torch([weight])
    for _ in range(7):
        x, dy = normal(rng, dtype, (5, 6), (5, 4))
        network.forward(x)[1](dy)
        optimizer.step(network.parameters, network.gradient)
        theirs.zero_grad()
        (torch.from_numpy(x) @ weight).backward(torch.from_numpy(dy))
        theirs.step()
    same(network.parameters["weight"], weight, dtype)
    assert np.abs(network.parameters["weight"] - start).max() > 1e-4


def test_clipping_by_norm_and_value():
    rng = np.random.default_rng(0)
    for option, clip in (
        ({"clip_norm": 0.5}, lambda p: torch.nn.utils.clip_grad_norm_(p, 0.5)),
        ({"clip_norm": 1e4}, lambda p: torch.nn.utils.clip_grad_norm_(p, 1e4)),
        ({"clip_value": 0.2}, lambda p: torch.nn.utils.clip_grad_value_(p, 0.2)),
    ):
        network = gn.Network(gn.Dense(4, bias=False), (6,), dtype=np.float64)
        weight = leaf(network.parameters["weight"].copy())
        x, dy = normal(rng, np.float64, (5, 6), (5, 4))
        network.forward(x)[1](dy)
        gn.SGD(1.0, **option).step(network.parameters, network.gradient)
        (torch.from_numpy(x) @ weight).backward(torch.from_numpy(dy))
        clip([weight])
        torch.optim.SGD([weight], lr=1.0).step()
        # PyTorch divides by ‖g‖ + 1e-6.
        np.testing.assert_allclose(network.parameters["weight"], weight.detach().numpy(), rtol=1e-5, atol=1e-6)


@FLOATS
@pytest.mark.parametrize("kind", ["dense", "conv", "transposed"])
def test_spectral_norm(dtype, kind):
    """The same u on both sides, v = Wu/‖Wu‖ in PyTorch's buffer: the same Ŵ and the same gradients."""
    rng = np.random.default_rng(0)
    tdtype = getattr(torch, np.dtype(dtype).name)
    if kind == "dense":
        layer, shape, module, dim = gn.Dense(4), (6,), torch.nn.Linear(6, 4, dtype=tdtype), 0
    elif kind == "conv":
        layer, shape, dim = gn.Conv2d(4, 3), (5, 5, 2), 0
        module = torch.nn.Conv2d(2, 4, 3, dtype=tdtype)
    else:
        layer, shape, dim = gn.ConvTranspose2d(4, 3), (3, 3, 2), 1
        module = torch.nn.ConvTranspose2d(2, 4, 3, dtype=tdtype)
    network = gn.Network(gn.SpectralNorm(layer), shape, dtype=dtype)
    u = rng.standard_normal(4).astype(dtype)
    u /= np.linalg.norm(u)
    network.state.assign(u)
    weight = network.parameters["weight"]
    with torch.no_grad():
        module.weight.copy_(
            torch.from_numpy(np.ascontiguousarray(weight.T if kind == "dense" else weight.transpose(3, 2, 0, 1)))
        )
        module.bias.copy_(torch.from_numpy(network.parameters["bias"].copy()))
    torch.nn.utils.parametrizations.spectral_norm(module, dim=dim)
    power = module.parametrizations.weight[0]
    matrix = module.parametrizations.weight.original.detach().movedim(dim, 0).flatten(1)
    with torch.no_grad():
        power._u.copy_(torch.from_numpy(u))
        power._v.copy_(functional.normalize(matrix.T @ torch.from_numpy(u), dim=0))
    module.eval()  # PyTorch iterates at every forward in training
    (x,) = normal(rng, dtype, (3, *shape))
    y, pullback = network.forward(x)
    tx = leaf(x if kind == "dense" else channels_first(x))
    ty = module(tx)
    same(y, ty if kind == "dense" else channels_last(ty), dtype)
    (dy,) = normal(rng, dtype, y.shape)
    ty.backward(torch.from_numpy(np.ascontiguousarray(dy if kind == "dense" else channels_first(dy))))
    dx = pullback(dy)
    same(dx, tx.grad if kind == "dense" else channels_last(tx.grad), dtype)
    grad = module.parametrizations.weight.original.grad.numpy()
    same(network.gradient["weight"], grad.T if kind == "dense" else grad.transpose(2, 3, 1, 0), dtype)
    same(network.gradient["bias"], module.bias.grad, dtype)


def test_spectral_norm_after_many_iterations_agrees_with_training_in_pytorch():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    network = gn.Network(gn.SpectralNorm(gn.Dense(4, bias=False)), (6,), dtype=np.float64)
    module = torch.nn.Linear(6, 4, bias=False, dtype=torch.float64)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(network.parameters["weight"].T.copy()))
    torch.nn.utils.parametrizations.spectral_norm(module)
    (x,) = normal(rng, np.float64, (3, 6))
    for _ in range(500):
        y, _ = network.forward(x, training=True, update_state=True)
        ty = module(torch.from_numpy(x))
    np.testing.assert_allclose(y, ty.detach().numpy(), rtol=1e-6)


def test_r1_against_double_backward():
    """∂/∂θ of γ/2·mean‖∂D/∂x‖² through PyTorch's second differentiation."""
    rng = np.random.default_rng(0)
    structure = gn.Sequential(
        gn.Conv2d(4, 3, stride=2, padding=1, activation="leaky_relu"),
        gn.Flatten(),
        gn.Dense(5, activation="relu"),
        gn.Dense(1),
    )
    network = gn.Network(structure, (6, 6, 2), dtype=np.float64)
    (x,) = normal(rng, np.float64, (4, 6, 6, 2))
    logits, pullback = network.forward(x)
    slope = pullback(np.ones_like(logits), parameters=False, keep=True)
    along, of_linear = pullback.linear(slope)
    of_linear(np.full_like(along, 10 / 4))

    names = ["0.weight", "2.weight", "3.weight"]
    biases = [torch.from_numpy(network.parameters[f"{i}.bias"].copy()) for i in (0, 2, 3)]
    conv, hidden, last = (leaf(network.parameters[name]) for name in names)
    tx = leaf(x)
    t = functional.conv2d(tx.permute(0, 3, 1, 2), conv.permute(3, 2, 0, 1), biases[0], stride=2, padding=1)
    t = functional.leaky_relu(t, 0.2).permute(0, 2, 3, 1).flatten(1)
    t = torch.relu(t @ hidden + biases[1]) @ last + biases[2]
    (tslope,) = torch.autograd.grad(t.sum(), tx, create_graph=True)
    np.testing.assert_allclose(slope, tslope.detach().numpy(), rtol=1e-10, atol=1e-14)
    (5 * (tslope**2).sum() / 4).backward()
    for name, parameter in zip(names, (conv, hidden, last), strict=True):
        np.testing.assert_allclose(network.gradient[name], parameter.grad.numpy(), rtol=1e-9, atol=1e-13)
