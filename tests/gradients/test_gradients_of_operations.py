"""Every operation on arrays against finite differences, and that no operation was forgotten."""

import numpy as np
import pytest
from operation_cases import OPERATIONS, arrays_of

import gan_np as gn


@pytest.mark.parametrize("case", OPERATIONS, ids=lambda case: case.name)
def test_gradients(case, rng):
    gn.testing.check_operation(case.function, *arrays_of(case, rng))


def test_every_operation_has_a_case():
    not_differentiable = {"activation", "conv2d_shape", "conv_transpose2d_shape", "groups_of", "standard_normal"}
    not_differentiable |= {"accuracy", "bytes_to_floats", "flag_non_finite", "stacked"}
    updates = {"adam", "moving_average", "rmsprop", "sgd", "update_running"}
    with_objectives = {"mean_softplus"}  # gives its own gradient: test_gradients_of_objectives.py
    functions = {name for name in gn.ops.__all__ if name.islower()} - not_differentiable - updates - with_objectives
    assert functions == {case.operation for case in OPERATIONS}


REFUSING = [
    case for case in OPERATIONS if case.operation in ("batch_norm", "batch_norm_inference", "softmax_cross_entropy")
]
SEVERAL_INPUTS = ("add", "concatenate")  # their layers know that they are linear: test_linearisation.py
LINEARISABLE = [case for case in OPERATIONS if case not in REFUSING and case.operation not in SEVERAL_INPUTS]


@pytest.mark.parametrize("case", LINEARISABLE, ids=lambda case: case.name)
def test_linearisation(case, rng):
    """ẏ = ∂f/∂x·ẋ as a function of x, ẋ and the other arrays, against finite differences; y's gradient joins it."""
    x, *others = arrays_of(case, rng)
    tangent = rng.standard_normal(x.shape)
    y, pullback = case.function(x, *others)
    moved, second = pullback.linear(tangent)
    step = 1e-6
    plus, minus = (case.function(x + sign * step * tangent, *others)[0] for sign in (1, -1))
    np.testing.assert_allclose(moved, (plus - minus) / (2 * step), rtol=1e-6, atol=1e-8)

    def linearised(x, tangent, *others):
        _, pullback = case.function(x, *others)
        moved, second = pullback.linear(tangent)

        def gradients(dmoved):
            dtangent, *own = second(dmoved)
            zeros = [np.zeros_like(array) for array in (x, *others)]
            dx, *rest = (zero if found is None else found for found, zero in zip(own, zeros, strict=False))
            return dx, dtangent, *rest

        return moved, gradients

    single = case.operation not in ("dropout", "diff_augment")  # which draw anew in each dtype
    gn.testing.check_operation(linearised, x, tangent, *others, float32=single)

    dmoved, dy = rng.standard_normal((2, *y.shape))
    alone, ordinary, both = second(dmoved), pullback(dy), second(dmoved, dy)
    for index, (together, one) in enumerate(zip(both, alone, strict=True)):
        other = ordinary[index - 1] if index else None
        parts = [part for part in (one, other) if part is not None]
        assert (together is None) == (not parts)
        if parts:
            np.testing.assert_allclose(together, sum(parts), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("case", LINEARISABLE, ids=lambda case: case.name)
def test_gradients_of_the_linearised_go_where_they_are_told(case, rng):
    """First written, then added; with and without a gradient of y."""
    x, *others = arrays_of(case, rng)
    y, pullback = case.function(x, *others)
    _, second = pullback.linear(rng.standard_normal(x.shape))
    dmoved, dy = rng.standard_normal((2, *y.shape))
    for of_output in (None, dy):
        _, _, *right = second(dmoved, of_output)
        places = [None if gradient is None else np.full_like(gradient, np.nan) for gradient in right]
        for times in (1, 2):
            into = [None if place is None else gn.ops.Into(place, times == 2) for place in places]
            second(dmoved, of_output, into=[None, *into])
            for place, gradient in zip(places, right, strict=True):
                if place is not None:
                    np.testing.assert_allclose(place, times * gradient, rtol=1e-12)


@pytest.mark.parametrize("case", REFUSING, ids=lambda case: case.name)
def test_what_has_no_linearisation_refuses(case, rng):
    arrays = arrays_of(case, rng)
    _, pullback = case.function(*arrays)
    with pytest.raises(TypeError, match=f"{case.operation} has no linearisation: "):
        pullback.linear(arrays[0])


def test_a_curved_linearisation_needs_what_forward_kept(rng):
    """A piecewise linear one does not: it pairs the weight's gradient with the tangent, which it is handed."""
    x, w, tangent, dmoved = (rng.standard_normal(shape) for shape in ((3, 4), (4, 2), (3, 4), (3, 2)))
    for activation, curved in (("leaky_relu", False), ("tanh", True)):
        _, pullback = gn.ops.dense(x, w, activation=gn.ops.activation(activation), wrt=(True, False, False))
        _, second = pullback.linear(tangent)
        if not curved:
            assert second(dmoved)[2].shape == w.shape
            continue
        with pytest.raises(ValueError, match="dense: forward was not asked for the weight's gradient"):
            second(dmoved)
