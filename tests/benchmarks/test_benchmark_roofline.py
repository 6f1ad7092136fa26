"""The machine's measured peaks, and how near a kernel comes to them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from benchmarks import roofline
from benchmarks.kernel_rows import Row
from benchmarks.roofline import Peaks
from benchmarks.timing import Timing
from gan_np.kernels.cases import dense_case

PEAKS = Peaks(gigaflops=100.0, gigabytes=10.0, side=1, mib=1.0)


def test_work_is_bound_by_arithmetic_or_by_memory():
    assert PEAKS.bound(operations=1e9, touched=0) == pytest.approx(0.01)
    assert PEAKS.bound(operations=1e9, touched=1e9) == pytest.approx(0.1)
    assert PEAKS.bound(operations=0, touched=1e9) == pytest.approx(0.1)
    # As min(peak, intensity · bandwidth) says it: 1 operation for each byte is 10 GFLOP/s.
    assert 1e9 / PEAKS.bound(operations=1e9, touched=1e9) / 1e9 == pytest.approx(min(100.0, 1.0 * 10.0))


def test_a_row_says_how_near_it_comes():
    case = dense_case("", 10, 100, 1000)  # 3 products of 2·10·100·1000 operations
    row = Row(case, "mine", "kernel", timing=Timing((1e-3,)), touched=400_000)
    found = row.numbers(PEAKS)
    assert found["gflops"] == pytest.approx(6.0)
    assert found["gbs"] == pytest.approx(0.4)
    assert found["operations_per_byte"] == pytest.approx(15.0)
    assert found["bound_by"] == "arithmetic"
    assert found["bound_milliseconds"] == pytest.approx(0.06)
    assert found["share_of_bound"] == pytest.approx(0.06)
    slow = row.numbers(PEAKS._replace(gigabytes=1.0))
    assert (slow["bound_by"], slow["bound_milliseconds"]) == ("memory", pytest.approx(0.4))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("count", [1, 1000, roofline.BLOCK * 3 + 17])
def test_the_triad_computes_what_it_says(threads, count, rng):
    b, c = rng.standard_normal((2, count))
    a = np.full(count, np.nan)
    with ThreadPoolExecutor(threads) as pool:
        roofline.triad(a, b, c, 2.5, pool, threads)
    np.testing.assert_array_equal(a, b + 2.5 * c)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_peaks_are_measured(dtype):
    found = roofline.measure(np.dtype(dtype), 1, quick=True)
    assert found.gigaflops > 0
    assert found.gigabytes > 0
    assert found.mib == np.dtype(dtype).itemsize


def test_kernels_are_held_against_the_peaks(measured, tmp_path):
    image = tmp_path / "roofline.png"
    arguments = ("--quick", "--operation", "dense", "--operation", "average", "--peer", "none")
    code, result, printed = measured("kernels", *arguments, "--roofline", str(image))
    assert code == 0
    peaks = Peaks(**dict(zip(Peaks._fields, result["peaks"].values(), strict=True)))
    for row in (row for row in result["rows"] if row["milliseconds"] is not None):  # without those that need a GPU
        bound = peaks.bound(row["operations"], row["bytes"])
        assert row["share_of_bound"] == pytest.approx(bound / row["milliseconds"]["median"] * 1e3)
        assert (row["gflops"] is None) == (row["operation"] == "average")
    assert image.read_bytes().startswith(b"\x89PNG")
    assert "of bound" in printed


def test_a_kernel_is_compared_with_the_other_library_too(measured):
    pytest.importorskip("torch")
    _, result, _ = measured("kernels", "--quick", "--operation", "dense", "--peer", "torch")
    for row in (row for row in result["rows"] if row["milliseconds"] is not None):
        assert (row["speed_against_peer"] is None) == (row["kind"] == "peer")
