"""The games of `gan-np play`: what is drawn of them, and what a player can do with them."""

import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.explore.play.distributions import DISTRIBUTIONS, EDGE, distribution
from gan_np.explore.play.frame import FIELD, arrows_at, field_of, field_points, lattice_z, logits_at
from gan_np.explore.play.game import SHOWN, Game
from gan_np.explore.play.history import COLUMNS, MOST, History
from gan_np.explore.play.session import UNIT, UNSEEN, Session
from gan_np.explore.play.settings import Settings
from gan_np.explore.play.worker import Worker
from gan_np.objectives import OBJECTIVES

TINY = Settings(g_units=6, d_units=6, batch=8)


def in_double(settings: Settings) -> gn.GAN:
    gan = Game(settings).gan
    players = gan.generator.astype(np.float64), gan.discriminator.astype(np.float64)
    return gn.GAN(*players, gan.prior, packing=gan.packing)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_distribution_lies_in_the_square_and_near_its_modes(name: str) -> None:
    found = distribution(name, seed=3)
    assert found.points.dtype == np.float32
    assert (np.abs(found.points) < EDGE).all()
    report = gn.metrics.mixture_modes(found.points, found.modes, found.reach / 3)
    assert report.covered == len(found.modes)
    assert report.high_quality > 0.97
    assert np.array_equal(found.points, distribution(name, seed=3).points)
    assert not np.array_equal(found.points, distribution(name, seed=4).points)


def test_drawn_points_are_learnt_where_they_were_drawn() -> None:
    found = distribution("drawn", 0, np.array([[-2.0, 1.0], [2.0, 1.0]]))
    assert len(found.modes) == 2
    assert np.abs(np.abs(found.points[:, 0]) - 2).max() < 0.5


@pytest.mark.parametrize("packing", [1, 2])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_arrow_is_the_slope_of_the_loss_of_g(objective: str, packing: int) -> None:
    """Central differences in float64, also of points that are judged together or compared with real ones."""
    with gn.use_kernels(dense="reference", dense_layer="reference", bias_activation="reference", softplus="reference"):
        check_arrows(objective, packing)


def check_arrows(objective: str, packing: int) -> None:
    gan, made = in_double(replace(TINY, packing=packing, activation="tanh")), OBJECTIVES[objective]()
    rng = np.random.default_rng(0)
    samples, real = rng.standard_normal((2, 6, 2))
    arrows = arrows_at(gan, made, samples, real)

    def loss(points: np.ndarray) -> float:
        scores = [gan.discriminator(x.reshape(-1, 2 * packing)) for x in (points, real)]
        return float(made.generator(scores[0], scores[1] if made.needs_real else None).value) * len(points) / packing

    step = 1e-5
    for place in np.ndindex(samples.shape):
        moved = np.zeros_like(samples)
        moved[place] = step
        slope = (loss(samples + moved) - loss(samples - moved)) / (2 * step)
        assert arrows[place] == pytest.approx(-slope, rel=1e-6, abs=1e-9)
    assert np.abs(arrows).max() > 1e-3
    assert not gan.discriminator.gradient.started, "drawing leaves D's gradient alone"


def test_the_field_is_what_d_says_and_the_lattice_what_g_makes() -> None:
    gan = in_double(replace(TINY, packing=2))
    field, points = field_of(gan, OBJECTIVES["non-saturating"]()), field_points(np.dtype(np.float64))
    assert points[1, 0] > points[0, 0]
    assert points[FIELD, 1] > points[0, 1]
    score = gan.discriminator(np.concatenate([points[7], points[7]])[None])[0, 0]
    assert field[0, 7] == pytest.approx(1 / (1 + np.exp(-score)), rel=1e-9)
    half = field_of(gan, OBJECTIVES["wasserstein"]())
    assert np.median(half) == pytest.approx(0.5, abs=1e-6), "a critic's scores are drawn about their median"
    assert logits_at(gan, points[:3]).shape == (3,)
    z = lattice_z(gan)
    assert np.allclose(z[0], [-2, -2])
    assert np.allclose(z[1] - z[0], [0.2, 0])
    assert len(lattice_z(in_double(replace(TINY, latent_dim=1)))) == 21


def test_updates_by_turns_are_the_steps_of_a_trainer_bit_for_bit() -> None:
    settings = replace(TINY, d_steps=2, objective="relativistic", penalties={"wasserstein": 0.5}, instance_noise=0.1)
    game, other = Game(settings), Game(settings)
    whole = other._trainer
    for _ in range(3):
        game.step()
        whole.step()
    for player in ("generator", "discriminator"):
        ours, theirs = (getattr(one.gan, player).parameters.values for one in (game, other))
        assert np.array_equal(ours, theirs)
    assert game.steps == 3


def test_one_update_moves_one_player() -> None:
    game = Game(TINY)

    def versions() -> list[Any]:
        return [network.parameters.values.copy() for network in (game.gan.discriminator, game.gan.generator)]

    d, g = versions()
    assert game.next_player == "d"
    game.update("d")
    assert not np.array_equal(versions()[0], d)
    assert np.array_equal(versions()[1], g)
    assert (game.next_player, game.steps) == ("g", 0)
    d, g = versions()
    game.update("g")
    assert np.array_equal(versions()[0], d)
    assert not np.array_equal(versions()[1], g)
    assert (game.next_player, game.steps) == ("d", 1)
    game.snapshot()
    assert np.array_equal(versions()[0], d), "drawing changes nothing"
    with pytest.raises(ValueError, match="player: expected 'd' or 'g'"):
        game.update("x")


def test_two_sides_with_one_seed_are_equal_until_a_setting_differs() -> None:
    session = Session([TINY, TINY])
    for _ in range(4):
        session.update("both")
    one, other = (game.snapshot() for game in session.games)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert session.change([TINY, replace(TINY, penalties={"r1": 10.0})])
    session.update("both")
    one, other = (game.snapshot() for game in session.games)
    assert not np.array_equal(one.samples, other.samples)


def test_a_change_that_changes_nothing_goes_on_as_without_it() -> None:
    plain, changed = Game(TINY), Game(TINY)
    for game in (plain, changed):
        game.step()
    assert changed.change(replace(TINY, g_rate=0.1))
    assert changed.change(TINY)
    for game in (plain, changed):
        game.step()
    assert np.array_equal(plain.samples(), changed.samples())


@pytest.mark.parametrize(
    "what",
    [
        {"objective": "hinge"},
        {"penalties": {"r2": 1.0}},
        {"clip_weights": 0.05},
        {"optimizer": "sgd", "momentum": 0.0},
        {"d_steps": 3},
        {"batch": 16},
        {"data": "grid"},
        {"data": "drawn", "points": ((1.0, 1.0),)},
    ],
)
def test_what_may_change_while_it_runs_keeps_the_weights(what: dict[str, Any]) -> None:
    game = Game(TINY)
    game.step()
    before = game.samples().copy()
    assert game.change(replace(TINY, **what))
    assert np.array_equal(game.samples(), before)
    game.step()
    assert game.steps == 2
    if "clip_weights" in what:
        assert np.abs(game.gan.discriminator.parameters.values).max() <= 0.05 + 1e-7


@pytest.mark.parametrize("what", [{"g_units": 8}, {"packing": 2}, {"seed": 1}, {"latent": "uniform"}])
def test_another_structure_needs_a_new_game(what: dict[str, Any]) -> None:
    session = Session([TINY, TINY])
    assert not session.change([replace(TINY, d_rate=0.1), replace(TINY, **what)])
    assert [game.settings for game in session.games] == [TINY, TINY], "neither side changed"


def test_numbers_that_are_not_finite_end_the_game_in_words() -> None:
    wild = replace(TINY, objective="wasserstein", optimizer="sgd", momentum=0.99, g_rate=2.0, d_rate=2.0)
    session = Session([TINY, wild])
    session.play(True, 1000.0, 0.0)
    for _ in range(60):
        if session.wait(0.0) is None:
            break
        session.turn(0.0)
    assert "training cannot go on" in session.games[1].fault
    header, arrays = read(session.frame(0.0))
    assert "Lower a rate" in header["sides"][1]["fault"]
    assert len(arrays[1]["samples"]) == len(arrays[1]["arrows"])
    with pytest.raises(ValueError, match="cannot go on"):
        session.update("both")


def read(found: bytes) -> tuple[Any, list[dict[str, Any]]]:
    """The header of a frame, and the arrays of each side."""
    (length,) = struct.unpack("<I", found[:4])
    header, place = json.loads(found[4 : 4 + length]), 4 + length
    arrays: list[dict[str, Any]] = []
    for side in header["sides"]:
        arrays.append({})
        for name, kind, shape in side["arrays"]:
            array = np.frombuffer(found, kind, int(np.prod(shape)), place).reshape(shape)
            arrays[-1][name] = array
            place += array.nbytes
    assert place == len(found)
    return header, arrays


def test_a_frame_has_what_its_header_says() -> None:
    session = Session([TINY, replace(TINY, latent_dim=1)])
    session.update("both")
    session.update("both")
    found = session.frame(0.0)
    header, arrays = read(found)
    assert len(found) < 20_000
    snapshot = session.games[0].snapshot()
    assert np.abs(arrays[0]["samples"] / UNIT - snapshot.samples).max() <= 0.5 / UNIT + 1e-6
    assert arrays[0]["arrows"].shape == (SHOWN, 2)
    assert arrays[1]["lattice"].shape == (21, 2)
    assert header["step"] == 2
    assert arrays[0]["history"][-1, 0] == 2
    assert np.isnan(arrays[0]["history"][0, 1])
    assert arrays[0]["history"].shape[1] == len(COLUMNS)
    assert len(session.frame(0.0, history=False)) < len(found)


def test_curves_are_bounded() -> None:
    history = History()
    for step in range(1, 5000):
        history.losses(1.0, step)
        if history.due(step):
            history.add(step, 1, 1.0, 0.0, 0.0)
    table = history.table()
    assert 100 < len(table) <= MOST
    assert (np.diff(table[:, 0]) > 0).all()
    assert table[-1, 0] > 4900


def test_the_clock_of_a_session() -> None:
    session = Session([TINY])
    assert session.wait(0.0) is None
    session.play(True, 50.0, 10.0)
    assert session.wait(10.0) == 0.0
    session.turn(10.0)
    assert session.wait(10.0) == pytest.approx(0.02)
    assert session.steps == 1
    assert session.wait(10.0 + 2 * UNSEEN) is None, "nobody looks"
    session.frame(20.0)
    assert session.wait(20.0) is not None
    session.play(True, 2.0, 30.0)
    session.turn(30.0)
    assert (session.moved, session.steps) == ("d", 1), "in slow motion by turns"
    assert session.wait(30.0) == pytest.approx(0.25)
    session.turn(30.25)
    assert (session.moved, session.steps) == ("g", 2)


def test_a_worker_answers_between_turns_and_outlives_what_fails(capsys: pytest.CaptureFixture[str]) -> None:
    class Faulty:
        def wait(self, now: float) -> float:
            return 0.0

        def turn(self, now: float) -> None:
            raise KeyError("a fault")

    worker = Worker()
    session = Session([TINY])
    worker.ask(lambda: session.play(True, 1000.0, __import__("time").monotonic()))
    worker.tasks = [Faulty(), session]
    while worker.ask(lambda: session.steps) < 3:
        pass
    with pytest.raises(ZeroDivisionError):
        worker.ask(lambda: 1 // 0)
    assert worker.tasks == [session]
    worker.close()
    assert "a fault" in capsys.readouterr().err
