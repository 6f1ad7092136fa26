"""Every layer's and composition's linearisation against finite differences, and that the check of it can fail."""

import re
from pathlib import Path

import numpy as np
import pytest
from layer_cases import LAYERS
from planted import drop_the_second_derivative
from test_gradients_of_networks import NETWORKS

import gan_np as gn

REFUSING = {"BatchNorm"}
"""Layers with no linearisation. docs/layers.md has the same list."""


@pytest.mark.parametrize(
    "case", [case for case in LAYERS if type(case.layer).__name__ not in REFUSING], ids=lambda case: case.name
)
def test_layers(case):
    gn.testing.check_linearisation(case.layer, case.input_shape, batch=case.batch, training=case.training, directions=2)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "loop with statistics"])
def test_compositions(name):
    structure, shape = NETWORKS[name]
    gn.testing.check_linearisation(structure, shape, batch=4, directions=2)


def test_a_label_has_no_tangent(rng):
    structure = gn.Sequential(gn.Parallel(gn.Dense(4, activation="tanh"), gn.Identity()), First(), gn.Dense(2))
    labels = rng.integers(0, 5, (6, 1))
    gn.testing.check_linearisation(structure, ((4,), (1,)), x=(rng.standard_normal((6, 4)), labels))


class First(gn.Layer):
    """(x, labels) to x."""

    def declare(self, input_shape):
        return gn.Declaration(input_shape[0])

    def forward(self, variables, x, run):
        def linear(tangent, wrt):
            return tangent[0], lambda dmoved, wrt: ((dmoved, None), None)

        return x[0], gn.LayerPullback(lambda dy, wrt: (dy, None), linear)


class Swish(gn.Layer):
    """y = x·σ(βx) as in docs/write-your-own-layer.md, with what it says of ẏ spoiled in one place."""

    def __init__(self, spoiled=""):
        self.spoiled = spoiled

    def declare(self, input_shape):
        return gn.Declaration(input_shape, {"beta": gn.Parameter(input_shape[-1:], gn.ONES, tag="scale")})

    def forward(self, variables, x, run):
        beta, spoiled = variables["beta"], self.spoiled
        s = 0.5 + 0.5 * np.tanh(0.5 * beta * x)
        d = s * (1 - s)
        over = tuple(range(x.ndim - 1))

        def pullback(dy, wrt):
            if wrt.parameters:
                variables.add_gradient("beta", (dy * x * x * d).sum(axis=over))
            return dy * (s + beta * x * d) if wrt.any_input else None

        def linear(tangent, wrt):
            slope = s + beta * x * d

            def second(dmoved, wrt):
                along = dmoved * tangent
                if wrt.parameters and spoiled != "no parameter":
                    by_beta = x * d * (2 + (1.001 if spoiled == "parameter" else 1) * beta * x * (1 - 2 * s))
                    variables.add_gradient("beta", (along * by_beta).sum(axis=over))
                bend = beta * d * (2 + beta * x * (1 - 2 * s))
                if spoiled == "no bend":
                    return dmoved * slope, None
                if spoiled == "writes":
                    dmoved *= 1
                    dmoved += 1
                factor = 1.001 if spoiled == "bend" else 1
                return dmoved * (1.001 * slope if spoiled == "adjoint" else slope), along * bend * factor

            return (slope * 1.001 if spoiled == "moved" else slope) * tangent, second

        return x * s, gn.LayerPullback(pullback, linear)


@pytest.mark.parametrize("shape", [(5,), (2, 3, 2)], ids=str)
def test_a_layer_of_ones_own(shape):
    gn.testing.check_gradients(Swish(), shape)
    gn.testing.check_linearisation(Swish(), shape)


@pytest.mark.parametrize("spoiled", ["moved", "adjoint", "bend", "no bend", "parameter", "no parameter", "writes"])
def test_a_spoiled_linearisation_is_rejected(spoiled):
    with pytest.raises(gn.testing.GradientError):
        gn.testing.check_linearisation(Swish(spoiled), (2, 3, 2))


CURVED = [
    gn.Tanh(),
    gn.Sigmoid(),
    gn.Softplus(),
    gn.Dense(3, activation="tanh"),
    gn.Conv2d(2, 2, activation="sigmoid"),
    gn.ConvTranspose2d(2, 2, activation="tanh"),
    gn.LayerNorm(),
    gn.LayerNorm(activation="tanh"),
    gn.GroupNorm(2),
    gn.InstanceNorm(activation="sigmoid"),
    gn.MinibatchStandardDeviation(),
    gn.SpectralNorm(gn.Dense(3, activation="tanh")),
    gn.Residual(gn.Tanh()),
    gn.Loop(gn.Dense(4, activation="tanh"), 2),
]


@pytest.mark.parametrize("layer", CURVED, ids=repr)
def test_without_its_second_derivative_each_curved_layer_is_rejected(layer, monkeypatch):
    """The check sees a missing ∂(Jẋ)/∂x in every layer that has one."""
    shape = (4,) if "Dense" in repr(layer) else (3, 2, 4)
    gn.testing.check_linearisation(layer, shape)
    drop_the_second_derivative(monkeypatch)
    with pytest.raises(gn.testing.GradientError):
        gn.testing.check_linearisation(layer, shape)


def test_a_layer_without_one_is_named():
    with pytest.raises(TypeError, match=r"BatchNorm\(\) has no linearisation: .*layer, group, instance or spectral"):
        gn.testing.check_linearisation(gn.BatchNorm(), (4,))


def test_the_page_on_layers_says_which_have_a_linearisation():
    page = (Path(__file__).parents[2] / "docs" / "layers.md").read_text(encoding="utf-8")
    table = page.split("|---|---|---|\n")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    said = {name: linearised for names, _, linearised in rows for name in re.findall(r"`(\w+)`", names)}
    compositions = {type(structure).__name__ for structure, _ in NETWORKS.values()} | {"Residual"}
    assert said.keys() == {type(case.layer).__name__ for case in LAYERS} | compositions
    assert {name for name, linearised in said.items() if linearised == "none"} == REFUSING
    curved = {type(layer).__name__ for layer in CURVED if not hasattr(layer, "layer") and not layer.bilinear}
    curved |= {"InnerProduct"}  # of two inputs: checked in test_relativistic_game.py, in a conditional game
    assert {name for name, linearised in said.items() if linearised == "second derivative"} == curved
