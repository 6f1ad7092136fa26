"""Commands that several processes do together write and print what one process does; others are left to the first."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_mpi import COMMAND, HERE, mpiexec, needs_mpi, run

import gan_np as gn
from gan_np.cli.together import TOGETHER, is_for_another, said_once
from gan_np.evaluation import evaluate, memorisation
from gan_np.evaluation.memorisation import memory_of
from gan_np.metrics import measure
from gan_np.ranks import ALONE, Ranks
from gan_np.runs.sample_files import save_samples
from gan_np.thread_ranks import in_threads


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("commands") / "run"
    images = np.random.default_rng(0).integers(0, 256, (120, 8, 8, 1), np.uint8)
    np.save(place.with_name("images.npy"), images)
    options: dict[str, Any] = {"data": str(place.with_name("images.npy")), "hold_out": 0.3, "sample_every": 0}
    config = gn.runs.Config(width=2, latent_dim=3, batch_size=12, steps=1, sample_count=4, **options)
    gn.train(gn.runs.build_gan(config, (8, 8, 1)), images, config=config, out=place, progress=False)
    return place


def commands(run: Path, out: Path) -> list[list[str]]:
    words = [
        ["sample", run, "--count", 150, "--out", out / "folder"],
        ["sample", run, "--seeds", "3,8,5", "--out", out / "seeds.zip"],
        ["evaluate", run, "--count", 30, "--out", out],
        ["neighbours", run, "--count", 30, "--out", out / "neighbours.png"],
        ["sample", run, "--count", 9],
        ["show", run],
    ]
    return [[str(word) for word in each] for each in words]


def files(place: Path) -> dict[str, bytes]:
    return {str(file.relative_to(place)): file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()}


@needs_mpi
def test_two_processes_write_and_print_what_one_does(
    tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = []
    for name, start in (("one", mpiexec(1)), ("two", mpiexec(2))):
        done = run(*start, str(HERE / "commands_script.py"), json.dumps(commands(trained, tmp_path / name)))
        assert done.returncode == 0, done.stderr
        printed.append(done)
    one, two = printed
    found = files(tmp_path / "one")
    assert len(found) == 150 + 1 + 2 + 2
    assert files(tmp_path / "two") == found
    assert two.stdout.replace("/two/", "/one/") == one.stdout
    assert "a drawing of all samples is made by one process; the others of 2 do nothing" in two.stderr
    assert "show: works in one process; of the 2 that were started the others do nothing" in two.stderr
    assert two.stderr.count("wrote grid.png") == 1


@needs_mpi
def test_what_is_wrong_with_a_command_line_is_said_once(trained: Path) -> None:
    done = run(*mpiexec(3, "-c", COMMAND, "sample", trained, "--cuont", 3))
    assert done.returncode != 0
    assert done.stderr.count("No such option") == 1
    assert "rank" not in done.stderr.partition("Abort")[0]
    done = run(*mpiexec(2, "-c", COMMAND, "show", "--nothing"))
    assert done.stderr.count("No such option") == 1


@pytest.mark.parametrize("rank", [0, 1])
def test_without_mpi_a_wrong_command_line_is_said_by_the_first(monkeypatch: pytest.MonkeyPatch, rank: int) -> None:
    def no_mpi() -> Ranks:
        raise RuntimeError("cannot load MPI library")

    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", str(rank))
    monkeypatch.setattr(sys, "argv", ["gan-np", "train", "--stepz", "3"])
    monkeypatch.setattr("gan_np.distributed.chosen_ranks", no_mpi)
    with pytest.raises(SystemExit if rank else KeyError) as ended, said_once(KeyError):
        raise KeyError("No such option: --stepz")
    assert not rank or ended.value.code == 2


def test_whose_command_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_for_another(["show", "run"])
    for rank, expected in (("0", [False, False, False]), ("1", [False, True, True])):
        monkeypatch.setenv("PMI_SIZE", "2")
        monkeypatch.setenv("PMI_RANK", rank)
        lines = (["sample", "run"], ["train", "--help"], ["show", "sample"])
        assert [is_for_another(words) for words in lines] == expected
    assert "train" in TOGETHER


def test_evaluation_and_neighbours_by_parts_are_those_of_the_whole(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a classifier and labels; in blocks so small that three ranks have some, one of them fewer."""
    for module, name in ((measure, "BATCH"), (measure, "STREAMED"), (memorisation, "BATCH")):
        monkeypatch.setattr(module, name, 16)
    rng = np.random.default_rng(1)
    labels = np.arange(100) % 3
    images = rng.integers(0, 100, (100, 8, 8, 1)).astype(np.uint8) + (50 * labels).astype(np.uint8)[:, None, None, None]
    gan = gn.models.MODELS["conditional-dcgan"]((8, 8, 1), 3, classes=3, width=2)
    classifier = gn.models.classifier((8, 8, 1), classes=3, width=2, features=4)

    def measured(ranks: Ranks) -> Any:
        found = evaluate(gan, images, labels, classifier=classifier, count=40, ranks=ranks)
        near = memory_of(trained, gn.runs.load_gan(trained), count=40, ranks=ranks)
        assert near.tests.keys() == {"pixels", "discriminator"}
        return found.to_mapping(), {name: one.to_mapping() for name, one in near.tests.items()}

    expected = measured(ALONE)
    assert all(found == expected for found in in_threads(measured, 3))


@pytest.mark.parametrize("ending", ["", ".zip", ".npy", ".npz"])
def test_samples_made_in_turn_are_written_in_order(tmp_path: Path, ending: str) -> None:
    gan = gn.models.MODELS["conditional-dcgan"]((8, 8, 1), 3, classes=3, width=2)
    labels = np.arange(300) % 3

    def save(place: Path, ranks: Ranks) -> None:
        parts = gan.stream(300, 4, labels=labels, ranks=ranks)
        save_samples(parts, 300, place, names=lambda number: f"{number:03}.png", labels=labels, ranks=ranks)

    one, many = tmp_path / f"one{ending}", tmp_path / f"many{ending}"
    save(one, ALONE)
    in_threads(lambda ranks: save(many, ranks), 3)  # five parts
    if ending:
        assert many.read_bytes() == one.read_bytes()
    else:
        assert files(many) == files(one)
        assert len(files(one)) == 300


def test_shares_are_whole_blocks_that_cover_all() -> None:
    for size in (1, 2, 5):
        shares = in_threads(lambda ranks: ranks.share(70, 16), size)
        assert [one.start for one in shares[1:]] == [one.stop for one in shares[:-1]]
        assert (shares[0].start, shares[-1].stop) == (0, 70)
        assert all(one.start % 16 == 0 for one in shares)
    rows = in_threads(lambda ranks: ranks.by_shares(lambda own: (np.arange(9)[own],), 9, 8), 3)
    assert all(found.tolist() == list(range(9)) for (found,) in rows)
