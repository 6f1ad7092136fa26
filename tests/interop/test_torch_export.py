"""Modules of PyTorch: built without this library, they give its images."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from exported_models import IMAGES, LAYERS, VECTORS, cut, stir, stirred

import gan_np as gn
from gan_np.arrays import generator as seeded

COUNTS = (1, 7)
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="running modules of PyTorch needs PyTorch")


def opened(path):
    """The module of an export, by the text beside it."""
    spec = importlib.util.spec_from_file_location("exported", path.with_suffix(".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def first(array):
    return np.ascontiguousarray(np.moveaxis(array, -1, 1)) if array.ndim > 2 else array


def last(tensor):
    array = tensor.detach().numpy()
    return np.moveaxis(array, 1, -1) if array.ndim > 2 else array


def given(torch, *arrays):
    tensors = tuple(torch.from_numpy(first(array)) for array in arrays if array is not None)
    return tensors if len(tensors) > 1 else tensors[0]


def drawn(gan, count):
    """z, labels and the context of a conditional model."""
    z = gan.prior.of_seed(3, count, np.dtype(np.float32))
    if gan.classes is None:
        return z, None, None
    labels = np.arange(count, dtype=np.int64) % gan.classes
    return z, labels, gan.context_of(labels)


@pytest.mark.parametrize("fold", [True, False], ids=["folded", "as it is"])
@pytest.mark.parametrize("name", IMAGES)
def test_a_generator_draws_the_library_s_images(tmp_path, torch, name, fold):
    gan = stir(IMAGES[name]())
    module = opened(gn.interop.export(gan, tmp_path / "generator.safetensors", layout="torch", fold=fold))
    assert isinstance(module, torch.nn.Sequential)
    for count in COUNTS:
        z, labels, context = drawn(gan, count)
        images = last(module(given(torch, z, labels)))
        np.testing.assert_allclose(images, cut(gan, gan.generate(z, context)), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", IMAGES)
def test_a_discriminator_gives_the_library_s_logits(tmp_path, torch, name):
    gan = stir(IMAGES[name]())
    path = gn.interop.export(gan, tmp_path / "d.safetensors", network="discriminator", layout="torch")
    module = opened(path)
    for count in COUNTS:
        _, labels, context = drawn(gan, count)
        height, width, channels = gan.image_shape
        images = seeded(1).standard_normal((count, height, width, channels * gan.packing)).astype(np.float32)
        found = module(given(torch, images, labels))
        expected = gan.discriminator(images if context is None else (images, context))
        for own, other in zip(*((one if isinstance(one, tuple) else (one,)) for one in (found, expected)), strict=True):
            np.testing.assert_allclose(last(own), other, rtol=1e-4, atol=TOLERANCE)


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_are_in_the_units_of_the_data(tmp_path, torch, name):
    gan = stir(VECTORS[name]())
    data = (seeded(0).standard_normal((200, 5)) * [1, 10, 0.1, 5, 1] + [3, -40, 0, 9, 1]).astype(np.float32)
    gan.learn_encoding(data)
    g, d = (
        opened(gn.interop.export(gan, tmp_path / f"{one}.safetensors", layout="torch", network=one))
        for one in ("generator", "discriminator")
    )
    z, labels, context = drawn(gan, 7)
    vectors = gan.encoding.decode(gan.generate(z, context))
    np.testing.assert_allclose(last(g(given(torch, z, labels))), vectors, rtol=1e-4, atol=1e-3)
    seen = gan.encoding.encode(data[:7], np.dtype(np.float32))
    logits = gan.discriminator(seen if context is None else (seen, context))
    np.testing.assert_allclose(last(d(given(torch, data[:7], labels))), logits, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("classes", [None, 3], ids=["without labels", "conditional"])
def test_a_lapgan(tmp_path, torch, classes):
    gan = stir(gn.models.lapgan((16, 16, 2), 5, levels=2, classes=classes, hidden=12, width=2))
    module = opened(gn.interop.export(gan, tmp_path / "g.safetensors", layout="torch"))
    z, *noises = (seeded(1, k).standard_normal((7, s.prior.dim)).astype("f4") for k, s in enumerate(gan.stages))
    labels = None if classes is None else np.arange(7, dtype=np.int64) % classes
    found = last(module(given(torch, z, labels, *noises)))
    np.testing.assert_allclose(found, gan._drawn(z, noises, labels, True)[-1].clip(-1, 1), rtol=0, atol=TOLERANCE)
    level = gan.levels[0]
    module = opened(gn.interop.export(level, tmp_path / "d.safetensors", layout="torch", network="discriminator"))
    context = seeded(2).standard_normal((7, *level.context_shape)).astype("f4")
    found = last(module(given(torch, context[..., :2], context)))
    np.testing.assert_allclose(found, level.discriminator((context[..., :2], context)), rtol=1e-4, atol=TOLERANCE)


def test_a_classifier(tmp_path, torch):
    made = gn.models.classifier((12, 12, 2), classes=3, width=2, features=5)
    stirred(made.network)
    module = opened(gn.interop.export(made, tmp_path / "classifier.safetensors", layout="torch"))
    images = seeded(1).random((7, 12, 12, 2), np.float32)
    for found, expected in zip(module(given(torch, images)), made.network(images), strict=True):
        np.testing.assert_allclose(last(found), expected, rtol=1e-4, atol=TOLERANCE)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(tmp_path, torch, name):
    structure, shape = LAYERS[name]
    network = stirred(gn.Network(structure, shape))
    module = opened(gn.interop.export(network, tmp_path / "network.safetensors", layout="torch"))
    x = seeded(1).standard_normal((7, *shape)).astype(np.float32)
    np.testing.assert_allclose(last(module(given(torch, x))), network(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", ["generator", "discriminator"])
@pytest.mark.parametrize("name", [name for name in IMAGES if name != "gran" and "spectral" not in name])
def test_there_and_back(tmp_path, name, network):
    """Without PyTorch: the weights of an export, loaded into another network of the same structure."""
    gan, other = stir(IMAGES[name]()), IMAGES[name]()
    path = gn.interop.export(gan, tmp_path / "n.safetensors", layout="torch", network=network)
    if network == "discriminator" and name == "residual":
        with pytest.raises(gn.ShapeError, match="spectrally normalised here"):
            gn.interop.load_torch(other.discriminator, path)
        return
    own, back = getattr(gan, network), getattr(other, network)
    gn.interop.load_torch(back, path)
    np.testing.assert_array_equal(back.parameters.values, own.parameters.values)
    np.testing.assert_array_equal(back.state.values, own.state.values)


def test_every_layer_of_the_library_has_an_export():
    from gan_np.interop.torch import EXPORTERS
    from gan_np.layers import LAYERS as REGISTERED

    own = [REGISTERED[name] for name in REGISTERED if REGISTERED[name].__module__.startswith("gan_np.")]
    assert [one.__name__ for one in own if one not in EXPORTERS._functions] == []


def test_names_and_shapes_are_those_of_a_plain_sequential(tmp_path):
    from safetensors.numpy import load_file

    gan = gn.models.dcgan((8, 8, 3), 4, width=2)
    path = gn.interop.export(gan, tmp_path / "g.safetensors", layout="torch")
    found = {name: tensor.shape for name, tensor in load_file(path).items() if "batches" not in name}
    assert found == {
        "0.weight": (32, 4),
        **{f"2.{name}": (2,) for name in ("weight", "bias", "running_mean", "running_var")},
        "4.weight": (2, 3, 4, 4),
        "4.bias": (3,),
    }
    text = path.with_suffix(".py").read_text()
    assert "nn.Linear(4, 32, bias=False),\n        nn.Unflatten(1, (2, 4, 4)),\n        nn.BatchNorm2d(2),\n" in text
    assert "class " not in text, "nothing that PyTorch does not have"
    again = gn.interop.export(gan, tmp_path / "g.safetensors", layout="torch")
    assert again.with_suffix(".py").read_text() == text


def test_the_text_needs_pytorch_alone(tmp_path, torch):
    gan = gn.models.gran((8, 8, 1), 4, draw_steps=2, width=2, code=3)
    gn.interop.export(gan, tmp_path / "generator.safetensors", layout="torch")
    code = (
        "import sys, torch; from generator import load; images = load()(torch.randn(2, 4)); "
        "assert 'gan_np' not in sys.modules; print(tuple(images.shape))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "(2, 1, 8, 8)", done.stderr


def test_a_file_of_another_s_is_not_overwritten(tmp_path):
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    (tmp_path / "train.py").write_text("print('mine')\n")
    with pytest.raises(ValueError, match=r"^to: .*train\.py is there already and was not written by gan_np"):
        gn.interop.export(gan, tmp_path / "train.safetensors", layout="torch")
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


class Doubled(gn.Layer):
    def forward(self, variables, x, run):
        return 2 * x, lambda dy, wrt: 2 * dy


def test_a_layer_of_one_s_own(tmp_path, torch):
    # behind Flatten, whose features are in PyTorch's order until somebody asks for this library's
    network = stirred(gn.Network(gn.Sequential(gn.Conv2d(2, 1), gn.Flatten(), Doubled(), gn.Dense(3)), (2, 3, 1)))
    path = tmp_path / "n.safetensors"
    with pytest.raises(
        TypeError, match=r"^Doubled\(\) \(at '2'\): no export to PyTorch is known for Doubled; say how with"
    ):
        gn.interop.export(network, path, layout="torch")
    assert list(tmp_path.iterdir()) == []

    @gn.interop.torch.exports(Doubled)
    def doubled(layer, site):
        source = "class Twice(nn.Module):\n    def forward(self, x):\n        return 2 * x\n"
        return [gn.interop.torch.Module("Twice()", source=source)]

    try:
        x = seeded(0).standard_normal((4, 2, 3, 1)).astype(np.float32)
        module = opened(gn.interop.export(network, path, layout="torch"))
        np.testing.assert_allclose(last(module(given(torch, x))), network(x), rtol=1e-5, atol=1e-6)
    finally:
        gn.interop.torch.EXPORTERS.unregister(Doubled)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"layout": None}, r"^layout: expected 'torch' for a \.safetensors file.*got none"),
        ({"layout": "nhwc"}, "^layout: expected 'torch'"),
        ({"dtype": "float16"}, r"^dtype: for PyTorch weights are float32, call \.half\(\)"),
        ({"network": "critic"}, "^network: expected one of 'generator', 'discriminator', got 'critic'"),
        (
            {"to": "g.pth"},
            r"^to: expected a name that ends in \.onnx, or in \.safetensors for PyTorch.*, got '.*g\.pth'",
        ),
        ({"to": "g.onnx"}, "^layout: expected one of 'nchw', 'nhwc', got 'torch'"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, arguments, words):
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    settings = {"to": "g.safetensors", "layout": "torch", **arguments}
    with pytest.raises(ValueError, match=words):
        gn.interop.export(gan, tmp_path / settings.pop("to"), **settings)
    assert list(tmp_path.iterdir()) == []


def test_models_of_several_stages_that_draw_in_a_way_of_their_own_are_refused(tmp_path):
    class Last(gn.models.Stages):
        def decode(self, z, *, labels=None, average=True, seed=0):
            return self.stages[-1].decode(z)

    made = Last([gn.models.dense_gan((2, 2, 1), 3, hidden=4, seed=seed) for seed in (0, 1)])
    for name, settings in (("g.onnx", {}), ("g.safetensors", {"layout": "torch"})):
        if name == "g.onnx":
            pytest.importorskip("onnx", reason="export to ONNX needs the package onnx")
        with pytest.raises(TypeError, match=r"^run: Last is a model of several stages.*lapgan alone"):
            gn.interop.export(made, tmp_path / name, **settings)
        with pytest.raises(ValueError, match=r"^network: .*a Last has one for each stage"):
            gn.interop.export(made, tmp_path / name, network="discriminator", **settings)


def test_the_text_of_a_generator_without_a_bounded_end_cuts_its_images(tmp_path):
    for name, expected in (("r3gan", True), ("dcgan", False), ("gran", False), ("dense", False), ("mlp", False)):
        path = gn.interop.export(IMAGES[name](), tmp_path / f"{name}.safetensors", layout="torch")
        text = path.with_suffix(".py").read_text(encoding="utf-8")
        assert ("nn.Hardtanh(-1.0, 1.0)" in text) == expected, name
