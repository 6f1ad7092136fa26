"""A conditional model knows the labels of its data: how frequent they are, their names and values, in every use of them."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.data.labels import LabelTable
from gan_np.metrics.measure import classes_read, features_of_samples
from gan_np.metrics.pixels import PixelFeatures
from gan_np.runs import Config, build_gan, checkpoint, load_gan

QUIET = {"sample_every": 0, "animation": False, "progress": False}


def rare(values: tuple[int, ...] = (0, 1), counts: tuple[int, ...] = (570, 30)) -> tuple[np.ndarray, np.ndarray]:
    """8×8 images of one grey each: 30 of the first label, 220 of the last."""
    labels = np.repeat(values, counts)
    level = np.repeat(np.linspace(30, 220, len(values)), counts)
    rng = np.random.default_rng(0)
    images = (level[:, None, None, None] + rng.integers(-10, 10, (len(labels), 8, 8, 1))).astype(np.uint8)
    order = rng.permutation(len(labels))
    return images[order], labels[order]


@pytest.mark.parametrize("values", [(0, 1), (7, 200)])
def test_statistics_of_the_average_are_those_of_the_data_s_shares(values: tuple[int, int]) -> None:
    """5 % of one label: with labels in turn the average drew 7.9 and 89.9, the last weights 33.9 and 113.5."""
    images, labels = rare(values)
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=2, width=8)
    gn.train(gan, images, labels=labels, steps=400, batch_size=32, progress=False)
    for label in values:
        average, last = (gan.sample(64, labels=label, average=which).mean() for which in (True, False))
        assert abs(average - last) < 12, (label, average, last)
    drawn = gan.sample(100, seed=1)
    assert np.array_equal(drawn, gan.sample(100, seed=1, labels=gan.label_table.labels_of(gan.label_table.drawn(100))))


def test_a_generator_of_another_share_has_other_statistics() -> None:
    """They follow the labels that the model knows, also where its weights stay as they are."""
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=2, width=4)
    gan.average = gn.averaging.Average(gan.generator)
    equal = gan.sampler().state.values.copy()
    gan.learn_labels(np.repeat([0, 1], [19, 1]))
    assert not np.allclose(gan.sampler().state.values, equal)
    gan.learn_labels(np.repeat([0, 1], [10, 10]))
    assert np.array_equal(gan.sampler().state.values, equal)


class Perfect:
    """Draws real images of the label that it is asked for."""

    data_shape, classes = (8, 8, 1), 2

    def sample(self, count: int, seed: int = 0, *, labels: object = None, average: bool = True) -> np.ndarray:
        images, known = rare(counts=(3800, 200))
        rng = np.random.default_rng(seed + 1)
        return np.stack(
            [images[rng.choice(np.flatnonzero(known == label))] for label in np.broadcast_to(labels, count)]
        )


def test_a_perfect_generator_of_rare_labels() -> None:
    images, labels = rare()
    report = gn.evaluation.evaluate(Perfect(), images, labels, count=300).to_mapping()["figures"]["frechet_distance"]
    assert report["value"] < 0.5, "11.1 with the labels in turn"


def test_samples_and_a_classifier_go_together_by_the_names_of_classes() -> None:
    reader = gn.models.classifier((8, 8, 1), classes=3, width=2)
    table = LabelTable.of(np.array([0, 2, 2]))
    assert classes_read(reader, table, np.array([2, 0])).tolist() == [2, 0], "a classifier of more classes"
    assert classes_read(reader, LabelTable.of(np.array([5, 9])), np.array([5])) is None
    reader.class_names = ("fox", "cat", "dog")
    animals = LabelTable.of(np.array([0, 1]), ("cat", "dog"))
    assert classes_read(reader, animals, np.array([0, 1, 1])).tolist() == [1, 2, 2]
    assert classes_read(reader, LabelTable.equal(3), np.array([1])).tolist() == [1], "as many without names: by number"
    assert classes_read(reader, animals, np.array([4])) is None
    assert classes_read(PixelFeatures((8, 8, 1)), animals, np.array([0])) is None


def test_evaluations_ask_for_labels_by_their_shares() -> None:
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=2, width=2)
    gan.learn_labels(np.repeat([7, 200], [3, 1]), None)
    reader = gn.models.classifier((8, 8, 1), classes=2, width=2)
    reader.class_names = ("7", "200")
    view, samples = features_of_samples(gan, 40, reader, 0)
    assert np.bincount(view.labels).tolist() == [30, 10]
    assert np.array_equal(samples, gan.sample(40, 0))


def test_a_classifier_of_labels_with_gaps() -> None:
    images, labels = rare((0, 7, 200), (40, 40, 40))
    made = gn.train_classifier(images, labels, steps=60, batch_size=32, width=4, augment=(), progress=False)
    assert made.names() == ("0", "7", "200")
    assert made.held_out.accuracy > 0.9
    with pytest.raises(ValueError, match="test labels: expected one of 0, 7, 200, got 8"):
        gn.train_classifier(images, labels, test=(images, labels + 1), steps=1, progress=False)


def test_labels_and_names_stay_with_the_checkpoint(tmp_path: Path) -> None:
    images, labels = rare((0, 7, 200), (20, 10, 5))
    config = Config(model="conditional-dcgan", width=2, latent_dim=3, batch_size=8, steps=2)
    gan = build_gan(config, (8, 8, 1), len(np.unique(labels)))
    names = tuple("dark" if label == 0 else f"level {label}" for label in range(201))
    gn.train(gan, images, labels=labels, class_names=names, config=config, out=tmp_path / "run", **QUIET)
    loaded = load_gan(tmp_path / "run")
    assert loaded.label_table == LabelTable((0, 7, 200), ("dark", "level 7", "level 200"), (20, 10, 5))
    assert np.array_equal(loaded.sample(7, 1), gan.sample(7, 1))
    assert np.array_equal(
        loaded.sample(4, 1, labels=[200, 7, 0, 7]), gan.sample(4, 1, labels=["level 200", "7", "dark", "7"])
    )
    with pytest.raises(ValueError, match=r"expected one of dark \(0\), level 7 \(7\), level 200 \(200\), got 1"):
        gan.sample(2, labels=1)
    gn.runs.resume(tmp_path / "run", images=images, labels=labels, steps=3, progress=False)
    assert load_gan(tmp_path / "run").label_table == loaded.label_table


def test_a_checkpoint_that_says_nothing_of_labels(tmp_path: Path) -> None:
    """Older ones: as before, until the data are at hand."""
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=3, width=2)
    loaded = load_gan(checkpoint.save(tmp_path / "old.safetensors", gan))
    assert loaded.label_table is None
    assert np.array_equal(loaded.sample(6), gan.sample(6, labels=[0, 1, 2, 0, 1, 2]))


@pytest.mark.parametrize(
    "wrong", [{"counts": [1, 1]}, {"values": [3, 2, 1]}, {"names": 7}], ids=["short", "order", "kind"]
)
def test_impossible_labels_in_a_checkpoint(tmp_path: Path, wrong: dict[str, object]) -> None:
    gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=3, width=2)
    gan.learn_labels(np.arange(3))
    file = checkpoint.save(tmp_path / "x.safetensors", gan, extra={"labels": gan.label_table.to_mapping() | wrong})
    with pytest.raises(checkpoint.CheckpointError, match=r"x\.safetensors: labels"):
        load_gan(file)


def test_a_lapgan_of_labels_with_gaps(tmp_path: Path) -> None:
    images, labels = rare((3, 9), (30, 10))
    config = Config(
        model="lapgan",
        conditional=True,
        levels=1,
        steps=2,
        batch_size=8,
        width=2,
        hidden=4,
        latent_dim=2,
        **QUIET_CONFIG,
    )
    made = build_gan(config, (8, 8, 1), 2)
    gn.train(made, images, labels=labels, out=tmp_path / "run", config=config, progress=False)
    for gan in (made, load_gan(tmp_path / "run")):
        assert [stage.label_table.counts for stage in gan.stages] == [(30, 10), (30, 10)]
        drawn = gan.sample(8, 1)
        assert np.array_equal(drawn, gan.sample(8, 1, labels=[3, 3, 9, 3, 3, 3, 9, 3]))
        assert not np.array_equal(drawn, gan.sample(8, 1, labels=3))


QUIET_CONFIG = {"sample_every": 0, "animation": False}


def test_data_of_one_class_more_than_fit_are_refused_before_networks_are_made() -> None:
    with pytest.raises(ValueError, match="at most 10,000 classes, the data have 30,000"):
        build_gan(Config(model="conditional-dcgan"), (8, 8, 1), 30_000)


def test_other_data_mean_the_same_by_names() -> None:
    from gan_np.data import Dataset
    from gan_np.evaluation.trained_on import relabelled

    images = np.zeros((3, 8, 8, 1), np.uint8)
    training = Dataset(images, np.array([0, 1, 2]), ("cat", "dog", "fox"))
    other = Dataset(images, np.array([1, 0, 1]), ("cat", "fox"))
    assert relabelled(other, training).labels.tolist() == [2, 0, 2]
    with pytest.warns(UserWarning, match="no class eel"):
        assert relabelled(Dataset(images, np.array([1, 0, 1]), ("cat", "eel")), training).labels is None
    plain = Dataset(images, np.array([2, 0, 1]))
    assert relabelled(plain, training) is plain
