"""Rules that every operation keeps: purity, dtypes, narrowing, gradients written into place, other memory layouts."""

import numpy as np
import pytest
from every_operation import RULES, make

import gan_np as gn
from gan_np.ops import Into

EVERY = pytest.mark.parametrize("name", RULES)


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_in_dtype_out(name, dtype, rng):
    function, arrays, _ = make(name, rng, dtype)
    y, pullback = function(*arrays)
    assert y.dtype == dtype
    gradients = pullback(rng.standard_normal(y.shape).astype(dtype))
    assert [g.dtype for g in gradients] == [np.dtype(dtype)] * len(gradients)


@EVERY
def test_nothing_handed_in_is_modified(name, rng):
    """Read-only arrays, and a read-only upstream gradient: any write would raise."""
    function, arrays, _ = make(name, rng)
    for array in arrays:
        array.flags.writeable = False
    y, pullback = function(*arrays)
    dy = rng.standard_normal(y.shape)
    dy.flags.writeable = False
    pullback(dy)


@EVERY
def test_output_does_not_change_when_the_pullback_runs(name, rng):
    function, arrays, _ = make(name, rng)
    y, pullback = function(*arrays)
    before = y.copy()
    pullback(rng.standard_normal(y.shape))
    np.testing.assert_array_equal(y, before)


@EVERY
def test_a_pullback_is_a_function(name, rng):
    """The same gradients at every call, linear in dy."""
    function, arrays, _ = make(name, rng)
    y, pullback = function(*arrays)
    dy = rng.standard_normal(y.shape)
    first, second, half = pullback(dy), pullback(dy), pullback(0.5 * dy)
    for a, b, c in zip(first, second, half, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(0.5 * a, c, rtol=1e-12, atol=1e-14)


@EVERY
def test_gradients_asked_for_alone(name, rng):
    """Told at forward, or narrowed at the pullback: the same numbers, and None elsewhere."""
    function, arrays, differentiable = make(name, rng)
    y, pullback = function(*arrays)
    dy = rng.standard_normal(y.shape)
    everything = pullback(dy)
    for index in range(len(differentiable)):
        wrt = tuple(place == index for place in range(len(differentiable)))
        _, told = function(*arrays, wrt=wrt)
        for gradients in (told(dy), pullback(dy, wrt)):
            for place, gradient in enumerate(gradients):
                if place == index:
                    np.testing.assert_allclose(gradient, everything[place], rtol=1e-13, atol=1e-15)
                else:
                    assert gradient is None


@EVERY
def test_nothing_asked(name, rng):
    function, arrays, differentiable = make(name, rng)
    y, pullback = function(*arrays, wrt=False)
    assert pullback(np.ones_like(y)) == (None,) * len(differentiable)
    with pytest.raises(ValueError, match="asks for more than forward kept"):
        pullback(np.ones_like(y), (True,) * len(differentiable))


@EVERY
def test_wrt_of_the_wrong_length(name, rng):
    function, arrays, differentiable = make(name, rng)
    with pytest.raises(ValueError, match=f"wrt: expected {len(differentiable)} entries, got 5"):
        function(*arrays, wrt=(True,) * 5)
    y, pullback = function(*arrays)
    with pytest.raises(ValueError, match="wrt has 5 entries"):
        pullback(np.ones_like(y), (True,) * 5)


@EVERY
def test_an_upstream_gradient_of_another_shape(name, rng):
    function, arrays, _ = make(name, rng)
    y, pullback = function(*arrays)
    with pytest.raises(gn.ShapeError, match="dy has shape"):
        pullback(np.ones((*y.shape, 1)))


@pytest.mark.parametrize(
    "name", [name for name, (_, shapes) in RULES.items() if name not in ("add", "concatenate") and len(shapes) > 1]
)
def test_parameter_gradients_go_into_place(name, rng):
    """Overwriting what was there, then adding to it; the array given is the array returned."""
    function, arrays, differentiable = make(name, rng)
    y, pullback = function(*arrays)
    dy = rng.standard_normal(y.shape)
    plain = pullback(dy)
    for index in range(1, len(differentiable)):
        memory = np.full(plain[index].size + 2, np.nan)
        place = memory[1:-1].reshape(plain[index].shape)
        for times, add in ((1, False), (2, True), (3, True)):
            into = [Into(place, add) if k == index else None for k in range(len(differentiable))]
            found = pullback(dy, into=into)
            assert found[index] is place
            np.testing.assert_allclose(place, times * plain[index], rtol=1e-12, atol=1e-14)
        assert np.isnan(memory[[0, -1]]).all()


@EVERY
@pytest.mark.parametrize("layout", ["fortran", "reversed", "strided"])
def test_other_memory_layouts_give_the_same(name, layout, rng):
    function, arrays, _ = make(name, rng)
    y, pullback = function(*arrays)
    dy = rng.standard_normal(y.shape)
    expected = y, *pullback(dy)

    def moved(array):
        if layout == "fortran":
            return np.asfortranarray(array)
        step = -1 if layout == "reversed" else 3
        wide = np.zeros(tuple(abs(step) * size for size in array.shape))
        view = wide[tuple(slice(None, None, step) for _ in array.shape)]
        view[...] = array
        return view

    y, pullback = function(*map(moved, arrays))
    for found, wanted in zip((y, *pullback(moved(dy))), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", [name for name, (_, shapes) in RULES.items() if len(shapes) > 1])
def test_dtypes_do_not_mix(name, rng):
    function, arrays, _ = make(name, rng)
    mixed = [arrays[0].astype(np.float32), *arrays[1:]]
    with pytest.raises(TypeError, match=r"is float32 but .* is float64; convert one explicitly"):
        function(*mixed)


@pytest.mark.parametrize("name", [name for name in RULES if name != "reshape"])  # which may carry labels too
@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.complex128])
def test_other_dtypes_are_refused(name, dtype, rng):
    function, arrays, _ = make(name, rng)
    with pytest.raises(TypeError, match=f"must be float32 or float64, got {np.dtype(dtype)}"):
        function(arrays[0].astype(dtype), *arrays[1:])


@EVERY
def test_lists_are_no_arrays(name, rng):
    function, arrays, _ = make(name, rng)
    with pytest.raises((TypeError, AttributeError)):
        function(arrays[0].tolist(), *arrays[1:])
