"""The heap of large arrays: nothing that is held is handed out again, what fits is, and what lies free stays little."""

import mmap
import os
import threading
import tracemalloc

import numpy as np
import pytest

from gan_np.kernels.cpu import heap
from gan_np.kernels.cpu.heap import CACHE_LINE, HUGE, LARGE, SMALL, SPARE, empty, on_a_line

pytestmark = pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="arrays are NumPy's own on this system")


@pytest.fixture
def fresh(monkeypatch):
    """A heap without anything in it."""
    made = heap._Heap()
    monkeypatch.setattr(heap, "_heap", made)
    return made


def test_smaller_arrays_are_numpys_own(fresh):
    assert empty((SMALL // 4 - 1,), np.float32).base is None
    between = empty((SMALL // 4 - 1 + CACHE_LINE, 1), np.float32)
    assert on_a_line(between)
    assert not on_a_line(between[1:])
    assert between.base.base is None
    assert not fresh.regions
    large = empty((LARGE // 32, 4), np.float64)
    assert large.base is not None
    assert (large.shape, large.dtype, large.flags.c_contiguous, large.flags.writeable) == (
        *((LARGE // 32, 4), np.float64),
        *(True, True),
    )
    assert large.ctypes.data % 64 == 0


def test_memory_is_handed_out_again_once_nobody_holds_it(fresh):
    array = empty(1 << 20, np.float32)
    place, view = array.ctypes.data, array[5:].reshape(-1, 1)
    del array
    assert empty(1 << 20, np.float32).ctypes.data != place, "a view still holds it"
    del view
    assert empty(1 << 20, np.float32).ctypes.data == place


def test_free_neighbours_are_one_piece(fresh):
    arrays = [empty(1 << 20, np.float32) for _ in range(4)]
    place = arrays[1].ctypes.data
    for index in (1, 3, 2):
        arrays[index] = None
    assert empty(3 << 20, np.float32).ctypes.data == place


def test_what_runs_in_the_middle_of_making_an_array_gets_one_of_numpys(fresh, monkeypatch):
    """A signal's handler does, in the same thread."""
    inner, settle = [], heap._Heap._settle

    def interrupted(self):
        inner.append(empty(LARGE, np.uint8))
        settle(self)

    monkeypatch.setattr(heap._Heap, "_settle", interrupted)
    empty(LARGE, np.uint8)
    assert on_a_line(inner[0])
    assert inner[0].base.base is None
    assert fresh.owner == 0


def test_a_system_without_huge_pages(fresh, monkeypatch):
    class Small(mmap.mmap):
        def madvise(self, advice, *place):
            if advice == mmap.MADV_HUGEPAGE:
                raise OSError(22, "Invalid argument")
            super().madvise(advice, *place)

    monkeypatch.setattr(mmap, "mmap", Small)
    assert not empty(LARGE, np.uint8).any(), "new pages are 0"


def churn(rng, steps, tag):
    """Take and free arrays in no order, each full of a number of its own; those whose numbers changed."""
    held, wrong = [], 0
    for step in range(steps):
        if held and rng.random() < 0.5:
            value, array = held.pop(rng.integers(len(held)))
            wrong += bool((array[:: 1 << 10] != value).any())
        else:
            array = empty(int(rng.integers(LARGE // 4, 1 << 20)), np.float32)
            array[:: 1 << 10] = step + tag
            held.append((step + tag, array))
            if len(held) > 12:
                held.pop(0)
    return wrong


def test_no_two_arrays_share_memory(fresh, rng):
    wrong = []
    threads = [
        threading.Thread(target=lambda tag=tag: wrong.append(churn(np.random.default_rng(tag), 150, 1000 * tag)))
        for tag in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [0, 0]
    assert fresh.resident <= fresh.most + SPARE // HUGE
    fresh._settle()
    (region,) = fresh.regions
    assert (fresh.held, region.pieces.count(0)) == (0, len(region.pieces))
    assert len(region.free) == 1


def test_a_piece_that_is_handed_out_twice_is_seen(fresh, monkeypatch):
    """The control of the test above: a heap that never takes a piece from what is free."""
    monkeypatch.setattr(heap._Region, "take", lambda self, size: 0)
    monkeypatch.setattr(heap._Region, "give", lambda self, start, stop: None)
    assert churn(np.random.default_rng(1), 100, 0)


def test_what_lies_free_goes_back_to_the_system(fresh):
    """Holes that are too small for what comes next: 6 times 8 MiB, every second one freed, then 24 MiB in one piece."""
    arrays = [empty(2 << 20, np.float32) for _ in range(6)]
    for array in arrays:
        array[:] = 1
    del arrays[::2], array
    assert fresh.resident >= 24
    whole = empty(6 << 20, np.float32)
    whole[:] = 2
    assert fresh.resident <= fresh.most + SPARE // HUGE < 24 + 13
    assert all((array == 1).all() for array in arrays)


def test_no_more_is_kept_than_is_allowed(fresh, monkeypatch):
    monkeypatch.setattr(heap, "MOST_FREE", 8 << 20)
    array = empty(8 << 20, np.float32)
    array[:] = 1
    del array
    small = empty(1 << 18, np.float32)
    assert fresh.resident * HUGE <= (8 << 20) + 2 * small.nbytes


def test_another_region_where_one_is_full(fresh, monkeypatch):
    monkeypatch.setattr(heap, "REGION", 4 << 20)
    arrays = [empty(3 << 18, np.float32) for _ in range(3)]
    assert len(fresh.regions) == 3
    for index, array in enumerate(arrays):
        array[:] = index
    assert [array[-1] for array in arrays] == [0, 1, 2]


def test_too_much_is_a_memory_error(fresh):
    with pytest.raises(MemoryError, match="MiB for an array"):
        empty((1 << 29, 1 << 20), np.float64)
    assert empty(1 << 20, np.float32).size == 1 << 20


def test_tracemalloc_counts_pieces(fresh):
    empty(1 << 20, np.float32)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        array = empty(1 << 20, np.float32)
        assert tracemalloc.get_traced_memory()[0] - before > array.nbytes
        del array
        assert tracemalloc.get_traced_memory()[0] - before < 1 << 16
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_takes_memory_while_a_thread_of_its_parent_did(fresh):
    with fresh.lock:
        child = os.fork()
        if child == 0:
            os._exit(int(empty(1 << 20, np.float32).size != 1 << 20))
    assert os.waitpid(child, 0)[1] == 0
