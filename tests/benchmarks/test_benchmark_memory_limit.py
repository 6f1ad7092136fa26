"""`python -m benchmarks memory --limit`: the largest batch within some memory, from few small ones."""

import sys

import pytest

from benchmarks import memory_limit

GIB = 2**30


def test_a_straight_line_needs_three_measurements():
    asked = []

    def peak(batch):
        asked.append(batch)
        return 100 + 3 * batch

    fit = memory_limit.largest(peak, limit=1000, batch=64)
    assert asked == [32, 64, 300]
    assert (fit.batch, fit.peak, fit.each) == (300, 1000, 3.0)


def test_what_is_found_is_measured_where_the_line_is_bent():
    """A quarter more from a batch of 128 on: what the line says does not fit, and is not what is answered."""

    def peak(batch):
        return 100 + 3 * batch + max(0, batch - 128) // 4

    fit = memory_limit.largest(peak, limit=1000, batch=64)
    assert fit.peak == peak(fit.batch) <= 1000
    assert 270 < fit.batch < 300


def test_a_batch_for_which_memory_runs_out_is_not_the_answer():
    fit = memory_limit.largest(lambda batch: None if batch > 290 else 100 + 3 * batch, limit=1000, batch=64)
    assert 250 < fit.batch <= 290


def test_where_nothing_fits():
    assert memory_limit.largest(lambda batch: 2000 + 3 * batch, limit=1000, batch=64).batch is None
    with pytest.raises(ValueError, match="limit: a batch of 32 does not fit"):
        memory_limit.largest(lambda batch: None, limit=1000, batch=64)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), 5.1])
def test_a_limit_that_is_none_or_too_much_for_the_machine_is_refused(limit):
    with pytest.raises(ValueError, match="limit: "):
        memory_limit.check(limit, 10 * GIB)
    memory_limit.check(4.9, 10 * GIB)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.campaign
def test_the_largest_batch_of_a_small_dcgan(measured):
    code, result, printed = measured("memory", "--quick", "--peer", "none", "--limit", "0.3")
    assert code == 0
    (row,) = result["rows"]
    assert row["batch_size"] > 16
    assert 0.8 * 300 < row["peak_mib"] <= 0.3 * 1024
    assert "largest batch" in printed
