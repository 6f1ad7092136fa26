"""What the machine can do at most, how near a call comes to it, and shares that cannot be."""

import numpy as np
import pytest

from benchmarks import caches, machine, plots, roof_loops, roofs
from benchmarks.caches import Cache, Caches
from benchmarks.kernel_rows import Row
from benchmarks.kernel_work import Amount, direct_operations, winograd_operations
from benchmarks.roofs import Bound, Rates, Roofs
from benchmarks.timing import Timing
from gan_np.kernels import Geometry
from gan_np.kernels.cases import dense_case

RATES = Rates(100e9, {"L1": 400e9, "L2": 100e9, "memory": 10e9}, {"L1": 1000, "L2": 9000})
SMALL = Caches({"L1": Cache(32 << 10, 1), "L2": Cache(256 << 10, 1), "L3": Cache(1 << 20, 2)}, "sysfs")


class TestCaches:
    def folder(self, path, **caches):
        for number, (level, kind, size, shared) in enumerate(caches.values()):
            place = path / f"index{number}"
            place.mkdir()
            for name, text in (("level", level), ("type", kind), ("size", size), ("shared_cpu_list", shared)):
                (place / name).write_text(f"{text}\n")
        return path

    def test_sizes_are_read(self, tmp_path):
        made = self.folder(
            tmp_path,
            code=(1, "Instruction", "32K", "0"),
            data=(1, "Data", "48K", "0,8"),
            second=(2, "Unified", "2M", "0"),
            third=(3, "Unified", "32M", "0-3,8-11"),
        )
        found = caches.find(made)
        assert found.levels == {"L1": Cache(48 << 10, 2), "L2": Cache(2 << 20, 1), "L3": Cache(32 << 20, 8)}
        assert found.source == "sysfs"

    def test_private_caches_add_up_and_a_shared_one_does_not(self):
        assert SMALL.capacity("L1", 2) == 64 << 10
        assert SMALL.capacity("L3", 2) == 1 << 20
        assert SMALL.capacity("L3", 3) == 2 << 20

    @pytest.mark.parametrize("text", ["", "much", "-1K"])
    def test_what_cannot_be_read_is_assumed_and_said(self, tmp_path, text):
        found = caches.find(self.folder(tmp_path, data=(1, "Data", text, "0")))
        assert found.source == "assumed"
        assert "assumed" in found.described()
        assert set(found.levels) == {"L1", "L2", "L3"}


class TestBound:
    def test_by_arithmetic_or_by_memory(self):
        assert RATES.bound(1e9, 0) == Bound(pytest.approx(0.01), "arithmetic")
        assert RATES.bound(0, 1e9).roof == "memory"
        assert RATES.bound(1e6, 1e9).roof == "memory"

    def test_each_level_serves_what_it_has_room_for(self):
        assert RATES.bound(0, 800) == Bound(pytest.approx(800 / 400e9), "L1")
        assert RATES.bound(0, 5000) == Bound(pytest.approx(1000 / 400e9 + 4000 / 100e9), "L2")
        everything = 1000 / 400e9 + 9000 / 100e9 + 90_000 / 10e9
        assert RATES.bound(0, 100_000) == Bound(pytest.approx(everything), "memory")

    def test_cold_caches_serve_nothing(self):
        assert RATES.bound(0, 800, cold=True) == Bound(pytest.approx(800 / 10e9), "memory")

    def test_the_larger_of_two_measurements(self):
        later = Rates(90e9, {"L1": 500e9}, RATES.capacity)
        assert RATES.larger(later) == Rates(100e9, {"L1": 500e9, "L2": 100e9, "memory": 10e9}, RATES.capacity)

    def test_a_nearer_level_is_at_least_as_fast(self):
        odd = RATES._replace(bandwidth={"L1": 5e9, "memory": 10e9})
        assert odd.bound(0, 1000).seconds == pytest.approx(1000 / 10e9)


def row(seconds, amount, rates=RATES):
    return Row(
        dense_case("", 10, 100, 1000), "mine", "kernel", "forward", amount, timing=Timing((seconds,)), rates=rates
    )


class TestShares:
    def test_of_the_nearest_roof(self):
        found = row(1e-3, Amount(2e6, 2e6, 400_000)).numbers()
        assert (found["gflops"], found["gbs"]) == (pytest.approx(2.0), pytest.approx(0.4))
        assert found["roof"] == "memory"
        assert found["share_of_roof"] == pytest.approx(RATES.bound(2e6, 400_000).seconds / 1e-3)
        assert found["effective_gflops"] is None

    def test_a_fast_algorithm_has_an_effective_rate(self):
        found = row(1e-3, Amount(160e6, 64e6, 1000)).numbers()
        assert (found["gflops"], found["effective_gflops"]) == (pytest.approx(64), pytest.approx(160))
        assert found["share_of_roof"] == pytest.approx(0.64)

    def test_what_is_more_than_possible_is_an_error_and_no_figure(self):
        # As a roof that was measured at half of what it is: the share would be 160 %.
        assert row(1e-3, Amount(80e6, 80e6, 1000)).numbers()["share_of_roof"] == pytest.approx(0.8)
        falsified = RATES._replace(flops=RATES.flops / 2)
        found = row(1e-3, Amount(80e6, 80e6, 1000), falsified).numbers()
        assert found["share_of_roof"] is None
        assert found["impossible_share"].startswith("160% of the roof (arithmetic): more than is possible")

    def test_a_little_more_is_what_timing_allows(self):
        assert row(1e-3, Amount(104e6, 104e6, 1000)).share == pytest.approx(1.04)

    def test_saved_arithmetic_excuses_no_memory(self):
        fast = Amount(8e6, 4e6, 100_000_000)
        assert row(1e-3, fast).impossible


class TestWork:
    def test_taps_on_padding_are_not_counted(self):
        geometry = Geometry(2, (4, 4, 3), (4, 4, 5), (3, 3), (1, 1), (1, 1))
        # Of 4 places 2 see all three rows, 2 see two: 10 pairs along each axis.
        assert direct_operations(geometry) == 2 * 2 * 3 * 5 * 10 * 10
        whole = geometry._replace(padding=(0, 0), small=(2, 2, 5))
        assert direct_operations(whole) == whole.operations

    def test_by_counting_one_by_one(self):
        geometry = Geometry(1, (7, 6, 1), (4, 3, 1), (3, 4), (2, 2), (1, 1))
        pairs = 0
        for i in range(4):
            for j in range(3):
                for u in range(3):
                    for v in range(4):
                        pairs += 0 <= 2 * i + u - 1 < 7 and 0 <= 2 * j + v - 1 < 6
        assert direct_operations(geometry) == 2 * pairs

    def test_fewer_products_in_a_fast_algorithm(self):
        geometry = Geometry(64, (32, 32, 64), (16, 16, 128), (4, 4), (2, 2), (1, 1))
        products = 2 * 25 * 64 * 16 * 256 * 128
        assert products < winograd_operations(geometry, "forward") < 0.6 * direct_operations(geometry)


class TestLoops:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_they_compute_what_they_say(self, dtype, rng):
        lanes = 64 // np.dtype(dtype).itemsize
        a, b, c = rng.standard_normal((3, 12 * lanes)).astype(dtype)
        before = a.copy()
        roof_loops.triad(a, b, c, 8, 2)
        tolerance = 1e-5 if dtype == np.float32 else 1e-13
        np.testing.assert_allclose(a[: 8 * lanes], (b + 3 * c)[: 8 * lanes], rtol=tolerance, atol=tolerance)
        np.testing.assert_array_equal(a[8 * lanes :], before[8 * lanes :])
        out = np.zeros(lanes, dtype)
        roof_loops.read(b, 8, 1, out)
        np.testing.assert_allclose(out.sum(), b[: 8 * lanes].sum(), rtol=1e-4, atol=1e-4)
        few = np.full(3 * lanes, 0.5, dtype)
        roof_loops.multiply_add(few, 4)
        one = 0.5
        for _ in range(4):
            one = one * 0.5 + 0.5
        np.testing.assert_allclose(few[:lanes], roof_loops.CHAINS * one, rtol=1e-6)

    def test_roofs_are_measured(self):
        made = Roofs(np.dtype(np.float32), 1, SMALL, seconds=0.002)
        found = made.measure(arithmetic=True, levels=["L1", "memory"])
        made.sweep()
        made.close()
        assert found.flops > 1e8
        assert set(found.bandwidth) == {"L1", "memory"}
        assert all(rate > 1e8 for rate in found.bandwidth.values())

    def test_only_what_a_call_can_meet_is_measured(self):
        made = Roofs(np.dtype(np.float32), 2, SMALL)
        assert made.levels_for(1000) == ["L1"]
        assert made.levels_for(100 << 10) == ["L1", "L2"]
        assert made.levels_for(100 << 20) == ["L1", "L2", "L3", "memory"]
        assert made.levels_for(1000, cold=True) == ["memory"]
        made.close()

    def test_a_disturbed_first_try_is_tried_again(self, monkeypatch):
        """A count that filled no time is scaled up until it does: else the threads' start would be measured."""
        made = Roofs(np.dtype(np.float32), 1, SMALL, seconds=0.06)
        asked = []
        monkeypatch.setattr(made, "_once", lambda run, count: asked.append(count) or 1e-4 + count * 1e-6)
        rate = made._calls("x", None)
        made.close()
        assert rate == pytest.approx(1e6, rel=0.05)
        assert max(asked) >= 5000


def test_kernels_are_held_against_the_roofs(measured, tmp_path):
    image = tmp_path / "roofline.png"
    arguments = ("--quick", "--operation", "dense", "--operation", "average", "--peer", "none")
    _, result, printed = measured("kernels", *arguments, "--roofline", str(image))
    for found in result["rows"]:
        assert found["roof"] in ("arithmetic", *roofs.PLACES)
        if not found["impossible_share"]:
            share = found["bound_milliseconds"] / found["milliseconds"]["median"]
            assert found["share_of_roof"] == pytest.approx(share)
        assert (found["gflops"] is None) == (found["operation"] == "average")
    assert image.read_bytes().startswith(b"\x89PNG")
    assert "of roof" in printed


@pytest.mark.parametrize("kinds", ["points", "streams", "both"])
def test_a_plot_of_roofs_has_no_empty_panel_and_no_names_on_each_other(kinds, tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(plots, "_save", lambda figure, *_: kept.append(figure))
    rates = roofs.Rates(1.5e11, {"L1": 286e9, "L2": 56e9, "L3": 51e9, "memory": 13e9}, {})
    points = [("dense, forward", "numba", 20.0, 90.0)] if kinds != "streams" else []
    streams = [("adam, step", "numba", 22.0)] if kinds != "points" else []
    plots.save_roofline(tmp_path / "x.png", "roofs", points, streams, rates, machine.describe())
    (figure,) = kept
    figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.axison]
    assert len(panels) == len([part for part in (points, streams) if part])
    for axes in panels:
        written = [
            text
            for text in axes.texts
            if any(name in text.get_text() for name in ("L1", "L2", "L3", "memory", "GFLOP"))
        ]
        ticks = [text for text in axes.get_xticklabels(which="both") if text.get_text()]
        for texts in (written, ticks):
            boxes = [text.get_window_extent() for text in texts]
            for number, box in enumerate(boxes):
                assert not any(box.overlaps(other) for other in boxes[:number]), [text.get_text() for text in texts]


def test_a_roof_that_is_falsified_is_found_out(measured, monkeypatch):
    """A bound a thousand times too long: every share would be far above 100 %."""
    real = Roofs.measure

    def falsified(self, **what):
        rates = real(self, **what)
        return Rates(
            rates.flops and rates.flops / 1e6, {k: v / 1e6 for k, v in rates.bandwidth.items()}, rates.capacity
        )

    monkeypatch.setattr(Roofs, "measure", falsified)
    _, result, printed = measured("kernels", "--quick", "--operation", "average", "--peer", "none")
    assert all(found["share_of_roof"] is None for found in result["rows"])
    assert "more than is possible" in printed
    assert "% mem" not in printed
