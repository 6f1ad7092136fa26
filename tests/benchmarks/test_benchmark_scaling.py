"""`python -m benchmarks scaling`: times at several sizes, and the laws fitted to them."""

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.powerlaw import fit


def test_a_power_law_is_found_again():
    x = [1, 2, 4, 8, 16]
    law = fit(x, [3.0 * value**1.5 for value in x])
    assert law.exponent == pytest.approx(1.5)
    assert law.factor == pytest.approx(3.0)
    assert law.r_squared == pytest.approx(1.0)
    assert law.at(32) == pytest.approx(3.0 * 32**1.5)
    assert law.text("width") == "∝ width^1.50 (R² 1.000)"


def test_what_is_no_power_law_has_a_lower_r_squared(rng):
    x = np.arange(1.0, 30.0)
    bent = fit(x, 1 + 0.01 * x**3)
    assert 0.3 < bent.r_squared < 0.97
    left = np.log(1 + 0.01 * x**3) - np.log([bent.at(value) for value in x])
    total = np.log(1 + 0.01 * x**3)
    assert bent.r_squared == pytest.approx(1 - left.var() / total.var())


def test_few_points_claim_little():
    assert fit([1], [1.0]) is None
    assert fit([], []) is None
    assert fit([2, 2], [1.0, 2.0]) is None
    assert fit([1, 2], [1.0, 4.0]).r_squared is None


def test_it_measures_gan_np_alone(measured, tmp_path):
    image = tmp_path / "scaling.png"
    code, result, printed = measured("scaling", "--quick", "--peer", "none", "--plot", str(image))
    assert code == 0
    points = [(point["axis"], point["value"]) for point in result["points"]]
    assert points[:3] == [("batch", 1), ("batch", 2), ("batch", 4)]
    assert {axis for axis, _ in points} == {"batch", "width", "side", "threads"}
    for point in result["points"]:
        assert point["milliseconds_an_image"]["gan_np"]["median"] > 0
        changed = {
            "batch": point["setup"]["batch_size"],
            "width": point["setup"]["width"],
            "side": point["setup"]["image_shape"][0],
            "threads": point["threads"],
        }
        assert changed[point["axis"]] == point["value"]
    (law,) = (law for law in result["fits"] if law["axis"] == "batch")
    times = [point["milliseconds_an_image"]["gan_np"]["median"] for point in result["points"][:3]]
    expected = fit([1, 2, 4], times)
    assert law == {"axis": "batch", "candidate": "gan_np", **expected._asdict()}
    assert image.read_bytes().startswith(b"\x89PNG")
    assert "∝ batch^" in printed


def test_beside_pytorch(measured):
    pytest.importorskip("torch")
    arguments = "--quick --preset points --axes batch,width --batches 1,4 --widths 3,5"
    code, result, printed = measured("scaling", *arguments.split())
    assert code == 0
    for point in result["points"]:
        assert point["fastest_peer"] in ("torch, foreach Adam", "torch, fused Adam")
        assert all(agreement["holds"] for agreement in point["agreements"])
    assert {law["candidate"] for law in result["fits"]} == {"gan_np", "torch, fastest"}
    assert "both sides agree" in printed


def test_a_step_that_differs_ends_with_1(measured, monkeypatch):
    pytest.importorskip("torch")
    from benchmarks.peers.torch_gan import TorchGAN

    given = TorchGAN.given

    def spoiled(self, *drawn):
        self.g_optimizer.param_groups[0]["lr"] *= 1.2
        return given(self, *drawn)

    monkeypatch.setattr(TorchGAN, "given", spoiled)
    code, _, printed = measured("scaling", "--quick", "--preset", "points", "--axes", "batch", "--batches", "2")
    assert code == 1
    assert "both sides DISAGREE" in printed
    assert "batch size 2: DISAGREES" in printed


def test_time_of_a_picture_is_that_of_the_step_divided_by_the_batch():
    from benchmarks.scaling import Point
    from benchmarks.setups import PRESETS
    from benchmarks.timing import Timing

    timings = {"gan_np": Timing((1.0,)), "a": Timing((4.0,)), "b": Timing((2.0,))}
    point = Point("batch", 64, PRESETS["mnist"], 1, timings, [])
    assert point.fastest_peer == "b"
    assert {name: spread.median for name, spread in point.series().items()} == {
        "gan_np": pytest.approx(1000 / 64),
        "torch, fastest": pytest.approx(2000 / 64),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--axes depth", "expected some of batch, width, side, threads, got 'depth'"),
        ("--preset points", "points in the plane have no side"),
        ("--axes batch --batches 0,2", "batches: expected sizes of at least 1, got 0"),
        ("--axes side --sides 4", "expected sides from 8"),
    ],
)
def test_wrong_options_say_what_was_expected(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["scaling", "--quick", *arguments.split()])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
