"""Probe 1: one D(fake) serves D's gradient and then G's: the pullback kept, then narrowed."""

import numpy as np
import pytest
from slopes import check_gradient_of, small_gan

import gan_np as gn
from gan_np.layers import ALL, INPUTS, NOTHING, PARAMETERS

OBJECTIVE = gn.objectives.NonSaturating()


def test_shared_forward_gives_the_gradients_of_two_forwards(rng):
    generator, discriminator = small_gan()
    z = rng.standard_normal((6, 5))

    fake, through_generator = generator.forward(z, training=True, wrt=PARAMETERS)
    logits, pullback = discriminator.forward(fake, training=True, wrt=ALL)
    assert pullback(OBJECTIVE.fake(logits).gradient, inputs=False, keep=True) is None
    shared_discriminator = discriminator.gradient.values.copy()
    dfake = pullback(OBJECTIVE.generator(logits).gradient, parameters=False)
    np.testing.assert_array_equal(discriminator.gradient.values, shared_discriminator)
    through_generator(dfake)
    shared_generator = generator.gradient.values.copy()

    discriminator.gradient.spend()
    generator.gradient.spend()
    logits, pullback = discriminator.forward(fake, training=True, wrt=PARAMETERS)
    pullback(OBJECTIVE.fake(logits).gradient)
    fake, through_generator = generator.forward(z, training=True, wrt=PARAMETERS)
    logits, pullback = discriminator.forward(fake, training=True, wrt=INPUTS)
    through_generator(pullback(OBJECTIVE.generator(logits).gradient))
    np.testing.assert_array_equal(shared_discriminator, discriminator.gradient.values)
    np.testing.assert_array_equal(shared_generator, generator.gradient.values)


def test_shared_forward_against_finite_differences(rng):
    generator, discriminator = small_gan()
    z = rng.standard_normal((6, 5))

    def forward():
        fake, through_generator = generator.forward(z, training=True, wrt=PARAMETERS)
        return through_generator, *discriminator.forward(fake, training=True, wrt=ALL)

    through_generator, logits, pullback = forward()
    pullback(OBJECTIVE.fake(logits).gradient, inputs=False, keep=True)
    through_generator(pullback(OBJECTIVE.generator(logits).gradient, parameters=False))
    gradients = [player.gradient.values.copy() for player in (generator, discriminator)]
    check_gradient_of(lambda: OBJECTIVE.generator(forward()[1]).value, generator, gradients[0], rng)
    check_gradient_of(lambda: OBJECTIVE.fake(forward()[1]).value, discriminator, gradients[1], rng)


def test_the_kept_pullback_is_used_up_by_its_last_use(rng):
    _, discriminator = small_gan()
    logits, pullback = discriminator.forward(rng.standard_normal((4, 8, 8, 1)), training=True)
    dy = np.ones_like(logits)
    first = pullback(dy, parameters=False, keep=True)
    second = pullback(dy, parameters=False, keep=True)
    np.testing.assert_array_equal(first, second)
    pullback(dy)
    with pytest.raises(RuntimeError, match="second time"):
        pullback(dy)


def test_after_a_step_of_the_discriminator_its_old_activations_are_refused(rng):
    """Stepping D between its use and G's mixes old activations and new weights: refused, not computed."""
    _, discriminator = small_gan()
    logits, pullback = discriminator.forward(rng.standard_normal((4, 8, 8, 1)), training=True)
    pullback(OBJECTIVE.fake(logits).gradient, inputs=False, keep=True)
    gn.SGD(0.1).step(discriminator.parameters, discriminator.gradient)
    with pytest.raises(RuntimeError, match="θ was edited since forward"):
        pullback(OBJECTIVE.generator(logits).gradient, parameters=False)


def test_narrowing_cannot_ask_for_more_than_forward_kept(rng):
    _, discriminator = small_gan()
    x = rng.standard_normal((4, 8, 8, 1))
    for wrt, more in ((INPUTS, {"parameters": True}), (PARAMETERS, {"inputs": True})):
        logits, pullback = discriminator.forward(x, training=True, wrt=wrt)
        with pytest.raises(RuntimeError, match="kept only what that needs"):
            pullback(np.ones_like(logits), **more)
    logits, pullback = discriminator.forward(x, training=True, wrt=NOTHING)
    with pytest.raises(RuntimeError, match="nothing would be asked for"):
        pullback(np.ones_like(logits))
