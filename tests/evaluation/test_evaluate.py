"""The report of a generator: what a good one, a collapsed one and a memoriser must get, and what the files hold."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from striped_images import SHAPE, Generator, striped

import gan_np as gn
from gan_np.evaluation import Bars, Figure, Report, Section, Table, evaluate
from gan_np.evaluation.evaluate import Real
from gan_np.evaluation.html import page
from gan_np.evaluation.meaning import Words, meaning
from gan_np.metrics.intervals import Estimate

COUNT = 300


@pytest.fixture(scope="module")
def classifier() -> gn.models.Classifier:
    return gn.train_classifier(
        *striped(800, 10), steps=300, batch_size=32, width=4, features=16, augment=(), progress=False, name="stripes"
    )


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    train, test = striped(600, 1), striped(400, 2)
    return {"images": train[0], "labels": train[1], "test": test}


def figures_of(generator: Generator, classifier: gn.models.Classifier | None, data: dict) -> dict:
    return evaluate(generator, **data, classifier=classifier, count=COUNT).to_mapping()["figures"]


def test_the_classifier_is_good_enough_for_what_follows(classifier: gn.models.Classifier) -> None:
    assert classifier.held_out is not None
    assert classifier.held_out.accuracy > 0.95


def test_fresh_real_pictures_score_as_real(classifier: gn.models.Classifier, data: dict) -> None:
    found = figures_of(Generator(striped(500, 77)[0]), classifier, data)
    for key in ("precision", "recall", "density", "coverage", "recognised", "vendi_score", "classifier_score"):
        low, high = found[key]["real"]["low"], found[key]["real"]["high"]
        margin = high - low
        assert low - margin <= found[key]["value"] <= high + margin, key
    assert found["kernel_distance"]["low"] <= 0 <= found["kernel_distance"]["high"]
    assert found["classes_covered"]["value"] == 3


def test_a_memoriser_scores_as_real_which_is_why_there_are_other_tests(
    classifier: gn.models.Classifier, data: dict
) -> None:
    found = figures_of(Generator(data["images"]), classifier, data)
    assert found["coverage"]["value"] > 0.9
    assert found["precision"]["value"] > 0.85
    assert found["frechet_distance"]["value"] < 3 * found["frechet_distance"]["real"]["value"]


def test_a_collapsed_generator(classifier: gn.models.Classifier, data: dict) -> None:
    """One good image for ever: precise and recognised, and everything else says what is wrong."""
    one = next(p for p in data["images"] if classifier.probabilities(p[None]).max() > 0.95)
    found = figures_of(Generator(one[None]), classifier, data)
    value = {key: figure["value"] for key, figure in found.items()}
    assert value["recognised"] == 1
    assert value["recall"] == 0
    assert value["coverage"] < 0.1
    assert value["vendi_score"] == pytest.approx(1)
    assert value["classifier_score"] == pytest.approx(1)
    assert (value["classes_covered"], value["effective_classes"]) == (1, 1)
    for key in ("frechet_distance", "kernel_distance", "sliced_wasserstein_16x16"):
        assert found[key]["low"] > found[key]["real"]["high"], key


def test_a_missing_class(classifier: gn.models.Classifier, data: dict) -> None:
    images, labels = striped(700, 5)
    found = figures_of(Generator(images[labels != 1]), classifier, data)
    assert found["classes_covered"]["value"] == 2
    assert found["effective_classes"]["high"] < 2.3 < found["effective_classes"]["real"]["low"]
    assert found["recall"]["high"] < found["recall"]["real"]["low"]
    assert found["precision"]["value"] > 0.8


def test_noise(classifier: gn.models.Classifier, data: dict) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (COUNT, *SHAPE), np.uint8)
    for reader in (classifier, None):
        found = figures_of(Generator(noise), reader, data)
        assert found["precision"]["value"] < 0.05
        assert found["coverage"]["value"] < 0.05
    assert "recognised" not in found  # pixels know no classes


def test_samples_of_the_wrong_class(classifier: gn.models.Classifier, data: dict) -> None:
    images, labels = striped(400, 3)
    right = figures_of(Generator(images, labels), classifier, data)["accuracy"]
    wrong = figures_of(Generator(images, (labels + 1) % 3), classifier, data)["accuracy"]
    assert right["value"] > 0.9
    assert wrong["value"] < 0.1
    assert right["real"]["value"] > 0.9
    assert "accuracy" not in figures_of(Generator(images), classifier, data)


def test_the_two_real_sets_share_no_picture() -> None:
    train, test = np.arange(100, dtype=np.uint8)[:, None], np.arange(100, 130, dtype=np.uint8)[:, None]
    cut = Real.choose(train, None, 1000, seed=1)
    assert (len(cut.reference), len(cut.baseline)) == (50, 50)
    assert not set(cut.reference.ravel().tolist()) & set(cut.baseline.ravel().tolist())
    apart = Real.choose(train, test, 1000, train_labels=np.arange(100), test_labels=np.arange(100, 130))
    assert sorted(apart.reference.ravel().tolist()) == list(range(100, 130))
    assert np.array_equal(apart.reference[:, 0], apart.reference_labels)
    assert np.array_equal(apart.baseline[:, 0], apart.baseline_labels)
    assert np.array_equal(
        Real.choose(train, None, 20, seed=1).reference, Real.choose(train, None, 20, seed=1).reference
    )
    assert not np.array_equal(
        Real.choose(train, None, 20, seed=1).reference, Real.choose(train, None, 20, seed=2).reference
    )
    with pytest.raises(ValueError, match="at least 20"):
        Real.choose(train[:30], None, 1000)


class Tags(HTMLParser):
    """Which tags are open, and every address that is named."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in ("meta", "img", "line", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect"):
            assert self.open.pop() == tag


def test_files(tmp_path: Path, classifier: gn.models.Classifier, data: dict) -> None:
    report = evaluate(Generator(data["images"]), **data, classifier=classifier, count=60, facts={"run": "a<b>&c"})
    report.add(
        Section(
            "extra",
            "Something <else>",
            "One.\n\nTwo & three.",
            tables=(Table(("a", "b"), (("<x>", "1"),), numbers=(1,)),),
            bars=(Bars(("p", "q"), {"one": (0.2, 0.8)}),),
            figures=(Figure.of(data["images"][:4], "four"),),
            data={"p_value": np.float32(0.5), "counts": np.arange(2), "bad": float("nan")},
        )
    )
    machine, people = report.save(tmp_path)
    read = json.loads(machine.read_text())
    assert read["extra"] == {"p_value": 0.5, "counts": [0, 1], "bad": None}
    assert read["facts"]["run"] == "a<b>&c"
    assert read["figures"]["coverage"]["sizes"] == [60, 60]
    assert sum(read["classes"]["samples"]) == pytest.approx(1)
    text = people.read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert len(tags.addresses) == 3
    assert all(address.startswith("data:image/png;base64,") for address in tags.addresses)
    assert not re.search(r"https?:|<script|@import|url\(", text)
    assert "Something &lt;else&gt;" in text
    assert "a&lt;b&gt;&amp;c" in text
    assert "<td>&lt;x&gt;</td>" in text


def test_same_seed_same_files(tmp_path: Path, data: dict) -> None:
    for name in ("a", "b"):
        evaluate(Generator(data["images"]), **data, count=40).save(tmp_path / name)
    assert (tmp_path / "a/evaluation.json").read_bytes() == (tmp_path / "b/evaluation.json").read_bytes()
    assert (tmp_path / "a/evaluation.html").read_bytes() == (tmp_path / "b/evaluation.html").read_bytes()


def test_refusals(classifier: gn.models.Classifier, data: dict) -> None:
    report = Report("x", {})
    report.add(Section("a", "A"))
    for key in ("a", "facts"):
        with pytest.raises(ValueError, match="taken"):
            report.add(Section(key, "B"))
    with pytest.raises(ValueError, match="2 texts"):
        Table(("a", "b"), (("x",),))
    with pytest.raises(gn.ShapeError, match="images"):
        evaluate(Generator(data["images"]), data["images"][:, :8])
    with pytest.raises(gn.ShapeError, match="classifier reads images of 8×8×1, the gan draws 16×16×1"):
        evaluate(Generator(data["images"]), data["images"], classifier=gn.models.classifier((8, 8, 1), classes=3))
    with pytest.raises(ValueError, match="count"):
        evaluate(Generator(data["images"]), data["images"], count=5)


def test_what_figures_mean_in_a_sentence(data: dict) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (COUNT, *SHAPE), np.uint8)
    small = {name: part[:, ::2, ::2] for name, part in data.items() if name == "images"}
    bad = Generator(noise[:, ::2, ::2])
    bad.data_shape = (8, 8, 1)
    report = evaluate(bad, **small, count=60)
    said = report.sections[0].short
    assert said.startswith("In short: the samples are worse than real images, and surely so: the Fréchet distance is ")
    assert "times that of real images" in said
    assert f'<p class="short">{said}</p>'.replace("'", "&#x27;") in page(report.title, report.facts, report.sections)
    fresh = Generator(striped(500, 77)[0][:, ::2, ::2])
    fresh.data_shape = (8, 8, 1)
    assert "the samples cannot be told from real images" in evaluate(fresh, **small, count=60).sections[0].short


@pytest.mark.parametrize(
    ("own", "share", "words"),
    [
        (
            (5.0, 4.5, 5.5),
            0.9,
            "worse, and surely so: the Fréchet distance is 5 [4.5, 5.5], 10 times others, 0.5 [0.4, 0.6].",
        ),
        ((5.0, 4.5, 5.5), 0.2, "0.5 [0.4, 0.6]; lowest beside it is recall, 0.2 where 0.9 would be as good."),
        (
            (0.5, 0.4, 0.6),
            0.2,
            "worse, and surely so by recall, 0.2 where 0.9 would be as good; the Fréchet distance is 0.5",
        ),
        ((0.5, 0.4, 0.6), 0.9, "alike with 2,000 images of each: the Fréchet distance is 0.5 [0.4, 0.6], others 0.5"),
        ((0.1, 0.0, 0.2), 0.9, "nearer: the Fréchet distance is 0.1 [0, 0.2], others 0.5 [0.4, 0.6]."),
        ((np.nan, np.nan, np.nan), 0.9, "nothing sure can be said"),
    ],
)
def test_sentences(own: tuple[float, float, float], share: float, words: str) -> None:
    sizes = (2000, 2000)
    found = {"recall": Estimate(share, share - 0.05, share + 0.05, sizes), "frechet_distance": Estimate(*own, sizes)}
    floor = {"recall": Estimate(0.9, 0.85, 0.95, sizes), "frechet_distance": Estimate(0.5, 0.4, 0.6, sizes)}
    assert words in meaning(found, floor, Words("worse", "alike", "nearer", "others"))
    assert meaning({}, {}, Words("", "", "", "")) == ""


def test_of_vectors_nobody_says_images() -> None:
    gan = gn.models.mlp((3,), 4, hidden=4)
    data = np.random.default_rng(0).standard_normal((80, 3)).astype(np.float32)
    gan.learn_encoding(data)
    report = evaluate(gan, data, count=40)
    shown = page(report.title, report.facts, report.sections)
    text = re.sub(r"<style>.*?</style>|data:image[^\"]*|<[^>]*>", "", shown, flags=re.S)
    assert "real\nvectors" in text
    assert "images" not in text


def test_the_page_is_for_light_and_dark_and_for_phones() -> None:
    bars = Section("b", "B", bars=(Bars(("p", "q"), {f"series {n}": (0.2, 0.8) for n in range(6)}),))
    text = page("A title", {"run": "x" * 300}, [bars])
    assert 'content="width=device-width, initial-scale=1"' in text
    assert "color-scheme: light dark" in text
    assert "@media (prefers-color-scheme: dark)" in text
    style, body = text.split("</style>")
    light, dark = (set(re.findall(r"--(\w+):", part)) for part in style.split("@media (prefers-color-scheme: dark)"))
    assert light == dark == set(re.findall(r"var\(--(\w+)\)", text)), "each colour has both forms, and is used"
    assert not re.search(r"#[0-9a-f]{3,6}\b", body.replace("&#", "")), "no colour stands beside the style"
    outside = re.sub(r"@media[^{]*\{\s*:root \{.*?\}\s*\}|:root \{.*?\}", "", style, flags=re.S)
    assert set(re.findall(r"#[0-9a-f]{3,6}", outside)) <= {"#fff"}, "but the white behind transparent plots"
