"""Parquet files of encoded images, in the layout of Hugging Face's exports."""

import importlib
import importlib.util
import io
import json

import numpy as np
import pytest
from image_files import pixels
from PIL import Image

from gan_np import data
from gan_np.data import BrokenImages

if importlib.util.find_spec("pyarrow") is None:
    pytest.skip("pyarrow, which reads .parquet files, is not installed", allow_module_level=True)
pa = importlib.import_module("pyarrow")
pq = importlib.import_module("pyarrow.parquet")

FEATURES = {
    "info": {"features": {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}}
}
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def png(seed):
    stream = io.BytesIO()
    Image.fromarray(pixels(seed)).save(stream, "png")
    return stream.getvalue()


def write(path, seeds, labels=None, features=FEATURES, group=2, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": png(seed), "path": f"{seed}.png"} if isinstance(seed, int) else seed for seed in seeds]
    columns = {"image": pa.array(images, type=STRUCT), **columns}
    if labels is not None:
        columns["label"] = pa.array(labels)
    made = pa.table(columns).replace_schema_metadata({b"huggingface": json.dumps(features).encode()})
    pq.write_table(made, path, row_group_size=group)
    return path


def expected(*seeds):
    return np.stack([pixels(seed) for seed in seeds])


def test_rows_in_order_with_labels_and_their_names(tmp_path):
    file = write(tmp_path / "set.parquet", range(11), [1, 0] * 5 + [0], group=3)
    found = data.open(file)
    np.testing.assert_array_equal(found.images, expected(*range(11)))
    assert found.labels.tolist() == [1, 0] * 5 + [0]
    assert found.class_names == ("cat", "dog")
    assert found.name == "set"
    assert isinstance(found.images, np.memmap)
    assert f"{file}: images are in its column 'image'" in found.decided
    assert data.load(file, image_size=4, channels=1).shape == (11, 4, 4, 1)


def test_decoded_once(tmp_path, monkeypatch):
    file = write(tmp_path / "set.parquet", range(3))
    first = data.load(file)
    monkeypatch.setattr("gan_np.data.folder.decode", None)
    np.testing.assert_array_equal(data.load(file), first)


@pytest.mark.parametrize(
    "names",
    [
        ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet"],
        ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet"],
        ["default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"],
    ],
)
def test_parts_of_a_folder(tmp_path, names):
    for name, seeds, labels in zip(names, ([1, 2], [3], [4, 5]), ([0, 1], [0], [-1, -1]), strict=True):
        write(tmp_path / "set" / name, seeds, labels)
    train, test = data.open(tmp_path / "set"), data.open_test(tmp_path / "set")
    np.testing.assert_array_equal(train.images, expected(1, 2, 3))
    np.testing.assert_array_equal(test.images, expected(4, 5))
    assert (train.labels.tolist(), train.class_names) == ([0, 1, 0], ("cat", "dog"))
    assert test.labels is None  # -1: not given away
    assert any("its part 'train' was taken (3 images); it also has test" in text for text in train.decided)
    with pytest.raises(ValueError, match="has no files of 'val', only of"):
        data.open(tmp_path / "set", split="val")
    with pytest.warns(UserWarning, match="2 of 5 rows have none"):
        assert len(data.open(tmp_path / "set", split="all")) == 5


def test_a_file_has_no_parts(tmp_path):
    file = write(tmp_path / "train.parquet", [1])
    assert data.open_test(file) is None


def test_bytes_alone_and_labels_that_are_names(tmp_path):
    write(tmp_path / "a.parquet", [])
    images = pa.array([png(0), png(1), png(2)], type=pa.large_binary())
    pq.write_table(pa.table({"photo": images, "class": ["k10", "k9", "k10"]}), tmp_path / "a.parquet")
    found = data.open(tmp_path / "a.parquet")
    np.testing.assert_array_equal(found.images, expected(0, 1, 2))
    assert (found.labels.tolist(), found.class_names) == ([1, 0, 1], ("k9", "k10"))


def test_labels_without_names_and_without_labels(tmp_path):
    assert data.open(write(tmp_path / "a.parquet", [1, 2], [5, 7], features={})).class_names is None
    found = data.open(write(tmp_path / "b.parquet", [1, 2], size=pa.array([3, 4])))
    assert found.labels is None
    with pytest.warns(UserWarning, match="1 of 2 rows have none: no labels were taken"):
        assert data.open(write(tmp_path / "c.parquet", [1, 2], [5, None], features={})).labels is None


def test_labels_of_a_file_for_each_row(tmp_path):
    (tmp_path / "l.csv").write_text("b\na\n")
    found = data.open(write(tmp_path / "a.parquet", [1, 2], [0, 1]), labels=tmp_path / "l.csv")
    assert (found.labels.tolist(), found.class_names) == ([1, 0], ("a", "b"))


def test_a_label_without_a_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'label', with 0 to 2 where there are 2 names of classes"):
        data.open(write(tmp_path / "a.parquet", [1, 2], [0, 2]))


def test_rows_that_are_no_images_are_named(tmp_path):
    rows = [1, {"bytes": None, "path": "/etc/passwd"}, None, {"bytes": b"x", "path": None}]
    file = write(tmp_path / "a.parquet", rows, [0, 1, 0, 1])
    with pytest.raises(BrokenImages, match=r"a\.parquet, row 1 \(holds no image \(where it names a path") as caught:
        data.open(file)
    assert list(caught.value.files) == [f"a.parquet, row {row}" for row in (1, 2, 3)]
    with pytest.warns(UserWarning, match="left out 3"):
        assert data.open(file, skip_broken=True).labels.tolist() == [0]


def test_what_has_no_images(tmp_path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"none holds images; .*it has a \(int64\), b \(string\)"):
        data.open(tmp_path / "a.parquet")
    pq.write_table(pa.table({"a": [b"1"], "b": [b"x"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"several may hold the images \(a, b\)"):
        data.open(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="it has no rows"):
        data.open(write(tmp_path / "a.parquet", []))


def test_damaged_files(tmp_path, monkeypatch):
    file = write(tmp_path / "a.parquet", range(4))
    content = file.read_bytes()
    for damaged in (b"", b"PAR1", content[: len(content) // 2], content[:-40] + b"\xff" * 32 + content[-8:]):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.parquet: not a readable \.parquet file"):
            data.open(file)
    file.write_bytes(content[:60] + b"\xff" * 50 + content[110:])  # in the pages of the first group
    with pytest.raises(BrokenImages, match=r"row 0 \("):
        data.open(file)
    file.write_bytes(content)
    monkeypatch.setattr("gan_np.data.parquet.MOST_FILES", 3)
    with pytest.raises(ValueError, match="claims 4 rows"):
        data.open(file)


def test_a_group_that_claims_too_much_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("gan_np.data.parquet._LARGEST_GROUP", 10)
    with pytest.raises(BrokenImages, match="group of rows that claims"):
        data.open(write(tmp_path / "a.parquet", [1]))


@pytest.mark.parametrize(
    "metadata", [b"[", b"[]", b'{"info": {"features": []}}', b'{"info": {"features": {"label": 3}}}']
)
def test_metadata_of_another_form_are_passed_over(tmp_path, metadata):
    made = pa.table({"image": [png(1)], "label": [4]}).replace_schema_metadata({b"huggingface": metadata})
    pq.write_table(made, tmp_path / "a.parquet")
    assert data.open(tmp_path / "a.parquet").labels.tolist() == [4]


def test_images_beside_a_parquet_file_go_first(tmp_path):
    write(tmp_path / "set" / "metadata.parquet", [1])
    (tmp_path / "set" / "a.png").write_bytes(png(7))
    with pytest.warns(UserWarning, match=r"passed over 1 file \(metadata\.parquet\)"):
        np.testing.assert_array_equal(data.load(tmp_path / "set"), expected(7))


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    file = write(tmp_path / "a.parquet", [1])
    whole = importlib.import_module

    def lacking(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.setattr("gan_np.data.parquet.importlib.import_module", lacking)
    with pytest.raises(ModuleNotFoundError, match=r'a\.parquet: .*pip install "gan_np\[parquet\]"'):
        data.open(file)
