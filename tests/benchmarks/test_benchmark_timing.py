"""Turns, medians and ratios, with a clock that only moves when a candidate runs."""

import pytest

from benchmarks.timing import MOST_CALLS, Spread, Timing, alternate


class Clock:
    """Time passes in candidates (each call takes the next of its durations) and in sleep."""

    def __init__(self):
        self.now, self.log, self.slept = 100.0, [], []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept.append(seconds)

    def candidate(self, name, *durations):
        left = list(durations)

        def run():
            self.log.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run

    def time(self, candidates, **options):
        return alternate(candidates, clock=self, sleep=self.sleep, **options)


def test_candidates_take_turns_after_their_warm_up():
    clock = Clock()
    clock.time({"a": clock.candidate("a", 1.0), "b": clock.candidate("b", 2.0)}, repeats=3, warmup=2)
    assert clock.log == ["a", "a", "b", "b", *("a", "b") * 3]


def test_warm_up_is_dropped_and_medians_are_of_the_rounds():
    clock = Clock()
    found = clock.time({"a": clock.candidate("a", 50.0, 40.0, 1.0, 9.0, 2.0)}, repeats=3, warmup=2)
    assert found["a"].seconds == (1.0, 9.0, 2.0)
    assert found["a"].spread == Spread(1.5, 2.0, 5.5)
    assert found["a"].least == 1.0


def test_ratios_are_taken_round_by_round():
    # A machine that slows down by 10 halfway: each round's ratio is 2, the ratio of sorted times is not needed.
    slow, fast = Timing((2.0, 4.0, 40.0)), Timing((1.0, 2.0, 20.0))
    assert fast.speed_against(slow) == Spread(2.0, 2.0, 2.0)
    assert slow.speed_against(fast) == Spread(0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="zip"):
        Timing((1.0,)).speed_against(slow)


def test_short_candidates_are_called_often_enough_to_fill_a_turn():
    clock = Clock()
    candidates = {"short": clock.candidate("short", 0.25), "long": clock.candidate("long", 8.0)}
    found = clock.time(candidates, repeats=2, warmup=1, turn=1.0)
    assert (found["short"].calls, found["long"].calls) == (4, 1)
    assert found["short"].seconds == (0.25, 0.25)
    assert clock.log == ["short", "long", *[*["short"] * 4, "long"] * 2]


def test_calls_are_judged_by_the_fastest_warm_up_and_bounded():
    clock = Clock()
    found = clock.time({"a": clock.candidate("a", 100.0, 0.5)}, repeats=1, warmup=2, turn=1.0)
    assert found["a"].calls == 2
    found = clock.time({"a": clock.candidate("a", 0.0)}, repeats=1, turn=1.0)
    assert found["a"].calls == MOST_CALLS


def test_budget_ends_the_rounds_but_not_before_three():
    clock = Clock()
    found = clock.time({"a": clock.candidate("a", 10.0)}, repeats=100, seconds=1.0)
    assert len(found["a"].seconds) == 3
    found = clock.time({"a": clock.candidate("a", 1.0)}, repeats=100, seconds=5.0)
    assert len(found["a"].seconds) == 5


def test_rests_before_each_turn_are_not_timed():
    clock = Clock()
    found = clock.time({"a": clock.candidate("a", 1.0), "b": clock.candidate("b", 3.0)}, repeats=2, pause=0.5)
    assert clock.slept == [0.5] * 4
    assert (found["a"].seconds, found["b"].seconds) == ((1.0, 1.0), (3.0, 3.0))


@pytest.mark.parametrize("options", [{"repeats": 0}, {"warmup": 0}])
def test_nothing_to_time_is_refused(options):
    with pytest.raises(ValueError, match="at least 1"):
        alternate({"a": lambda: None}, **options)
