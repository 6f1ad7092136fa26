"""Mistakes in layers of one's own: each is refused by the layer's name, in words that say what was expected."""

import numpy as np
import pytest

import gan_np as gn


class Scale(gn.Layer):
    """y = w·x, whose faults a test plants."""

    def declare(self, input_shape):
        return gn.Declaration(input_shape, {"weight": gn.Parameter(input_shape, gn.ONES)})

    def forward(self, variables, x, run):
        return x * variables["weight"], lambda dy, wrt: dy * variables["weight"]


def used(layer):
    network = gn.Network(layer, (3,))
    output, pullback = network.forward(np.ones((2, 3), np.float32), training=True)
    return pullback(output)


def test_the_layer_without_a_fault():
    assert used(Scale()).shape == (2, 3)


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        (gn.Parameter, ((3,), gn.ONES, "foo"), "tag: expected one of 'weight', 'bias', 'scale', got 'foo'"),
        (gn.Parameter, (3, gn.ONES), "shape: expected a tuple of positive integers, got 3"),
        (gn.State, ((3,), 0.0), "initializer: expected an initializer"),
        (gn.State, ((-1,), gn.ZEROS), "integer of at least 1, got -1"),
    ],
    ids=["tag", "shape", "initializer", "state"],
)
def test_what_a_declaration_is_made_of(kind, arguments, words):
    with pytest.raises((TypeError, ValueError), match=words.replace("(", r"\(")):
        kind(*arguments)


@pytest.mark.parametrize("declared", [(3,), None, [3]])
def test_declare_returns_no_declaration(declared):
    class Bare(Scale):
        def declare(self, input_shape):
            return declared

    with pytest.raises(TypeError, match=r"Bare\(\): declare is to return a Declaration, got .*gan_np.Declaration\("):
        gn.Network(gn.Sequential(Bare()), (3,))


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda variables: variables["wait"], "no 'wait' among its parameters; there are 'weight'"),
        (lambda variables: variables.gradient("wait"), "no 'wait' among its parameters"),
        (lambda variables: variables.add_gradient("wait", np.ones(3)), "no 'wait' among its parameters"),
        (lambda variables: variables.state["mean"], "no state 'mean'; there is none"),
        (lambda variables: variables.set_state("mean", np.ones(3)), "no 'mean' among its state; there are none"),
    ],
    ids=["parameter", "gradient", "add_gradient", "state", "set_state"],
)
def test_what_is_used_but_not_declared(use, words):
    class Forgetful(Scale):
        def forward(self, variables, x, run):
            use(variables)
            return super().forward(variables, x, run)

    with pytest.raises(KeyError, match="Forgetful") as caught:
        used(Forgetful())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "pullback", [lambda dy: dy, lambda: None, lambda dy, wrt, more: dy], ids=["one", "none", "three"]
)
def test_a_pullback_of_another_signature(pullback):
    class Wrong(Scale):
        def forward(self, variables, x, run):
            return x, pullback

    with pytest.raises(TypeError, match=r"Wrong\(\): its pullback is to take \(dy, wrt\) and return dx, it takes \("):
        used(Wrong())


@pytest.mark.parametrize("pullback", [lambda dy, wrt=None: dy, lambda *both: both[0], lambda dy, wrt, more=1: dy])
def test_pullbacks_that_take_two(pullback):
    class Right(Scale):
        def forward(self, variables, x, run):
            return x, pullback

    assert used(Right()).shape == (2, 3)
