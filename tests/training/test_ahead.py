"""Reading ahead in a thread: the same values in the same order, errors where they belong, and a thread that ends."""

import gc
import threading
import time
import traceback
from collections.abc import Iterator

import pytest

from gan_np.training.sources.ahead import Ahead


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "gan_np reads ahead"]


def ended() -> bool:
    deadline = time.monotonic() + 5
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not threads()


def numbers(read: list[int], count: int = 100) -> Iterator[int]:
    for number in range(count):
        read.append(number)
        yield number


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_the_same_values_in_the_same_order(depth: int) -> None:
    assert list(Ahead(numbers([]), depth)) == list(range(100))
    assert ended()


def test_no_more_is_read_ahead_than_was_asked_for() -> None:
    read: list[int] = []
    ahead = Ahead(numbers(read), 3)
    assert read == [], "nothing before a value is asked for"
    assert next(ahead) == 0
    deadline = time.monotonic() + 5
    while len(read) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert read == [0, 1, 2, 3], "one used, three ahead"
    ahead.pause()
    assert ended()


def test_a_pause_loses_nothing() -> None:
    ahead = Ahead(numbers([]), 3)
    found = []
    for _ in range(20):
        found += [next(ahead), next(ahead)]
        ahead.pause()
        assert not ahead.running
    assert found == list(range(40))


def test_an_error_is_raised_where_its_value_was_asked_for_with_its_own_traceback() -> None:
    def breaks() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("disk gone")

    ahead = Ahead(breaks(), 5)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(OSError, match="disk gone") as failure:
        next(ahead)
    assert "breaks" in [frame.name for frame in traceback.extract_tb(failure.value.__traceback__)]
    assert ended()
    with pytest.raises(StopIteration):
        next(ahead)


def test_one_that_is_forgotten_ends_its_thread() -> None:
    ahead = Ahead(numbers([]), 2)
    next(ahead)
    assert threads()
    del ahead
    gc.collect()
    assert ended()


def test_reading_and_using_go_on_at_the_same_time() -> None:
    """Both wait for each other once: with one thread nobody would come to the second wait."""
    meeting = threading.Barrier(2, timeout=5)

    def meets() -> Iterator[int]:
        yield 0
        meeting.wait()
        yield 1

    ahead = Ahead(meets(), 1)
    assert next(ahead) == 0
    meeting.wait()
    assert next(ahead) == 1
