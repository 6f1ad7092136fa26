"""Algorithm 1: what each player's step computes, moves and leaves alone."""

import warnings
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.data.sampler import Shuffler
from gan_np.training import Trainer


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)


def small(seed: int = 0, dtype: type = np.float32) -> gn.GAN:
    return gn.models.dcgan((8, 8, 1), 4, width=4, seed=seed, dtype=dtype)


def test_one_step_by_hand(images: np.ndarray) -> None:
    """The trainer's step equals Algorithm 1 written out with networks, objectives and optimisers."""
    gan, hand = small(dtype=np.float64), small(dtype=np.float64)
    rates = {"d_optimizer": gn.Adam(2e-4), "g_optimizer": gn.Adam(2e-4)}
    trainer = Trainer(gan, images, batch_size=8, seed=3, d_steps=2, average_decay=0.0, **rates)
    step = trainer.step()

    g, d, objective = hand.generator, hand.discriminator, gn.objectives.NonSaturating()
    order = Shuffler(len(images), 8, 3)
    noise = gn.arrays.generator(3, 1 << 31, 1)
    d_adam, g_adam = gn.Adam(2e-4), gn.Adam(2e-4)
    for _ in range(2):
        fake = g.forward(hand.prior.draw(noise, 8, g.dtype), training=True)[0]
        real = images[next(order)] / 127.5 - 1
        s_real, pull_real = d.forward(real, training=True, update_state=True)
        s_fake, pull_fake = d.forward(fake, training=True, update_state=True)
        d_loss = np.log1p(np.exp(-s_real)).mean() + np.log1p(np.exp(s_fake)).mean()
        pull_real(objective.real(s_real).gradient)
        pull_fake(objective.fake(s_fake).gradient)
        d_adam.step(d.parameters, d.gradient)
    fake, pull_g = g.forward(hand.prior.draw(noise, 8, g.dtype), training=True, update_state=True)
    s_fake, pull_d = d.forward(fake, training=True)
    pull_g(pull_d(objective.generator(s_fake).gradient, parameters=False))
    g_adam.step(g.parameters, g.gradient)

    for ours, theirs in ((gan.generator, g), (gan.discriminator, d)):
        np.testing.assert_allclose(ours.parameters.values, theirs.parameters.values, rtol=0, atol=1e-12)
        np.testing.assert_allclose(ours.state.values, theirs.state.values, rtol=0, atol=1e-12)
    assert float(step.d_loss) == pytest.approx(d_loss, rel=1e-12)
    assert float(step.g_loss) == pytest.approx(np.log1p(np.exp(-s_fake)).mean(), rel=1e-12)
    assert float(step.d_real_accuracy) == (s_real > 0).mean()


@pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
def test_updates_by_turns_are_a_step_bit_for_bit(images: np.ndarray, objective: str) -> None:
    trainers = []
    for _ in range(2):
        gan = gn.models.dcgan(image_shape=images.shape[1:], latent_dim=4, width=2, seed=0)
        made = gn.objectives.OBJECTIVES[objective]()
        trainers.append(gn.training.Trainer(gan, images, objective=made, batch_size=4, d_steps=2))
    whole, turns = trainers
    for _ in range(2):
        found = whole.step()
        losses = [turns.update_discriminator() for _ in range(2)]
        assert (float(losses[-1]), float(turns.update_generator())) == (float(found.d_loss), float(found.g_loss))
    assert turns.steps == 2
    for player in ("generator", "discriminator"):
        one, other = (getattr(trainer.gan, player) for trainer in trainers)
        assert np.array_equal(one.parameters.values, other.parameters.values)


def test_with_shared_noise_g_has_no_update_of_its_own(images: np.ndarray) -> None:
    gan = gn.models.dcgan(image_shape=images.shape[1:], latent_dim=4, width=2, seed=0)
    trainer = gn.training.Trainer(gan, images, batch_size=4, share_noise=True)
    with pytest.raises(ValueError, match="share_noise: G learns from the batch of D's update"):
        trainer.update_generator()


def test_accuracies_count_the_right_side(images: np.ndarray) -> None:
    gan = small()
    with gan.discriminator.parameters.edit() as theta:
        theta[...] = 0
        theta[-1] = 5.0  # the last bias: every logit is 5, so all is called real
    step = Trainer(gan, images, batch_size=8).step()
    assert float(step.d_real_accuracy) == 1.0
    assert float(step.d_fake_accuracy) == 0.0


@pytest.mark.parametrize("share_noise", [False, True])
def test_same_seed_same_bits(images: np.ndarray, share_noise: bool) -> None:
    results = []
    for _ in range(2):
        gan = small()
        for _step in gn.runs.iterate(gan, images, steps=4, batch_size=8, share_noise=share_noise):
            pass
        results.append([gan.generator.parameters.values.copy(), gan.discriminator.state.values.copy(), gan.sample(5)])
    for first, second in zip(*results, strict=True):
        assert np.array_equal(first, second)


def test_another_seed_gives_other_bits(images: np.ndarray) -> None:
    thetas = []
    for seed in (0, 1):
        gan = small()
        for _ in gn.runs.iterate(gan, images, steps=2, batch_size=8, seed=seed):
            pass
        thetas.append(gan.generator.parameters.values.copy())
    assert not np.array_equal(*thetas)


def test_shared_noise_runs_the_generator_once(images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for share in (False, True):
        gan = small()
        trainer = Trainer(gan, images, batch_size=8, share_noise=share, average_decay=0.0)
        calls = 0

        def counted(*arguments: Any, forward: Any = gan.generator.forward, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            return forward(*arguments, **options)

        monkeypatch.setattr(gan.generator, "forward", counted)
        trainer.step()
        counts.append(calls)
    assert counts == [2, 1]


def test_minimax_moves_the_generator_otherwise(images: np.ndarray) -> None:
    thetas = []
    for objective in ("minimax", "non-saturating"):
        gan = small()
        for _ in gn.runs.iterate(gan, images, steps=2, batch_size=8, objective=objective, optimizer="sgd"):
            pass
        thetas.append(gan.generator.parameters.values.copy())
    assert not np.allclose(*thetas, atol=0)


def test_average_follows_the_generator(images: np.ndarray) -> None:
    gan = small()
    trainer = Trainer(gan, images, batch_size=8, average_decay=0.5)
    assert gan.average is not None
    expected = gan.generator.parameters.values.copy()
    for update in range(3):
        trainer.step()
        decay = min(0.5, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * gan.generator.parameters.values
        np.testing.assert_allclose(gan.average.network.parameters.values, expected, rtol=1e-5, atol=1e-7)


def test_samples_of_the_average_have_their_own_statistics(images: np.ndarray) -> None:
    gan = small()
    for _ in gn.runs.iterate(gan, images, steps=3, batch_size=8, average_decay=0.9):
        pass
    sampler = gan.sampler()
    assert gan.average is not None
    assert sampler is gan.average.network
    rng = gn.arrays.generator(0, 0)
    z = np.concatenate([gan.prior.draw(rng, 128, sampler.dtype) for _ in range(8)])
    # The projection of z to a 4×4 map of 4 channels is the input of the first batch normalisation.
    projected = z @ sampler.parameters["0.weight"]
    np.testing.assert_allclose(sampler.state["2.running_mean"], projected.reshape(-1, 4).mean(axis=0), atol=1e-5)
    before = sampler.state.version
    gan.sample(3)
    assert sampler.state.version == before, "recomputed once for each version of the weights"


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (np.zeros((4, 8, 8, 1), np.float16), TypeError, "uint8"),
        (np.full((4, 8, 8, 1), 2.0, np.float32), ValueError, r"\[0, 1\]"),
        (np.zeros((4, 64), np.float32), gn.ShapeError, "8×8×1"),
        (np.zeros((4, 9, 8, 1), np.uint8), gn.ShapeError, "8×8×1"),
        (np.zeros((0, 8, 8, 1), np.uint8), gn.ShapeError, "N ≥ 1"),
        (np.zeros((4, 8, 8), np.uint8), gn.ShapeError, "8×8×1"),
    ],
)
def test_wrong_pictures_are_refused(images: np.ndarray, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Trainer(small(), images)


def test_one_optimiser_for_two_players_is_refused(images: np.ndarray) -> None:
    adam = gn.Adam()
    with pytest.raises(ValueError, match="its own"):
        Trainer(small(), images, d_optimizer=adam, g_optimizer=adam)


@pytest.mark.parametrize("share_noise", [False, True])
def test_statistics_of_the_generator_move_once_a_step(images: np.ndarray, share_noise: bool) -> None:
    gan = small()
    trainer = Trainer(gan, images, batch_size=8, d_steps=3, share_noise=share_noise, average_decay=0.0)
    moves = gan.generator.state.version
    trainer.step()
    assert gan.generator.state.version - moves == 1, "both statistics of its one batch normalisation"


def test_r1_needs_one_head(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="one head"):
        Trainer(gn.models.infogan((8, 8, 1), 4, width=2), images, penalties=[gn.penalties.R1(1.0)])


@pytest.mark.parametrize(
    ("count", "black", "batch", "said"),
    [
        (1, False, 2, ["images: there is only one"]),
        (50, True, 8, ["images: all 50 images are the same"]),
        (20, False, 21, ["batch_size: a batch of 21 is larger than the data"]),
        (20, True, 21, ["images: all 20", "batch_size: a batch of 21"]),
        (20, False, 20, []),
    ],
    ids=["one", "black", "batch", "both", "none"],
)
def test_data_of_which_nothing_can_be_learnt_are_said(count: int, black: bool, batch: int, said: list[str]) -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 1), np.uint8)
    images = np.zeros_like(drawn) if black else drawn
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gn.training.Trainer(gn.models.dense_gan((4, 4, 1), 2, hidden=4), images, batch_size=batch)
    assert len(caught) == len(said)
    assert all(str(one.message).startswith(text) for one, text in zip(caught, said, strict=True))


def test_one_other_example_far_behind_is_seen() -> None:
    images = np.zeros((9000, 4, 4, 1), np.uint8)
    images[-1] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gn.training.Trainer(gn.models.dense_gan((4, 4, 1), 2, hidden=4), images, batch_size=4)
