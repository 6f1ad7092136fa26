"""`gan-np train-classifier`, `train --evaluate-every`, `evaluate`, as a user meets them."""

import functools
import json
from pathlib import Path

import command_line
import numpy as np
import pytest

SMALL = ["--steps", 4, "--width", 2, "--latent-dim", 4, "--batch-size", 8, "--sample-count", 4, "--no-animation"]


gan_np = functools.partial(command_line.gan_np, columns=120)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data with a test part, a classifier, two runs; the first evaluated while it trained."""
    folder = tmp_path_factory.mktemp("evaluate")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 160)
    images = (rng.integers(0, 100, (160, 8, 8, 1)) + 70 * labels[:, None, None, None]).astype(np.uint8)
    np.savez(folder / "d.npz", x_train=images[:100], y_train=labels[:100], x_test=images[100:], y_test=labels[100:])
    made = gan_np(
        "train-classifier", "--data", folder / "d.npz", "--out", folder / "c.safetensors", "--steps", 5,
        "--width", 2, "--batch-size", 8, "--name", "shades",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "of 60 test images" in made.stderr
    options = ["--data", folder / "d.npz", "--quiet", *SMALL]
    first = gan_np(
        "train", *options, "--out", folder / "one", "--evaluate-every", 2, "--evaluate-count", 20,
        "--classifier", folder / "c.safetensors", "--checkpoint-every", 2,
    )  # fmt: skip
    assert first.returncode == 0, first.stderr
    assert gan_np("train", *options, "--out", folder / "two", "--seed", 1).returncode == 0
    return folder


def test_evaluate_a_run(place: Path, tmp_path: Path) -> None:
    done = gan_np("evaluate", place / "one", "--count", 30, "--every", "--out", tmp_path, "--against", place / "two")
    assert done.returncode == 0, done.stderr
    assert "features: 128 of the classifier shades" in done.stdout
    assert "Fréchet distance" in done.stdout
    assert done.stdout.count("too few") == 1
    assert str(tmp_path / "evaluation.html") in done.stderr
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["facts"]["compared with"] == "30 test images"
    assert found["facts"]["checkpoint"] == "step-000004.safetensors, step 4"
    assert [record["step"] for record in found["checkpoints"]] == [2, 4]
    assert found["battle"]["winner"] in ("first", "second", "undecided")
    assert set(found["battle"]["error_rates"]) == {
        "first_on_test", "second_on_test", "first_on_second", "second_on_first",
    }  # fmt: skip
    page = (tmp_path / "evaluation.html").read_text()
    assert page.count("<img") >= 4  # samples, real images, curves of checkpoints and of the training


def test_the_battle_turns_round(place: Path, tmp_path: Path) -> None:
    ratios = []
    for one, other in (("one", "two"), ("two", "one")):
        done = gan_np(
            "evaluate", place / one, "--count", 30, "--out", tmp_path / one, "--against", place / other, "--quiet",
            "--classifier", place / "c.safetensors",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        ratios.append(json.loads((tmp_path / one / "evaluation.json").read_text())["battle"])
    rates = [ratio["error_rates"] for ratio in ratios]
    assert rates[0]["first_on_test"] == rates[1]["second_on_test"]
    assert rates[0]["first_on_second"] == rates[1]["second_on_first"]


def test_errors(place: Path, tmp_path: Path) -> None:
    missing = gan_np("evaluate", tmp_path)
    assert missing.returncode == 1
    assert "not a run folder" in missing.stderr
    again = gan_np("train-classifier", "--data", place / "d.npz", "--out", place / "c.safetensors")
    assert again.returncode == 1
    assert "exists" in again.stderr
    np.save(tmp_path / "x.npy", np.zeros((30, 8, 8, 1), np.uint8))
    unlabelled = gan_np("train-classifier", "--data", tmp_path / "x.npy", "--out", tmp_path / "c.safetensors")
    assert unlabelled.returncode == 1
    assert "labels" in unlabelled.stderr


OWN_METRIC = """\
import gan_np as gn

@gn.metrics.register("ink", title="bright pixels, of all", better="as real", enough=50, share=True)
def ink(real, generated):
    return (generated.images > 127).mean()
"""


def test_a_metric_of_ones_own(place: Path, tmp_path: Path) -> None:
    mine, run = tmp_path / "mine.py", tmp_path / "run"
    mine.write_text(OWN_METRIC)
    options = [
        "--data",
        place / "d.npz",
        "--quiet",
        *SMALL,
        "--out",
        run,
        "--evaluate-every",
        2,
        "--evaluate-count",
        20,
    ]
    trained = gan_np("train", "--import", mine, *options)
    assert trained.returncode == 0, trained.stderr
    logged = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in logged if "evaluation/ink" in record] == [2, 4]
    done = gan_np("evaluate", run, "--import", mine, "--count", 30, "--classifier", place / "c.safetensors")
    assert done.returncode == 0, done.stderr
    assert "bright pixels, of all" in done.stdout
    figures = json.loads((run / "evaluation.json").read_text())["figures"]
    assert list(figures)[-1] == "ink"
    ink = figures["ink"]
    assert 0 <= ink["low"] <= ink["value"] <= ink["high"] <= 1
    assert ink["low"] < ink["high"]
    assert (ink["title"], ink["better"], ink["needs"]) == ("bright pixels, of all", "as real", 50)
    assert 0 < ink["real"]["value"] < 1
