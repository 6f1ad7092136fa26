"""Two run folders against each other."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.evaluation.battles import discriminator_logits


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("battle")
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (120, 8, 8, 1), np.uint8), rng.integers(0, 2, 120)
    np.savez(folder / "d.npz", x_train=images[:60], y_train=labels[:60], x_test=images[60:])
    options = {"data": str(folder / "d.npz"), "steps": 2, "progress": False, "sample_every": 0, "animation": False}
    for name, gan, changes in (
        ("one", gn.models.dcgan((8, 8, 1), 4, width=2), {}),
        ("two", gn.models.dcgan((8, 8, 1), 4, width=2, seed=1), {}),
        ("larger", gn.models.dcgan((8, 8, 1), 4, width=2), {"batch_size": 16}),
        (
            "critic",
            gn.models.dcgan((8, 8, 1), 4, width=2, d_norm="none"),
            {"objective": "wasserstein", "clip_weights": 0.01},
        ),
        ("by-label", gn.models.conditional_dcgan((8, 8, 1), 4, classes=2, width=2), {}),
    ):
        settings = {"batch_size": 8} | options | changes
        gn.train(gan, images[:60], labels=labels[:60], out=folder / name, **settings)
    return folder


def test_turns_round_and_is_the_same_each_time(place: Path) -> None:
    forth, back, again = (
        gn.evaluation.battle_of_runs(place / one, place / other, count=40).data
        for one, other in (("one", "two"), ("two", "one"), ("one", "two"))
    )
    assert forth == again
    assert forth["error_rates"]["first_on_test"] == back["error_rates"]["second_on_test"]
    assert forth["error_rates"]["first_on_second"] == back["error_rates"]["second_on_first"]
    assert {forth["winner"], back["winner"]} in ({"first", "second"}, {"undecided"})


@pytest.mark.parametrize("packing", [1, 2])
def test_judgements_are_those_of_training(packing: int, rng: np.random.Generator) -> None:
    gan = gn.models.dcgan((16, 16, 1), 4, width=2, packing=packing)  # D has batch normalisation from this size on
    images = rng.integers(0, 256, (35, 16, 16, 1), np.uint8)
    before = gan.discriminator.state.values.copy()
    found = discriminator_logits(gan, images, 8)
    full = len(images) // (8 * packing)
    assert found.shape == (8 * full,)
    assert np.array_equal(gan.discriminator.state.values, before)  # nothing is learnt by judging
    if packing == 1:
        floats, _ = gan.examples(images[8:16], None)
        by_hand, _ = gan.discriminator.forward(floats, training=True)
        assert np.array_equal(found[8:16], by_hand[:, 0])
        assert not np.allclose(found[8:16], gan.discriminator(floats)[:, 0])  # running statistics say something else
    with pytest.raises(ValueError, match="at least one batch"):
        discriminator_logits(gan, images[:7], 8)


def test_refusals(place: Path) -> None:
    with pytest.raises(ValueError, match="conditional"):
        gn.evaluation.battle_of_runs(place / "one", place / "by-label", count=40)
    with pytest.raises(ValueError, match=r"critic.*wasserstein.*no boundary"):
        gn.evaluation.battle_of_runs(place / "one", place / "critic", count=40)
    with pytest.raises(ValueError, match="batch_size"):
        gn.evaluation.battle_of_runs(place / "one", place / "larger", count=40)
    with pytest.raises(FileNotFoundError):
        gn.evaluation.battle_of_runs(place / "one", place / "none", count=40)


def test_both_must_hold_out_the_same(place: Path, tmp_path: Path) -> None:
    """A discriminator that was trained on what both are judged on is no judge."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 8, 8, 1), np.uint8)
    np.save(tmp_path / "d.npy", images)
    options = {"steps": 1, "batch_size": 8, "progress": False, "sample_every": 0, "animation": False}

    def train(name: str, **changes: object) -> Path:
        data = changes.pop("images", images)
        settings = {"data": str(tmp_path / "d.npy"), **options, **changes}
        gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), data, out=tmp_path / name, **settings)
        return tmp_path / name

    one, alike = train("one", hold_out=0.5), train("alike", hold_out=0.5, seed=3)
    assert gn.evaluation.battle_of_runs(one, alike, count=20).data["against"] == str(alike)
    with pytest.raises(
        ValueError, match=r"^against: .*one and .* do not hold out the same part .*hold_out 0\.5 and 0\)"
    ):
        gn.evaluation.battle_of_runs(one, train("all"), count=20)
    with pytest.raises(ValueError, match=r"by other labels"):
        gn.evaluation.battle_of_runs(one, train("by-label", hold_out=0.5, labels=np.arange(60) % 2), count=20)
    with pytest.raises(ValueError, match=r"was trained on other data than .*their fingerprints differ"):
        gn.evaluation.battle_of_runs(one, train("other", hold_out=0.5, images=images[::-1].copy()), count=20)
    with pytest.warns(UserWarning, match="batches of an iterable"):
        batches = train("batches", images=lambda: iter([images[:16]] * 4), data="")
    said = gn.evaluation.battle_of_runs(place / "one", batches, count=20).text
    assert "cannot be checked: one of them read batches or items" in said


def test_the_lazy_names_stay_functions() -> None:
    for _ in range(2):
        assert callable(gn.evaluation.battle_of_runs)
        assert callable(gn.evaluation.evaluate_run)
        assert callable(gn.evaluation.evaluate)
        assert callable(gn.metrics.kernel_distance)
