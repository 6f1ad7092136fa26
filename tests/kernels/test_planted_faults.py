"""Faults that a few calls with usual arguments do not show: `check_kernel` must find each, and say what is wrong."""

import math
import re
import threading
import time

import numpy as np
import pytest
from planted_faults import FAULTS, altered

import gan_np as gn
from gan_np import kernels
from gan_np.kernels import reference
from gan_np.testing import KernelError


@pytest.mark.parametrize("label", FAULTS)
def test_a_planted_fault_is_found(plant, label):
    operation, make, message = FAULTS[label]
    name = plant(operation, make())
    with pytest.raises(KernelError) as found:
        gn.testing.check_kernel(operation, name)
    text = str(found.value)
    assert re.search(message, text), text
    assert text.startswith(f"kernel {name!r} of {operation!r}, case ")
    alone = re.search(r"This case alone: gn\.testing\.check_kernel\((.*), only=(.*)\)$", text)
    assert alone, text


def test_the_named_case_alone_finds_it_again_and_another_does_not(plant):
    operation, make, message = FAULTS["adam takes beta1 for 0.5"]
    name = plant(operation, make())
    with pytest.raises(KernelError, match=message) as found:
        gn.testing.check_kernel(operation, name)
    case = re.search(r"only='(.*)'\)$", str(found.value))[1]
    assert re.fullmatch(r"drawn \d+", case)
    with pytest.raises(KernelError) as again:
        gn.testing.check_kernel(operation, name, only=case)
    assert str(again.value) == str(found.value)
    gn.testing.check_kernel(operation, name, only="vector")  # β₁ is 0.5 there
    gn.testing.check_kernel(operation, name, cases=kernels.list_cases(operation))


def test_a_case_that_is_not_there():
    with pytest.raises(
        ValueError, match=r"only: 'adam' has no case 'mine' that 'reference' supports; there are vector, drawn 1:"
    ):
        gn.testing.check_kernel("adam", "reference", only="mine")


def test_what_a_kernel_raises_is_told_with_its_case(plant):
    def change(original, given):
        if given.count == 1:
            raise ZeroDivisionError("1 − β⁰")
        original()

    name = plant("adam", altered("adam", "step", change))
    with pytest.raises(KernelError, match=r"case 'drawn .*count=1, .*raised ZeroDivisionError: 1 − β⁰") as found:
        gn.testing.check_kernel("adam", name)
    assert isinstance(found.value.__cause__, ZeroDivisionError)


def test_memory_of_each_thread_and_a_lock_are_no_faults(plant):
    local, lock = threading.local(), threading.Lock()

    class Dense(reference.Dense):
        def forward(self, x, weight):
            key = x.shape, weight.shape, x.dtype
            if getattr(local, "key", None) != key:
                local.key, local.memory = key, np.empty((len(x), weight.shape[1]), x.dtype)
            np.matmul(x, weight, out=local.memory)
            return local.memory.copy()

        def input_gradient(self, dz, weight):
            with lock:
                return super().input_gradient(dz, weight)

    gn.testing.check_kernel("dense", plant("dense", Dense))


def test_a_kernel_that_declares_no_place_is_not_asked_for_one(plant):
    operation, make, _ = FAULTS["in_place leaves z as it was"]
    gn.testing.check_kernel(operation, plant(operation, make(), features=["float64"]))


def test_scratch_of_compiled_code_that_two_threads_share(plant):
    """No line of Python lies between the write and the read: two threads have to meet."""
    numba = pytest.importorskip("numba")
    scratch = np.zeros(1 << 17)

    @numba.njit(nogil=True)
    def through(s, scratch, out):
        for i in range(s.size):
            scratch[i] = math.exp(-abs(s[i]))
        for i in range(s.size):
            out[i] = max(s[i], 0) + math.log1p(scratch[i])

    class Softplus(reference.Softplus):
        def forward(self, s):
            out = np.empty(s.size, s.dtype)
            through(np.ascontiguousarray(s).ravel(), scratch, out)
            return out.reshape(s.shape)

    with pytest.raises(KernelError, match="differs from that of one thread"):
        gn.testing.check_kernel("softplus", plant("softplus", Softplus), effort="thorough")


def test_the_draw_is_the_same_every_day():
    """And more rounds begin with the same cases, so that a case's name finds it again."""
    for operation in kernels.OPERATIONS:
        first, more = ([case.label for case in kernels.draw_cases(operation, rounds=rounds)] for rounds in (1, 2))
        assert len(set(more)) == len(more)
        assert more[: len(first)] == first
        assert len(more) > len(first)


def test_every_two_values_meet():
    values = {"a": (1, 2, 3), "b": "xyzt", "c": (True, False), "d": (0, 1)}
    rows = kernels.pairs.every_pair(values, np.random.default_rng(0), lambda row: (row["a"], row["b"]) != (2, "y"))
    names = list(values)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            wanted = {(one, other) for one in values[first] for other in values[second]}
            if (first, second) == ("a", "b"):
                wanted -= {(2, "y")}
            assert {(row[first], row[second]) for row in rows} == wanted
    assert len(rows) < 3 * 4 * 2 * 2 / 2


ELSEWHERE = """
skip into into_weight into_scale into_bias in_place need_bias key dtype wrt out numbers flag
x z y dy dz weight bias scale mean variance batch_mean batch_variance s logits labels theta gradient velocity first second
average values images index mirrored winner kept normalised dnormalised inverse_deviation geometry small large size maps
"""
"""Arrays; and arguments that are varied in another way."""


def test_the_arguments_of_every_protocol_vary():
    """A scalar of a protocol that no drawing varies would be one that a kernel need not read."""
    elsewhere = set(ELSEWHERE.split())
    for operation, protocol in kernels.OPERATIONS.items():
        varied = set(kernels.drawn_cases.DRAWINGS[operation].values) | elsewhere
        varied |= {"activation"} if "slope" in varied else set()
        for function in kernels.interfaces.methods(protocol).values():
            names = set(function.__code__.co_varnames[1 : function.__code__.co_argcount])
            assert names <= varied, f"{operation}: {names - varied}"


def test_one_kernel_takes_seconds():
    started = time.process_time()
    gn.testing.check_kernel("adam", "reference")
    assert time.process_time() - started < 20
