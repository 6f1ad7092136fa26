"""R1: its value, and its gradient in θ against finite differences of the whole penalised objective."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.training.penalty import penalise


def critic(d_norm: str, **options: object) -> gn.Network:
    gan = gn.models.dcgan((9, 8, 1), 3, width=3, d_norm=d_norm, dtype=np.float64, **options)  # type: ignore[arg-type]
    network = gan.discriminator
    rng = np.random.default_rng(5)
    network.parameters.assign(0.4 * rng.standard_normal(len(network.parameters)))
    return network


def penalised(network: gn.Network, x: np.ndarray, gamma: float) -> tuple[float, np.ndarray]:
    """−mean log D(x) + R1, and its gradient in θ."""
    objective = gn.objectives.NonSaturating()
    network.gradient.spend()
    logits, pullback = network.forward(x, training=True, rng=gn.arrays.generator(0, 9))
    penalty = float(penalise(pullback, logits, gn.penalties.R1(gamma), gamma))
    loss = objective.real(logits)
    pullback(loss.gradient, inputs=False)
    return float(loss.value) + penalty, network.gradient.values.copy()


@pytest.mark.parametrize("gamma", [0.0, 0.7, 10.0])
@pytest.mark.parametrize("d_norm", ["none", "spectral"])
def test_gradient_of_the_penalised_objective(d_norm: str, gamma: float) -> None:
    network = critic(d_norm)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 9, 8, 1))
    theta = network.parameters.values.copy()
    _, gradient = penalised(network, x, gamma)
    for _ in range(5):
        direction = rng.standard_normal(theta.shape)
        direction /= np.linalg.norm(direction)
        sides = []
        for sign in (1, -1):
            network.parameters.assign(theta + sign * 1e-5 * direction)
            sides.append(penalised(network, x, gamma)[0])
        network.parameters.assign(theta)
        numeric = (sides[0] - sides[1]) / 2e-5
        assert numeric == pytest.approx(gradient @ direction, rel=1e-6, abs=1e-9)


def test_value_is_the_squared_slope() -> None:
    """For a linear D the slope is the weight itself: R1 = γ/2·‖w‖²."""
    network = gn.Network(gn.Sequential(gn.Flatten(), gn.Dense(1)), (2, 3, 1), dtype=np.float64)
    x = np.random.default_rng(0).standard_normal((5, 2, 3, 1))
    logits, pullback = network.forward(x, training=True)
    weight = network.parameters["1.weight"]
    assert float(penalise(pullback, logits, gn.penalties.R1(3.0), 3.0)) == pytest.approx(
        1.5 * (weight**2).sum(), rel=1e-12
    )
    np.testing.assert_allclose(network.gradient["1.weight"], 3.0 * weight, rtol=1e-12)


def test_augmented_discriminator() -> None:
    network = critic("none", augment=("colour", "translation"))
    x = np.random.default_rng(0).standard_normal((4, 9, 8, 1))
    _, gradient = penalised(network, x, 2.0)
    theta, index = network.parameters.values.copy(), 7
    sides = []
    for sign in (1, -1):
        moved = theta.copy()
        moved[index] += sign * 1e-5
        network.parameters.assign(moved)
        sides.append(penalised(network, x, 2.0)[0])
    assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(gradient[index], rel=1e-5)


def test_batch_normalisation_is_refused() -> None:
    images = np.zeros((8, 16, 16, 1), np.uint8)
    gan = gn.models.dcgan((16, 16, 1), 3, width=2)
    with pytest.raises(ValueError, match=r"BatchNorm\(.*\) has no linearisation"):
        gn.training.Trainer(gan, images, batch_size=4, penalties=[gn.penalties.R1(1.0)])


def test_penalty_flattens_the_discriminator() -> None:
    """With a large γ D ends with a smaller slope at real images than without."""
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8)
    slopes = []
    for gamma in (0.0, 100.0):
        gan = gn.models.dcgan((8, 8, 1), 3, width=4, d_norm="none")
        trainer = gn.training.Trainer(
            gan, images, batch_size=16, penalties=[gn.penalties.R1(gamma)], d_optimizer=gn.Adam(1e-3)
        )
        for _ in range(40):
            trainer.step()
        x = gn.data.to_float(images, gan.pixel_range, np.dtype(np.float32))
        logits, pullback = gan.discriminator.forward(x)
        slopes.append(float((pullback(np.ones_like(logits), parameters=False) ** 2).sum() / len(x)))
    assert slopes[1] < 0.5 * slopes[0]


def test_a_layer_without_a_linearisation_is_the_cause_that_is_told() -> None:
    class Own(gn.Layer):
        """The identity, without a linearisation."""

        def build(self, input_shape):
            return gn.Declaration(input_shape)

        def forward(self, variables, x, run):
            return x, lambda dy, wrt: dy

    d = gn.Network(gn.Sequential(gn.Flatten(), Own(), gn.Dense(1)), (4, 4, 1))
    g = gn.Network(gn.Sequential(gn.Dense(16), gn.Reshape(4, 4, 1)), (3,))
    gan = gn.GAN(g, d, gn.models.Prior(3), "-1..1")
    with pytest.raises(
        ValueError, match=r"^penalties: need a derivative of D's derivative: .*Own.* has no linearisation"
    ) as caught:
        gn.training.Trainer(gan, np.zeros((8, 4, 4, 1), np.uint8), batch_size=4, penalties=[gn.penalties.R1(1.0)])
    assert "d-norm" not in str(caught.value)


def test_one_penalty_alone_is_taken() -> None:
    assert gn.runs.Config(penalties=gn.penalties.R1(2.0)).penalties == (gn.penalties.R1(2.0),)
    gan = gn.models.dcgan((8, 8, 1), 3, width=2, d_norm="none")
    trainer = gn.training.Trainer(gan, np.zeros((8, 8, 8, 1), np.uint8), batch_size=4, penalties=gn.penalties.R1(2.0))
    assert trainer.penalties == (gn.penalties.R1(2.0),)
    for wrong, words in ((3, "got 3"), (gn.penalties.R1, "R1 is a class, call it"), ([1.0], "got 1.0")):
        with pytest.raises(TypeError, match=f"penalties: expected penalties such as .*{words}"):
            gn.runs.Config(penalties=wrong)
