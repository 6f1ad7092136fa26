"""Gradients of penalties on a critic's slopes against PyTorch's double backward, with the critic computed by PyTorch too."""

import numpy as np
import pytest
from layer_cases import float64_network
from test_probe_r1 import DISCRIMINATORS

import gan_np as gn
from gan_np.kernels import Activation

torch = pytest.importorskip("torch", reason="parity with PyTorch needs PyTorch")
functional = torch.nn.functional

FUNCTIONS = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "leaky_relu": lambda x: functional.leaky_relu(x, 0.2),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


def channels_first(function):
    """A function of PyTorch's images applied to ours, which have channels last."""
    return lambda x: function(x.movedim(-1, 1).contiguous()).movedim(1, -1)


def in_torch(layer, x, theta, path=""):
    """The layer's output computed by PyTorch; theta: name → tensor."""
    weight, bias, scale = (theta.get(path + name) for name in ("weight", "bias", "scale"))
    if isinstance(layer, gn.Sequential):
        for index, part in enumerate(layer.layers):
            x = in_torch(part, x, theta, f"{path}{index}.")
        return x
    if isinstance(layer, gn.Residual):
        return in_torch(layer._chain, x, theta, path)
    if isinstance(layer, gn.Fork):
        return tuple(in_torch(part, x, theta, f"{path}{i}.") for i, part in enumerate(layer.layers))
    if isinstance(layer, gn.Parallel):
        return tuple(in_torch(part, x[i], theta, f"{path}{i}.") for i, part in enumerate(layer.layers))
    if isinstance(layer, gn.Loop):
        for _ in range(layer.steps):
            x = in_torch(layer.layer, x, theta, f"{path}shared.")
        return x
    if isinstance(layer, gn.SpectralNorm):
        inner = dict(theta)
        axis = 2 if isinstance(layer.layer, gn.ConvTranspose2d) else -1
        matrix = weight.movedim(axis, -1).reshape(-1, weight.shape[axis])
        inner[path + "weight"] = weight / torch.linalg.vector_norm(matrix @ theta[path + "spectral_u"])
        return in_torch(layer.layer, x, inner, path)
    activation = getattr(layer, "_activation", Activation())
    return FUNCTIONS[activation.kind](_plain(layer, x, weight, bias, scale))


def _plain(layer, x, weight, bias, scale):
    filters = weight.permute(3, 2, 0, 1).contiguous() if weight is not None and weight.ndim == 4 else None
    match type(layer).__name__:
        case "Dense":
            return functional.linear(x, weight.T, bias)
        case "Conv2d":
            options = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups}
            return channels_first(lambda x: functional.conv2d(x, filters, bias, **options))(x)
        case "ConvTranspose2d":
            options = {"stride": layer.stride, "padding": layer.padding, "output_padding": layer.output_padding}
            options |= {"groups": layer.groups}
            return channels_first(lambda x: functional.conv_transpose2d(x, filters, bias, **options))(x)
        case "LayerNorm":
            return functional.layer_norm(x, x.shape[1:], scale, bias, layer.epsilon)
        case "GroupNorm":
            return channels_first(lambda x: functional.group_norm(x, layer.groups, scale, bias, layer.epsilon))(x)
        case "InstanceNorm":
            return channels_first(lambda x: functional.instance_norm(x, weight=scale, bias=bias, eps=layer.epsilon))(x)
        case "MinibatchStandardDeviation":
            spread = torch.sqrt(x.var(dim=0, unbiased=False) + layer.epsilon).mean()
            return torch.cat([x, spread.expand(*x.shape[:-1], 1)], dim=-1)
        case "Softplus":
            return functional.softplus(x)
        case "Flatten":
            return x.flatten(1)
        case "Reshape":
            return x.reshape(len(x), *layer.sizes)
        case "Concatenate":
            return torch.cat(x, dim=-1)
        case "Add":
            return sum(x)
        case "AveragePool2d":
            return channels_first(lambda x: functional.avg_pool2d(x, layer.window))(x)
        case "Upsample2d":
            return channels_first(
                lambda x: functional.interpolate(x, scale_factor=layer.factor, mode=layer.mode, align_corners=False)
            )(x)
        case "BlurUpsample2d" | "BlurDownsample2d" as name:
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / (4 if "Up" in name else 8)
            low_pass = torch.outer(taps, taps).expand(x.shape[-1], 1, 4, 4)
            options = {"stride": 2, "padding": 1, "groups": x.shape[-1]}
            if "Down" in name:
                return channels_first(lambda x: functional.conv2d(x, low_pass, **options))(x)
            options["output_padding"] = tuple(map(int, layer.odd))
            return channels_first(lambda x: functional.conv_transpose2d(x, low_pass, **options))(x)
        case "Basis":
            return x[:, None, None, :] * weight
        case "WeightedSum":
            return torch.einsum("nhwc,hwc->nc", x, weight)
        case "InnerProduct":
            return (x[0] * x[1]).sum(dim=1, keepdim=True)
        case "Maxout":
            return x.unflatten(-1, (-1, layer.pieces)).amax(dim=-1)
        case "Identity" | "Tanh" | "Sigmoid" | "ReLU" | "LeakyReLU":
            return x
    raise NotImplementedError(repr(layer))


PENALTIES = {
    "R1": (lambda u: 0.5 * u, lambda u: 0.5 + 0 * u),
    "Wasserstein's": (lambda u: (u**0.5 - 1) ** 2, lambda u: 1 - u**-0.5),
}
"""φ and φ′ of ‖∇ₓD‖², one value for each example."""


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_gradient_of_a_penalty(name, penalty, rng):
    network = float64_network(DISCRIMINATORS[name], (6, 6, 1), seed=7)
    x = rng.standard_normal((4, 6, 6, 1))
    value, derivative = PENALTIES[penalty]

    logits, pullback = network.forward(x, training=True)
    slope = pullback(np.ones_like(logits), parameters=False, keep=True)
    weights = 2 * derivative((slope * slope).sum(axis=(1, 2, 3))) / len(x)
    moved, second = pullback.linear(weights[:, None, None, None] * slope)
    second(np.ones_like(moved))

    theta = {
        segment.name: torch.from_numpy(network.parameters[segment.name].copy()).requires_grad_()
        for segment in network.parameters.layout.segments
    }
    state = {
        segment.name: torch.from_numpy(network.state[segment.name].copy()) for segment in network.state.layout.segments
    }
    tx = torch.from_numpy(x).requires_grad_()
    scores = in_torch(network.structure, tx, theta | state)
    np.testing.assert_allclose(logits, scores.detach().numpy(), rtol=1e-10, atol=1e-12)
    (tslope,) = torch.autograd.grad(scores.sum(), tx, create_graph=True)
    np.testing.assert_allclose(slope, tslope.detach().numpy(), rtol=1e-9, atol=1e-12)
    value((tslope**2).sum(dim=(1, 2, 3))).mean().backward()
    for segment in network.parameters.layout.segments:
        given = theta[segment.name].grad
        expected = np.zeros(segment.shape) if given is None else given.numpy()
        np.testing.assert_allclose(
            network.gradient[segment.name], expected, rtol=1e-8, atol=1e-11, err_msg=segment.name
        )
