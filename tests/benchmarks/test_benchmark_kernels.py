"""`python -m benchmarks kernels`: every kernel of the table is measured, and a wrong one is not passed over."""

import numpy as np
import pytest

from benchmarks.kernel_calls import IN_PLACE, calls, flat
from gan_np import kernels

COLUMNS = {
    "operation",
    "case",
    "method",
    "shape",
    "candidate",
    "kind",
    "default",
    "agrees",
    "error",
    "milliseconds",
    "gbs",
}

WRONG = """
import gan_np as gn

@gn.register_kernel("average", "hasty")
class Hasty:
    def step(self, average, values, decay, skip=None):
        average *= decay
        average += values * (1 - decay) * 1.01
"""

# Right on every shape of a DCGAN, wrong on the odd ones.
WRONG_ON_ODD_SHAPES = """
import gan_np as gn

@gn.register_kernel("average", "even_only")
class EvenOnly:
    def step(self, average, values, decay, skip=None):
        even = len(values) // 4 * 4
        average[:even] *= decay
        average[:even] += (1 - decay) * values[:even]
"""

RIGHT = """
import gan_np as gn

@gn.register_kernel("average", "by_difference", cost=0.001)
class ByDifference:
    def step(self, average, values, decay, skip=None):
        if skip is None or not skip:
            average += (1 - decay) * (values - average)
"""

FAILING = """
import gan_np as gn

@gn.register_kernel("average", "failing")
class Failing:
    def step(self, average, values, decay, skip=None):
        raise OverflowError("no luck")
"""

MODIFYING = """
import gan_np as gn

@gn.register_kernel("softplus", "greedy")
class Greedy:
    reference = gn.kernels.entry("softplus", "reference").implementation

    def forward(self, s):
        y = self.reference.forward(s)
        s[:] = 0
        return y

    def derivative(self, s):
        return self.reference.derivative(s)

@gn.register_kernel("softplus", "innocent")
class Innocent:
    reference = gn.kernels.entry("softplus", "reference").implementation

    def forward(self, s):
        return self.reference.forward(s)

    def derivative(self, s):
        return self.reference.derivative(s)
"""

PICKY = """
import gan_np as gn

@gn.register_kernel("average", "picky", supports=lambda problem: "only for seven values")
class Picky:
    def step(self, average, values, decay, skip=None):
        raise AssertionError("was told not to")
"""


def by_candidate(result):
    return {row["candidate"]: row for row in result["rows"]}


@pytest.mark.campaign
def test_every_kernel_of_the_table_is_measured(measured):
    code, result, printed = measured("kernels", "--quick", "--peer", "none")
    assert code == 0
    rows = result["rows"]
    assert all(set(row) >= COLUMNS for row in rows)
    assert {row["operation"] for row in rows} == set(kernels.OPERATIONS)
    found = {(row["operation"], row["candidate"]) for row in rows}
    dtype = np.dtype(np.float32)
    can = {
        (case.operation, entry.name)
        for case in kernels.list_cases(size="dcgan")
        for entry in kernels.available(case.operation, case.problem(dtype))
    }
    assert found == can
    for row in rows:
        assert row["agrees"], row
        assert row["kind"] == "kernel"
        assert row["error"] < 2e-5
        assert 0 < row["least_milliseconds"] <= row["milliseconds"]["median"]
        assert row["rounds"]
        assert row["gbs"] > 0
        assert (row["gflops"] is not None) == (row["operation"] in ("conv2d", "dense", "dense_layer"))
        assert row["effective_gflops"] is None or row["candidate"] == "winograd"
        if row["candidate"] == "reference":
            assert row["speed_against_reference"] == {"low": 1.0, "median": 1.0, "high": 1.0}
    methods = {(row["operation"], row["method"]) for row in rows}
    assert {("conv2d", name) for name in ("forward", "input gradient", "weight gradient")} <= methods
    assert {("adam", "step"), ("running", "update"), ("batch_norm", "backward")} <= methods
    defaults = [row for row in rows if row["default"]]
    # On the processor the parts of a logistic loss do its work.
    cases = {(row["operation"], row["case"], row["method"]) for row in rows if row["operation"] != "logistic"}
    assert {(row["operation"], row["case"], row["method"]) for row in defaults} == cases
    assert len(defaults) == len(cases)
    assert result["benchmark"] == "kernels"
    assert result["command"].startswith("python -m benchmarks kernels --quick")
    assert result["machine"]["cpu"]
    assert result["date"].startswith("20")
    assert result["dtype"] == "float32"
    assert "× ref" in printed
    assert max(map(len, printed.splitlines())) <= 100


def test_a_shape_of_ones_own(measured):
    options = (
        "--operation conv2d --shape 2,9,7,3 --out-channels 5 --kernel 3,2 --stride 2,1 --padding 1 --dtype float64"
    )
    code, result, _ = measured("kernels", "--quick", "--kernels", "im2col", *options.split())
    assert code == 0
    rows = by_candidate(result)
    assert {"reference", "im2col"} <= set(rows)
    assert rows["im2col"]["shape"] == [2, 9, 7, 3]
    assert rows["im2col"]["error"] < 1e-11
    rows = [row for row in result["rows"] if row["candidate"] == "im2col"]
    assert [row["method"] for row in rows] == ["forward", "input gradient", "weight gradient"]
    # Pairs of a place and a tap inside the image: rows 5·3 − 2 on padding, columns 8·2 − 2; then 2 operations a channel
    # pair.
    work = 2 * (5 * 3 - 2) * (8 * 2 - 2) * 3 * 5 * 2
    for row in rows:
        assert row["operations"] == work
        assert row["bytes"] == 8 * (2 * 9 * 7 * 3 + 3 * 2 * 3 * 5 + 2 * 5 * 8 * 5)
        seconds = row["milliseconds"]["median"] / 1e3
        assert row["gflops"] == pytest.approx(work / seconds / 1e9)


def test_a_wrong_kernel_is_reported_and_ends_with_1(measured, own_kernel):
    code, result, printed = measured("kernels", "--quick", "--operation", "average", "--import", own_kernel(WRONG))
    row = by_candidate(result)["hasty"]
    assert code == 1
    assert not row["agrees"]
    assert row["error"] > 1e-6
    assert by_candidate(result)["reference"]["agrees"]
    assert "wrong: hasty of average" in printed
    assert row["milliseconds"] is not None


def test_a_wrong_kernel_is_found_by_its_numbers_alone(measured, own_kernel):
    code, result, _ = measured(
        "kernels", "--quick", "--operation", "average", "--no-check", "--import", own_kernel(WRONG)
    )
    assert code == 1
    assert "differs from the reference" in by_candidate(result)["hasty"]["wrong"]


def test_the_small_cases_find_what_the_timed_one_does_not(measured, own_kernel):
    arguments = ("kernels", "--quick", "--operation", "average", "--import", own_kernel(WRONG_ON_ODD_SHAPES))
    code, result, _ = measured(*arguments)
    assert code == 1
    assert "case 'vector'" in by_candidate(result)["even_only"]["wrong"]
    kernels.unregister_kernel("average", "even_only")
    code, result, _ = measured(*arguments, "--no-check")
    assert code == 0


def test_a_right_kernel_of_ones_own_is_timed(measured, own_kernel):
    code, result, _ = measured("kernels", "--quick", "--operation", "average", "--import", own_kernel(RIGHT))
    row = by_candidate(result)["by_difference"]
    assert code == 0
    assert row["default"]
    assert row["speed_against_reference"]["median"] > 0


def test_a_kernel_that_fails_is_reported(measured, own_kernel):
    code, result, printed = measured("kernels", "--quick", "--operation", "average", "--import", own_kernel(FAILING))
    assert code == 1
    assert by_candidate(result)["failing"]["milliseconds"] is None
    assert "OverflowError: no luck" in printed


def test_a_kernel_that_does_not_support_the_case_is_passed_over(measured, own_kernel):
    code, result, printed = measured("kernels", "--quick", "--operation", "average", "--import", own_kernel(PICKY))
    assert code == 0
    assert "picky" not in by_candidate(result)
    assert "picky" not in printed


def test_a_kernel_that_modifies_its_arrays_spoils_no_other(measured, own_kernel):
    code, result, _ = measured(
        "kernels", "--quick", "--operation", "softplus", "--no-check", "--import", own_kernel(MODIFYING)
    )
    rows = by_candidate(result)
    assert code == 1
    assert not rows["greedy"]["agrees"]
    assert rows["innocent"]["agrees"]
    assert rows["innocent"]["error"] == rows["reference"]["error"]


def test_a_forced_kernel_that_cannot_do_the_case_does_not_stop_it(measured, own_kernel, monkeypatch):
    monkeypatch.setenv("GAN_NP_KERNELS", "average=picky")
    code, result, _ = measured("kernels", "--quick", "--operation", "average", "--import", own_kernel(PICKY))
    assert code == 0
    assert not any(row["default"] for row in result["rows"])
    assert result["machine"]["forced_kernels"] == "average=picky"


@pytest.mark.parametrize("operation", sorted(IN_PLACE))
def test_steps_timed_in_place_stay_finite(operation):
    (case,) = kernels.list_cases(operation, size="small")
    arrays = case.make(np.random.default_rng(0), np.dtype(np.float32))
    kernel = kernels.entry(operation, "reference").implementation
    for _ in range(2000):
        IN_PLACE[operation](kernel, *arrays)
    assert all(np.isfinite(array).all() for array in arrays)


@pytest.mark.parametrize("operation", kernels.OPERATIONS)
def test_a_call_is_one_method_and_its_results_agree(operation):
    dtype = np.dtype(np.float32)
    cases = kernels.list_cases(operation)
    for case in [cases[0], cases[-1]] if operation == "conv2d" else cases:
        arrays = case.make(np.random.default_rng(0), dtype)
        before = [array.copy() for array in arrays]
        found = {}
        for entry in kernels.available(operation, case.problem(dtype)):
            made = calls(case, entry.name, entry.implementation, arrays, dtype)
            found[entry.name] = {call.method for call in made}
            assert all(call.amount.bytes > 0 for call in made)
            if operation not in IN_PLACE:
                assert [flat(call.run()) for call in made]
        assert len(set(map(frozenset, found.values()))) == 1, found
        for array, old in zip(arrays, before, strict=True):
            np.testing.assert_array_equal(array, old)


def test_bytes_are_those_that_must_move():
    dtype = np.dtype(np.float32)
    (case,) = kernels.list_cases("adam")
    arrays = case.make(np.random.default_rng(0), dtype)
    (call,) = calls(case, "reference", kernels.entry("adam", "reference").implementation, arrays, dtype)
    assert call.amount.bytes == 7 * arrays[0].nbytes  # θ, g, m, v read; θ, m, v written


@pytest.mark.parametrize("peer", ["torch", "scipy", "onnxruntime"])
@pytest.mark.parametrize("operation", ["conv2d", "dense", "softplus"])
def test_other_libraries_beside_it(measured, operation, peer):
    pytest.importorskip(peer)
    small = ("--shape", "2,9,8,3", "--out-channels", "5") if operation == "conv2d" else ()
    code, result, _ = measured("kernels", "--quick", "--operation", operation, "--peer", peer, *small)
    assert code == 0
    rows = [row for row in result["rows"] if row["kind"] == "peer"]
    assert {row["method"] for row in rows} >= {"forward"}
    for row in rows:
        assert row["candidate"].startswith(peer)
        assert row["agrees"]
        assert row["error"] < 2e-5
    assert any(row["speed_against_peer"] for row in result["rows"] if row["kind"] == "kernel")
