"""Labels in a file of their own: tables, and StyleGAN's dataset.json."""

import json
import zipfile

import numpy as np
import pytest
from image_files import folder_of, some_images

from gan_np import data
from gan_np.checks import ShapeError

FILES = ["a.png", "b.png", "c.png"]


@pytest.fixture
def folder(tmp_path):
    folder_of(tmp_path / "set", FILES)
    return tmp_path / "set"


def table(folder, text, name="labels.csv"):
    file = folder.parent / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "text",
    [
        "file,label\na.png,7\nb.png,-1\nc.png,7\n",
        "\ufeffFilename;Class\nc.png;7\nb.png;-1\na.png;7\n",
        "id\tage\ttarget\na\t3\t7\nb\t4\t-1\nc\t5\t7\n",
        "whatever,else\na.png,7\nb.png,-1\nc.png,7\n",
        "y,whatever\n7,a.png\n-1,b.png\n7,c.png\n",
        "a.png,7\nb.png,-1\nc.png,7\n",
        "image path,label\n./set/a.png,7\nset\\b.png,-1\n/data/set/c.png,7\n\n",
        '"file","label"\n"a.png","7"\n"b.png","-1"\n"c.png","7"\n"c.png","7"\n',
    ],
)
def test_numbers_by_file_name(folder, text):
    found = data.open(folder, labels=table(folder, text))
    assert found.labels.tolist() == [7, -1, 7]
    assert found.class_names is None


def test_names_are_classes_in_natural_order(folder):
    found = data.open(folder, labels=table(folder, "file,label\na.png,k10\nb.png,k9\nc.png,k10\n"))
    assert found.class_names == ("k9", "k10")
    assert found.labels.tolist() == [1, 0, 1]
    assert any("file names in its column 'file', labels in 'label'" in text for text in found.decided)


def test_labels_stand_in_place_of_class_folders(tmp_path):
    folder_of(tmp_path / "set", ["x/1.png", "x/2.png", "x/3.png", "x/4.png", "y/1.png", "stray.png"])
    with pytest.warns(UserWarning, match="passed over 1 image beside"):
        assert len(data.open(tmp_path / "set")) == 5
    text = "file,label\nx/1.png,0\nx/2.png,1\nx/3.png,0\nx/4.png,1\ny/1.png,0\nstray.png,1\n"
    found = data.open(tmp_path / "set", labels=table(tmp_path / "set", text))
    assert found.labels.tolist() == [1, 0, 1, 0, 1, 0]  # stray.png comes first
    ambiguous = table(tmp_path / "set", text.replace("y/1", "1"))
    with pytest.raises(ValueError, match=r"'1\.png' may be any of 2 images \(x/1\.png, y/1\.png\)"):
        data.open(tmp_path / "set", labels=ambiguous)


def test_one_file_labels_all_parts_and_numbers_their_classes_alike(tmp_path):
    folder_of(tmp_path / "set", ["train/1.png", "train/2.png", "test/3.png"])
    labels = table(tmp_path / "set", "file,label\n1,cat\n2,dog\n3,dog\n")
    train, test = data.open(tmp_path / "set", labels=labels), data.open_test(tmp_path / "set", labels=labels)
    assert (train.labels.tolist(), test.labels.tolist(), test.class_names) == ([0, 1], [1], ("cat", "dog"))


def test_labels_go_with_images_that_are_left_out(folder):
    (folder / "b.png").write_bytes(b"x")
    labels = table(folder, "file,label\na.png,1\nb.png,2\nc.png,3\n")
    with pytest.warns(UserWarning, match="left out 1"):
        assert data.open(folder, labels=labels, skip_broken=True).labels.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\na.png,1\n", r"no label for 2 images \(b\.png, c\.png\) of .*set"),
        ("file,label\na,1\nb,1\nc,1\nd,1\n", r"names 1 file \(d\) that .*set does not have as images"),
        ("file,label\na,1\nb,1\nc,1\na,2\n", r"two labels for a\.png: 1 and 2"),
        ("file,label\na,1\nb,\nc,1\n", "line 3 has no label"),
        ("file,label\na,1\nb\nc,1\n", "line 3 has 1 cells, expected at least 2"),
        ("file,size,kind\na,1,2\n", r"must have a column of file names \(file, .*its first line is 'file, size, kind'"),
        ("", "has 0 lines"),
        ("label\n1\n", "must have a column of file names"),
        ("file,label\nx/a,1\nb,1\nc,1\n", None),
        ("file,label\n" + "".join(f"n{k},1\n" for k in range(9)), r"names 9 files \(n0, n1, n2, n3, n4 and 4 more\)"),
    ],
)
def test_what_is_wrong_is_named(folder, text, words):
    labels = table(folder, text)
    if words is None:
        assert len(data.open(folder, labels=labels)) == 3  # a folder more in front
        return
    with pytest.raises(ValueError, match=words) as caught:
        data.open(folder, labels=labels)
    assert str(caught.value).startswith(f"labels: {labels}")


def test_a_name_in_another_folder_is_another_file(tmp_path):
    folder_of(tmp_path / "set", ["x/1.png", "x/2.png"])
    with pytest.raises(ValueError, match=r"names 1 file \(y/1\.png\)"):
        data.open(tmp_path / "set", labels=table(tmp_path / "set", "file,label\ny/1.png,0\nx/1.png,0\nx/2.png,0\n"))


def test_a_file_that_is_none(folder):
    with pytest.raises(FileNotFoundError, match=r"labels: no such file: none\.csv"):
        data.open(folder, labels="none.csv")
    with pytest.raises(ValueError, match=r"labels: .*this is a folder"):
        data.open(folder, labels=folder)
    with pytest.raises(TypeError, match="labels: expected the path of a file or None, got ndarray"):
        data.open(folder, labels=np.arange(3))
    with pytest.raises(ValueError, match="labels: expected the path of a file, got an empty text"):
        data.open(folder, labels="")
    (folder.parent / "bad.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"labels: .*is not text in UTF-8"):
        data.open(folder, labels=folder.parent / "bad.csv")


def style_gan(labels):
    return json.dumps({"labels": labels})


PAIRS = [["00000/a.png", 4], ["00000/b.png", 2], ["00001/c.png", 4]]


class TestDatasetJson:
    @pytest.fixture
    def folder(self, tmp_path):
        folder_of(tmp_path / "set", [name for name, _ in PAIRS])
        return tmp_path / "set"

    def test_inside(self, folder):
        assert data.open(folder).labels.tolist() == [0, 0, 1]  # the classes of its folders
        (folder / "dataset.json").write_text(style_gan(PAIRS[::-1]))
        found = data.open(folder)
        assert found.labels.tolist() == [4, 2, 4]
        assert found.class_names is None
        assert f"labels: those of {folder}, dataset.json" in found.decided
        assert not any("not looked at" in text for text in found.decided)

    def test_inside_an_archive(self, folder):
        (folder / "dataset.json").write_text(style_gan(PAIRS))
        archive = folder.with_name("set.zip")
        with zipfile.ZipFile(archive, "w") as made:
            for file in folder.rglob("*.*"):
                made.write(file, f"top/{file.relative_to(folder).as_posix()}")
        assert data.open(archive).labels.tolist() == [4, 2, 4]

    def test_beside(self, folder):
        beside = folder.parent / "dataset.json"
        beside.write_text(style_gan(PAIRS))
        assert data.open(folder).labels.tolist() == [4, 2, 4]
        for others in (style_gan([["x.png", 1]]), "[]", '{"labels": null}'):  # about something else
            beside.write_text(others)
            assert data.open(folder).labels.tolist() == [0, 0, 1]

    def test_none_on_purpose(self, folder):
        (folder / "dataset.json").write_text(style_gan(None))
        assert data.open(folder).labels is None

    def test_given_by_name(self, folder):
        file = folder.parent / "elsewhere.json"
        file.write_text(style_gan(PAIRS))
        assert data.open(folder, labels=file).labels.tolist() == [4, 2, 4]
        file.write_text(style_gan(None))
        with pytest.raises(ValueError, match="has no labels in it"):
            data.open(folder, labels=file)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "JSONDecodeError"),
            ("[" * 100_000, "RecursionError"),
            ("{}", "KeyError"),
            ('{"labels": [["00000/a.png"]]}', "not enough values"),
            (style_gan([["00000/a.png", [0, 1]]]), r"got the label \[0, 1\]"),
            (style_gan([["00000/a.png", True]]), "got the label True"),
            (style_gan([["00000/a.png", 1 << 63]]), "got the label 9223372036854775808"),
            (style_gan([[3, 1]]), "a file without a name"),
            (style_gan(PAIRS[:2]), r"no label for 1 image \(00001/c\.png\)"),
            (style_gan([*PAIRS, ["d.png", 1]]), r"names 1 file \(d\.png\)"),
        ],
    )
    def test_what_is_wrong_is_named(self, folder, text, words):
        (folder / "dataset.json").write_text(text)
        with pytest.raises(ValueError, match=words) as caught:
            data.open(folder)
        assert str(caught.value).startswith(f"labels: {folder}, dataset.json")


class TestRows:
    @pytest.mark.parametrize(
        "text", ["3\n4\n5\n", "label\n3\n4\n5\n", "id,label\n0,3\n1,4\n2,5\n", "anything\n3\n4\n5\n"]
    )
    def test_one_for_each_row_in_order(self, tmp_path, text):
        np.save(tmp_path / "a.npy", some_images(3))
        found = data.open(tmp_path / "a.npy", labels=table(tmp_path / "a.npy", text))
        assert found.labels.tolist() == [3, 4, 5]

    def test_arrays_vectors_and_tables(self, tmp_path):
        labels = table(tmp_path / "x", "dog\ncat\ndog\n")
        np.savez(tmp_path / "a.npz", images=some_images(3), labels=np.arange(3))
        (tmp_path / "v.csv").write_text("1,2\n3,4\n5,6\n")
        for source in (some_images(3), np.eye(3), tmp_path / "a.npz", tmp_path / "v.csv"):
            found = data.open(source, labels=labels)
            assert (found.labels.tolist(), found.class_names) == ([1, 0, 1], ("cat", "dog"))

    def test_another_number_of_rows(self, tmp_path):
        for text in ("3\n4\n", "label\n3\n4\n", "1\n2\n3\n4\n5\n"):
            with pytest.raises(ShapeError, match=r"expected one label for each of 3 rows, .*labels\.csv has"):
                data.open(some_images(3), labels=table(tmp_path / "a", text))

    def test_what_cannot_be_meant(self, tmp_path):
        labels = table(tmp_path / "a", "1\n2\n3\n")
        with pytest.raises(ValueError, match="are in the tuple"):
            data.open((some_images(3), [1, 2, 3]), labels=labels)
        np.savez(tmp_path / "p.npz", x_train=some_images(3), x_test=some_images(3))
        with pytest.raises(ValueError, match="has parts"):
            data.open(tmp_path / "p.npz", labels=labels)
        with pytest.raises(ValueError, match="must have one column"):
            data.open(some_images(3), labels=table(tmp_path / "a", "p,q\n1,2\n"))
