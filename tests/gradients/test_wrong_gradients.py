"""A pullback given what is not like its output refuses it, names the operation and both dtypes, and computes nothing.

Kernels find their way through memory by what they were told in forward: another dtype or shape would be read out of bounds.
"""

import numpy as np
import pytest
from operation_cases import OPERATIONS, arrays_of

import gan_np as gn
from gan_np import ops
from gan_np.kernels import Into

OTHERS = ["float64", "float16", "int32", "int64", "uint8", "bool", ">f4", "complex64"]


@pytest.mark.parametrize("case", OPERATIONS, ids=lambda case: case.name)
def test_every_operation_refuses_every_wrong_gradient(case, rng):
    x = arrays_of(case, rng)
    # What an operation of a case holds beside its arrays is float64.
    y, pullback = case.function(*x)
    for dtype in ("float32", *OTHERS[1:-2], ">f8", "complex128"):
        with pytest.raises(TypeError, match=f": the output is float64 but dy is {dtype}"):
            pullback(np.ones(y.shape, dtype))
    for nothing in ([1.0], 1.0, None, "dy"):
        with pytest.raises(TypeError, match="dy must be an array like the output"):
            pullback(nothing)
    for shape in ((*y.shape, 1), y.shape[1:], (*y.shape[:-1], y.shape[-1] + 1), (y.shape[0] - 1, *y.shape[1:])):
        with pytest.raises(gn.ShapeError, match="dy has shape"):
            pullback(np.ones(shape))
    assert all(np.isfinite(gradient).all() for gradient in pullback(np.ones(y.shape)) if gradient is not None)


@pytest.mark.parametrize("case", OPERATIONS, ids=lambda case: case.name)
def test_every_operation_refuses_what_it_does_not_compute_in(case, rng):
    """Or, where it only moves numbers, gives them back as they were."""
    for dtype in ("int32", "uint8", "float16", ">f4", ">f8"):
        arrays = [array.astype(dtype) for array in arrays_of(case, rng)]
        if case.operation == "reshape":
            y, _ = case.function(*arrays)
            assert y.dtype == arrays[0].dtype
            np.testing.assert_array_equal(y.ravel(), arrays[0].ravel())
            continue
        with pytest.raises(TypeError, match=f"must be float32 or float64, got {dtype}"):
            case.function(*arrays)


# One for each way through `kernels/cpu`: panels, plain loops, a whole layer at once, few rows, convolutions of each plan.
SHAPES = {"wide": (32, 96, 64), "one output": (32, 64, 1), "narrow": (32, 2, 16), "few rows": (2, 256, 256)}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", OTHERS)
def test_a_wrong_first_call_poisons_nothing(name, dtype, rng):
    """Refused, and the right answer to both dtypes' right calls after it."""
    batch, features, outputs = SHAPES[name]
    x, w, b, dy = (
        rng.standard_normal(s) for s in ((batch, features), (features, outputs), (outputs,), (batch, outputs))
    )
    single = [a.astype(np.float32) for a in (x, w, b)]
    _, pullback = ops.dense(*single)
    with pytest.raises(TypeError, match=f"dense: the output is float32 but dy is {dtype}"):
        pullback(dy.astype(dtype))
    right = dy @ w.T, x.T @ dy, dy.sum(axis=0)
    for found, expected in zip(pullback(dy.astype(np.float32)), right, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    for found, expected in zip(ops.dense(x, w, b)[1](dy), right, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_places_of_another_dtype_or_shape():
    x, w = np.ones((4, 3), np.float32), np.ones((3, 2), np.float32)
    y, pullback = ops.dense(x, w)
    with pytest.raises(TypeError, match=r"dense: argument 1 is float32 but into\[1\] is float64"):
        pullback(y, into=[None, Into(np.zeros((3, 2)), False), None])
    with pytest.raises(gn.ShapeError, match=r"dense: into\[1\] has shape \(2, 3\), argument 1 has \(3, 2\)"):
        pullback(y, into=[None, Into(np.zeros((2, 3), np.float32), False), None])
    with pytest.raises(ValueError, match="dense: into has 1 entries, expected 3"):
        pullback(y, into=[None])


def test_tangents():
    x, w = np.ones((4, 3), np.float32), np.ones((3, 2), np.float32)
    _, pullback = ops.dense(x, w)
    with pytest.raises(TypeError, match="dense: the input is float32 but tangent is float64"):
        pullback.linear(np.ones((4, 3)))
    with pytest.raises(gn.ShapeError, match=r"dense: tangent has shape \(4, 2\), the input has \(4, 3\)"):
        pullback.linear(np.ones((4, 2), np.float32))
    moved, linearised = pullback.linear(x)
    with pytest.raises(TypeError, match="dense linearised: the output is float32 but dy is float64"):
        linearised(moved.astype(np.float64))


def test_what_a_linearised_operation_is_handed():
    """Kernels write there, too."""
    x, w, b = np.ones((4, 3), np.float32), np.ones((3, 2), np.float32), np.ones(2, np.float32)
    _, pullback = ops.dense(x, w, b, activation=ops.activation("tanh"))
    moved, second = pullback.linear(x)
    with pytest.raises(TypeError, match="dense linearised: the output is float32 but dy is float64"):
        second(moved, moved.astype(np.float64))
    with pytest.raises(gn.ShapeError, match=r"dense: into\[1\] has shape \(2, 3\), argument 1 has \(3, 2\)"):
        second(moved, into=[None, Into(np.zeros((2, 3), np.float32), False), None])
    with pytest.raises(ValueError, match="dense linearised: wrt has 1 entries, expected 3"):
        second(moved, wrt=[True])
    _, second = pullback.linear(x, wrt=(True, False, True))
    with pytest.raises(ValueError, match=r"dense linearised: wrt=.* asks for more than forward kept"):
        second(moved, wrt=(True, True, True))


def test_a_bias_that_is_too_short():
    """The compiled kernel repeats it over a line: a short one would be read beyond its end."""
    with pytest.raises(gn.ShapeError, match=r"activate: bias must have shape \(4,\), got \(3,\)"):
        ops.activate(np.ones((2, 4)), "relu", bias=np.ones(3))


@pytest.mark.parametrize("objective", gn.objectives.OBJECTIVES)
def test_objectives_refuse_logits_that_are_not_floats(objective):
    made = gn.objectives.OBJECTIVES[objective]()
    for loss in (made.discriminator, made.generator):
        with pytest.raises(TypeError, match="must be float32 or float64, got uint8"):
            loss(np.ones((3, 1), np.uint8), np.ones((3, 1), np.uint8))
