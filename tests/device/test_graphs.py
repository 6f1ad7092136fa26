"""A step captured as a CUDA graph: the same numbers as launch by launch, and what makes it impossible is said."""

import numpy as np
import pytest
from test_training_on_a_device import numbers_of, trainer_of

import gan_np as gn
from gan_np import kernels
from gan_np.arrays import device_of, generator
from gan_np.cuda_graph import capture as captured_steps
from gan_np.cuda_graph import readings
from gan_np.cuda_graph.tape import Tape


def run(trainer, steps):
    for _ in range(steps):
        trainer.step()


def same(one, other):
    for mine, theirs in zip(numbers_of(one), numbers_of(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


LONG = {"mlp": 300, "dcgan": 60}
OTHERS = ("conditional_dcgan", "infogan", "gran", "residual_gan", "r3gan")
"""A LAPGAN's level is in test_with_cuda_kernels.py: the reference's bilinear enlargement is cuBLAS on a GPU."""


@pytest.mark.parametrize(
    ("model", "steps"),
    [
        pytest.param("mlp", LONG["mlp"], marks=pytest.mark.campaign),
        ("dcgan", LONG["dcgan"]),
        *((model, 12) for model in OTHERS),
    ],
)
def test_captured_and_not_captured_are_the_same_for_long(model, steps, capturing, images):
    """Bit for bit: learning rates, Adam's count, noise, flips and images are new at each replay."""
    trainers = [trainer_of(model, "cuda", images, steps, graph=graph) for graph in (True, False)]
    for number in range(steps):
        losses = [trainer.step().numbers() for trainer in trainers]
        assert losses[0] == losses[1], number
    assert [trainer.captured for trainer in trainers] == [True, False]
    assert trainers[0].g_optimizer.updates == steps
    same(*trainers)


def test_replays_do_less(capturing, images):
    """One copy and one launch of the graph, instead of hundreds of launches."""
    trainer = trainer_of("dcgan", "cuda", images, 10)
    counts = []
    for _ in range(10):
        before = capturing.launches, capturing.transfers
        trainer.step()
        counts.append((capturing.launches - before[0], capturing.transfers - before[1]))
    assert counts[2][0] > 300
    assert counts[-1][0] < 20
    assert counts[-1][1] == 1


@pytest.mark.parametrize("graph", [True, False])
def test_what_a_step_hands_out_stays(graph, capturing, images):
    """Asked for at once, after the next step, and after so many that its place on the host was used again."""
    trainer = trainer_of("dcgan", "cuda", images, 60, graph=graph)
    run(trainer, 6)
    assert trainer.captured == graph
    steps, early = [], []
    for number in range(40):
        steps.append(trainer.step())
        if number % 2:
            with capturing.no_synchronisation():
                early.append((number, steps[-1].d_loss))
    numbers = [step.numbers() for step in steps]
    assert len({found["d_loss"] for found in numbers}) == len(steps)
    for number, loss in early:
        assert float(loss) == numbers[number]["d_loss"]
    for step, found in zip(steps, numbers, strict=True):
        assert device_of(step.g_loss) == "cuda:0"
        assert (step.g_loss.shape, step.g_loss.dtype) == ((), np.float64)
        names = ("d_loss", "g_loss", "d_real_accuracy", "d_fake_accuracy")
        assert {name: float(getattr(step, name)) for name in names} == {name: found[name] for name in names}
        assert step.auxiliary is None


def test_numbers_that_were_overwritten_would_be_seen(capturing, images, monkeypatch):
    """Negative control: a step that goes on to believe in its report."""
    monkeypatch.setattr(readings.Reading, "overwritten", lambda self: None)
    trainer = trainer_of("mlp", "cuda", images, 60)
    run(trainer, 6)
    first, second = trainer.step(), trainer.step()
    assert first.numbers()["d_loss"] != second.numbers()["d_loss"] == float(first.d_loss)


def test_cublas_cannot_be_captured(standin, images):
    with kernels.use_kernels(dense="reference", conv2d="im2col"):
        trainer = trainer_of("mlp", "cuda", images)
        other = trainer_of("mlp", "cuda", images, graph=False)
        with pytest.warns(RuntimeWarning, match="kernel by kernel, not as a CUDA graph: .*calling cuBLAS API"):
            run(trainer, 8)
        run(other, 8)
    assert not trainer.captured
    assert "cuBLAS" in trainer.graph_reason
    same(trainer, other)  # nothing of the failed attempt is left


def test_why_it_is_not_captured(standin, images, monkeypatch):
    assert trainer_of("mlp", "cpu", images).graph_reason == "training runs on the CPU"
    assert trainer_of("mlp", "cuda", images, graph=False).graph_reason == "graph=False was asked for"
    monkeypatch.setenv("GAN_NP_CUDA_DEBUG", "1")
    assert "waits after every operation" in trainer_of("mlp", "cuda", images).graph_reason


def test_a_restored_optimiser_is_captured_anew(capturing, images):
    """Its moments lie elsewhere then: the old graph would go on with the old ones."""
    trainers = [trainer_of("dcgan", "cuda", images, 30, graph=graph) for graph in (True, False)]
    for trainer in trainers:
        run(trainer, 10)
        moments = {name: moment.copy() for name, moment in trainer.d_optimizer.moments.items()}
        trainer.d_optimizer.restore(trainer.d_optimizer.updates, moments)
        run(trainer, 10)
    assert trainers[0].captured
    same(*trainers)


def test_other_settings_are_captured_anew(capturing, images):
    trainers = [trainer_of("dcgan", "cuda", images, 30, graph=graph) for graph in (True, False)]
    for trainer in trainers:
        for change in ({}, {"objective": gn.objectives.Hinge()}, {"clip_weights": 0.05}, {"d_steps": 1}):
            vars(trainer).update(change)
            run(trainer, 7)
        for change in ({"weight_decay": 0.1}, {"clip_norm": 0.01}, {"clip_value": 1e-4}):
            vars(trainer.g_optimizer).update(change)
            run(trainer, 7)
    assert trainers[0].captured
    same(*trainers)


def test_what_moves_with_every_step_captures_nothing_anew(capturing, images):
    trainer = trainer_of("dcgan", "cuda", images, 30)
    run(trainer, 8)
    before = trainer._on_device.steps._graph
    trainer.g_optimizer.learning_rate = 1e-5
    run(trainer, 3)
    assert trainer.captured
    assert trainer._on_device.steps._graph is before


def test_schedules_of_adam_capture_nothing_anew(capturing, images):
    """β₂ moves at every update of the R3GAN here; a fixed one that is set otherwise is seen."""
    trainer = trainer_of("r3gan", "cuda", images, 30, {"group_size": 4}, beta2="cosine(0.9, 0.99, 20)")
    run(trainer, 5)
    before = trainer._on_device.steps._graph
    run(trainer, 3)
    assert trainer.captured
    assert trainer._on_device.steps._graph is before
    trainer.d_optimizer.beta1 = 0.5
    run(trainer, 5)
    assert trainer.captured
    assert trainer._on_device.steps._graph is not before


def test_weights_assigned_between_replays_are_used(capturing, images):
    trainers = [trainer_of("dcgan", "cuda", images, 30, graph=graph) for graph in (True, False)]
    for trainer in trainers:
        run(trainer, 8)
        with trainer.gan.discriminator.parameters.edit() as theta:
            theta *= 0.5
        trainer.gan.sample(3)  # prepares weights outside the graph
        run(trainer, 4)
        trainer.gan.sample(3)
    same(*trainers)
    np.testing.assert_array_equal(*(trainer.gan.sample(5, seed=2) for trainer in trainers))
    np.testing.assert_array_equal(*(trainer.gan.sample(5, seed=2, average=False) for trainer in trainers))


class TestTape:
    """Negative controls: what does not go through the tape is found out."""

    def test_prepared_weights_of_before_are_found_out(self, capturing, images, monkeypatch):
        monkeypatch.setattr(gn.vectors.Vector, "touch", lambda self: None)
        trainers = [trainer_of("dcgan", "cuda", images, 30, graph=graph) for graph in (True, False)]

        def compare():
            for trainer in trainers:
                run(trainer, 12)
            same(*trainers)

        with pytest.raises(AssertionError):  # other numbers, or memory of weights prepared before
            compare()

    def test_a_number_baked_into_the_graph_is_found_out(self, capturing, images, monkeypatch):
        frozen = gn.optimizers.Adam._numbers
        monkeypatch.setattr(gn.optimizers.Adam, "_numbers", lambda self: (*frozen(self)[:1], min(frozen(self)[1], 3)))
        constant = trainer_of("dcgan", "cuda", images, 30)
        run(constant, 12)
        monkeypatch.setattr(gn.optimizers.Adam, "_numbers", frozen)
        right = trainer_of("dcgan", "cuda", images, 30)
        run(right, 12)
        with pytest.raises(AssertionError):
            same(constant, right)

    def test_memory_that_was_given_back_is_found_out(self, capturing, images, monkeypatch):
        trainer = trainer_of("dcgan", "cuda", images, 30)
        run(trainer, 8)
        trainer._on_device.steps._pool = None
        with pytest.raises(AssertionError, match="memory that was given back"):
            trainer.step()

    def test_a_step_that_draws_otherwise_is_refused(self, standin):
        tape = Tape("cuda")
        rng = generator(0)
        with tape.recording():
            tape.drawn(lambda: rng.random(3), "cuda")
            tape.counted(lambda: None)

        def longer():
            tape.drawn(lambda: rng.random(3), "cuda")
            tape.counted(lambda: None)
            tape.drawn(lambda: rng.random(3), "cuda")

        with pytest.raises(RuntimeError, match="drew more than"), tape.playing():
            longer()
        with pytest.raises(RuntimeError, match="drew less than"), tape.playing():
            pass
        with pytest.raises(RuntimeError, match="in another order"), tape.playing():
            tape.counted(lambda: None)

    def test_shapes_may_not_change(self, standin):
        sizes = iter([3, 4])
        tape = Tape("cuda")
        with tape.recording():
            tape.drawn(lambda: np.zeros(next(sizes)), "cuda")
        with pytest.raises(RuntimeError, match=r"drew float64 \(4,\) where the captured one drew float64 \(3,\)"):
            tape.again()

    def test_drawn_and_counted_come_in_order(self, standin):
        seen = []
        tape = Tape("cuda")

        def work():
            first = tape.drawn(lambda: seen.append("a") or np.arange(3.0), "cuda")
            tape.counted(lambda: seen.append("b"))
            second = tape.drawn(lambda: seen.append("c") or np.full((2, 2), len(seen)), "cuda")
            return first, second

        with tape.recording():
            work()
        with tape.playing():
            first, second = work()
        assert seen == ["a", "b", "c"]
        tape.again()
        assert seen == ["a", "b", "c"] * 2
        np.testing.assert_array_equal(first.get(), np.arange(3.0))
        np.testing.assert_array_equal(second.get(), np.full((2, 2), 6))


def test_the_warm_up_is_short():
    assert captured_steps.WARM_UP <= 3
