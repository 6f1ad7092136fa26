"""D trained alone reaches the theory's value: max_D V = −log 4 + 2·JSD(p_data ‖ p_g), at D* = p_data/(p_data + p_g)."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

import gan_np as gn
from gan_np.layers import NOTHING, PARAMETERS

DATA, GENERATED = stats.norm(0.0, 1.0), stats.norm(1.5, 0.7)
LOW, HIGH = -7.0, 7.0


def integral(function):
    return integrate.quad(function, LOW, HIGH, limit=200)[0]


def jensen_shannon():
    def half(p, other):
        return integral(lambda x: p.pdf(x) * (p.logpdf(x) - np.log(0.5 * (p.pdf(x) + other.pdf(x)))))

    return 0.5 * half(DATA, GENERATED) + 0.5 * half(GENERATED, DATA)


@pytest.fixture(scope="module")
def trained():
    """A small network on batches that cover each density evenly (stratified through the quantile function)."""
    structure = gn.Sequential(
        gn.Dense(24, activation="tanh", weight_initializer=gn.Normal(1.0)),
        gn.Dense(24, activation="tanh"),
        gn.Dense(1),
    )
    network = gn.Network(structure, (1,), seed=3)
    objective = gn.objectives.Minimax()
    optimizer = gn.Adam(gn.schedules.Linear(1e-2, 1e-4, 1500), beta1=0.9)
    rng = np.random.default_rng(0)
    count = 256
    for _ in range(1500):
        for density, part in ((DATA, objective.real), (GENERATED, objective.fake)):
            places = special.ndtri((np.arange(count) + rng.random(count)) / count)
            x = (density.mean() + density.std() * places).astype(np.float32)[:, None]
            logits, pullback = network.forward(x, training=True, wrt=PARAMETERS)
            pullback(part(logits).gradient)
        optimizer.step(network.parameters, network.gradient)
    return network.astype(np.float64)


def logit(network, x):
    return network.forward(np.array([[x]]), wrt=NOTHING)[0].item()


def test_value_of_the_game(trained):
    """V by quadrature over both densities, no sampling error."""
    reached = integral(lambda x: DATA.pdf(x) * special.log_expit(logit(trained, x)))
    reached += integral(lambda x: GENERATED.pdf(x) * special.log_expit(-logit(trained, x)))
    best = -math.log(4) + 2 * jensen_shannon()
    assert reached <= best + 1e-9, "nothing is above the maximum"
    assert abs(reached - best) <= 0.01 * abs(best)


def test_best_discriminator_pointwise(trained):
    x = np.linspace(-5, 5, 401)
    p, q = DATA.pdf(x), GENERATED.pdf(x)
    dense = p + q > 0.02
    found = special.expit(trained(x[:, None])[:, 0])
    assert dense.sum() > 150
    np.testing.assert_allclose(found[dense], (p / (p + q))[dense], atol=0.03)


def test_the_estimate_from_two_batches_agrees(trained):
    places = special.ndtri((np.arange(4000) + 0.5) / 4000)
    real, fake = (density.mean() + density.std() * places for density in (DATA, GENERATED))
    estimate = gn.objectives.value(trained(real[:, None]), trained(fake[:, None]))
    assert abs(estimate - (-math.log(4) + 2 * jensen_shannon())) < 0.01


def test_equal_densities_give_log_4():
    """When p_g = p_data nothing beats D = ½."""
    assert gn.objectives.value(np.zeros((5, 1)), np.zeros((5, 1))) == pytest.approx(-math.log(4), rel=1e-14)
    rng = np.random.default_rng(0)
    same = rng.standard_normal((100, 1))
    for _ in range(20):
        network = gn.Network(gn.Dense(1), (1,), seed=int(rng.integers(1000)), dtype=np.float64)
        assert gn.objectives.value(network(same), network(same)) <= -math.log(4)
