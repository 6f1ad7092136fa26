"""Directions: recovered from a linear generator that was made with them, and from labels that depend on them."""

import numpy as np
import pytest
from linear import linear_gan, orthogonal

import gan_np as gn
from gan_np.latent import Direction, axis, by_properties, by_property, closed_form, code, moved, principal, without
from gan_np.latent.first_layer import early_network, first_weights
from gan_np.models.prior import Prior


def same_line(found: np.ndarray, expected: np.ndarray) -> float:
    """|cos| of the angle between two directions."""
    return abs(float(found @ expected)) / float(np.linalg.norm(found) * np.linalg.norm(expected))


@pytest.fixture
def known(rng: np.random.Generator) -> tuple[gn.GAN, np.ndarray]:
    """A generator z·U·S·Vᵀ with singular values 0.5, 0.25, …, and U, whose columns are the directions by effect."""
    u, v = orthogonal(rng, 6, 6), orthogonal(rng, 20, 6)
    return linear_gan((u * 0.5 ** np.arange(1, 7)) @ v.T, dtype=np.float64), u


def test_closed_form_recovers_the_directions(known: tuple[gn.GAN, np.ndarray]) -> None:
    gan, u = known
    found = closed_form(gan)
    for number, direction in enumerate(found):
        assert same_line(direction.vector, u[:, number]) > 1 - 1e-9
        assert direction.strength == pytest.approx(0.5 ** (number + 1), rel=1e-6)


def test_principal_components_recover_the_directions(known: tuple[gn.GAN, np.ndarray]) -> None:
    gan, u = known
    found = principal(gan, 3, samples=4000, layers=1)
    for number, direction in enumerate(found):
        assert same_line(direction.vector, u[:, number]) > 0.99
    variances = 0.25 ** np.arange(1, 7)
    assert found[0].strength == pytest.approx(variances[0] / variances.sum(), abs=0.03)


def test_principal_is_the_regression_of_z_on_components(rng: np.random.Generator) -> None:
    """Against least squares on coordinates from a singular value decomposition, both ways round."""
    from gan_np.latent.principal import directions_of

    for features in (8, 90):
        z, y = rng.standard_normal((40, 5)), rng.standard_normal((40, features))
        y[:, :5] += 3 * z
        centred = y - y.mean(axis=0)
        x = centred @ np.linalg.svd(centred, full_matrices=False)[2][:4].T
        solution = np.linalg.lstsq(x, z - z.mean(axis=0), rcond=None)[0]
        for number, direction in enumerate(directions_of(z, y, 4)):
            assert same_line(direction.vector, solution[number]) > 1 - 1e-9


@pytest.mark.parametrize("kind", ["bool", "float"])
def test_a_property_is_found(kind: str, rng: np.random.Generator) -> None:
    z, truth = rng.standard_normal((6000, 5)), rng.standard_normal(5)
    grown = z @ truth
    found = by_property("tall", z, grown > 0.3 if kind == "bool" else grown + rng.standard_normal(6000))
    assert found.vector @ truth / np.linalg.norm(truth) > 0.99  # with its sign
    if kind == "float":
        assert found.strength == pytest.approx(truth @ truth / (truth @ truth + 1), abs=0.03)


def test_regression_allows_for_correlated_coordinates(rng: np.random.Generator) -> None:
    """The difference of means points along what comes with a property; regression only at what makes it."""
    z = rng.standard_normal((5000, 2))
    z[:, 1] += 2 * z[:, 0]
    assert same_line(by_property("p", z, z[:, 0]).vector, np.array([1.0, 0.0])) > 0.999
    assert same_line(by_property("p", z, z[:, 0] > 0).vector, np.array([1.0, 0.0])) < 0.7


def test_properties_that_go_together_are_told_apart(rng: np.random.Generator) -> None:
    """Three properties mixed from the first three coordinates: B's rows are those of the mixture's inverse."""
    z, mixture = rng.standard_normal((20_000, 5)), rng.standard_normal((3, 3)) + 2 * np.eye(3)
    names = ["pose", "eyes", "smile"]
    values = z[:, :3] @ mixture
    found = by_properties(names, z, values)
    for name, row in zip(names, np.linalg.inv(mixture), strict=True):
        expected = np.concatenate([row, np.zeros(2)])
        assert found[name].vector @ expected / np.linalg.norm(expected) > 1 - 1e-4  # with its sign
        moved_by = found[name].vector[:3] @ mixture  # how each property changes along it
        assert np.abs(np.delete(moved_by, names.index(name))).max() < 0.01 * moved_by[names.index(name)]
        alone = by_property(name, z, values[:, names.index(name)])
        assert alone.vector @ found[name].vector < 0.99, "the control: one property at a time points elsewhere"
        assert found[name].strength == pytest.approx(
            np.corrcoef(z @ found[name].vector, values[:, names.index(name)])[0, 1] ** 2, abs=1e-3
        )


def test_columns_that_determine_each_other(rng: np.random.Generator) -> None:
    z = rng.standard_normal((4000, 3))
    open_eyes = (z[:, 1] > 0).astype(np.float64)
    found = by_properties(["open", "shut", "tall"], z, np.stack([open_eyes, 1 - open_eyes, z[:, 0]], axis=1))
    np.testing.assert_allclose(found["open"].vector, -found["shut"].vector, atol=1e-9)
    assert found["open"].vector[1] > 0.99
    assert found["tall"].vector[0] > 0.99


def test_without_leaves_the_others_alone(rng: np.random.Generator) -> None:
    first, second, third = (Direction(name, rng.standard_normal(4)) for name in "abc")
    double = Direction("d", second.vector + 1e-9 * first.vector)
    left = without(first, [second, third, double])
    assert abs(left.vector @ second.vector) < 1e-6
    assert abs(left.vector @ third.vector) < 1e-6
    assert left.vector @ first.vector > 0
    assert np.linalg.norm(left.vector) == pytest.approx(1)
    with pytest.raises(ValueError, match="nothing"):
        without(second, [double])


def test_moving_along_an_axis() -> None:
    z = np.zeros((2, 3), np.float32)
    assert moved(z, axis(1, 3), np.array([1.0, -2.0])).tolist() == [[0, 1, 0], [0, -2, 0]]
    assert not z.any()
    assert moved(z, axis(1, 3), 1.0).dtype == np.float32


def test_codes_are_where_the_prior_says(rng: np.random.Generator) -> None:
    prior = gn.models.infogan((8, 8, 1), 3, categories=4, continuous=2, width=2).prior
    z = prior.draw(rng, 5, np.dtype(np.float64))
    _, codes = prior.codes_of(z)  # type: ignore[attr-defined]
    for number in (1, 2):
        np.testing.assert_allclose(z @ code(number, prior).vector, codes[:, number - 1])
    with pytest.raises(ValueError, match="code"):
        code(3, prior)
    with pytest.raises(TypeError, match="infogan"):
        code(1, gn.models.dcgan((8, 8, 1), 3, width=2).prior)


@pytest.mark.parametrize(
    "gan",
    [
        gn.models.dcgan((8, 8, 1), 3, width=2),
        gn.models.conditional_dcgan((8, 8, 1), 3, classes=4, width=2),
        gn.models.conditional_dcgan((8, 8, 1), 3, classes=4, width=2, condition="embedding"),
        gn.models.gran((8, 8, 1), 3, draw_steps=2, width=2, code=6),
        gn.models.mlp((8, 8, 1), 3, hidden=6),
        gn.models.residual_gan((8, 8, 1), 3, width=2),
        gn.models.r3gan((8, 8, 1), 3, width=4),
        gn.models.r3gan((8, 8, 1), 3, width=4, classes=4),
        gn.models.lapgan((16, 16, 1), 3, levels=1, width=2, hidden=6, classes=4).coarsest,
    ],
    ids=lambda gan: str(gan.recipe["model"]),
)
def test_every_model_with_a_z_has_directions(gan: gn.GAN) -> None:
    """The first weights say what moving z does to the first layer's output; the early network is the beginning of G."""
    weights = first_weights(gan)
    assert weights.shape[0] == 3
    assert len(closed_form(gan)) == 3
    assert len(principal(gan, 2, samples=40)) == 2
    early = early_network(gan)
    assert early.parameters.layout.size < gan.generator.parameters.layout.size
    assert np.array_equal(early.parameters.values, gan.generator.parameters.values[: len(early.parameters)])


class Swish(gn.Layer):
    """A layer that the library does not know."""

    def forward(self, variables, x, run):
        gate = 1 / (1 + np.exp(-x))
        return x * gate, lambda dy, wrt: dy * (gate + x * gate * (1 - gate))


def test_the_early_network_has_layers_that_the_library_does_not_know() -> None:
    layers = gn.Dense(6), Swish(), gn.Dense(64), gn.Tanh(), gn.Reshape(8, 8, 1)
    generator = gn.Network(gn.Sequential(*layers), (3,), seed=0)
    discriminator = gn.Network(gn.Sequential(gn.Flatten(), gn.Dense(1)), (8, 8, 1), seed=0)
    gan = gn.GAN(generator, discriminator, Prior(3), "-1..1")
    assert len(early_network(gan).structure.layers) == 2


def test_a_level_of_a_lapgan_has_none() -> None:
    level = gn.models.lapgan((16, 16, 1), 3, levels=1, width=2, hidden=6).levels[0]
    with pytest.raises(TypeError, match="dense layer"):
        first_weights(level)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Direction("x", np.zeros(3)), "no direction"),
        (lambda: Direction("x", np.array([1.0, np.nan])), "no direction"),
        (lambda: Direction("x", np.ones((2, 2))), "vector"),
        (lambda: axis(3, 3), "index"),
        (lambda: moved(np.zeros((2, 4)), axis(0, 3), 1.0), "z"),
        (lambda: by_property("p", np.zeros((4, 2)), np.ones(4, bool)), "every sample is the same"),
        (lambda: by_property("p", np.zeros((4, 2)), np.ones(4)), "the same in every sample"),
        (lambda: by_property("p", np.zeros((3, 2)), np.arange(3.0)), "more than"),
        (lambda: by_property("p", np.zeros((4, 2)), np.ones(3)), "values"),
        (lambda: by_properties(["p", "q"], np.zeros((9, 2)), np.ones((9, 3))), r"expected \(9, 2\)"),
        (lambda: by_properties(["p", "p"], np.zeros((9, 2)), np.ones((9, 2))), "each once"),
        (lambda: by_properties(["p"], np.zeros((9, 2)), np.ones((9, 1))), "the same in every sample"),
        (lambda: by_properties(["p"], np.zeros((2, 2)), np.arange(2.0)[:, None]), "more than"),
        (lambda: by_property("p", [[0.0], [1.0]], [True, True]), "every sample is the same"),
    ],
)
def test_refusals(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()  # type: ignore[operator]
