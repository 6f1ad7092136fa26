"""Any two sets beside halves of one: figures that are known, sets of all kinds, and what does not fit."""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from striped_images import striped

import gan_np as gn
from gan_np.cli import main
from gan_np.evaluation import comparison, kept_classifier, sets
from gan_np.evaluation.comparison import compare
from gan_np.metrics import frechet_distance, kernel_distance, precision_recall_density_coverage

SHAPE = (8, 8, 1)
REAL, OTHER = (np.ascontiguousarray(striped(120, seed)[0][:, ::2, ::2]) for seed in (1, 2))


def figures(report: gn.evaluation.Report) -> dict:
    return report.to_mapping()["figures"]


def test_what_is_wrong_with_an_array_says_of_which_set() -> None:
    images = np.zeros((30, 8, 8, 1), np.uint8)
    with pytest.raises(ValueError, match=r"^b: images: expected floats in \[0, 1\]"):
        gn.evaluation.compare(images, images + 200.0)
    with pytest.raises(TypeError, match=r"^a: source: expected"):
        gn.evaluation.compare(None, images)


def test_the_figures_are_those_of_the_pure_functions() -> None:
    report = compare(REAL, OTHER[:60], count=500, neighbours=3)
    found, reader = figures(report), gn.metrics.PixelFeatures(SHAPE)
    # all 60 of b, and 60 of a in its random order
    a, b = (
        np.concatenate(list(sets.opened(given, name).chunks(0, 60, 0)))
        for name, given in (("a", REAL), ("b", OTHER[:60]))
    )
    assert sorted(map(bytes, b)) == sorted(map(bytes, OTHER[:60]))
    one, other = (reader.extract(images)[0] for images in (a, b))
    assert found["frechet_distance"]["value"] == pytest.approx(frechet_distance(one, other))
    assert found["kernel_distance"]["value"] == pytest.approx(kernel_distance(one, other))
    expected = precision_recall_density_coverage(one, other, neighbours=3)._asdict()
    assert {name: found[name]["value"] for name in expected} == pytest.approx(expected)
    assert found["coverage"]["low"] <= found["coverage"]["value"] <= found["coverage"]["high"]
    assert report.facts["halves"] == "two times 60 of a (an array)"
    assert report.facts["compared"] == "60 of each, seed 0, as 8×8×1"
    assert figures(compare(REAL, OTHER[:60], count=500, neighbours=3)) == found
    assert figures(compare(REAL, OTHER[:60], count=500, neighbours=3, seed=1)) != found


def test_equal_sets_and_sets_that_differ() -> None:
    same = figures(compare(REAL, REAL.copy(), count=60))
    assert same["frechet_distance"]["value"] == pytest.approx(0, abs=1e-6)
    assert (same["precision"]["value"], same["recall"]["value"]) == (1, 1)
    assert same["sliced_wasserstein_8x8"]["value"] == 0
    assert same["frechet_distance"]["halves"]["value"] > 0.01, "the floor is not 0"
    alike = compare(REAL, OTHER, count=60)
    assert "not surely farther from a than two halves of a (an array) are from each other" in alike.sections[0].short
    darker = compare(REAL, (OTHER // 3).astype(np.uint8), count=60)
    said = darker.sections[0].short
    assert said.startswith(
        "In short: b is farther from a than two halves of a (an array) are from each other, and surely so: "
    )
    assert "(rough: 60 images of each, 2,000 wanted)" in said
    value, floor = (figures(darker)["frechet_distance"][name] for name in ("low", "halves"))
    assert value > floor["high"]


def test_smaller_halves_are_said_and_too_small_ones_left_out() -> None:
    report = compare(REAL[:60], OTHER[:60])
    assert report.facts["halves"] == "two times 30 of a (an array)"
    assert "Each half has 30 images, fewer than the 60" in report.sections[0].text
    few = compare(REAL[:30], OTHER[:30])
    assert few.facts["halves"] == "none: there are too few for two halves"
    assert figures(few)["recall"]["halves"] is None
    assert few.sections[0].short == ""
    with pytest.raises(ValueError, match=r"^count: expected at least 20 of each, b \(an array\) has 15"):
        compare(REAL, OTHER[:15])
    with pytest.raises(ValueError, match=r"^count: expected at least 30 with 14 neighbours"):
        compare(REAL, OTHER, count=20, neighbours=14)


def test_a_set_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = figures(compare(REAL, OTHER, count=60))
    monkeypatch.setattr(sets, "CHUNK_BYTES", 7 * 4 * 64)
    parts = figures(compare(REAL, OTHER, count=60))
    for name in ("precision", "density", "frechet_distance", "kernel_distance"):
        assert parts[name]["value"] == pytest.approx(whole[name]["value"])
    levels = [figure["sliced_wasserstein_8x8"]["value"] for figure in (whole, parts)]
    assert levels[0] == pytest.approx(levels[1], rel=0.3)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images as a folder, an archive, an .npz file with labels, and a run on them."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "images").mkdir()
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for number, image in enumerate(REAL[:60]):
            file = folder / "images" / f"{number:03}.png"
            Image.fromarray(image[:, :, 0]).save(file)
            archive.write(file, file.name)
    np.savez(folder / "d.npz", images=REAL[:60], labels=striped(60, 1)[1])
    data = gn.data.open(folder / "d.npz")
    gan = gn.models.mlp(SHAPE, 4, hidden=4)
    settings = {"steps": 2, "batch_size": 8, "progress": False, "animation": False}
    gn.train(gan, data.images, out=folder / "run", data=str(folder / "d.npz"), **settings)
    return folder


def test_sets_of_all_kinds(place: Path) -> None:
    expected = figures(compare(REAL[:60], OTHER[:60], count=30))["frechet_distance"]["value"]
    for name in ("images", "images.zip", "d.npz"):
        found = compare(str(place / name), OTHER[:60], count=30)
        assert figures(found)["frechet_distance"]["value"] == pytest.approx(expected)
        assert found.facts["a"].startswith(f"{place / name}: 60 images of 8×8×1")
    samples = compare(place / "images.zip", place / "run", count=30)
    assert samples.facts["b"] == f"{place / 'run'}: samples of {place / 'run'}"
    assert samples.facts["halves"].endswith("images.zip")
    checkpoint = compare(place / "d.npz", place / "run/checkpoints/step-000002.safetensors", count=30)
    opened = compare(gn.data.open(place / "d.npz"), gn.load(place / "run"), count=30)
    assert figures(checkpoint)["recall"]["value"] == figures(samples)["recall"]["value"]
    assert figures(opened)["frechet_distance"] == figures(checkpoint)["frechet_distance"]
    twice = compare(place / "run", place / "run", count=30)
    assert twice.facts["halves"] == f"two times 30 of {place / 'run'}"
    assert "<img" in gn.evaluation.html.page(samples.title, samples.facts, samples.sections)


def test_other_sizes_and_channels_are_refused_or_brought_to_one() -> None:
    larger = np.repeat(np.repeat(OTHER, 2, axis=1), 2, axis=2)
    with pytest.raises(gn.ShapeError, match=r"^b: b \(an array\) holds images of 16×16×1, a, .*8×8×1; say how .*--fit"):
        compare(REAL, larger)
    report = compare(REAL, larger, fit="stretch", count=60)
    assert report.facts["compared"].endswith("as 8×8×1")
    near = (
        figures(report)["frechet_distance"]["value"],
        figures(compare(REAL, OTHER, count=60))["frechet_distance"]["value"],
    )
    assert near[0] == pytest.approx(near[1], rel=0.2)
    assert compare(REAL, larger, image_size="8x10", count=40).facts["compared"].endswith("as 8×10×1")
    colour = np.repeat(OTHER, 3, axis=3)
    with pytest.raises(gn.ShapeError, match=r"8×8×3.*say which channels to compare, --channels 1"):
        compare(REAL, colour)
    assert compare(REAL, colour, channels=1, count=40).facts["compared"].endswith("8×8×1")
    with pytest.raises(ValueError, match=r"^fit: expected one of 'crop', 'pad', 'stretch', got 'zoom'"):
        compare(REAL, OTHER, fit="zoom")


def test_vectors_are_called_vectors() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 100, 3)) * [1, 10, 100]
    report = compare(a, b + np.array([0.0, 30.0, 0.0]))
    assert figures(report)["sliced_wasserstein"]["value"] > figures(report)["sliced_wasserstein"]["halves"]["value"]
    text = json.dumps(report.to_mapping()) + report.sections[0].text
    assert "images" not in text
    assert "100 vectors of 3 numbers" in text
    with pytest.raises(gn.ShapeError, match=r"holds vectors of 2 numbers, a, .*, holds vectors of 3 numbers"):
        compare(a, b[:, :2])
    with pytest.raises(gn.ShapeError, match="cannot be compared"):
        compare(a, REAL)


def test_a_classifier_is_trained_once(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def train(images: np.ndarray, labels: np.ndarray, *, announce: object, **settings: object) -> gn.models.Classifier:
        made.append(len(images))
        small = {name: settings[name] for name in ("name", "class_names", "out")}
        return gn.train_classifier(images, labels, steps=2, batch_size=8, width=2, features=8, progress=False, **small)

    monkeypatch.setenv("GAN_NP_CACHE", str(tmp_path))
    monkeypatch.setattr(kept_classifier, "train_classifier", train)
    told: list[str] = []
    found = [compare(place / "d.npz", OTHER, features="classifier", count=30, tell=told.append) for _ in range(2)]
    assert made == [60]
    assert len(told) == 1
    assert told[0].startswith(
        "first a classifier is trained, whose features are compared: on 60 labelled images of d.npz"
    )
    assert figures(found[0]) == figures(found[1])
    assert found[0].facts["features"] == "8 of the classifier d"
    (file,) = (tmp_path / "classifiers").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.warns(UserWarning, match="a classifier that was kept is trained again"):
        compare(place / "d.npz", OTHER, features="classifier", count=30)
    assert made == [60, 60]
    compare(place / "run", OTHER, features="classifier", count=30)  # the data that the run was trained on
    assert made == [60, 60]
    with pytest.raises(ValueError, match="neither a nor b has labels"):
        compare(REAL, OTHER, features="classifier")
    with pytest.raises(gn.ShapeError, match="reads images of 8×8×1"):
        compare(np.zeros((30, 9, 9, 1), np.uint8), np.zeros((30, 9, 9, 1), np.uint8), features=str(file))


def test_a_network_says_whose_features_they_are(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    made = gn.models.classifier(SHAPE, classes=3, width=2, features=5)
    gn.interop.export(made, tmp_path / "net.onnx")
    report = compare(REAL, OTHER, features=f"{tmp_path}/net.onnx:features", count=60)
    text = json.dumps(report.to_mapping(), ensure_ascii=False) + report.sections[0].text
    assert "Fréchet distance on features of net.onnx:features" in text
    assert report.facts["network input"] == "8×8 (antialiased bicubic), grey; values 0..1; NCHW"
    assert "FID" not in text
    assert "KID" not in text
    own = compare(REAL, OTHER, features=made, count=60)
    assert figures(own)["frechet_distance"]["value"] == pytest.approx(
        figures(report)["frechet_distance"]["value"], rel=1e-3
    )
    with pytest.raises(ValueError, match=r"^input_mean: is for features of an ONNX network, and these are 'pixels'"):
        compare(REAL, OTHER, preprocessing=gn.evaluation.Preprocessing(mean=1))
    with pytest.raises(ValueError, match=r"^features: expected pixels, classifier, .*got 'inception'"):
        compare(REAL, OTHER, features="inception")


def test_the_command(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gan-np", "compare", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        return (code, *capsys.readouterr())

    monkeypatch.setenv("COLUMNS", "80")
    code, shown, _ = run(place / "d.npz", place / "run", "--count", 30, "--out", tmp_path)
    assert code == 0
    table = shown.partition("Figures\n")[2].partition("In short")[0]
    assert "Fréchet distance" in table
    assert max(map(len, table.splitlines())) <= 80
    assert "halves" in shown
    assert "In short: " in shown
    assert (tmp_path / "comparison.html").exists()
    code, shown, said = run(place / "d.npz", place / "run", "--count", 30, "--json", "--k", 3)
    assert (code, said) == (0, "")
    assert json.loads(shown)["facts"]["k"] == 3
    code, _, said = run(place / "d.npz", place / "nothing.zip")
    assert code == 1
    assert said.strip() == f"gan-np: b: no such file or folder: {place / 'nothing.zip'}"
    code, _, said = run(place / "d.npz", place / "run", "--input-std", "0")
    assert code == 2
    assert "--input-std" in said


def test_the_halves_are_drawn_apart() -> None:
    """No image is in both: the negative control of the floor, which a shared one would pull down."""
    one = sets.opened(REAL, "a")
    first, second = (np.concatenate(list(one.chunks(*part, 0))) for part in ((0, 60), (60, 120)))
    assert not {*map(bytes, first)} & {*map(bytes, second)}
    assert comparison.COUNT == 5000
