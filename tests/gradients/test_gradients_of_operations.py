"""Every operation on arrays against finite differences, and that no operation was forgotten."""

import numpy as np
import pytest
from operation_cases import OPERATIONS, arrays_of

import gan_np as gn


@pytest.mark.parametrize("case", OPERATIONS, ids=lambda case: case.name)
def test_gradients(case, rng):
    gn.testing.check_operation(case.function, *arrays_of(case, rng))


def test_every_operation_has_a_case():
    not_differentiable = {"activation", "conv2d_shape", "conv_transpose2d_shape", "standard_normal"}
    not_differentiable |= {"accuracy", "bytes_to_floats", "flag_non_finite", "stacked"}
    updates = {"adam", "moving_average", "rmsprop", "sgd", "update_running"}
    with_objectives = {"mean_softplus"}  # gives its own gradient: test_gradients_of_objectives.py
    functions = {name for name in gn.ops.__all__ if name.islower()} - not_differentiable - updates - with_objectives
    assert functions == {case.operation for case in OPERATIONS}


LINEARISABLE = [case for case in OPERATIONS if not any(word in case.name for word in ("tanh", "sigmoid", "norm"))]
LINEARISABLE = [case for case in LINEARISABLE if case.operation not in ("softplus", "softmax_cross_entropy")]
SEVERAL_INPUTS = ("add", "concatenate")


@pytest.mark.parametrize(
    "case", [case for case in LINEARISABLE if case.operation not in SEVERAL_INPUTS], ids=lambda case: case.name
)
def test_linearisation(case, rng):
    """pullback.linear(t) is the directional derivative along t of x, and its own pullback is right in t and weight."""
    x, *others = arrays_of(case, rng)
    tangent = rng.standard_normal(x.shape)
    _, pullback = case.function(x, *others)
    moved, linearised = pullback.linear(tangent)
    step = 1e-6
    plus, minus = (case.function(x + sign * step * tangent, *others)[0] for sign in (1, -1))
    np.testing.assert_allclose(moved, (plus - minus) / (2 * step), rtol=1e-7, atol=1e-8)

    dy = rng.standard_normal(moved.shape)
    dt, *rest = linearised(dy)
    np.testing.assert_allclose((dt * tangent).sum(), (dy * moved).sum(), rtol=1e-12)
    np.testing.assert_allclose(dt, pullback(dy)[0], rtol=1e-12, atol=1e-14)
    if case.operation in ("dense", "conv2d", "conv_transpose2d"):
        # Bilinear in (w, t) with the kinks frozen: homogeneous of degree 1 in w too.
        np.testing.assert_allclose((rest[0] * others[0]).sum(), (dy * moved).sum(), rtol=1e-12)
    assert rest[1:] == [None] * len(rest[1:])


REFUSING = [case for case in OPERATIONS if case not in LINEARISABLE]


@pytest.mark.parametrize("case", REFUSING, ids=lambda case: case.name)
def test_what_is_not_piecewise_linear_refuses(case, rng):
    arrays = arrays_of(case, rng)
    _, pullback = case.function(*arrays)
    with pytest.raises(TypeError, match="not piecewise linear"):
        pullback.linear(arrays[0])
