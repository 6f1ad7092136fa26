"""A chain lets layers write over gradients that it made itself; what anybody else holds stays as it is."""

import numpy as np
import pytest

pytest.importorskip("numba")

import gan_np as gn
from gan_np import ops
from gan_np.layers import LayerPullback

LAYERS = (
    lambda: gn.Conv2d(4, 3, padding=1, activation="leaky_relu"),
    lambda: gn.Conv2d(4, 3, padding=1),
    lambda: gn.BatchNorm(activation="leaky_relu"),
    lambda: gn.ConvTranspose2d(4, 4, stride=2, padding=1, activation="relu"),
    lambda: gn.BatchNorm(activation="tanh"),
)


class Keeper(gn.Layer):
    """Identity that keeps the gradients that pass, and copies of them."""

    def __init__(self, own=False):
        self.own, self.seen = own, []

    def forward(self, variables, x, run):
        def pullback(dy, wrt):
            self.seen.append((dy, dy.copy()))
            return dy

        return x, LayerPullback(pullback, over=pullback if self.own else None)

    def unchanged(self):
        return [np.array_equal(*pair) for pair in self.seen]


def gradients(layers, rng, *, keep=False):
    network = gn.Network(gn.Sequential(*layers), (6, 6, 3), seed=1)
    x = rng.standard_normal((2, 6, 6, 3)).astype(np.float32)
    y, pullback = network.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    arrays = x, dy
    before = [array.copy() for array in arrays]
    dx = pullback(dy, keep=True) if keep else None
    if keep:
        network.gradient.spend()
    again = pullback(dy)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True)), "the caller's arrays"
    assert dx is None or np.array_equal(dx, again)
    return network.gradient.values.copy(), again


@pytest.mark.parametrize("keep", [False, True])
def test_the_bits_are_those_of_new_arrays(monkeypatch, keep):
    written, original = [], LayerPullback.over

    def counted(pullback):
        over = original.fget(pullback)
        return over and (lambda dy, wrt: [written.append(dy.shape), over(dy, wrt)][1])

    monkeypatch.setattr(LayerPullback, "over", property(counted))
    over = gradients([make() for make in LAYERS], np.random.default_rng(0), keep=keep)
    # Not the last layer's: that gradient is the caller's.
    assert written == [(2, 12, 12, 4), *[(2, 6, 6, 4)] * 3] * (2 if keep else 1)
    monkeypatch.setattr(LayerPullback, "over", None)
    new = gradients([make() for make in LAYERS], np.random.default_rng(0), keep=keep)
    for one, two in zip(over, new, strict=True):
        assert np.array_equal(one, two)


def test_what_a_layer_of_ones_own_keeps_stays_as_it_was(rng):
    keepers = [Keeper() for _ in LAYERS]
    gradients([part for make, keeper in zip(LAYERS, keepers, strict=True) for part in (make(), keeper)], rng)
    assert [keeper.unchanged() for keeper in keepers] == [[True]] * len(LAYERS)


def test_what_it_gives_away_does_not(rng):
    """The control of the test above: a layer that keeps what it says is nobody's."""
    keeper = Keeper(own=True)
    gradients([LAYERS[0](), keeper, LAYERS[1]()], rng)
    assert keeper.unchanged() == [False]


def test_a_function_that_was_replaced_is_the_one_that_runs(rng):
    class Doubled(gn.Conv2d):
        def forward(self, variables, x, run):
            y, pullback = super().forward(variables, x, run)
            inner = pullback.function
            pullback.function = lambda dy, wrt: 2 * inner(dy, wrt)
            return y, pullback

    plain = gradients([gn.Conv2d(4, 3), gn.Conv2d(4, 3)], np.random.default_rng(0))
    doubled = gradients([Doubled(4, 3), gn.Conv2d(4, 3)], np.random.default_rng(0))
    np.testing.assert_allclose(doubled[1], 2 * plain[1], rtol=1e-6)


def test_a_pullback_of_ones_own_class_gets_two_arguments(rng):
    class Own(gn.LayerPullback):
        def __call__(self, dy, wrt):
            return super().__call__(dy, wrt)

    class Identity(gn.Layer):
        def forward(self, variables, x, run):
            return x, Own(lambda dy, wrt: dy)

    plain = gradients([gn.Conv2d(4, 3), gn.Conv2d(4, 3)], np.random.default_rng(0))
    between = gradients([gn.Conv2d(4, 3), Identity(), gn.Conv2d(4, 3)], np.random.default_rng(0))
    for one, two in zip(plain, between, strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d", "batch_norm"])
def test_an_operation_writes_over_its_gradient_only_when_told(name, over, rng):
    x = rng.standard_normal((2, 5, 5, 4)).astype(np.float32)
    weight = rng.standard_normal((3, 3, 4, 4)).astype(np.float32)
    given = () if name == "batch_norm" else (weight,)
    y, pullback, *_ = getattr(ops, name)(x, *given, activation=ops.activation("tanh"))
    dy = rng.standard_normal(y.shape).astype(np.float32)
    held, before = dy, dy.copy()
    pullback(dy, over=over)
    assert np.array_equal(held, before) != over
