"""Runs in which one file is damaged, or is no file: what is not needed stops nothing, what is needed is named."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damaged import signed

import gan_np as gn
from gan_np.evaluation import evaluate_run
from gan_np.files import read_toml, regular
from gan_np.latent import read_directions
from gan_np.runs import CheckpointError, Config, checkpoint, load_gan
from gan_np.runs.records import read_records

OPTIONS = {"steps": 6, "batch_size": 8, "sample_every": 2, "checkpoint_every": 2, "sample_count": 4, "progress": False}
LINE = {"step": 3, "d_loss": 1.0, "g_loss": 1.0, "d_real_accuracy": 0.5, "d_fake_accuracy": 0.5, "seconds": 0.1}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


@pytest.fixture(scope="module")
def trained(images: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("damaged") / "run"
    gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), images, out=run, **OPTIONS)
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def garble(path: Path) -> None:
    """One bit in the middle."""
    data = bytearray(path.read_bytes())
    data[-len(data) // 4] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize("damage", [garble, cut, Path.unlink], ids=["bit", "cut", "gone"])
def test_a_damaged_best_is_replaced(run: Path, images: np.ndarray, damage: Callable[[Path], None]) -> None:
    best = run / "checkpoints/best.safetensors"
    damage(best)
    if damage is Path.unlink:
        gn.runs.resume(run, images=images, steps=10, progress=False)
    else:
        with pytest.warns(UserWarning, match=r"best checkpoint .* is lost.*best\.safetensors"):
            gn.runs.resume(run, images=images, steps=10, progress=False)
    scores = [checkpoint.read(path)[1]["score"] for path in checkpoint.all_of(run)]
    assert checkpoint.read(best)[1]["score"] == min(scores)


def test_a_good_best_stays(run: Path, images: np.ndarray) -> None:
    best = run / "checkpoints/best.safetensors"
    tensors, description = checkpoint.read(best)
    signed(best, tensors, description | {"score": 0.0})
    before = best.read_bytes()
    gn.runs.resume(run, images=images, steps=8, progress=False)
    assert best.read_bytes() == before


def test_samples_come_from_the_newest_that_can_be_read(run: Path) -> None:
    older, newest = checkpoint.all_of(run)
    garble(newest)
    with pytest.warns(UserWarning, match=rf"going on from {older.name}; passed over: .*{newest.name}"):
        gan = load_gan(run)
    assert np.array_equal(gan.sample(3), load_gan(older).sample(3))
    with pytest.warns(UserWarning, match="passed over"):
        assert checkpoint.describe_file(run)["training"]["steps"] == 4
    garble(older)
    with pytest.raises(CheckpointError, match=rf"(?s){newest.name}.*{older.name}"):
        load_gan(run)


def test_a_damaged_level_of_a_lapgan_goes_on_from_the_checkpoint_before(images: np.ndarray, tmp_path: Path) -> None:
    options = {name: value for name, value in OPTIONS.items() if name != "progress"}
    sizes = {"model": "lapgan", "levels": 1, "width": 2, "hidden": 8, "latent_dim": 4, "animation": False}
    config = Config.from_mapping({**options, **sizes})

    gan = gn.models.lapgan((8, 8, 1), 4, levels=1, width=2, hidden=8)
    gn.train(gan, images, out=tmp_path / "run", config=config, progress=False)
    straight = gan.sample(4)
    places = sorted((tmp_path / "run").glob("level-*"))
    (tmp_path / "run" / "level-notes").mkdir()
    (tmp_path / "run" / "level-x.txt").write_text("mine")
    for place in places:
        newest = checkpoint.all_of(place)[-1]
        before = newest.read_bytes()
        garble(newest)
        with pytest.warns(UserWarning, match=rf"passed over: .*{newest.name}"):
            load_gan(tmp_path / "run")
        with pytest.warns(UserWarning, match=rf"passed over: .*{newest.name}"):
            gn.runs.resume(tmp_path / "run", images=images, progress=False)
        assert np.array_equal(load_gan(tmp_path / "run").sample(4), straight)
        assert newest.read_bytes() == before


@pytest.mark.parametrize(
    "line",
    [
        '{"step": 3}',
        json.dumps(LINE | {"step": -1}),
        json.dumps(LINE | {"step": True}),
        json.dumps(LINE | {"seconds": float("nan")}),
        json.dumps(LINE | {"g_loss": "low"}),
        json.dumps(LINE | {"g_loss": None}),
        json.dumps(LINE | {"more": [1]}),
        json.dumps(LINE)[:-4] + "9" * 5000 + "}",
        json.dumps(LINE | {"d_loss": 10**400}),
        "[" * 100_000,
        "[]",
        "3",
        "",
        "\0" * 50,
        "\x1b]0;title\x07 not JSON",
    ],
    ids=[f"line{number}" for number in range(15)],
)
def test_a_damaged_line_of_the_log_is_left_out_and_named(tmp_path: Path, line: str) -> None:
    log = tmp_path / "log.jsonl"
    good = [LINE | {"step": step} for step in (1, 2, 4)]
    log.write_text("".join(json.dumps(record) + "\n" for record in good[:2]) + line + "\n" + json.dumps(good[2]) + "\n")
    with pytest.warns(UserWarning, match=r"log\.jsonl: left out .*: line 3 ") as caught:
        assert read_records(log) == good
    assert len(str(caught[0].message)) < 700
    assert "\x1b" not in str(caught[0].message)


def test_lines_of_the_log_with_infinite_losses_count(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps(LINE | {"d_loss": float("inf"), "evaluation/x": 3}) + "\n")
    assert read_records(tmp_path / "log.jsonl")[0]["d_loss"] == float("inf")


def test_a_run_with_a_damaged_log_and_samples_goes_on(run: Path, images: np.ndarray) -> None:
    log = run / "log.jsonl"
    lines = log.read_text().splitlines()
    lines[2] = '{"step": 3}'
    log.write_text("\n".join(lines) + "\n")
    cut(run / "samples/step-000002.png")
    with pytest.warns(UserWarning, match="line 3|leaves out") as caught:
        gn.runs.resume(run, images=images, steps=8, progress=False)
    told = " ".join(str(warning.message) for warning in caught)
    assert "line 3" in told
    assert "training.gif: leaves out" in told
    assert "step-000002.png" in told
    assert [record["step"] for record in read_records(log)] == [1, 2, 4, 5, 6, 7, 8]
    assert (run / "training.gif").exists()


KINDS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["checkpoint", "classifier", "toml", "log", "directions", "best", "newest", "samples"])
def test_what_is_no_file_is_not_read(run: Path, images: np.ndarray, what: str, kind: str) -> None:
    """A pipe has no end as long as nobody writes to it, and /dev/zero has none at all."""
    path = {
        "log": run / "log.jsonl",
        "directions": run / "directions.toml",
        "best": run / "checkpoints/best.safetensors",
        "newest": run / "checkpoints/step-000006.safetensors",
        "samples": run / "samples/step-000002.png",
    }.get(what, run / "x")
    path.unlink(missing_ok=True)
    KINDS[kind](path)
    if what == "newest":  # what is no file is no checkpoint
        assert checkpoint.find(run).name == "step-000004.safetensors"
    elif what == "samples":
        with pytest.warns(UserWarning, match=rf"step-000002\.png: expected a file, this is {kind}"):
            gn.runs.resume(run, images=images, steps=7, progress=False)
    elif what == "best" and kind != "a folder":
        with pytest.warns(UserWarning, match=rf"best checkpoint .* is lost.*this is {kind}"):
            gn.runs.resume(run, images=images, steps=7, progress=False)
        assert path.is_file()
        assert not path.is_symlink()
    elif what in ("checkpoint", "best") and kind == "a folder":
        with pytest.raises(FileNotFoundError, match=r"this folder is no run: there is neither a config\.toml"):
            load_gan(path)
    else:
        read = {
            "classifier": gn.load_classifier,
            "toml": read_toml,
            "log": lambda path: gn.runs.resume(path.parent, images=images, progress=False),
            "directions": lambda path: read_directions(path.parent),
        }.get(what, load_gan)
        with pytest.raises(ValueError, match=rf"{path.name}: .*this is {kind}"):
            read(path)


def test_sockets_and_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as open_socket:
        open_socket.bind("s")
        with pytest.raises(ValueError, match="s: expected a file, this is a socket"):
            regular("s")
    with open("sparse.toml", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match=r"sparse\.toml: expected at most 67,108,864 bytes, it has 1,099,511,627,776"):
        read_toml("sparse.toml")


@pytest.mark.parametrize("value", ["1e308", "inf", "nan", "true", "9" * 400, '"1"', "[1]", "0.0", "-0"])
def test_numbers_of_a_direction(tmp_path: Path, value: str) -> None:
    (tmp_path / "directions.toml").write_text(f"[smile]\nvector = [{value}, {value}]\n")
    with pytest.raises(ValueError, match=r"directions\.toml: .*(smile|vector)"):
        read_directions(tmp_path)


def test_a_damaged_classifier_says_what_to_do(tmp_path: Path, images: np.ndarray) -> None:
    """It stops what reads it, and nothing else."""
    classifier, labels = tmp_path / "c.safetensors", np.arange(50) % 2
    np.savez(tmp_path / "d.npz", images=images, labels=labels)
    gn.train_classifier(images, labels, steps=1, batch_size=8, width=2, out=classifier, progress=False)
    config = Config(data=str(tmp_path / "d.npz"), classifier=str(classifier), evaluate_every=3, evaluate_count=20)
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    gn.train(gan, images, out=tmp_path / "run", config=config, **OPTIONS)
    kept = tmp_path / "run/classifier.safetensors"
    garble(kept)
    with pytest.raises(CheckpointError, match=r"run/classifier\.safetensors") as caught:
        evaluate_run(tmp_path / "run", count=20, progress=False)
    assert "remove it" in caught.value.__notes__[0]
    with pytest.raises(CheckpointError, match=r"run/classifier\.safetensors") as caught:
        gn.runs.resume(tmp_path / "run", images=images, steps=8, progress=False)
    assert f"copy {classifier} there" in caught.value.__notes__[0]
    shutil.copyfile(classifier, kept)
    assert gn.runs.resume(tmp_path / "run", images=images, steps=8, progress=False).steps == 8
