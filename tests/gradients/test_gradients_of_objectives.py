"""The composed thing: ∂/∂θ_G of G's objective through D, and ∂/∂θ_D of D's over a real and a fake batch."""

import numpy as np
import pytest
from slopes import check_gradient_of, small_gan

import gan_np as gn
from gan_np.layers import INPUTS, NOTHING, PARAMETERS

REGISTERED = gn.objectives.OBJECTIVES
SEPARATE = [name for name in REGISTERED if issubclass(REGISTERED[name], gn.objectives.SeparateObjective)]
# Those that compare both batches are in test_objectives_of_both.py.
OBJECTIVES = [pytest.param(REGISTERED[name](), id=name) for name in SEPARATE]
OBJECTIVES += [
    pytest.param(make(smoothing=0.1), id=f"{make.__name__} smoothed")
    for make in (gn.objectives.Minimax, gn.objectives.NonSaturating)
]


@pytest.fixture(params=[True, False], ids=["batch norm", "no batch norm"])
def players(request):
    return small_gan(normalise=request.param)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_generator_through_discriminator(players, objective, rng):
    generator, discriminator = players
    z = rng.standard_normal((6, 5))

    def loss():
        fake, _ = generator.forward(z, training=True, wrt=NOTHING)
        logits, _ = discriminator.forward(fake, training=True, wrt=NOTHING)
        return objective.generator(logits).value

    fake, through_generator = generator.forward(z, training=True, wrt=PARAMETERS)
    logits, through_discriminator = discriminator.forward(fake, training=True, wrt=INPUTS)
    through_generator(through_discriminator(objective.generator(logits).gradient))
    assert not discriminator.gradient.started
    check_gradient_of(loss, generator, generator.gradient.values.copy(), rng)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_discriminator_over_a_real_and_a_fake_batch(players, objective, rng):
    generator, discriminator = players
    real = np.tanh(rng.standard_normal((6, 8, 8, 1)))
    fake = generator.forward(rng.standard_normal((6, 5)), training=True, wrt=NOTHING)[0]

    def loss():
        on_real, _ = discriminator.forward(real, training=True, wrt=NOTHING)
        on_fake, _ = discriminator.forward(fake, training=True, wrt=NOTHING)
        return objective.real(on_real).value + objective.fake(on_fake).value

    for batch, part in ((real, objective.real), (fake, objective.fake)):
        logits, pullback = discriminator.forward(batch, training=True, wrt=PARAMETERS)
        pullback(part(logits).gradient)
    assert not generator.gradient.started
    check_gradient_of(loss, discriminator, discriminator.gradient.values.copy(), rng)


def test_both_pullbacks_may_wait_for_both_forwards(players, rng):
    """Closures hold what backward needs: the second forward does not disturb the first."""
    _, discriminator = players
    objective = gn.objectives.NonSaturating()
    first, second = rng.standard_normal((2, 6, 8, 8, 1))
    for batch in (first, second):
        logits, pullback = discriminator.forward(batch, training=True, wrt=PARAMETERS)
        pullback(objective.real(logits).gradient)
    expected = discriminator.gradient.values.copy()
    discriminator.gradient.spend()
    pending = [discriminator.forward(batch, training=True, wrt=PARAMETERS) for batch in (first, second)]
    for logits, pullback in pending:
        pullback(objective.real(logits).gradient)
    np.testing.assert_array_equal(discriminator.gradient.values, expected)


def test_the_slope_check_sees_a_missing_input_gradient(rng):
    """D's input gradient never used, as in a widely read program: the check of the composed objective must see it."""
    generator, discriminator = small_gan()
    objective = gn.objectives.NonSaturating()
    z = rng.standard_normal((6, 5))

    def loss():
        fake, _ = generator.forward(z, training=True, wrt=NOTHING)
        return objective.generator(discriminator.forward(fake, training=True, wrt=NOTHING)[0]).value

    fake, through_generator = generator.forward(z, training=True, wrt=PARAMETERS)
    logits, _ = discriminator.forward(fake, training=True, wrt=NOTHING)
    through_generator(np.ones_like(fake) * objective.generator(logits).gradient.mean())
    with pytest.raises(AssertionError, match="finite differences give"):
        check_gradient_of(loss, generator, generator.gradient.values.copy(), rng)
