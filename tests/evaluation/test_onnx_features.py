"""Features of networks in ONNX files: what they are shown, what is read of them, and files that are no such networks."""

import importlib
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="networks in ONNX files need the package onnx")
pytest.importorskip("onnxruntime", reason="networks in ONNX files need the package onnxruntime")

import onnx
from onnx import TensorProto, helper
from PIL import Image
from small_networks import means, rows, write

import gan_np as gn
from gan_np.data.resize import FILTERS, resize_floats
from gan_np.evaluation import OnnxFeatures, Preprocessing, onnx_features


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (37, 4, 4, 3), np.uint8)


def by_triangles(row: np.ndarray, count: int) -> np.ndarray:
    """The antialiased bilinear filter as its formula has it: triangles as wide as the reduction, weights adding up to 1."""
    scale = len(row) / count
    centres = (np.arange(count) + 0.5) * scale
    weights = np.maximum(0, 1 - np.abs(np.arange(len(row)) + 0.5 - centres[:, None]) / max(scale, 1))
    return (weights / weights.sum(axis=1, keepdims=True)) @ row


def test_resizing_is_antialiased() -> None:
    row = np.random.default_rng(0).integers(0, 256, 24).astype(np.uint8)
    found = resize_floats(np.tile(row, (3, 1))[None, :, :, None], (3, 7), "bilinear")[0, 1, :, 0]
    np.testing.assert_allclose(found, by_triangles(row, 7), atol=1e-3)
    centres = ((np.arange(7) + 0.5) * 24 / 7 - 0.5).astype(int)
    assert np.abs(found - row[centres]).max() > 20, "the negative control: without the filter it is something else"


@pytest.mark.parametrize("filter", FILTERS)
def test_resizing_is_that_of_pillow_without_its_rounding(filter: str) -> None:
    image = np.random.default_rng(0).integers(64, 192, (20, 30, 3), np.uint8)  # no overshoot is cut
    found = resize_floats(image[None], (9, 11), filter)[0]
    theirs = np.asarray(Image.fromarray(image).resize((11, 9), Image.Resampling[filter.upper()]))
    assert np.abs(np.clip(found, 0, 255) - theirs).max() < 1.1  # two roundings, one for each direction
    assert np.abs(found - np.rint(found)).max() > 0.4


def test_what_a_network_is_shown(tmp_path: Path, images: np.ndarray) -> None:
    file = means(tmp_path / "means.onnx")
    plain = images.mean(axis=(1, 2)) / 255
    found, probabilities = OnnxFeatures(file).extract(images)
    assert probabilities is None
    np.testing.assert_allclose(found, plain, atol=1e-6)
    settings = Preprocessing(value_range="-1..1", mean="0.1,0.2,0.3", std=[0.5, 0.5, 2], order="bgr")
    expected = (2 * plain[:, ::-1] - 1 - [0.1, 0.2, 0.3]) / [0.5, 0.5, 2]
    reader = OnnxFeatures(file, "pooled", settings)  # inside the network, (N, 3, 1, 1)
    np.testing.assert_allclose(reader.extract(images)[0], expected, atol=1e-5)
    assert reader.facts["network input"] == (
        "4×4 (antialiased bicubic), BGR; values -1..1; mean 0.1, 0.2, 0.3; std 0.5, 0.5, 2; NCHW"
    )
    grey = OnnxFeatures(file).extract(images[..., :1])[0]
    np.testing.assert_allclose(grey, np.repeat(plain[:, :1], 3, axis=1), atol=1e-6)
    one = OnnxFeatures(means(tmp_path / "one.onnx", channels=1)).extract(images)[0]
    np.testing.assert_allclose(one[:, 0], plain @ [0.299, 0.587, 0.114], atol=1e-5)
    floats = OnnxFeatures(file).extract(images.astype(np.float32) / 255)[0]
    np.testing.assert_allclose(floats, plain, atol=1e-6)


def test_sizes_batches_layouts_and_bytes(tmp_path: Path, images: np.ndarray) -> None:
    large = resize_floats(images, (8, 8), "box")
    assert large.shape == (37, 8, 8, 3)
    fixed = OnnxFeatures(means(tmp_path / "fixed.onnx", batch=5)).extract(large / np.float32(255))[0]
    np.testing.assert_allclose(fixed, images.mean(axis=(1, 2)) / 255, atol=0.02)
    any_size = OnnxFeatures(means(tmp_path / "any.onnx", sides=("H", "W")), None, Preprocessing(size=(2, 6)))
    assert any_size.facts["network input"].startswith("2×6 (antialiased bicubic), RGB; values 0..1")
    small = images[:, :2, :2]
    for kind in (TensorProto.FLOAT, TensorProto.UINT8):
        reader = OnnxFeatures(rows(tmp_path / f"rows{kind}.onnx", kind))
        assert reader.preprocessing.layout == "nhwc"
        scale = 255 if kind == TensorProto.FLOAT else 1
        np.testing.assert_allclose(reader.extract(small)[0] * scale, small.reshape(37, 12), atol=1e-3)


def test_a_classifier_of_the_library_s_own_gives_its_features(tmp_path: Path) -> None:
    made = gn.models.classifier((12, 12, 3), classes=3, width=2, features=5)
    images = np.random.default_rng(0).integers(0, 256, (5, 12, 12, 3), np.uint8)
    file = gn.interop.export(made, tmp_path / "c.onnx")
    for output, own in (("features", made.features(images)), ("logits", None)):
        reader = OnnxFeatures(file, output)
        assert reader.features_called == f"features of c.onnx:{output}"
        if own is not None:
            np.testing.assert_allclose(reader.extract(images)[0], own, rtol=1e-3, atol=1e-4)
    changed = made.__class__(made.network, pixel_range="-1..1")
    told = OnnxFeatures(gn.interop.export(changed, tmp_path / "d.onnx"), "features")
    assert told.preprocessing.value_range == "-1..1", "as the file says"


def refusals(place: Path) -> dict[str, tuple[Path, str]]:
    """Files that cannot be read, and what is said of them."""
    pool = helper.make_node("GlobalAveragePool", ["x"], ["pooled"])
    known = [pool, helper.make_node("Flatten", ["pooled"], ["mean"])]
    strange = helper.make_node("Strange", ["x"], ["mean"])
    foreign = helper.make_node("Strange", ["x"], ["mean"], domain="com.example")
    relu = helper.make_node("Relu", ["x"], ["mean"])
    (place / "text.onnx").write_text("hello")
    (place / "empty.onnx").write_bytes(b"")
    shape = ["N", 3, 4, 4]
    return {
        "text": (place / "text.onnx", "not an ONNX network that can be read"),
        "empty": (place / "empty.onnx", "it has no operators"),
        "unknown": (
            write(place / "u.onnx", [strange], shape, {"mean": ["N", 3]}),
            "it has operators that are not known: 'Strange'",
        ),
        "foreign": (
            write(place / "f.onnx", [foreign], shape, {"mean": ["N", 3]}),
            r"it has operators that are not known: 'com\.example\.Strange'",
        ),
        "rank": (
            write(place / "r.onnx", [relu], ["N", 48], {"mean": ["N", 48]}),
            r"its input 'x' has 2 axes, \(\?, 48\); expected images with four",
        ),
        "integers": (
            write(place / "i.onnx", [helper.make_node("Cast", ["x"], ["mean"], to=1)], shape, {"mean": shape}, kind=7),
            r"its input 'x' is tensor\(int64\), expected one of",
        ),
        "channels": (
            write(place / "c.onnx", known, ["N", 5, 6, 6], {"mean": ["N", 5]}),
            r"its input 'x' is \(\?, 5, 6, 6\), taken as NCHW: 5 channels, expected 1, 3 or 4; is the layout another",
        ),
        "several": (
            write(place / "s.onnx", known, shape, {"mean": ["N", 3], "pooled": ["N", 3, 1, 1]}),
            r"it has several outputs, 'mean', 'pooled'; name one, FILE\.onnx:OUTPUT",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["text", "empty", "unknown", "foreign", "rank", "integers", "channels", "several"])
def test_what_is_no_such_network_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    file, words = refusals(tmp_path)[name]
    with pytest.raises(ValueError, match=f"^features: {file}: {words}") as refused:
        OnnxFeatures(file)
    assert "\n" not in str(refused.value)


def test_other_refusals(tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    file = means(tmp_path / "means.onnx")
    with pytest.raises(ValueError, match=r"it has no output 'pool3'; there are 'mean'; inside it there are 'pooled'$"):
        OnnxFeatures(file, "pool3")
    with pytest.raises(FileNotFoundError, match=r"^features: there is no file .*none\.onnx"):
        OnnxFeatures(tmp_path / "none.onnx")
    with pytest.raises(ValueError, match="it takes images of 4×4 alone, input_size asks for 8×8"):
        OnnxFeatures(file, None, Preprocessing(size=8))
    with pytest.raises(ValueError, match="input_mean: expected 1 number or 3, one for each channel, got 2"):
        OnnxFeatures(file, None, Preprocessing(mean=(1, 2))).extract(images)
    for wrong, words in (
        ({"mean": "a"}, "^input_mean: expected numbers with commas"),
        ({"std": 0}, "^input_std: expected a number greater than 0"),
        ({"value_range": "x"}, r"^input_range: expected LOW\.\.HIGH"),
        ({"size": "x"}, "^input_size: expected a side"),
        ({"order": "rbg"}, "^input_order: expected one of 'rgb', 'bgr'"),
        ({"filter": "nearest"}, "^input_filter: expected one of"),
    ):
        with pytest.raises(ValueError, match=words):
            Preprocessing(**wrong)
    maps = write(
        tmp_path / "maps.onnx", [helper.make_node("Relu", ["x"], ["y"])], ["N", 3, 4, 4], {"y": ["N", 3, 4, 4]}
    )
    with pytest.raises(gn.ShapeError, match=r"gives \(1, 3, 4, 4\) for 1 images, expected one vector for each"):
        OnnxFeatures(maps).extract(images)
    nodes = [helper.make_node("Log", ["x"], ["l"]), helper.make_node("Flatten", ["l"], ["y"])]
    logs = write(tmp_path / "logs.onnx", nodes, ["N", 3, 4, 4], {"y": ["N", 48]})
    with pytest.raises(ValueError, match=r"^features of logs\.onnx:y: .* values are NaN or infinite"):
        OnnxFeatures(logs).extract(np.zeros_like(images))
    monkeypatch.setattr(importlib, "import_module", lambda name: (_ for _ in ()).throw(ModuleNotFoundError(name)))
    with pytest.raises(ModuleNotFoundError, match=r'python -m pip install "gan_np\[onnx\]"'):
        OnnxFeatures(file)


def test_a_network_that_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    condition, kept = (helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("c", "d"))
    state, after = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 12]) for name in ("s", "t"))
    steps = [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Sigmoid", ["s"], ["t"])]
    body = helper.make_graph(steps, "body", [one, condition, state], [kept, after])
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Loop", ["many", "", "flat"], ["y"], body=body),
    ]
    weights = {"many": np.array(1 << 60, np.int64)}
    file = write(tmp_path / "loop.onnx", nodes, ["N", 3, 2, 2], {"y": ["N", 12]}, weights=weights)
    monkeypatch.setattr(onnx_features, "PATIENCE", 0.3)
    started = time.monotonic()
    with pytest.raises(ValueError, match=r"cannot read images of .*\(stopped after 0\.3 s\)"):
        OnnxFeatures(file).extract(np.zeros((1, 2, 2, 3), np.uint8))
    assert time.monotonic() - started < 60


ODD = [0, -1, 1, 2, 3, 7, 1000, 10**6, 2**31 - 1, 2**40, 2**62, -(2**31)]


def odd(model: onnx.ModelProto, rng: np.random.Generator) -> bytes:
    """A whole file that says something odd: a size, an attribute, an operator, or what a node reads."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for _ in range(int(rng.integers(1, 3))):
        value, kind = int(rng.choice(ODD)), int(rng.integers(0, 4))
        node = changed.graph.node[int(rng.integers(len(changed.graph.node)))]
        if kind == 0 and node.attribute:
            attribute = node.attribute[int(rng.integers(len(node.attribute)))]
            if attribute.ints:
                attribute.ints[int(rng.integers(len(attribute.ints)))] = value
            else:
                attribute.i = value
        elif kind == 1:
            tensor = changed.graph.initializer[int(rng.integers(len(changed.graph.initializer)))]
            if tensor.dims:
                tensor.dims[int(rng.integers(len(tensor.dims)))] = value
        elif kind == 2:
            node.op_type = str(rng.choice(["Conv", "Gemm", "Reshape", "Pad", "Concat", "MaxPool", "Nothing", "Gather"]))
        else:
            names = [name for one in changed.graph.node for name in (*one.input, *one.output)]
            node.input[int(rng.integers(len(node.input)))] = str(rng.choice(names))
    return changed.SerializeToString()


def test_damaged_files_are_refused_in_one_line(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """`--campaign N` for N times as many: cut short, flipped, and whole files that say odd things."""
    rng, refused = np.random.default_rng(7), 0
    made = gn.models.classifier((8, 8, 3), classes=3, width=2, features=5)
    data = gn.interop.export(made, tmp_path / "good.onnx").read_bytes()
    model, victim = onnx.load_from_string(data), tmp_path / "victim.onnx"
    images = np.zeros((2, 8, 8, 3), np.uint8)
    total = 60 * (request.config.getoption("--campaign") or 1)
    for number in range(total):
        changed = bytearray(data)
        if number % 3 == 0:
            del changed[int(rng.integers(0, len(data))) :]
        elif number % 3 == 1:
            for _ in range(int(rng.integers(1, 4))):
                changed[int(rng.integers(0, len(data)))] ^= 1 << int(rng.integers(0, 8))
        else:
            changed = bytearray(odd(model, rng))
        victim.write_bytes(changed)
        try:
            OnnxFeatures(victim, "features").extract(images)
        except ValueError as error:
            refused += 1
            assert "victim.onnx" in str(error)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            assert len(str(error)) < 700  # noqa: PT017
    assert refused > 0.5 * total
