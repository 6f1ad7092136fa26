"""Probe 2: G through D: exact, and no gradient of D is written."""

import numpy as np
from slopes import small_gan

import gan_np as gn
from gan_np.layers import INPUTS, PARAMETERS


def test_discriminator_gradient_is_not_touched(rng):
    generator, discriminator = small_gan()
    objective = gn.objectives.NonSaturating()
    real = rng.standard_normal((6, 8, 8, 1))
    logits, pullback = discriminator.forward(real, training=True, wrt=PARAMETERS)
    pullback(objective.real(logits).gradient)
    before = discriminator.gradient.values.copy()

    fake, through_generator = generator.forward(rng.standard_normal((6, 5)), training=True, wrt=PARAMETERS)
    logits, pullback = discriminator.forward(fake, training=True, wrt=INPUTS)
    through_generator(pullback(objective.generator(logits).gradient))
    np.testing.assert_array_equal(discriminator.gradient.values, before)
    assert generator.gradient.started


def test_input_gradient_of_the_discriminator_reaches_every_segment(rng):
    generator, discriminator = small_gan()
    fake, through_generator = generator.forward(rng.standard_normal((6, 5)), training=True, wrt=PARAMETERS)
    logits, pullback = discriminator.forward(fake, training=True, wrt=INPUTS)
    dfake = pullback(gn.objectives.Minimax().generator(logits).gradient)
    assert dfake.shape == fake.shape
    assert through_generator(dfake) is None
    for segment in generator.parameters.layout.segments:
        assert np.abs(generator.gradient[segment.name]).max() > 0, segment.name


def test_one_structure_several_sets_of_weights(rng):
    """The same structure with θ and with its copy: gradients go to whoever was applied."""
    generator, _ = small_gan()
    copy = generator.sharing()
    z = rng.standard_normal((4, 5))
    fake, pullback = copy.forward(z, training=True, wrt=PARAMETERS)
    pullback(np.ones_like(fake))
    assert copy.gradient.started
    assert not generator.gradient.started
