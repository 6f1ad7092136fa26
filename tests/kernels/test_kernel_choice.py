"""Which kernel runs: cost, `use_kernels`, the environment variable, and pullbacks that keep theirs."""

import asyncio
import threading

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.kernels import selection

PROBLEM = kernels.Problem("cpu", np.dtype(np.float32), (5, 3))
VARIABLE = "GAN_NP_KERNELS"


class Counting:
    """Dense that counts its calls."""

    def __init__(self):
        self.calls = []
        self.inner = kernels.entry("dense", "reference").implementation

    def forward(self, x, weight):
        self.calls.append("forward")
        return self.inner.forward(x, weight)

    def input_gradient(self, dz, weight):
        self.calls.append("input_gradient")
        return self.inner.input_gradient(dz, weight)

    def weight_gradient(self, x, dz, into=None):
        self.calls.append("weight_gradient")
        return self.inner.weight_gradient(x, dz, into)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def counting(plant):
    """A counting kernel that only runs where its name is asked for, and its name."""
    kernel = Counting()
    return kernel, plant("dense", kernel)


def chosen():
    return kernels.select("dense", PROBLEM)


def test_without_a_cost_a_kernel_runs_only_when_named(counting):
    kernel, name = counting
    assert chosen() is not kernel
    with kernels.use_kernels(dense=name):
        assert chosen() is kernel
    assert chosen() is not kernel


def test_the_lowest_cost_wins_and_depends_on_the_problem(plant):
    kernel = Counting()
    plant("dense", kernel, cost=lambda problem: 1e-9 if problem.shape[0] < 10 else 1e9)
    assert chosen() is kernel
    assert kernels.select("dense", PROBLEM._replace(shape=(100, 3))) is not kernel


def test_equal_costs_go_to_the_first_registered(plant):
    first, second = Counting(), Counting()
    plant("dense", first, cost=1e-9)
    plant("dense", second, cost=1e-9)
    assert all(chosen() is first for _ in range(5))


def test_the_choice_is_asked_once_for_a_problem(plant):
    asked = []

    def cost(problem):
        asked.append(problem)
        return 1e-9

    plant("dense", Counting(), cost=cost)
    assert chosen() is chosen()
    assert len(asked) == 1


def test_registering_and_taking_out_change_the_choice_at_once():
    before = chosen()
    kernel = Counting()
    gn.register_kernel("dense", "cheapest", kernel, cost=0.0)
    try:
        assert chosen() is kernel
    finally:
        gn.unregister_kernel("dense", "cheapest")
    assert chosen() is before


def test_a_kernel_that_cannot_do_the_problem_is_passed_over(plant):
    kernel = Counting()
    plant("dense", kernel, cost=1e-9, supports=lambda problem: "no float32" if problem.dtype == np.float32 else None)
    assert chosen() is not kernel
    assert kernels.select("dense", PROBLEM._replace(dtype=np.dtype(np.float64))) is kernel


def test_a_forced_kernel_that_cannot_do_the_work_raises_with_its_reason(plant, rng):
    name = plant("dense", Counting(), supports=lambda problem: "rows must be a multiple of 4")
    x, w = rng.standard_normal((3, 2)), rng.standard_normal((2, 2))
    with kernels.use_kernels(dense=name), pytest.raises(ValueError, match="rows must be a multiple of 4"):
        gn.ops.dense(x, w)


def test_the_conv2d_cost_model_prefers_patches_to_taps():
    case = kernels.list_cases("conv2d", size="dcgan")[1]
    problem = case.problem(np.dtype(np.float64))
    costs = {entry.name: entry.cost(problem) for entry in kernels.available("conv2d", problem) if entry.cost}
    assert costs["im2col"] < costs["reference"]


class TestUseKernels:
    def test_inner_blocks_win_and_add(self, counting, plant):
        kernel, name = counting
        with kernels.use_kernels(dense=name):
            with kernels.use_kernels(conv2d="reference"):
                assert chosen() is kernel
            with kernels.use_kernels(dense="reference"):
                assert chosen() is not kernel
            assert chosen() is kernel

    def test_an_exception_restores(self, counting):
        kernel, name = counting
        with pytest.raises(KeyError, match="inside"), kernels.use_kernels(dense=name):
            raise KeyError("inside")
        assert chosen() is not kernel

    def test_unknown_names_raise_at_once(self):
        with pytest.raises(ValueError, match="has no kernel 'fastest'"), kernels.use_kernels(dense="fastest"):
            pytest.fail("entered")
        with pytest.raises(ValueError, match="did you mean 'dense'"), kernels.use_kernels(dens="reference"):
            pytest.fail("entered")

    def test_other_threads_are_not_touched(self, counting):
        kernel, name = counting
        found = {}
        inside, done = threading.Event(), threading.Event()

        def forced():
            with kernels.use_kernels(dense=name):
                found["forced"] = chosen()
                inside.set()
                done.wait(10)

        thread = threading.Thread(target=forced)
        thread.start()
        assert inside.wait(10)
        found["here"] = chosen()
        done.set()
        thread.join(10)
        assert found["forced"] is kernel
        assert found["here"] is not kernel

    def test_other_tasks_are_not_touched(self, counting):
        kernel, name = counting

        async def forced(entered, leave):
            with kernels.use_kernels(dense=name):
                entered.set()
                await leave.wait()
                return chosen()

        async def both():
            entered, leave = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(forced(entered, leave))
            await entered.wait()
            here = chosen()
            leave.set()
            return here, await task

        here, there = asyncio.run(both())
        assert here is not kernel
        assert there is kernel


class TestEnvironment:
    def test_forces_by_name(self, counting, monkeypatch):
        kernel, name = counting
        monkeypatch.setenv(VARIABLE, f" conv2d = reference , dense = {name} ,")
        assert chosen() is kernel

    def test_empty_forces_nothing(self, counting, monkeypatch):
        monkeypatch.setenv(VARIABLE, "  ")
        assert chosen() is not counting[0]

    def test_a_change_counts_from_the_next_choice_on(self, counting, monkeypatch):
        kernel, name = counting
        for text in (f"dense={name}", "dense=reference", f"dense={name}"):
            monkeypatch.setenv(VARIABLE, text)
            assert (chosen() is kernel) == (name in text)
        monkeypatch.delenv(VARIABLE)
        assert chosen() is not kernel

    def test_where_os_environ_keeps_no_dictionary(self, monkeypatch):
        """As in other Pythons than CPython: it is read by its public methods."""
        monkeypatch.setattr(selection.os, "environ", {VARIABLE: "dense=reference"})
        monkeypatch.setattr(selection, "_environment", selection._environment_reader())
        assert chosen() is kernels.entry("dense", "reference").implementation

    def test_a_with_block_comes_before_it(self, counting, monkeypatch):
        kernel, name = counting
        monkeypatch.setenv(VARIABLE, f"dense={name}")
        with kernels.use_kernels(dense="reference"):
            assert chosen() is not kernel

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("dense", "GAN_NP_KERNELS: expected operation=kernel pairs"),
            ("dense=fastest", "'dense' has no kernel 'fastest'"),
            ("dens=reference", "did you mean 'dense'"),
            ("dense:reference", "expected operation=kernel pairs"),
        ],
    )
    def test_bad_values_raise(self, monkeypatch, text, message):
        monkeypatch.setenv(VARIABLE, text)
        with pytest.raises(ValueError, match=message):
            chosen()

    def test_a_forced_kernel_that_cannot(self, plant, monkeypatch):
        name = plant("dense", Counting(), supports=lambda problem: "never")
        monkeypatch.setenv(VARIABLE, f"dense={name}")
        with pytest.raises(ValueError, match=r"was asked for but cannot do .*never"):
            chosen()


def test_a_pullback_keeps_the_kernel_that_its_forward_ran_with(counting, rng):
    kernel, name = counting
    x, w = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    with kernels.use_kernels(dense=name):
        y, pullback = gn.ops.dense(x, w)
    pullback(np.ones_like(y))
    assert kernel.calls == ["forward", "weight_gradient", "input_gradient"]
    y, pullback = gn.ops.dense(x, w)
    with kernels.use_kernels(dense=name):
        pullback(np.ones_like(y))
    assert len(kernel.calls) == 3
