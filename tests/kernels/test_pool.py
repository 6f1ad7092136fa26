"""The pool of threads: every index once, whatever is done around it; numbers of threads; threads, forks and exits."""

import ctypes
import os
import re
import subprocess
import sys
import threading

import numba
import numpy as np
import pytest
from llvmlite import binding, ir
from numba.core import types

from gan_np import kernels
from gan_np.kernels import Activation, threads
from gan_np.kernels.cpu import pool
from gan_np.kernels.cpu.compiled import compiled, intrinsic
from gan_np.kernels.cpu.workspace import buffer


@compiled
def count_calls(index, thread, calls, who):
    calls[index] += 1
    who[index] = thread


@compiled
def square(index, thread, given, results):
    results[index] = given[index] * given[index]


@compiled
def linger(index, thread, who, rounds):
    """Some work, so that every thread gets its share."""
    total = 0.0
    for step in range(rounds):
        total += np.sqrt(float(step + index))
    who[index] = thread if total >= 0 else -2


@compiled
def fail(index, thread, at):
    if index == at:
        raise ValueError


@intrinsic
def owner(typing, array):
    """The address of what counts references to an array; 0 for one that nobody owns."""

    def build(context, builder, signature, arguments):
        (kind,) = signature.args
        return builder.ptrtoint(context.make_array(kind)(context, builder, arguments[0]).meminfo, ir.IntType(64))

    return types.int64(array), build


@compiled
def owners(index, thread, single, several, found):
    found[3 * index] = owner(single)
    found[3 * index + 1] = owner(several[1])
    found[3 * index + 2] = owner(several[2][0])


@compiled
def owner_outside(array):
    return owner(array)


@compiled
def owners_in_parallel(state, count, arguments):
    return pool.parallel(state, owners, count, arguments)


def hand_out(count):
    calls, who = np.zeros(count, np.int8), np.full(count, -1, np.int8)
    pool.run(count_calls, "calls", count, (calls, who))
    return calls, who


@pytest.mark.parametrize("number", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7, 1000, 100_003])
def test_every_index_once(number, count):
    with threads.held_to(number):
        for _ in range(5):
            calls, who = hand_out(count)
            assert (calls == 1).all()
            assert count == 0 or 0 <= who.min() <= who.max() < number


def test_every_index_once_is_seen_to_fail(monkeypatch):
    """The negative control: a job that is handed out twice."""
    calls, who = np.zeros(10, np.int8), np.zeros(10, np.int8)
    for _ in range(2):
        pool.run(count_calls, "calls", 10, (calls, who))
    assert not (calls == 1).all()


@pytest.mark.parametrize("count", [pool.INDICES - 1, pool.INDICES, pool.INDICES + 1])
def test_huge_counts(count):
    """The ticket holds 24 bits of index; what is more, the caller does alone."""
    with threads.held_to(2):
        calls, who = hand_out(count)
        assert (calls == 1).all()
        assert count <= pool.INDICES or who.max() == 0
        assert (hand_out(3)[0] == 1).all(), "the next job is whole again"


def test_all_threads_work():
    with threads.held_to(3):
        for _ in range(5000):  # beside other programs a thread may have to wait long for its turn
            who = np.full(64, -1)
            pool.run(linger, "linger", 64, (who, 20_000))
            if set(who) == {0, 1, 2}:
                return
    pytest.fail(f"only threads {set(who)} ever worked")


def test_fewer_threads_from_one_job_to_the_next():
    """A worker that was about to take from the last job may not take from the next one, which has no room for it.

    Kernels give each thread its own piece of memory, as many as there are threads.
    """
    for _ in range(3000):
        with threads.held_to(6):
            hand_out(12)
        with threads.held_to(2):
            _, who = hand_out(12)
        assert who.max() < 2


def test_a_part_that_fails():
    with threads.held_to(2):
        for at in (0, 5, 9):
            with pytest.raises(RuntimeError, match="fail failed with code"):
                pool.run(fail, "fail", 10, (at,))
        pool.run(fail, "fail", 10, (10,))
        with threads.held_to(1), pytest.raises(RuntimeError, match="fail failed with code"):
            pool.run(fail, "fail", 10, (3,))
    assert (hand_out(100)[0] == 1).all()


def test_parts_count_no_references():
    """Counting is atomic and on one cache line: threads would wait for each other in every call of a function."""
    array, nested = np.zeros(5), (3, np.zeros(2), (np.ones(4),))
    found = np.full(9, -1, np.int64)
    pool.run(owners, "owners", 3, (array, nested, found))
    assert not found.any()
    found[:] = -1
    assert owners_in_parallel(pool.state(), 3, (array, nested, found)) == 0
    assert not found.any()
    assert owner_outside(array), "the negative control: everywhere else an array has an owner"


def test_other_argument_types_under_the_same_key():
    """Calling with them would read memory as something that it is not."""
    given = np.arange(5.0)
    results = np.zeros(5)
    pool.run(square, "float64", 5, (given, results))
    np.testing.assert_array_equal(results, given**2)
    with pytest.raises(TypeError, match="key: square was first run with other argument types under 'float64'"):
        pool.run(square, "float64", 5, (given.astype(np.float32), results.astype(np.float32)))
    with pytest.raises(TypeError, match="key: "):
        pool.run(square, "float64", 5, (given, results.reshape(5, 1)))
    singles = results.astype(np.float32)
    pool.run(square, "float32", 5, (given.astype(np.float32), singles))
    np.testing.assert_array_equal(singles, singles)
    pool.run(square, "float64", 5, (given, results))


@pytest.mark.parametrize("wrong", ["float32", "float64", "int32", "uint8"])
def test_a_wrong_first_call_is_not_remembered(wrong):
    """Through kernels themselves, below the checks of operations: refused, and the next right call gets its right answer."""
    dense = kernels.entry("dense", "numba").implementation
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_compiled_parts", {})
        for dtype in (np.float32, np.float64):
            if np.dtype(dtype) == wrong:
                continue
            x, w, dz = (rng.standard_normal(shape).astype(dtype) for shape in ((32, 96), (96, 64), (32, 64)))
            other = dz.astype(wrong)
            for call in (lambda: dense.input_gradient(other, w), lambda: dense.weight_gradient(x, other)):  # noqa: B023
                with pytest.raises(TypeError, match="arrays must all be float32 or all float64, got"):
                    call()
            np.testing.assert_allclose(dense.input_gradient(dz, w), dz @ w.T, rtol=0, atol=1e-4)
            np.testing.assert_allclose(dense.weight_gradient(x, dz), x.T @ dz, rtol=0, atol=1e-4)


def test_entries_are_compiled_for_floats_only():
    for dtype in (np.int32, np.uint8, np.float16, ">f4"):
        y = np.ones((4, 3), dtype)
        with pytest.raises(TypeError, match=f"compiled for float32 and float64, got {np.dtype(dtype)}"):
            kernels.entry("bias_activation", "numba").implementation.forward(y, np.ones(3, dtype), Activation("relu"))


def test_several_python_threads_at_once():
    """One has the pool, the others do their work alone; nobody waits for long and nothing is lost."""
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(300):
            calls, _ = hand_out(int(rng.integers(0, 200)))
            if not (calls == 1).all():
                wrong.append(calls)

    with threads.held_to(2):
        others = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for other in others:
            other.start()
        work(9)
        for other in others:
            other.join(60)
    assert not any(other.is_alive() for other in others)
    assert not wrong


class TestCounts:
    def test_set_and_held(self):
        before = threads.count()
        with threads.held_to(3):
            assert threads.count() == 3
            hand_out(10)
            assert pool.state()[pool.THREADS] == 3
            with threads.held_to(1):
                assert set(hand_out(10)[1]) == {0}
            assert threads.count() == 3
        assert threads.count() == before
        threads.set_count(2)
        try:
            assert pool.state()[pool.THREADS] == 2
        finally:
            threads.set_count(before)

    def test_an_exception_restores(self):
        before = threads.count()
        with pytest.raises(KeyError), threads.held_to(before + 1):
            raise KeyError
        assert threads.count() == before

    @pytest.mark.parametrize(
        ("number", "error", "words"),
        [(0, ValueError, "at least 1"), (-3, ValueError, "-3"), (True, TypeError, "True"), (1.5, TypeError, "1.5")],
    )
    def test_bad_numbers(self, number, error, words):
        with pytest.raises(error, match=f"number: .*{words}"):
            threads.set_count(number)

    def test_workers_are_started_once(self):
        with threads.held_to(4):
            hand_out(10)
        for _ in range(5):
            with threads.held_to(2):
                hand_out(10)
            with threads.held_to(4):
                hand_out(10)
        named = [thread for thread in threading.enumerate() if thread.name == "gan_np kernels"]
        assert len(named) == len(pool._pool.workers)


START = """
import os, sys, threading, time
import numpy as np
from gan_np.kernels import entry, threads
from gan_np.kernels.cpu import pool
dense = entry("dense", "numba").implementation
x = np.random.default_rng(0).standard_normal((200, 100)).astype(np.float32)
w = np.random.default_rng(1).standard_normal((100, 300)).astype(np.float32)
expected = x.astype(float) @ w

def right():
    return np.abs(dense.forward(x, w) - expected).max() < 1e-3
"""


def python(code, seconds=120, **environment):
    """A fresh process; what it printed. It must end in time, with 0, and without a word on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", START + code],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stderr == ""
    return done.stdout.split()


def test_the_environment_says_how_many_in_a_fresh_process():
    code = "assert right(); print(threads.count(), pool.state()[pool.THREADS], threading.active_count())"
    assert python(code, GAN_NP_NUM_THREADS="3", OMP_NUM_THREADS="5") == ["3"] * 3


@pytest.fixture
def fresh_count(monkeypatch):
    """As in a process that has not counted yet, with none of the variables set."""
    monkeypatch.setattr(threads, "_count", None)
    for name in threads.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("environment", "number"),
    [
        ({"GAN_NP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"NUMBA_NUM_THREADS": "2"}, 2),
        ({"GAN_NP_NUM_THREADS": "2", "OMP_NUM_THREADS": "5", "NUMBA_NUM_THREADS": "7"}, 2),
        ({"GAN_NP_NUM_THREADS": " ", "OMP_NUM_THREADS": "5"}, 5),
        ({}, threads._cores()),
    ],
    ids=str,
)
def test_the_environment_says_how_many(environment, number, fresh_count):
    for name, value in environment.items():
        fresh_count.setenv(name, value)
    assert threads.count() == number
    fresh_count.setenv("GAN_NP_NUM_THREADS", str(number + 1))
    assert threads.count() == number, "asked once"


@pytest.mark.parametrize("name", threads.ENVIRONMENT)
@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²"])
def test_bad_values_in_the_environment(name, value, fresh_count):
    fresh_count.setenv(name, value)
    with pytest.raises(ValueError, match=re.escape(f"{name}: expected a whole number above 0, got {value!r}")):
        threads.count()
    fresh_count.setenv(name, "2")
    assert threads.count() == 2, "a mistake put right counts"


FORK = """
threads.set_count(2)
assert right()
for _ in range(5):
    child = os.fork()
    if child == 0:
        good = all(right() for _ in range(20)) and len(pool._pool.workers) == 1
        LEAVE(0 if good else 7)
    assert right()
    assert os.waitpid(child, 0)[1] == 0
    assert right()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("leave", ["os._exit", "sys.exit"])
def test_fork(leave):
    """Child computes with workers of its own, the parent goes on."""
    # With sys.exit the child ends as a process usually does, its workers stopped.
    assert python(FORK.replace("LEAVE", leave)) == ["done"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_buffers_of_its_own():
    mine = buffer("fork", 1 << 20, np.float32)
    mine[:] = 1.0
    child = os.fork()
    if child == 0:
        buffer("fork", 1 << 20, np.float32)[:] = 2.0
        os._exit(0)
    os.waitpid(child, 0)
    assert (mine == 1.0).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_while_another_thread_computes():
    code = """
threads.set_count(2)
assert right()
stop, wrong = threading.Event(), []

def compute():
    while not stop.is_set():
        if not right():
            wrong.append(1)

other = threading.Thread(target=compute)
other.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        os._exit(0 if all(right() for _ in range(5)) else 7)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
other.join()
print(len(wrong), right())
"""
    assert python(code) == ["0", "True"]


def test_spawn(tmp_path):
    script = tmp_path / "spawned.py"
    script.write_text(
        START
        + """
def several(number):
    return [bool(right()) for _ in range(number)]

if __name__ == "__main__":
    import multiprocessing
    assert right()
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        found = processes.map(several, [3, 4, 5], chunksize=1)
    print(sum(map(sum, found)), right())
"""
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["12", "True"], "")


ENDINGS = {
    "while workers spin": "",
    "while they nap": "time.sleep(0.1)",
    "while they wait": "while pool._pool.state[pool.AWAKE]: time.sleep(0.05)",
    "with more workers than threads": "threads.set_count(1); right()",
    "while a daemon thread computes": """
def forever():
    while True:
        right()
threading.Thread(target=forever, daemon=True).start()
time.sleep(0.2)
""",
    "while a thread is about to compute": """
def late():
    time.sleep(0.3)
    assert right()
threading.Thread(target=late).start()
""",
    "computing at exit": "import atexit; atexit.register(right)",
    "by sys.exit": "sys.exit(0)",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_the_process_ends(ending):
    """No hang, no abort: exit code 0, soon."""
    assert python(f"threads.set_count(3); assert right(); print('here')\n{ending}", 60) == ["here"]


def test_an_idle_process_rests():
    """Workers that find nothing to do for some seconds use no time at all, and come back when there is work."""
    code = """
threads.set_count(3)
assert right()
deadline = time.monotonic() + 60
while pool._pool.state[pool.AWAKE] and time.monotonic() < deadline:
    time.sleep(0.05)
before = time.process_time()
time.sleep(1)
used = time.process_time() - before
assert right()
deadline = time.monotonic() + 60
while not pool._pool.state[pool.AWAKE] and time.monotonic() < deadline:
    time.sleep(0.05)
print(used < 0.02, pool._pool.state[pool.AWAKE] > 0)
"""
    assert python(code) == ["True", "True"]


def test_naps_with_the_functions_of_another_system(monkeypatch):
    """Windows sleeps in milliseconds and has another name for giving way: what is compiled calls them, rounded up."""
    calls = []
    number, none = ctypes.c_int32, ctypes.CFUNCTYPE(ctypes.c_int32)
    sleep = ctypes.CFUNCTYPE(number, number)(lambda milliseconds: calls.append(milliseconds) or 0)
    give_way = none(lambda: calls.append("gave way") or 0)
    for name, function in (("gan_np_test_Sleep", sleep), ("gan_np_test_SwitchToThread", give_way)):
        binding.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)
    monkeypatch.setattr(pool, "SLEEP", "gan_np_test_Sleep")
    monkeypatch.setattr(pool, "SLEEP_UNIT", 1000)
    monkeypatch.setattr(pool, "GIVE_WAY", "gan_np_test_SwitchToThread")

    @numba.njit  # not kept on disk
    def wait(microseconds):
        pool.nap(microseconds)

    for microseconds in (-1, 0, 50, 1000, 2500):
        wait(microseconds)
    assert calls == ["gave way", 1, 1, 3]
