"""`python -m benchmarks copying`: what it counts, and that its kinds are what they are called."""

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.copying import KINDS, Parts, interval


def test_it_counts_verdicts_of_every_kind_and_setting(measured, tmp_path):
    image = tmp_path / "copying.png"
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "noise.npz", x_train=rng.integers(0, 256, (200, 8, 8, 1), np.uint8))
    options = ["--data", str(tmp_path / "noise.npz"), "--sizes", "120,40,40", "--seeds", "2", "--settings", "no moves"]
    code, result, printed = measured("copying", *options, "--plot", str(image))
    assert code == 0
    rows = {row["kind"]: row for row in result["rows"]}
    assert list(rows) == list(KINDS)
    assert all(sum(row["verdicts"].values()) == row["seeds"] == 2 for row in rows.values())
    assert rows["as they are"]["verdicts"] == {"copies": 2}
    assert rows["as they are"]["wrong"] == 0
    assert rows["mirrored"]["wrong"] == 2  # noise beside its mirror image is noise beside noise
    assert rows["real images"]["verdicts"] == {"no sign": 2}
    assert "of 14" in printed
    assert image.read_bytes().startswith(b"\x89PNG")


def test_kinds():
    rng = np.random.default_rng(0)
    parts = Parts(*(rng.integers(0, 256, (10, 8, 8, 1), np.uint8) for _ in range(4)))
    made = {name: kind.samples(parts, rng) for name, kind in KINDS.items()}
    assert all(part.dtype == np.uint8 and part.shape == (10, 8, 8, 1) for part in made.values())
    ups = made["moved by one pixel up or down"]
    chosen = parts.chosen
    for before, after in zip(chosen, ups, strict=True):
        assert np.array_equal(after[1:-1], before[2:]) or np.array_equal(after[1:-1], before[:-2])
    assert np.array_equal(made["mirrored"][:, :, 0], chosen[:, :, -1])
    inner = chosen[:, :3, :3].astype(float) * (np.outer([1, 2, 1], [1, 2, 1]) / 16)[None, :, :, None]
    assert np.allclose(made["blurred"][:, 1, 1], inner.sum(axis=(1, 2)), atol=0.51)
    assert np.array_equal(made["half of the samples"][:5], chosen[:5])
    assert np.array_equal(made["half of the samples"][5:], parts.unseen[5:])


def test_interval_of_a_share():
    """Wilson's, by hand: 0 of 10 reaches to z²/(10 + z²)."""
    assert interval(0, 10) == pytest.approx((0, 1.96**2 / (10 + 1.96**2)))
    low, high = interval(5, 10)
    assert (low + high) / 2 == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sizes", "10,10"], "TRAINING,HELD_OUT,SAMPLES"),
        (["--settings", "nothing"], "no moves"),
        (["--data", "nowhere.npz"], "nowhere"),
        (["--sizes", "4000,900,900"], "5,000"),
    ],
)
def test_wrong_options(options, words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["copying", *options])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
