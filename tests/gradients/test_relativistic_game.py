"""R3GAN's game as one: D's gradient with both penalties, then G's through the D that moved, from one step of a trainer.

Each is compared with finite differences of what the player minimises, and with PyTorch's double backward.
"""

import functools

import numpy as np
import pytest
from slopes import check_gradient_of

import gan_np as gn
from gan_np.layers import INPUTS
from gan_np.models.gan import joined

GAMMA_REAL, GAMMA_FAKE = 3.0, 0.7
OBJECTIVE = gn.objectives.Relativistic()
MODELS = {"plain": None, "conditional": 3}


@functools.cache
def game(classes):
    """One step of both players with gradient descent of rate 1: what they saw, and by what their weights moved."""
    gan = gn.models.r3gan((8, 9, 2), 5, width=2, group_size=2, classes=classes, dtype=np.float64)
    rng = np.random.default_rng(5)
    for network in (gan.generator, gan.discriminator):
        theta = network.parameters.values
        network.parameters.assign(theta + 0.2 * rng.standard_normal(theta.shape))
    trainer = gn.training.Trainer(
        gan,
        rng.integers(0, 256, (9, 8, 9, 2), np.uint8),
        labels=None if classes is None else np.arange(9) % 3,
        objective=OBJECTIVE,
        penalties=[gn.penalties.R1(GAMMA_REAL), gn.penalties.R2(GAMMA_FAKE)],
        d_optimizer=gn.SGD(1.0),
        g_optimizer=gn.SGD(1.0),
        batch_size=4,
        average_decay=0.0,
    )
    seen = {"d": [], "g": []}
    for name, network in (("d", gan.discriminator), ("g", gan.generator)):
        network.forward = functools.partial(_recorded, network.forward, seen[name])
    before = {"d": gan.discriminator.parameters.values.copy(), "g": gan.generator.parameters.values.copy()}
    step = trainer.step()
    for network in (gan.discriminator, gan.generator):
        del network.forward
    after = {"d": gan.discriminator.parameters.values.copy(), "g": gan.generator.parameters.values.copy()}
    gradients = {player: before[player] - after[player] for player in "dg"}
    real, fake = seen["d"][:2]
    return gan, before, after, gradients, {"real": real, "fake": fake, "z": seen["g"][1]}, step


def _recorded(forward, seen, x, **options):
    seen.append(tuple(part.copy() for part in x) if isinstance(x, tuple) else x.copy())
    return forward(x, **options)


def _slopes(d, x):
    logits, pullback = d.forward(x, training=True, wrt=INPUTS)
    slope = pullback(np.ones_like(logits))
    slope = slope[0] if isinstance(slope, tuple) else slope
    return logits, (slope**2).sum() / len(slope)


@pytest.mark.parametrize("classes", MODELS.values(), ids=MODELS)
class TestBothPlayers:
    def test_discriminator(self, classes, rng):
        gan, before, after, gradients, seen, step = game(classes)
        d = gan.discriminator

        def loss():
            (real, of_real), (fake, of_fake) = _slopes(d, seen["real"]), _slopes(d, seen["fake"])
            return np.logaddexp(0, fake - real).mean() + (GAMMA_REAL * of_real + GAMMA_FAKE * of_fake) / 2

        d.parameters.assign(before["d"])
        np.testing.assert_allclose(float(step.d_loss), loss(), rtol=1e-12)
        check_gradient_of(loss, d, gradients["d"], rng, directions=4)
        d.parameters.assign(after["d"])

    def test_generator(self, classes, rng):
        gan, before, after, gradients, seen, step = game(classes)
        g, d = gan.generator, gan.discriminator

        def loss():
            context = seen["z"][1] if classes else None
            real, fake = d(seen["real"]), d(joined(g(seen["z"]), context))
            return np.logaddexp(0, real - fake).mean()

        g.parameters.assign(before["g"])
        np.testing.assert_allclose(float(step.g_loss), loss(), rtol=1e-12)
        check_gradient_of(loss, g, gradients["g"], rng, directions=4)
        g.parameters.assign(after["g"])

    def test_against_double_backward_in_pytorch(self, classes):
        torch = pytest.importorskip("torch", reason="parity with PyTorch needs PyTorch")
        from test_double_backward import in_torch

        gan, before, after, gradients, seen, _ = game(classes)

        def tensors(values):
            return tuple(map(torch.from_numpy, values)) if isinstance(values, tuple) else torch.from_numpy(values)

        def weights(network, theta):
            layout = network.parameters.layout
            found = {one.name: layout.view(theta, one.name).copy() for one in layout.segments}
            return {name: torch.from_numpy(value).requires_grad_() for name, value in found.items()}

        def compare(network, leaves, claimed):
            layout = network.parameters.layout
            for name, leaf in leaves.items():
                own = layout.view(claimed, name)
                np.testing.assert_allclose(own, leaf.grad.numpy(), rtol=1e-10, atol=1e-10 * np.abs(claimed).max())

        d, g = gan.discriminator, gan.generator
        leaves = weights(d, before["d"])
        total, scores = 0.0, []
        for place, gamma in (("real", GAMMA_REAL), ("fake", GAMMA_FAKE)):
            x = tensors(seen[place])
            images = (x[0] if classes else x).requires_grad_()
            scores.append(in_torch(d.structure, x, leaves))
            (slope,) = torch.autograd.grad(scores[-1].sum(), images, create_graph=True)
            total = total + gamma / 2 * slope.square().sum() / len(slope)
        (total + torch.nn.functional.softplus(scores[1] - scores[0]).mean()).backward()
        compare(d, leaves, gradients["d"])

        moved, own = weights(d, after["d"]), weights(g, before["g"])
        z, real = tensors(seen["z"]), tensors(seen["real"])
        images = in_torch(g.structure, z, own)
        fake = in_torch(d.structure, (images, z[1]) if classes else images, moved)
        torch.nn.functional.softplus(in_torch(d.structure, real, moved) - fake).mean().backward()
        compare(g, own, gradients["g"])


def test_pairs_are_those_of_one_place():
    real, fake = np.array([[3.0], [-1.0], [0.5]]), np.array([[1.0], [2.0], [-4.0]])
    loss = OBJECTIVE.discriminator(real, fake)
    np.testing.assert_allclose(float(loss.value), np.logaddexp(0, fake - real).mean(), rtol=1e-14)
    order = [1, 2, 0]
    both = OBJECTIVE.discriminator(real[order], fake[order])
    np.testing.assert_allclose(float(both.value), float(loss.value), rtol=1e-14)
    np.testing.assert_allclose(both.real_gradient, loss.real_gradient[order])
    assert abs(float(OBJECTIVE.discriminator(real, fake[order]).value) - float(loss.value)) > 0.1
