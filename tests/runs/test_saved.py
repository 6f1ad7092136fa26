"""gn.save and gn.load: what was put together by hand is described by its constructors' arguments and opens again."""

import sys
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np import registry
from gan_np.layers import LAYERS
from gan_np.models import GANS, MODELS
from gan_np.runs import CheckpointError


def by_hand() -> gn.GAN:
    """No two layers alike, nested, with initialisers and an activation of its own slope."""
    g = gn.Sequential(
        gn.Dense(4 * 4 * 2, weight_initializer=gn.Normal(0.1)),
        gn.Reshape(4, 4, 2),
        gn.Residual(gn.Sequential(gn.BatchNorm(activation="relu"), gn.Conv2d(2, 3, padding=1))),
        gn.Loop(gn.Conv2d(2, 3, padding=1, activation=gn.Activation("leaky_relu", 0.3)), 2),
        gn.ConvTranspose2d(1, 4, stride=2, padding=1, activation="tanh"),
    )
    d = gn.Sequential(
        gn.SpectralNorm(gn.Conv2d(3, (4, 4), stride=2, padding=(1, 1), activation="leaky_relu")),
        gn.Flatten(),
        gn.Dense(1),
    )
    return gn.GAN(gn.Network(g, (5,), seed=1), gn.Network(d, (8, 8, 1), seed=2), gn.models.Prior(5, "uniform"), "-1..1")


def test_a_network_opens_as_it_was(tmp_path: Path) -> None:
    network = by_hand().discriminator
    back = gn.load(gn.save(network, tmp_path / "d.safetensors"))
    assert repr(back.structure) == repr(network.structure)
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 1)).astype(np.float32)
    assert np.array_equal(back(x), network(x))


def test_a_gan_put_together_by_hand_opens_as_it_was(tmp_path: Path) -> None:
    gan = by_hand()
    back = gn.load(gn.save(gan, tmp_path / "gan.safetensors"))
    assert np.array_equal(back.sample(5, seed=3), gan.sample(5, seed=3))
    assert registry.describe(back) == registry.describe(gan)
    assert back.prior == gan.prior


def test_a_classifier_and_another_precision(tmp_path: Path) -> None:
    classifier = gn.models.classifier((8, 8, 1), classes=3, width=2)
    assert gn.load(gn.save(classifier, tmp_path / "c.safetensors")).classes == 3
    exact = gn.load(gn.save(by_hand().generator.astype(np.float64), tmp_path / "g.safetensors"))
    assert exact.dtype == np.float64


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"made: expected a Network, GAN or Classifier, got <GAN|got 'x'"):
        gn.save("x", tmp_path / "x")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        gn.load(tmp_path / "nowhere")


class Doubled(gn.Layer):
    """y = 2x: not registered until a test does."""

    def forward(self, variables, x, run):
        return 2 * x, lambda dy, wrt: 2 * dy


def test_a_layer_of_one_s_own(tmp_path: Path) -> None:
    network = gn.Network(gn.Sequential(gn.Dense(2), Doubled()), (3,))
    path = tmp_path / "own.safetensors"
    with pytest.raises(TypeError, match=r"structure\.Sequential\.layers\[1\]: Doubled\(\) cannot be described"):
        gn.save(network, path)
    assert not path.exists()
    gn.layers.register("doubled")(Doubled)
    try:
        gn.save(network, path)
        assert repr(gn.load(path).structure) == repr(network.structure)
    finally:
        LAYERS.unregister("doubled")
    with pytest.raises(
        CheckpointError, match=r"own\.safetensors: needs layer 'doubled', which is not registered.*--import"
    ):
        gn.load(path)


def test_names_are_taken_once() -> None:
    with pytest.raises(ValueError, match=r"layer 'Dense' is gan_np\.layers\.dense\.Dense already"):
        gn.layers.register("Dense")(Doubled)
    with pytest.raises(TypeError, match=r"write @register\(\)"):
        gn.layers.register(Doubled)
    with pytest.raises(ValueError, match="a name has letters"):
        gn.layers.register("a b")(Doubled)


def test_an_argument_that_is_not_kept_is_named() -> None:
    class Forgets(gn.Layer):
        def __init__(self, rate: float) -> None:
            pass

    with pytest.raises(TypeError, match=r"Forgets: its argument 'rate' is not kept as an attribute"):
        Forgets(0.1).arguments()


def test_every_layer_and_model_of_the_library_is_registered() -> None:
    def below(cls: type) -> set[type]:
        return {cls, *(inner for one in cls.__subclasses__() for inner in below(one))}

    for base, found in ((gn.Layer, LAYERS), (gn.GAN, GANS)):
        own = {cls for cls in below(base) if cls.__module__.startswith("gan_np.") and not cls.__name__.startswith("_")}
        # Classes of the examples in docstrings are not there any more.
        own = {cls for cls in own if getattr(sys.modules[cls.__module__], cls.__name__, None) is cls} - {gn.Layer}
        assert own == {found[name] for name in found} & own
    assert {"dcgan", "mlp", "gran", "infogan", "residual", "conditional-dcgan"} <= set(MODELS)


def test_numbers_that_have_no_json_are_refused() -> None:
    made = gn.Normal(1.0)
    object.__setattr__(made, "deviation", float("inf"))
    layer = gn.Dense(1, weight_initializer=made)
    with pytest.raises(TypeError, match=r"Normal\.deviation: inf"):
        registry.describe(layer)


def test_load_refuses_another_kind_than_asked_for(tmp_path):
    path = gn.save(gn.Network(gn.Dense(1), (2,)), tmp_path / "one.safetensors")
    assert gn.load(path, gn.Network).output_shape == (1,)
    with pytest.raises(TypeError, match=r"kind: expected a GAN, .* holds <Network"):
        gn.load(path, gn.GAN)
    with pytest.raises(TypeError, match="kind: expected a class such as"):
        gn.load(path, "cpu")
