"""`gn.train`: the run folder, callbacks, options."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan_np as gn
from gan_np.runs import Config, StopTraining
from gan_np.runs.plots import smooth


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def small() -> gn.GAN:
    return gn.models.dcgan((8, 8, 1), 4, width=2)


@pytest.mark.usefixtures("plots_drawn")
def test_run_folder(tmp_path: Path, images: np.ndarray) -> None:
    gan, out = small(), tmp_path / "a run — ü"
    gn.train(gan, images, out=out, steps=5, batch_size=8, sample_every=2, sample_count=9, progress=False)
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert names == [
        ".lock",
        "checkpoints/best.safetensors",
        "checkpoints/step-000005.safetensors",
        "config.toml",
        "log.jsonl",
        "losses.png",
        "run.json",
        "samples.png",
        "samples/step-000000.png",
        "samples/step-000002.png",
        "samples/step-000004.png",
        "samples/step-000005.png",
        "training.gif",
    ]
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5]
    assert set(records[0]) == {"step", "d_loss", "g_loss", "d_real_accuracy", "d_fake_accuracy", "seconds"}
    assert Config.from_mapping(__import__("tomllib").loads((out / "config.toml").read_text())).steps == 5
    with Image.open(out / "losses.png") as image:
        assert image.size[0] > 500
    with Image.open(out / "samples.png") as last, Image.open(out / "samples/step-000005.png") as same:
        assert np.array_equal(np.asarray(last), np.asarray(same))


def test_grids_show_the_same_z_over_time(tmp_path: Path, images: np.ndarray) -> None:
    gan = small()
    gan.average = gn.averaging.Average(gan.generator)
    expected = gn.data.grid(gan.sample(4, 0))
    gn.train(gan, images, out=tmp_path / "run", steps=1, batch_size=8, sample_every=1, sample_count=4, progress=False)
    with Image.open(tmp_path / "run/samples/step-000000.png") as image:
        shown = np.asarray(image)
    zoom = shown.shape[0] // expected.shape[0]
    assert np.array_equal(shown[::zoom, ::zoom], expected[:, :, 0])


def test_no_folder_unless_asked(tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trainer = gn.train(small(), images, steps=2, batch_size=8, progress=False)
    assert trainer.steps == 2
    assert not list(tmp_path.iterdir())


def test_a_run_is_never_overwritten(tmp_path: Path, images: np.ndarray) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="kept"):
        gn.train(small(), images, out=tmp_path / "kept", steps=1, batch_size=8, progress=False)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["mine.txt"]


def test_callbacks_see_every_step_and_can_stop(images: np.ndarray) -> None:
    seen = []

    def watch(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        seen.append(step.number)
        if step.number == 3:
            raise StopTraining

    trainer = gn.train(small(), images, steps=10, batch_size=8, callbacks=[watch], progress=False)
    assert seen == [1, 2, 3]
    assert trainer.steps == 3


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"step": 3}, ValueError, "did you mean 'steps'"),
        ({"steps": "3"}, TypeError, "steps: expected an integer"),
        ({"steps": True}, TypeError, "steps: expected an integer"),
        ({"steps": 0}, ValueError, "steps"),
        ({"optimizer": "adma"}, ValueError, "did you mean 'adam'"),
        ({"objective": "minmax"}, ValueError, "did you mean 'minimax'"),
        ({"batch_size": 1}, ValueError, "batch_size"),
        ({"g_learning_rate": float("nan")}, ValueError, "finite"),
        ({"clip_norm": 0.0}, ValueError, "clip_norm"),
    ],
)
def test_options_are_checked_before_any_work(
    tmp_path: Path, images: np.ndarray, options: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        gn.train(small(), images, out=tmp_path / "run", progress=False, **options)
    assert not (tmp_path / "run").exists()


def test_progress_prints_lines_where_there_is_no_terminal(
    images: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    gn.train(small(), images, steps=2, batch_size=8)
    line = capfd.readouterr().err.strip().splitlines()[-1]
    for words in ("step 2/2", "steps/s", "left", "D ", "G ", "real", "fake"):
        assert words in line


def test_smooth_is_a_mean_over_the_last_values() -> None:
    np.testing.assert_allclose(smooth(np.array([2.0, 4.0, 6.0, 8.0]), 2), [2, 3, 5, 7])


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("model", ["dcgan", "mlp"])
def test_every_model_with_every_optimiser(images: np.ndarray, optimizer: str, model: str) -> None:
    size = {"width": 2} if model == "dcgan" else {"hidden": 16}
    config = Config(model=model, optimizer=optimizer, latent_dim=4, steps=2, batch_size=8, **size)
    gan = gn.runs.build_gan(config, (8, 8, 1))
    before = gan.generator.parameters.values.copy()
    gn.train(gan, images, config=config, progress=False)
    assert not np.array_equal(gan.generator.parameters.values, before)
    assert np.isfinite(gan.generator.parameters.values).all()


def test_norms_of_layers_in_the_log(tmp_path: Path, images: np.ndarray) -> None:
    gan = small()
    gn.train(gan, images, out=tmp_path / "run", steps=2, batch_size=8, log_norms=True, progress=False)
    record = json.loads((tmp_path / "run/log.jsonl").read_text().splitlines()[-1])
    weight = gan.generator.parameters["0.weight"]
    assert record["G/weights/0.weight"] == pytest.approx(np.linalg.norm(weight), rel=1e-4)
    assert record["D/gradient/0.weight"] > 0


def test_tensorboard_events(tmp_path: Path, images: np.ndarray) -> None:
    pytest.importorskip("tensorboardX", reason="event files need tensorboardX")
    gn.train(small(), images, out=tmp_path / "run", steps=3, batch_size=8, tensorboard=True, progress=False)
    (events,) = (tmp_path / "run/tensorboard").glob("events*")
    written = events.read_bytes()
    assert written.count(b"g_loss") == 3
    assert written.count(b"\x89PNG") == 2  # grids of before and after
    assert b"batch_size = 8" in written


def test_forced_kernels_are_kept_with_the_run(tmp_path: Path, images: np.ndarray) -> None:
    options = {"batch_size": 8, "progress": False, "steps": 2}
    with gn.kernels.profile() as total:
        gn.train(small(), images, out=tmp_path / "run", kernels="conv2d=reference", **options)
    assert {work.implementation for work in total.seconds if work.operation == "conv2d"} == {"reference"}
    with gn.kernels.profile() as total:
        gn.runs.resume(tmp_path / "run", images=images, steps=3, progress=False)
    assert "reference" in {work.implementation for work in total.seconds if work.operation == "conv2d"}
    with pytest.raises(ValueError, match="no kernel 'fast'"):
        gn.train(small(), images, kernels="conv2d=fast", **options)


def test_animation_has_every_grid(tmp_path: Path, images: np.ndarray) -> None:
    gn.train(small(), images, out=tmp_path / "run", steps=6, batch_size=8, sample_every=2, progress=False)
    with Image.open(tmp_path / "run/training.gif") as animation:
        assert animation.n_frames >= 3
