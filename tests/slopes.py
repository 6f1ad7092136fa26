"""Finite differences of a whole training objective with respect to one network's θ, beside the gradient it claims."""

import numpy as np

import gan_np as gn

STEP = 1e-5


def small_gan(normalise=True, seed=0):
    """A DCGAN of 8×8 images in float64: batch normalisation in both players, or layers without it."""

    def batch_norm(activation):
        return gn.BatchNorm(activation=activation) if normalise else gn.LeakyReLU()

    generator = gn.Sequential(
        gn.Dense(2 * 2 * 4, bias=not normalise),
        gn.Reshape(2, 2, 4),
        batch_norm("relu"),
        gn.ConvTranspose2d(3, 4, stride=2, padding=1, bias=not normalise),
        batch_norm("relu"),
        gn.ConvTranspose2d(1, 4, stride=2, padding=1, activation="tanh"),
    )
    discriminator = gn.Sequential(
        gn.Conv2d(3, 4, stride=2, padding=1, activation="leaky_relu"),
        gn.Conv2d(4, 4, stride=2, padding=1, bias=not normalise),
        batch_norm("leaky_relu"),
        gn.Flatten(),
        gn.Dense(1),
    )
    rng = np.random.default_rng(seed + 100)
    players = []
    for structure, shape in ((generator, (5,)), (discriminator, (8, 8, 1))):
        network = gn.Network(structure, shape, seed=seed, dtype=np.float64)
        theta = network.parameters.values
        network.parameters.assign(theta + 0.1 * rng.standard_normal(theta.shape))
        players.append(network)
    return players


def check_gradient_of(loss, network, claimed, rng, directions=8, relative=1e-6):
    """`claimed` against central differences of loss() along random directions of θ, and of every segment alone."""
    theta = network.parameters.values.copy()
    spans = [(0, theta.size)] * directions
    spans += [(segment.start, segment.stop) for segment in network.parameters.layout.segments]
    assert np.abs(claimed).max() > 1e-6, "a gradient of about 0 checks nothing"
    for start, stop in spans:
        direction = np.zeros_like(theta)
        direction[start:stop] = rng.choice([-1.0, 1.0], stop - start) * rng.uniform(0.5, 1, stop - start)
        direction /= np.linalg.norm(direction)
        sides = []
        for sign in (1, -1):
            network.parameters.assign(theta + sign * STEP * direction)
            sides.append(float(loss()))
        network.parameters.assign(theta)
        numeric, analytic = (sides[0] - sides[1]) / (2 * STEP), float(claimed @ direction)
        typical = np.linalg.norm(claimed[start:stop]) / np.sqrt(stop - start)
        rounding = 8 * np.finfo(float).eps * max(map(abs, sides)) / STEP
        allowed = relative * max(abs(numeric), abs(analytic), typical) + rounding
        assert abs(numeric - analytic) <= allowed, (
            f"θ[{start}:{stop}]: finite differences give {numeric:.12g}, the gradient {analytic:.12g}"
        )
