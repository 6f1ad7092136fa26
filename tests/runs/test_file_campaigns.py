"""Campaigns: whatever one file says, a command does its work or ends with a message; `--campaign N` for N times as many."""

import contextlib
import io
import json
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from damaged import ODD, mutant, one_change, signed

import gan_np as gn
from gan_np.cli import main
from gan_np.latent import Direction, keep_directions, read_directions
from gan_np.runs import CheckpointError, Config, checkpoint
from gan_np.runs.folder import read_config

pytestmark = pytest.mark.usefixtures("plots_drawn")  # of records that may be odd
LIMIT = 120
"""Seconds; a command takes one or two."""

SIZES = {
    "steps": 4, "width": 2, "latent_dim": 4, "batch_size": 8, "sample_count": 4, "sample_every": 2,
    "checkpoint_every": 2, "image_size": 8, "evaluate_count": 20, "animation": False,
}  # fmt: skip


def rounds(request: pytest.FixtureRequest, usual: int) -> int:
    return usual * (request.config.getoption("--campaign") or 1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, a classifier, and a run with all that a run may have."""
    folder = tmp_path_factory.mktemp("campaign")
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = (rng.integers(0, 100, (60, 8, 8, 1)) + 100 * labels[:, None, None, None]).astype(np.uint8)
    np.savez(folder / "d.npz", images=images, labels=labels)
    classifier = folder / "c.safetensors"
    gn.train_classifier(images, labels, steps=3, batch_size=8, width=2, out=classifier, progress=False)
    config = Config(data=str(folder / "d.npz"), classifier=str(classifier), evaluate_every=2, **SIZES)
    gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), images, out=folder / "run", config=config, progress=False)
    rng = np.random.default_rng(1)
    keep_directions(folder / "run", [Direction(name, rng.standard_normal(4)) for name in ("smile", "pose")], 4)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[int, str]:
    """A command's exit code and what it printed, in this process; an error that nobody expects comes through."""
    monkeypatch.setattr(sys, "argv", ["gan-np", *map(str, arguments)])
    printed, code, started = io.StringIO(), 0, time.process_time()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
    assert time.process_time() - started < LIMIT
    assert code in (0, 1, 2, 3), printed.getvalue()
    assert len(printed.getvalue()) < 20_000
    if code:
        assert printed.getvalue().strip()
    return code, printed.getvalue()


def costs_too_much(run: Path) -> bool:
    """Whether a changed configuration is a good one, of a training or a grid that nobody waits for."""
    try:
        found = read_config(run)
    except (ValueError, TypeError, OSError):
        return False
    sizes = (found.batch_size, found.sample_count, found.d_steps, found.evaluate_count, found.image_size or 0)
    return max(sizes) > 200


FILES = [
    "config.toml", "log.jsonl", "directions.toml", "classifier.safetensors", "checkpoints/step-000004.safetensors",
    "checkpoints/step-000002.safetensors", "checkpoints/best.safetensors", "samples.png", "samples/step-000002.png",
    "losses.png", "evaluation.png",
]  # fmt: skip


NOT_NEEDED = ("log.jsonl", "best.safetensors", "samples.png", "step-000002.png", "losses.png", "evaluation.png")
"""Nothing ends with an error because of these (the best checkpoint, if it is not asked for)."""


def test_runs_with_a_damaged_file(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    rng, codes = np.random.default_rng(2), {}
    for number in range(rounds(request, 10)):
        damaged = tmp_path / f"run-{number}"
        shutil.copytree(place / "run", damaged)
        victim = damaged / FILES[int(rng.integers(0, len(FILES)))]
        if victim.suffix == ".safetensors" and rng.random() < 0.5:
            tensors, description = checkpoint.read(victim)
            signed(victim, tensors, one_change(description, rng))
        else:
            victim.write_bytes(mutant(victim.read_bytes(), rng, 1000))
        out = tmp_path / "out"
        commands: list[list[object]] = [
            ["evaluate", damaged, "--count", 20, "--out", out, "--quiet"],
            ["evaluate", damaged, "--count", 20, "--out", out, "--quiet", "--best", "--every"],
            ["show", damaged],
            ["sample", damaged, "--count", 4, "--out", tmp_path / "grid.png"],
            ["traverse", damaged, "--across", "smile", "--out", tmp_path / "grid.png"],
            ["train", "--resume", damaged, "--steps", 6, "--quiet"],
        ]
        arguments = commands[int(rng.integers(0, len(commands)))]
        if not costs_too_much(damaged):
            code, printed = run(monkeypatch, *arguments)
            codes[code] = codes.get(code, 0) + 1
            if victim.name in NOT_NEEDED and "--best" not in arguments:
                assert code == 0, printed
        shutil.rmtree(damaged)
    print(f"exit codes {codes}")
    assert set(codes) >= {0, 1}


CHEAP = [value for value in ODD if not isinstance(value, int) or not 100 < value < 2**60]
CHOICES: dict[type, list[Any]] = {
    bool: [True, False],
    int: [0, 1, 2, 3, 4, 5],
    float: [0.0, 1e-3, 0.01, 0.5, 1.0],
    # Names of all kinds, so that models and objectives meet settings that are not theirs.
    str: [
        "dcgan", "mlp", "gran", "lapgan", "infogan", "residual", "conditional-dcgan", "hinge", "wasserstein", "minimax",
        "sgd", "rmsprop", "none", "spectral", "uniform", "embedding", "colour", "cuda", "cuda:99", "bf16", "cpu", "",
        "batch", "normal", "float32",
    ],
}  # fmt: skip


def test_configurations(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """`train --config`: a short training with one or two settings that are odd."""
    rng, codes = np.random.default_rng(3), {}
    for number in range(rounds(request, 10)):
        values: dict[str, Any] = {**Config(data=str(place / "d.npz"), **SIZES).to_mapping(), "steps": 2}
        for _ in range(int(rng.integers(1, 4))):
            name = str(rng.choice(list(values)))
            usual = CHOICES.get(type(values[name]), CHEAP) if rng.random() < 0.8 else CHEAP
            values[name] = usual[int(rng.integers(0, len(usual)))]
        if values["steps"] == 2**53:
            continue  # a good configuration of a training without end
        file, out = tmp_path / "c.toml", tmp_path / f"run-{number}"
        written = {name: value for name, value in values.items() if value is not None}
        file.write_text(tomli_w.dumps(written), encoding="utf-8")
        code, _ = run(monkeypatch, "train", "--config", file, "--out", out, "--quiet")
        codes[code] = codes.get(code, 0) + 1
        shutil.rmtree(out, ignore_errors=True)
    print(f"exit codes {codes}")
    assert set(codes) >= {0, 1}


def test_classifiers(place: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    rng, good, refused = np.random.default_rng(4), place / "c.safetensors", 0
    data, (tensors, description) = good.read_bytes(), checkpoint.read(good)
    header = 8 + int.from_bytes(data[:8], "little")
    victim = tmp_path / "victim.safetensors"
    for number in range(rounds(request, 300)):
        if number % 2:
            victim.write_bytes(mutant(data, rng, header))
        else:
            signed(victim, tensors, one_change(description, rng))
        same = number % 2 and victim.read_bytes() == data
        try:
            gn.load_classifier(victim)
        except CheckpointError as error:
            refused += 1
            assert "victim.safetensors" in str(error)  # noqa: PT017
            assert len(str(error)) < 2000  # noqa: PT017
        else:
            assert same or number % 2 == 0
    assert refused > 0.6 * rounds(request, 300)


def test_directions(place: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    rng, refused = np.random.default_rng(5), 0
    data = (place / "run/directions.toml").read_bytes()
    (tmp_path / "directions.toml").write_bytes(data)
    parsed = {"smile": {"source": "x", "step": 4, "vector": [0.5, -0.5, 0.5, -0.5]}}
    for number in range(rounds(request, 300)):
        if number % 2:
            text = mutant(data, rng)
        else:
            changed = one_change(parsed, rng)
            text = b"" if "null" in json.dumps(changed) else tomli_w.dumps(changed).encode()
        (tmp_path / "directions.toml").write_bytes(text)
        try:
            found = read_directions(tmp_path)
        except ValueError as error:
            refused += 1
            assert "directions.toml" in str(error)  # noqa: PT017
            assert len(str(error)) < 2000  # noqa: PT017
        else:
            assert all(abs(np.linalg.norm(direction.vector) - 1) < 1e-6 for direction in found.values())
    assert refused > 0.3 * rounds(request, 300)
