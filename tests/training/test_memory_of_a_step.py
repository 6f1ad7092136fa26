"""The most that a training step holds at once, as tracemalloc counts it: what was gained cannot be lost unnoticed."""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("numba")

import gan_np as gn
from gan_np.kernels import threads

BATCH, WIDTH, SIDE = 32, 32, 32
MAP = 4 * BATCH * (SIDE // 2) ** 2 * WIDTH
"""Bytes of D's first feature map, 1 MiB; each further one has half, and G's mirror them."""


@pytest.fixture
def trainer(rng):
    with threads.held_to(1):  # each further thread has buffers of its own
        yield made(rng)


def made(rng):
    images = rng.integers(0, 256, (64, SIDE, SIDE, 3), np.uint8)
    gan = gn.models.dcgan((SIDE, SIDE, 3), 16, width=WIDTH)
    trainer = gn.training.Trainer(gan, images, batch_size=BATCH, average_decay=0.0)
    for _ in range(2):
        trainer.step()
    return trainer


def peaks(trainer):
    """(the peak of D's update, of G's, what is left) beyond what is held between steps without any gradient."""
    for network in (trainer.gan.discriminator, trainer.gan.generator):
        network.gradient.release()
    found = []
    tracemalloc.start()
    try:
        for update in (trainer.update_discriminator, trainer.update_generator):
            tracemalloc.reset_peak()
            update()
            found.append(tracemalloc.get_traced_memory()[1])
        return (*found, tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()


def test_the_peak_of_either_update(trainer):
    d, g, _ = peaks(trainer)
    weights = trainer.gan.discriminator.parameters.values.nbytes
    assert d < D_PEAK * MAP + 2 * weights, d / MAP
    assert g < G_PEAK * MAP + 2 * weights, g / MAP


def test_one_players_gradient_is_let_go_when_the_other_learns(trainer):
    d, g = trainer.gan.discriminator.gradient, trainer.gan.generator.gradient
    trainer.update_discriminator()
    assert d.spent is not None
    assert g.spent is None
    trainer.update_generator()
    assert d.spent is None
    assert g.spent is not None, "between steps hints look at it"


D_PEAK, G_PEAK = 3.7, 5.0
