"""Models of several stages of one's own: one that grows, stage upon stage, and one whose stages train beside each other."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gan_np as gn
from gan_np.models.registered import GANS, MODELS, TRAINING, Training
from gan_np.runs import CheckpointError, Config, build_gan, checkpoint, imported, load_gan, resume
from gan_np.runs.fingerprints import fingerprints
from gan_np.runs.folder import read_config
from gan_np.runs.opened import steps_done
from gan_np.runs.stage_folders import stage_folders
from gan_np.runs.tensor_file import to_bytes
from gan_np.training import Trainer

MINE = '''
import os
import signal
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import gan_np as gn


@gn.objectives.register("own-squares")
class OwnSquares(gn.objectives.LeastSquares):
    """Least squares under a name that only this file registers."""


@gn.models.register()
class Mixed(gn.models.Stages):
    """Two GANs of the same images; what they draw from one z is mixed."""

    def __init__(self, stages, share=0.5):
        super().__init__(stages)
        self.share = share

    def decode(self, z, *, labels=None, average=True, seed=0):
        first, second = (stage.decode(z, average=average) for stage in self.stages)
        return (self.share * first + (1 - self.share) * second).astype(np.uint8)

    draw_steps = 2

    def series(self, count, seed=0, *, labels=None, average=True):
        return [self.stages[0].sample(count, seed, average=average), self.sample(count, seed, average=average)]


@gn.models.register()
class Grown(Mixed):
    """The second begins with the weights of the first, darkened images are its data, and its D judges what is drawn."""

    independent = False

    @property
    def judge(self):
        return self.stages[1]

    def stage_images(self, number, images):
        return images // (1 + number)

    def begin_stage(self, number):
        if number and os.environ.get("KILL_BETWEEN"):
            os.kill(os.getpid(), signal.SIGKILL)
        if number:
            trained, own = self.stages[number - 1], self.stages[number]
            own.generator.parameters.assign(trained.sampler().parameters.values)


@dataclass(frozen=True)
class OwnTraining(gn.models.Training):
    """What the first stage may have of its own.

    first_steps: updates of the first stage.
    """

    changeable: ClassVar[tuple[str, ...]] = ("first_steps",)

    first_steps: int = 2

    def stage_settings(self, number):
        return {} if number else {"steps": self.first_steps}


def two(kind, image_shape, latent_dim, units, share, seed, device):
    gans = [
        gn.models.dense_gan(image_shape, latent_dim, hidden=units, seed=seed + number, device=device) for number in (0, 1)
    ]
    return kind(gans, share)


@gn.models.register("grown", training=OwnTraining)
def grown(image_shape, latent_dim: int = 3, *, units: int = 4, share: float = 0.25, seed: int = 0, device: str = "cpu"):
    """Units of the hidden layers, and the share of the first stage in what is drawn."""
    return two(Grown, image_shape, latent_dim, units, share, seed, device)


@gn.models.register("mixed")
def mixed(image_shape, latent_dim: int = 3, *, units: int = 4, share: float = 0.25, seed: int = 0, device: str = "cpu"):
    """Units of the hidden layers, and the share of the first stage in what is drawn."""
    return two(Mixed, image_shape, latent_dim, units, share, seed, device)
'''
OPTIONS: dict[str, Any] = {"steps": 3, "batch_size": 8, "sample_every": 0, "sample_count": 4, "progress": False}
SMALL = ("--steps", 3, "--batch-size", 8, "--sample-every", 0, "--sample-count", 4, "--quiet")
IMAGES = np.random.default_rng(0).integers(0, 256, (120, 8, 8, 1), np.uint8)
OLD = Path(__file__).parent / "old" / "lapgan"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "stages_of_mine.py").write_text(MINE, encoding="utf-8")
    np.savez(folder / "images.npz", x_train=IMAGES[:80], x_test=IMAGES[80:])
    return folder


@pytest.fixture
def mine(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The models of the file, registered for one test."""
    monkeypatch.setattr(imported, "_imported", [])
    imported.import_file(str(place / "stages_of_mine.py"))
    yield
    del sys.modules["stages_of_mine"]
    for name in ("Mixed", "Grown"):
        GANS.unregister(name)
    for name in ("mixed", "grown"):
        MODELS.unregister(name)
    del TRAINING["grown"]
    gn.objectives.OBJECTIVES.unregister("own-squares")


def tensors(run: Path) -> list[dict[str, bytes]]:
    """What is in the newest checkpoint of each stage."""
    return [
        {name: value.tobytes() for name, value in checkpoint.read(folder)[0].items()} for folder in stage_folders(run)
    ]


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The command line in this process: what it said."""
    from gan_np.cli import main

    def run(*arguments: object, code: int = 0) -> str:
        monkeypatch.chdir(place)
        monkeypatch.setattr(sys, "argv", ["gan-np", *map(str, arguments), "--import", "stages_of_mine.py"])
        monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # which the command line replaces
        capfd.readouterr()
        try:
            main()
            ended: object = 0
        except SystemExit as end:
            ended = end.code or 0
        said = capfd.readouterr()
        assert ended == code, said.err
        return said.out + said.err

    return run


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_between_its_stages_resumed_and_sampled_from_the_command_line(
    place: Path, tmp_path: Path, mine: None, here: Callable[..., str]
) -> None:
    run = tmp_path / "run"
    train = ("train", "--data", "images.npz", "--model", "grown", "--units", 5, *SMALL, "--out", run)
    command = [sys.executable, "-c", "from gan_np.cli import main; main()", *map(str, train)]
    killed = subprocess.run(
        [*command, "--import", "stages_of_mine.py"], cwd=place, env=os.environ | {"KILL_BETWEEN": "1"}, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL
    assert steps_done(run) == {"stage-0-8x8": 2, "stage-1-8x8": 0}
    assert not (run / "stage-1-8x8").exists()
    shown = here("show", run)
    assert "stage-0-8x8: dense on images.npz, step 2 of 2" in shown
    assert "stage-1-8x8: this stage has not begun" in shown
    with pytest.raises(FileNotFoundError, match="stage-1-8x8"):
        load_gan(run)
    with pytest.raises(FileExistsError, match="not an empty folder"):
        gn.train(build_gan(read_config(run), (8, 8, 1)), IMAGES[:80], out=run, **OPTIONS)
    said = here("train", "--resume", run)
    assert "stage-1-8x8: went on from step 0" in said
    assert "stage-0-8x8: went on" not in said
    straight = gn.models.MODELS["grown"]((8, 8, 1), units=5)
    gn.train(straight, IMAGES[:80], out=tmp_path / "straight", data="images.npz", **OPTIONS)
    assert tensors(run) == tensors(tmp_path / "straight")
    assert (run / "samples.png").read_bytes() == (tmp_path / "straight" / "samples.png").read_bytes()
    made = load_gan(run)
    assert (type(made).__name__, made.share, made.recipe["units"]) == ("Grown", 0.25, 5)
    assert np.array_equal(made.sample(5, 1), straight.sample(5, 1))
    for options, columns in ((["--count", 6, "--columns", 3], 3), (["--steps", "--count", 3], 2)):
        here("sample", run, *options, "--out", tmp_path / "grid.png")
        with Image.open(tmp_path / "grid.png") as grid:
            assert grid.width * (6 // columns * 10 + 2) == grid.height * (columns * 10 + 2)
    with Image.open(run / "drawing.gif") as drawn:
        assert drawn.n_frames == 2
    assert (
        "only --data, --labels, --steps, --device, --precision, --first-steps may change; got --units too"
        in " ".join(here("train", "--resume", run, "--units", 6, code=2).replace("│", " ").split())
    )
    here("train", "--resume", run, "--first-steps", 4, "--quiet")
    assert steps_done(run) == {"stage-0-8x8": 4, "stage-1-8x8": 3}
    assert "nothing was trained: stage-0-8x8 is at step 4, stage-1-8x8 is at step 3" in here("train", "--resume", run)


def test_what_is_measured_of_it(place: Path, tmp_path: Path, mine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan_np.evaluation import battle_of_runs, evaluate_run
    from gan_np.evaluation.memorisation import memory_of
    from gan_np.latent import Along, Decoder, axis, traverse

    monkeypatch.chdir(place)
    for name in ("grown", "mixed"):
        made = gn.models.MODELS[name]((8, 8, 1))
        gn.train(made, IMAGES[:80], out=tmp_path / name, data="images.npz", **OPTIONS)
    grown, mixed = tmp_path / "grown", tmp_path / "mixed"
    report = evaluate_run(mixed, count=40, progress=False)
    assert report.facts["model"] == "mixed"
    with pytest.raises(ValueError, match="newest checkpoint of each only"):
        evaluate_run(mixed, count=40, best=True, progress=False)
    for run, searches in ((grown, {"pixels", "discriminator"}), (mixed, {"pixels"})):
        assert set(memory_of(run, load_gan(run), count=20, show=2, nearest=1, cells=0).found) == searches
    assert battle_of_runs(grown, grown, count=40).key == "battle"
    with pytest.raises(ValueError, match="mixed: needs a discriminator of finished images"):
        battle_of_runs(grown, mixed, count=40)
    decoder = Decoder(load_gan(grown))
    grid = traverse(decoder, decoder.points(1, 0)[0], Along(axis(0, 3)), columns=3)
    assert grid.images.shape == (3, 8, 8, 1)
    assert decoder.gan is decoder.model.stages[0]


def test_stages_beside_each_other_know_the_files_that_were_imported(
    tmp_path: Path, mine: None, here: Callable[..., str]
) -> None:
    run = tmp_path / "run"
    here(
        "train",
        "--data",
        "images.npz",
        "--model",
        "mixed",
        "--objective",
        "own-squares",
        *SMALL,
        "--jobs",
        2,
        "--out",
        run,
    )
    assert steps_done(run) == {"stage-0-8x8": 3, "stage-1-8x8": 3}
    straight = gn.models.MODELS["mixed"]((8, 8, 1))
    gn.train(straight, IMAGES[:80], objective="least-squares", **OPTIONS)
    assert np.abs(load_gan(run).sample(6, 1).astype(int) - straight.sample(6, 1)).max() <= 2, "but for rounding"


def test_without_a_folder_and_step_by_step(mine: None) -> None:
    made = gn.models.MODELS["grown"]((8, 8, 1))
    seen: list[tuple[int, int]] = []
    trainer = gn.train(
        made,
        IMAGES,
        callbacks=[lambda trainer, step: seen.append((made.stages.index(trainer.gan), step.number))],
        **OPTIONS,
    )
    assert trainer.gan is made.stages[1]
    assert seen == [(0, 1), (0, 2), (1, 1), (1, 2), (1, 3)]
    assert trainer.images.max() < 128, "the second stage sees darker images"
    with pytest.raises(ValueError, match=r"has 2 stages; give one of gan\.stages"):
        next(gn.iterate(made, IMAGES))


def test_what_cannot_be_trained_beside_each_other(mine: None, tmp_path: Path) -> None:
    grown, mixed = (gn.models.MODELS[name]((8, 8, 1)) for name in ("grown", "mixed"))
    with pytest.raises(ValueError, match="jobs: the stages of this model are trained one after the other"):
        gn.train(grown, IMAGES, out=tmp_path / "run", jobs=2, **OPTIONS)
    with pytest.raises(ValueError, match=r"jobs: .* need a run folder"):
        gn.train(mixed, IMAGES, jobs=2, **OPTIONS)
    with pytest.raises(ValueError, match="callbacks: "):
        gn.train(mixed, IMAGES, out=tmp_path / "run", jobs=2, callbacks=[lambda trainer, step: None], **OPTIONS)
    with pytest.raises(TypeError, match="gan: expected a model, got 'grown'"):
        gn.train("grown", IMAGES, **OPTIONS)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_put_together_by_hand_it_keeps_its_first_weights(tmp_path: Path, mine: None) -> None:
    """Stages that have not begun stand in the run: nothing else could say what they were."""

    def by_hand() -> gn.models.Stages:
        stages = [gn.models.dense_gan((8, 8, 1), 3, hidden=4, seed=seed) for seed in (7, 8)]
        return GANS["Mixed"](stages, share=0.75)

    gn.train(by_hand(), IMAGES, out=tmp_path / "straight", **OPTIONS)

    def stop(trainer: Trainer, step: object) -> None:
        if trainer.steps == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        gn.train(by_hand(), IMAGES, out=tmp_path / "cut", callbacks=[stop], **OPTIONS)
    assert caught.value.__notes__[0].endswith(f"--resume {tmp_path / 'cut'})"), "the whole run, not the stage"
    with pytest.raises(ValueError, match="fingerprint"):
        resume(tmp_path / "cut", images=255 - IMAGES, progress=False)
    resume(tmp_path / "cut", images=IMAGES, progress=False)
    assert tensors(tmp_path / "cut") == tensors(tmp_path / "straight")
    assert load_gan(tmp_path / "cut").share == 0.75
    assert read_config(tmp_path / "cut").model == ""


def test_a_class_that_is_not_registered_is_refused_before_any_work(tmp_path: Path) -> None:
    class Own(gn.models.Stages):
        def decode(self, z: np.ndarray, **options: Any) -> np.ndarray:
            return self.stages[0].decode(z)

    made = Own([gn.models.dense_gan((8, 8, 1), 3, hidden=4, seed=seed) for seed in (0, 1)])
    with pytest.raises(TypeError, match=r"out: this model could not be opened again; .*Own.* is not registered"):
        gn.train(made, IMAGES, out=tmp_path / "run", **OPTIONS)
    assert not (tmp_path / "run").exists()
    gn.train(made, IMAGES, **OPTIONS)  # without a folder it may
    with pytest.raises(TypeError, match=r"training: expected a subclass of gan_np\.models\.Training"):
        gn.models.register("own", training=dict)  # type: ignore[arg-type]
    assert Training().stage_settings(0) == {}


def test_an_untrained_run_may_be_begun_again(tmp_path: Path, mine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a kill before the first step leaves it: beginnings, a model, a stage's folder with nothing trained."""
    run, made = tmp_path / "run", gn.models.MODELS["mixed"]((8, 8, 1))
    gn.train(made, IMAGES, out=run, **OPTIONS)
    for folder in stage_folders(run):
        for file in checkpoint.all_of(folder):
            file.unlink()
    with pytest.raises(FileExistsError, match="not an empty folder"):  # its log has lines
        gn.train(made, IMAGES, out=run, **OPTIONS)
    shutil.rmtree(run / "stage-1-8x8")
    (run / "drawing.gif").unlink()
    for path in (run / "stage-0-8x8").iterdir():
        if path.name not in ("config.toml", "checkpoints"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (run / "stage-0-8x8" / "checkpoints" / "best.safetensors").unlink()
    gn.train(gn.models.MODELS["mixed"]((8, 8, 1)), IMAGES, out=run, **OPTIONS)
    assert steps_done(run) == {"stage-0-8x8": 3, "stage-1-8x8": 3}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stages": ["../elsewhere", "stage-1-8x8"]}, "expected names of folders"),
        ({"stages": "stage-0-8x8"}, "expected a list"),
        ({"stages": ["stage-0-8x8"]}, "at least two"),
        ({"model": {"gan": "GAN"}}, "model.json: .*generator"),
        ({"model": {"gan": "Nobody"}}, "Nobody"),
        ({"model": {"gan": "Mixed", "arguments": {"shares": 1}}}, "shares"),
        ({"model": 3}, "expected an object"),
        (None, "model.json: "),
    ],
)
def test_a_damaged_model_file_is_refused(tmp_path: Path, mine: None, change: dict[str, Any] | None, words: str) -> None:
    gn.train(gn.models.MODELS["mixed"]((8, 8, 1)), IMAGES, out=tmp_path / "run", **{**OPTIONS, "steps": 1})
    file = tmp_path / "run" / "model.json"
    whole = json.loads(file.read_text(encoding="utf-8"))
    file.write_text('{"model": ' if change is None else json.dumps(whole | change), encoding="utf-8")
    with pytest.raises(CheckpointError, match=words):
        load_gan(tmp_path / "run")


def test_starting_from_all_stages_of_another_run(tmp_path: Path, mine: None) -> None:
    first = gn.models.MODELS["mixed"]((8, 8, 1))
    gn.train(first, IMAGES, out=tmp_path / "first", **OPTIONS)
    config = Config(init_from=str(tmp_path / "first"), g_learning_rate=1e-12, d_learning_rate=1e-12)
    made = build_gan(config, (8, 8, 1))
    gn.train(made, IMAGES, out=tmp_path / "second", config=config, **OPTIONS)
    for one, other in zip(first.stages, load_gan(tmp_path / "second").stages, strict=True):
        np.testing.assert_allclose(one.generator.parameters.values, other.generator.parameters.values, atol=1e-9)
    assert read_config(tmp_path / "second").model == "mixed"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The old LAPGAN's run, its checkpoints changed to say that they were trained on images that are known."""
    run = tmp_path / "older"
    shutil.copytree(OLD, run)
    images = IMAGES[:24]
    for name, seen in (("level-0-4x4", gn.models.laplacian.reduced(images, 1)), ("level-1-8x8", images)):
        (file,) = checkpoint.all_of(run / name)
        found, description = checkpoint.read(file)
        text = json.loads(json.dumps(description | {"data": fingerprints(seen)["data"]}))
        file.write_bytes(to_bytes(text, found))
    return run


@pytest.mark.parametrize("finer", ["begun", "not begun"])
def test_a_run_that_was_written_before_goes_on(older: Path, finer: str) -> None:
    if finer == "not begun":
        shutil.rmtree(older / "level-1-8x8")
    resume(older, images=IMAGES[:24], steps=4, coarsest_steps=3, progress=False)
    assert steps_done(older) == {"level-0-4x4": 3, "level-1-8x8": 4}
    assert json.loads((older / "model.json").read_text())["model"] == {"gan": "LAPGAN"}
    assert load_gan(older).sample(2).shape == (2, 8, 8, 1)
    assert [folder.name for folder in stage_folders(older)] == ["level-0-4x4", "level-1-8x8"]
    resume(older, images=IMAGES[:24], steps=5, progress=False)
    assert steps_done(older) == {"level-0-4x4": 3, "level-1-8x8": 5}
    assert dataclasses.asdict(read_config(older))["options"]["coarsest_steps"] == 3
