"""Watching the kernels: what was called how often; nothing is watched outside the block."""

import threading

import numpy as np

import gan_np as gn
from gan_np import kernels
from gan_np.kernels import Work


def network():
    structure = gn.Sequential(gn.Conv2d(2, 3, activation="relu"), gn.Flatten(), gn.Dense(1))
    return gn.Network(structure, (5, 5, 1))


def images(rng):
    return rng.standard_normal((3, 5, 5, 1)).astype(np.float32)


def test_calls_by_operation_implementation_and_method(rng):
    made, x = network(), images(rng)
    with kernels.profile() as total, kernels.use_kernels(conv2d="reference", dense="reference"):
        for _ in range(2):
            y, pullback = made.forward(x, wrt=gn.Wrt(False, True))
            pullback(y)
    calls = total.calls
    assert calls[Work("dense", "reference", "forward")] == 2
    assert calls[Work("dense", "reference", "weight_gradient")] == 2
    assert calls[Work("conv2d", "reference", "plan")] == 2
    assert calls[Work("conv2d", "reference", "prepare_weight")] == 1, "prepared weights are kept"
    assert calls[Work("conv2d", "reference", "to_small")] == 2
    assert calls[Work("conv2d", "reference", "to_weight")] == 2
    assert Work("conv2d", "reference", "to_large") not in calls
    assert set(total.seconds) == set(calls)
    assert all(seconds >= 0 for seconds in total.seconds.values())


def test_numbers_do_not_change(rng):
    made, x = network(), images(rng)
    results = []
    for watched in (False, True):
        made.gradient.spend()
        if watched:
            with kernels.profile():
                y, pullback = made.forward(x)
                dx = pullback(y)
        else:
            y, pullback = made.forward(x)
            dx = pullback(y)
        results.append((y, dx, made.gradient.values.copy()))
    for left, right in zip(*results, strict=True):
        np.testing.assert_array_equal(left, right)


def test_nothing_is_watched_outside_the_block(rng):
    made, x = network(), images(rng)
    with kernels.profile() as total:
        pass
    made(x)
    assert not total.calls


def test_a_pullback_keeps_its_watched_kernels(rng):
    made, x = network(), images(rng)
    with kernels.profile() as total:
        y, pullback = made.forward(x)
    before = sum(total.calls.values())
    pullback(y)
    assert sum(total.calls.values()) > before


def test_other_threads_are_not_watched(rng):
    made, x = network(), images(rng)
    with kernels.profile() as total:
        thread = threading.Thread(target=made, args=(x,))
        thread.start()
        thread.join()
    assert not total.calls
