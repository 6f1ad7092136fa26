"""ONNX files: the same numbers in another program, and what the files say of themselves."""

import json

import numpy as np
import pytest
from exported_models import IMAGES, LAYERS, VECTORS, cut, stir, stirred

import gan_np as gn
from gan_np.arrays import generator as seeded

onnx = pytest.importorskip("onnx", reason="export to ONNX needs the package onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="running ONNX files needs the package onnxruntime")

TOLERANCE = 1e-4


def opened(path):
    """A file in onnxruntime; all its messages are errors."""
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(session, **inputs):
    """Outputs by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def about(session):
    return session.get_modelmeta().custom_metadata_map


COUNTS = (1, 7)


def drawn(gan, count):
    """z, the inputs of a session, and the context of a conditional model."""
    z = gan.prior.of_seed(3, count, np.dtype(np.float32))
    if gan.classes is None:
        return z, {"z": z}, None
    labels = np.arange(count, dtype=np.int64) % gan.classes
    return z, {"z": z, "label": labels}, gan.context_of(labels)


@pytest.mark.parametrize("fold", [True, False], ids=["folded", "as it is"])
@pytest.mark.parametrize("name", IMAGES)
def test_a_generator_draws_the_library_s_images(tmp_path, name, fold):
    gan = stir(IMAGES[name]())
    session = opened(gn.interop.export(gan, tmp_path / "generator.onnx", fold=fold))
    for count in COUNTS:
        z, inputs, context = drawn(gan, count)
        images = run(session, **inputs)["image"]
        np.testing.assert_allclose(
            images.transpose(0, 2, 3, 1), cut(gan, gan.generate(z, context)), rtol=0, atol=TOLERANCE
        )
        assert images.std() > 0.01, "an image with something on it"


@pytest.mark.parametrize("name", IMAGES)
def test_a_discriminator_gives_the_library_s_logits(tmp_path, name):
    gan = stir(IMAGES[name]())
    path = gn.interop.export(gan, tmp_path / "d.onnx", network="discriminator", layout="nhwc")
    session = opened(path)
    for count in COUNTS:
        _, inputs, context = drawn(gan, count)
        inputs.pop("z")
        height, width, channels = gan.image_shape
        images = seeded(1).standard_normal((count, height, width, channels * gan.packing)).astype(np.float32)
        found = run(session, image=images, **inputs)
        logits, heads = gan.heads(gan.discriminator(images if context is None else (images, context)))
        np.testing.assert_allclose(found["logit"], logits, rtol=1e-4, atol=TOLERANCE)
        assert set(found) == ({"logit"} if heads is None else {"logit", "codes"})
        if heads is not None:
            np.testing.assert_allclose(found["codes"], heads, rtol=1e-4, atol=TOLERANCE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", VECTORS)
def test_vectors_are_in_the_units_of_the_data(tmp_path, name, dtype):
    gan = stir(VECTORS[name]())
    scales = np.array([1.0, 10.0, 0.1, 5.0, 1.0])
    data = (seeded(0).standard_normal((200, 5)) * scales + [3, -40, 0, 1e6, 1]).astype(dtype)
    gan.learn_encoding(data)
    g, d = (
        opened(gn.interop.export(gan, tmp_path / f"{one}.onnx", network=one)) for one in ("generator", "discriminator")
    )
    for count in COUNTS:
        z, inputs, context = drawn(gan, count)
        vectors = run(g, **inputs)["vector"]
        expected = gan.encoding.decode(gan.generate(z, context))
        assert vectors.dtype == expected.dtype == dtype
        tolerance = np.maximum(TOLERANCE * np.abs(scales), np.spacing(np.abs(expected).max(axis=0)))
        assert (np.abs(vectors - expected) <= tolerance).all()
        inputs.pop("z")
        seen = gan.encoding.encode(data[:count], np.dtype(np.float32))
        logits = gan.discriminator(seen if context is None else (seen, context))
        found = run(d, vector=data[:count], **inputs)["logit"]
        # of float32 data around a million the graph subtracts in float32, the library in float64
        np.testing.assert_allclose(found, logits, rtol=1e-4, atol=TOLERANCE if dtype == "float64" else 0.02)


@pytest.mark.parametrize("classes", [None, 3], ids=["without labels", "conditional"])
def test_a_lapgan_gives_every_size(tmp_path, classes):
    gan = stir(gn.models.lapgan((16, 16, 2), 5, levels=2, classes=classes, hidden=12, width=2))
    session = opened(gn.interop.export(gan, tmp_path / "generator.onnx", layout="nhwc"))
    assert [one.name for one in session.get_outputs()] == ["image", "image_4x4", "image_8x8"]
    for count in COUNTS:
        z, *noises = (seeded(1, k).standard_normal((count, s.prior.dim)).astype("f4") for k, s in enumerate(gan.stages))
        labels = None if classes is None else np.arange(count, dtype=np.int64) % classes
        given = {"z": z, **{f"noise{k}": noise for k, noise in enumerate(noises, start=1)}}
        found = run(session, **given, **({} if labels is None else {"label": labels}))
        *coarser, image = gan._drawn(z, noises, labels, True)
        np.testing.assert_allclose(found["image"], image.clip(-1, 1), rtol=0, atol=TOLERANCE)
        for images in coarser:
            name = f"image_{images.shape[1]}x{images.shape[2]}"
            np.testing.assert_allclose(found[name], images.clip(-1, 1), rtol=0, atol=TOLERANCE)


def test_a_level_alone_is_given_its_context(tmp_path):
    level = stir(gn.models.lapgan((16, 16, 1), 5, levels=1, classes=3, hidden=8, width=2)).levels[0]
    session = opened(gn.interop.export(level, tmp_path / "level.onnx", layout="nhwc"))
    z, low = seeded(0).standard_normal((2, 256)).astype("f4"), seeded(1).standard_normal((2, 16, 16, 4)).astype("f4")
    found = run(session, z=z, context=low)["detail"]
    np.testing.assert_allclose(found, level.generate(z, low), rtol=0, atol=TOLERANCE)
    session = opened(gn.interop.export(level, tmp_path / "d.onnx", network="discriminator", layout="nhwc"))
    found = run(session, image=low[..., :1], context=low)["logit"]
    np.testing.assert_allclose(found, level.discriminator((low[..., :1], low)), rtol=1e-4, atol=TOLERANCE)


def test_a_classifier(tmp_path):
    made = gn.models.classifier((12, 12, 1), classes=3, width=2, features=5)
    stirred(made.network)
    path = gn.runs.save_classifier(tmp_path / "classifier.safetensors", made)
    session = opened(gn.interop.export(gn.load(path), tmp_path / "classifier.onnx"))
    images = seeded(1).random((7, 12, 12, 1), np.float32)
    for count in COUNTS:
        found = run(session, image=images[:count].transpose(0, 3, 1, 2))
        for name, expected in zip(("features", "logits"), made.network(images[:count]), strict=True):
            np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=TOLERANCE)
    assert json.loads(about(session)["class_names"]) == ["0", "1", "2"]


def test_averaged_weights_are_written_unless_the_last_ones_are_asked_for(tmp_path):
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    gan.average = gn.averaging.Average(gan.generator)
    stirred(gan.generator)
    z = gan.prior.of_seed(0, 2, np.dtype(np.float32))
    for average in (True, False):
        session = opened(gn.interop.export(gan, tmp_path / "g.onnx", average=average, layout="nhwc"))
        expected = gan.generate(z, average=average)
        np.testing.assert_allclose(run(session, z=z)["image"], expected, rtol=0, atol=TOLERANCE)
    assert np.abs(gan.generate(z) - gan.generate(z, average=False)).max() > 0.01


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(tmp_path, name):
    structure, shape = LAYERS[name]
    network = stirred(gn.Network(structure, shape))
    session = opened(gn.interop.export(network, tmp_path / "network.onnx", layout="nhwc", fold=False))
    for count in COUNTS:
        x = seeded(1).standard_normal((count, *shape)).astype(np.float32)
        np.testing.assert_allclose(run(session, x=x)["y"], network(x), rtol=1e-4, atol=1e-5)


def test_every_layer_of_the_library_has_an_export():
    from gan_np.interop.onnx import EXPORTERS
    from gan_np.layers import LAYERS as REGISTERED

    own = [REGISTERED[name] for name in REGISTERED if REGISTERED[name].__module__.startswith("gan_np.")]
    assert len(own) > 25
    assert [one.__name__ for one in own if one not in EXPORTERS._functions] == []


def test_weights_of_a_loop_are_written_once(tmp_path):
    sizes = []
    for steps in (1, 4):
        gan = gn.models.gran((16, 16, 1), 5, draw_steps=steps, width=8)
        sizes.append(gn.interop.export(gan, tmp_path / "g.onnx").stat().st_size)
    weights = 4 * len(gan.generator.parameters)
    assert sizes[1] - sizes[0] < 0.5 * weights


def test_half_precision_has_half_the_size_and_nearly_the_same_images(tmp_path):
    gan = stir(gn.models.dcgan((16, 16, 1), 6, width=16))
    full, half = (gn.interop.export(gan, tmp_path / f"{kind}.onnx", dtype=kind) for kind in ("float32", "float16"))
    assert half.stat().st_size < 0.6 * full.stat().st_size
    z = gan.prior.of_seed(0, 3, np.dtype(np.float32))
    images = run(opened(half), z=z)["image"]
    assert images.dtype == np.float32
    np.testing.assert_allclose(images.transpose(0, 2, 3, 1), gan.generate(z), rtol=0, atol=0.02)


@pytest.mark.parametrize("model", ["residual", "gran", "conditional"])
def test_half_precision_of_other_models(tmp_path, model):
    gan = IMAGES[model]()
    z, inputs, context = drawn(gan, 2)
    images = run(opened(gn.interop.export(gan, tmp_path / "g.onnx", dtype="float16")), **inputs)["image"]
    np.testing.assert_allclose(images.transpose(0, 2, 3, 1), gan.generate(z, context), rtol=0, atol=0.02)


def test_numbers_too_large_for_half_precision_are_refused(tmp_path):
    network = gn.Network(gn.Dense(2), (2,))
    network.parameters.assign(np.full(6, 1e5, np.float32))
    with pytest.raises(ValueError, match="dtype: weight has numbers that float16 cannot hold"):
        gn.interop.export(network, tmp_path / "n.onnx", dtype="float16")
    assert list(tmp_path.iterdir()) == []


def test_what_the_file_says(tmp_path):
    gan = gn.models.conditional_dcgan((8, 8, 3), 5, classes=3, width=2, latent="uniform")
    gan.learn_labels(np.array([5, 7, 7, 9]), None)
    path = gn.interop.export(gan, tmp_path / "g.onnx")
    model = onnx.load(path)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    session = opened(path)
    assert [(one.name, one.shape, one.type) for one in session.get_inputs()] == [
        ("z", ["N", 5], "tensor(float)"),
        ("label", ["N"], "tensor(int64)"),
    ]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("image", ["N", 3, 8, 8])]
    assert about(session) == {
        "network": "generator",
        "latent_dim": "5",
        "latent": "uniform",
        "model": "conditional-dcgan",
        "data_shape": "[8, 8, 3]",
        "range": "-1..1",
        "classes": "3",
        "class_names": '["5", "7", "9"]',
        "labels": "[5, 7, 9]",
        "dtype": "float32",
        "opset": "17",
        "layout": "NCHW",
    }
    assert gn.interop.export(gan, tmp_path / "again.onnx").read_bytes() == path.read_bytes()


class Square(gn.Layer):
    def forward(self, variables, x, run):
        return x * x, lambda dy, wrt: 2 * x * dy


class Halved(gn.Dense):
    """A layer that computes something else than the one that it inherits from."""


def test_a_layer_of_one_s_own(tmp_path):
    network = gn.Network(gn.Sequential(gn.Dense(3), gn.Sequential(Square())), (2,))
    path = tmp_path / "n.onnx"
    with pytest.raises(
        TypeError, match=r"^Square\(\) \(at '1\.0'\): no export to ONNX is known for Square; say how with "
    ):
        gn.interop.export(network, path)
    assert not path.exists()

    @gn.interop.onnx.exports(Square)
    def square(graph, layer, variables, x):
        return graph.node("Mul", x, x)

    try:
        x = seeded(0).standard_normal((4, 2)).astype(np.float32)
        np.testing.assert_allclose(
            run(opened(gn.interop.export(network, path)), x=x)["y"], network(x), rtol=1e-5, atol=1e-6
        )

        @gn.interop.onnx.exports(Square)
        def wrong(graph, layer, variables, x):
            return graph.node("ReduceMax", x, shape=(1,), axes=[1])

        with pytest.raises(gn.ShapeError, match=r"^Square\(\): its export gives \(1,\), the layer gives \(3,\)"):
            gn.interop.export(network, path)
    finally:
        gn.interop.onnx.EXPORTERS.unregister(Square)


def test_a_subclass_is_not_taken_for_its_base(tmp_path):
    with pytest.raises(TypeError, match="no export to ONNX is known for Halved"):
        gn.interop.export(gn.Network(Halved(3), (2,)), tmp_path / "n.onnx")


def test_a_wrong_export_is_noticed(tmp_path):
    """The negative control: with a tap of the convolution transposed, the images are others."""
    from gan_np.interop.onnx import EXPORTERS, linear

    @gn.interop.onnx.exports(gn.ConvTranspose2d)
    def spoiled(graph, layer, variables, x):
        turned = variables.with_parameter("weight", variables["weight"].swapaxes(0, 1), variables.gradient)
        return linear.transposed_convolution(graph, layer, turned, x)

    try:
        gan = stir(IMAGES["dcgan"]())
        session = opened(gn.interop.export(gan, tmp_path / "g.onnx", layout="nhwc"))
    finally:
        EXPORTERS.register(gn.ConvTranspose2d)(linear.transposed_convolution)
    z = gan.prior.of_seed(3, 2, np.dtype(np.float32))
    assert np.abs(run(session, z=z)["image"] - gan.generate(z)).max() > 100 * TOLERANCE


@pytest.mark.parametrize("name", ["r3gan", "own"])
def test_images_of_a_generator_without_a_bounded_end_stay_in_the_range(tmp_path, name):
    gan = IMAGES["r3gan"]() if name == "r3gan" else unbounded()
    stirred(gan.generator)
    theta = gan.generator.parameters
    theta.assign(4 * theta.values)
    z = gan.prior.of_seed(0, 9, np.dtype(np.float32))
    assert np.abs(gan.generate(z)).max() > 1.5, "what is to be cut"
    for dtype in ("float32", "float16"):
        session = opened(gn.interop.export(gan, tmp_path / "g.onnx", dtype=dtype))
        images = run(session, z=z)["image"]
        low, high = gan.image_range
        assert (images.min(), images.max()) == (low, high)
        assert about(session)["range"] == gan.pixel_range


def unbounded():
    """A GAN of one's own for pixels from 0 to 1, whose G ends with a dense layer."""
    g = gn.Network(gn.Sequential(gn.Dense(16), gn.Reshape(4, 4, 1)), (3,), seed=0)
    d = gn.Network(gn.Sequential(gn.Flatten(), gn.Dense(1)), (4, 4, 1), seed=1)
    return gn.GAN(g, d, gn.models.Prior(3), "0..1")


def test_a_bounded_end_is_left_as_it_is_and_detail_has_no_range(tmp_path):
    written = onnx.load(str(gn.interop.export(IMAGES["dcgan"](), tmp_path / "g.onnx")))
    assert "Clip" not in {node.op_type for node in written.graph.node}
    level = gn.models.lapgan((16, 16, 1), 5, levels=1, hidden=8, width=2).levels[0]
    assert about(opened(gn.interop.export(level, tmp_path / "level.onnx")))["range"].startswith("none")
