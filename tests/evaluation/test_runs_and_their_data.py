"""Evaluating a run: what does not fit is refused before anything is computed, in words that name it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan_np as gn
from gan_np.checks import ShapeError
from gan_np.evaluation import battle_of_runs, evaluate_run, kept_classifier
from gan_np.evaluation.memorisation import memory_of
from gan_np.evaluation.runs import Run
from gan_np.runs import load_classifier


def train(place: Path, name: str, **options: object) -> Path:
    data = gn.data.open(place / "d.npz")
    gan = gn.models.dcgan((8, 8, 1), 3, width=2, packing=int(str(options.pop("packing", 1))))
    settings = {"steps": 1, "batch_size": 4, "data": str(place / "d.npz"), "progress": False, "animation": False}
    gn.train(gan, data.images, out=place / name, **settings, **options)
    return place / name


@pytest.fixture
def place(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "d.npz", images=images, labels=np.arange(40) % 2)
    np.save(tmp_path / "small.npy", images[:, :4, :4])
    return tmp_path


def test_pictures_of_another_shape_are_refused_before_a_classifier_is_trained(place: Path) -> None:
    run = train(place, "run")
    with pytest.raises(ShapeError, match=r"real: expected data of 8×8×1, as the run draws, .*small.npy has 4×4×1"):
        evaluate_run(run, real=str(place / "small.npy"), count=20, progress=False)
    assert not (run / "classifier.safetensors").exists()


def test_image_files_of_several_sizes_to_compare_with(place: Path) -> None:
    run, folder = train(place, "run"), place / "real"
    folder.mkdir()
    for number, width in enumerate((8, 9, 12)):
        Image.fromarray(np.full((8, width), number, np.uint8)).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes(b"no image")
    with (
        pytest.warns(UserWarning, match=r"real: the images of .* are brought to 8×8"),
        pytest.warns(UserWarning, match="left out 1 of 4 images"),
        pytest.warns(UserWarning, match="in Python$"),
    ):
        opened = Run.open(run, str(folder), skip_broken=True)
    assert opened.test is not None
    assert opened.test.images.shape == (3, 8, 8, 1)


def test_too_few_held_out_images_say_where_the_others_went(place: Path) -> None:
    run = train(place, "run")
    images = np.load(place / "d.npz")["images"]
    np.save(place / "other.npy", np.concatenate([images[:9], 255 - images[:2]]))
    words = r"least 10 images, there are 2 of 11: the other 9 are training images .*; give others .*--held-out"
    with pytest.raises(ValueError, match=words):
        memory_of(run, gn.load(run), held_out=str(place / "other.npy"))
    with pytest.raises(ValueError, match=r"^data: expected a name or a path, got an empty text"):
        evaluate_run(run, data="", count=20)


def test_data_that_are_gone_are_named_with_who_named_them(place: Path) -> None:
    run = train(place, "run")
    (place / "d.npz").rename(place / "e.npz")
    for again in (lambda: evaluate_run(run, count=20), lambda: gn.runs.resume(run, steps=2)):
        with pytest.raises(FileNotFoundError, match=r"d\.npz") as caught:
            again()
        assert str(run / "config.toml") in caught.value.__notes__[0]


def test_data_that_have_changed_are_refused(place: Path) -> None:
    run = train(place, "run")
    np.savez(place / "d.npz", images=np.zeros((40, 8, 8, 1), np.uint8))
    with pytest.raises(ValueError, match="fingerprint"):
        evaluate_run(run, count=20)


def test_discriminators_that_judge_other_numbers_of_pictures(place: Path) -> None:
    one, two = train(place, "one"), train(place, "two", packing=2)
    with pytest.raises(ValueError, match=r"first has packing 1, batch_size 4, the second packing 2, batch_size 4"):
        battle_of_runs(one, two, count=20)


def test_a_classifier_that_is_not_there(place: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"classifier: there is no file .*none\.safetensors"):
        load_classifier(place / "none.safetensors")


def test_a_classifier_is_kept_for_every_run_on_the_same_data(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train_small(images: np.ndarray, labels: np.ndarray, **settings: object) -> gn.models.Classifier:
        kept = {name: settings[name] for name in ("name", "class_names", "out", "announce")}
        small = {"steps": 50, "batch_size": 8, "width": 2, "features": 4, "progress": False}
        return gn.train_classifier(images, labels, **small, **kept)

    monkeypatch.setenv("GAN_NP_CACHE", str(place / "cache"))
    monkeypatch.setattr(kept_classifier, "train_classifier", train_small)
    told: list[str] = []
    one, two = train(place, "one"), train(place, "two")
    first = evaluate_run(one, count=20, progress=False, tell=told.append)
    assert told[0].partition(":")[0] == "first a classifier is trained, whose features are compared"
    assert told[1].startswith("the classifier takes ")
    assert len(told) == 2
    (kept,) = (place / "cache/classifiers").iterdir()
    assert (one / "classifier.safetensors").read_bytes() == kept.read_bytes()
    second = evaluate_run(two, count=20, progress=False, tell=told.append)
    assert len(told) == 2
    assert second.facts["features"] == first.facts["features"] == "4 of the classifier d"
    pixels = evaluate_run(two, count=20, features="pixels", progress=False)
    assert pixels.facts["features"] == "pixels 8×8"
    assert "recognised" not in pixels.to_mapping()["figures"]
    with pytest.raises(ValueError, match="both given; which is to be read"):
        evaluate_run(two, count=20, features="pixels", classifier=kept)


def test_features_of_a_network_in_place_of_the_classifier(place: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    run = train(place, "run")
    file = gn.interop.export(gn.models.classifier((8, 8, 1), classes=3, width=2, features=5), place / "net.onnx")
    shown = gn.evaluation.Preprocessing(mean=0.5)
    report = evaluate_run(run, count=20, features=f"{file}:features", preprocessing=shown, every=True, progress=False)
    figures = report.to_mapping()["figures"]
    assert figures["frechet_distance"]["title"] == "Fréchet distance on features of net.onnx:features"
    assert report.facts["network input"] == "8×8 (antialiased bicubic), grey; values 0..1; mean 0.5; NCHW"
    assert not (run / "classifier.safetensors").exists(), "none is trained for it"


@pytest.mark.parametrize(
    ("contents", "what"),
    [
        ({"images": np.zeros((40, 8, 8, 1), np.uint8)}, "have no labels"),
        ({"images": np.zeros((40, 8, 8, 1), np.uint8), "labels": np.zeros(40, int)}, "have labels of one class only"),
    ],
)
def test_a_classifier_that_was_asked_for_is_not_replaced_by_pixels(
    place: Path, contents: dict[str, np.ndarray], what: str
) -> None:
    np.savez(place / "d.npz", **contents)
    run = train(place, "run")
    assert evaluate_run(run, count=20, progress=False).facts["features"] == "pixels 8×8", "nothing was asked for"
    with pytest.raises(ValueError, match=rf"^features: .*d\.npz {what}; expected pixels, .*, got 'classifier'$"):
        evaluate_run(run, count=20, features="classifier", progress=False)


def test_a_classifier_beside_the_run_is_enough_to_ask_for_one(place: Path) -> None:
    run = train(place, "run")
    gn.train_classifier(
        np.load(place / "d.npz")["images"], np.arange(40) % 2, steps=1, batch_size=8, width=2, features=4,
        out=run / "classifier.safetensors", progress=False,
    )  # fmt: skip
    report = evaluate_run(run, count=20, features="classifier", progress=False)
    assert report.facts["features"].startswith("4 of the classifier")
