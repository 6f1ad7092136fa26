"""Parts, classes and files passed over: what the folders of a data set mean, and what is said of it."""

import numpy as np
import pytest
from image_files import folder_of, save, some_images

from gan_np import data
from gan_np.data.options import NoSuchPart
from gan_np.data.parts import natural


class TestParts:
    @pytest.mark.parametrize("train", ["train", "training", "Train", "TRAINING"])
    @pytest.mark.parametrize(
        ("other", "part"),
        [
            ("val", "val"), ("valid", "val"), ("validation", "val"), ("dev", "val"), ("Val", "val"),
            ("test", "test"), ("testing", "test"), ("Test", "test"),
        ],
    )  # fmt: skip
    def test_usual_names(self, tmp_path, train, other, part):
        folder_of(tmp_path, [f"{train}/{k}.png" for k in range(3)] + [f"{other}/9.png"])
        found = data.open(tmp_path)
        assert (len(found), found.labels, found.warned) == (3, None, ())
        assert found.decided == (f"{tmp_path}: its part {train} was taken (3 images); other parts: {other} (1 image)",)
        assert len(data.open(tmp_path, split=part)) == 1
        held_out = data.open_test(tmp_path)
        assert held_out is not None
        assert len(held_out) == 1

    def test_the_test_part_before_the_validation_part(self, tmp_path):
        folder_of(tmp_path, ["train/1.png", "val/1.png", "val/2.png", "test/1.png"])
        assert len(data.open_test(tmp_path)) == 1
        assert len(data.open(tmp_path, split="validation")) == 2

    def test_classes_below_are_kept_and_numbered_alike(self, tmp_path):
        folder_of(tmp_path, ["train/cat/1.png", "train/dog/2.png", "val/dog/3.png", "val/ant/4.png", "test/5.png"])
        train, val, test = (data.open(tmp_path, split=split) for split in ("train", "val", "test"))
        assert (train.class_names, train.labels.tolist()) == (("cat", "dog"), [0, 1])
        assert (val.class_names, val.labels.tolist()) == (("cat", "dog", "ant"), [2, 1])
        assert test.labels is None

    def test_what_is_beside_the_parts_is_passed_over_with_a_warning(self, tmp_path):
        folder_of(tmp_path, ["train/1.png", "val/2.png", "extra/3.png", "extra/4.png", "cover.png"])
        with pytest.warns(UserWarning, match=r"passed over extra \(2 images\), 1 image beside them.*split='all'"):
            assert len(data.open(tmp_path)) == 1

    def test_all_takes_folders_as_classes_whatever_they_are_called(self, tmp_path):
        folder_of(tmp_path, ["train/1.png", "test/2.png", "test/3.png"])
        found = data.open(tmp_path, split="all")
        assert (found.class_names, found.labels.tolist(), found.warned) == (("test", "train"), [0, 0, 1], ())

    def test_one_name_alone_among_classes_is_a_class_and_warned_of(self, tmp_path):
        folder_of(tmp_path, ["cat/1.png", "dog/2.png", "test/3.png"])
        with pytest.warns(UserWarning, match="test was not taken as a part"):
            found = data.open(tmp_path)
        assert found.class_names == ("cat", "dog", "test")
        assert data.open_test(tmp_path) is None

    def test_parts_one_folder_down_as_archives_unpack(self, tmp_path):
        folder_of(tmp_path, ["set/train/a/1.png", "set/train/b/2.png", "set/test/b/3.png"])
        assert data.open(tmp_path).class_names == ("a", "b")
        assert data.open(tmp_path, split="test").labels.tolist() == [1]

    def test_parts_below_classes_are_warned_of(self, tmp_path):
        folder_of(tmp_path, ["a/train/1.png", "a/test/2.png", "b/train/3.png", "b/test/4.png"])
        with pytest.warns(UserWarning, match="folders named test and train lie below its first level"):
            assert data.open(tmp_path).class_names == ("a", "b")

    def test_two_folders_for_one_part(self, tmp_path):
        folder_of(tmp_path, ["train/1.png", "Training/2.png", "test/3.png"])
        with pytest.raises(ValueError, match=r"two folders for the part 'train', Training and train"):
            data.open(tmp_path)
        assert len(data.open(tmp_path, split="test")) == 1

    def test_no_train(self, tmp_path):
        folder_of(tmp_path, ["val/1.png", "test/2.png"])
        with pytest.raises(NoSuchPart, match="no images in 'train', only in test, val"):
            data.open(tmp_path)

    def test_of_an_npz_file(self, tmp_path):
        """The names of MedMNIST."""
        arrays = {f"{part}_images": some_images(k + 1) for k, part in enumerate(("train", "val", "test"))}
        np.savez(tmp_path / "a.npz", **arrays)
        assert [len(data.load(tmp_path / "a.npz", split=part)) for part in ("train", "val", "test")] == [1, 2, 3]
        assert (
            "its part 'train' was taken (1 image); it also has 'val', 'test'"
            in data.open(tmp_path / "a.npz").decided[0]
        )
        with pytest.raises(ValueError, match="never joined"):
            data.open(tmp_path / "a.npz", split="all")
        np.savez(tmp_path / "b.npz", x_train=some_images(), x_valid=some_images(2))
        assert len(data.open_test(tmp_path / "b.npz")) == 2


class TestClasses:
    def test_are_in_natural_order(self, tmp_path):
        folder_of(tmp_path, [f"{k}/a.png" for k in range(12)])
        found = data.open(tmp_path)
        assert found.class_names == tuple(map(str, range(12)))
        in_order = data.open(tmp_path).images[np.argsort(found.labels)]
        np.testing.assert_array_equal(in_order[10], np.asarray(data.load(tmp_path / "10"))[0])

    def test_natural(self):
        names = ["a10", "10", "b", "2", "a9", "02", "1", "Z"]
        assert sorted(names, key=natural) == ["1", "02", "2", "10", "Z", "a9", "a10", "b"]

    def test_a_stray_image_is_passed_over_with_a_warning(self, tmp_path):
        folder_of(tmp_path, ["cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png", "cover.png"])
        with pytest.warns(UserWarning, match=r"passed over 1 image beside the 2 folders of classes: cover\.png"):
            found = data.open(tmp_path)
        assert found.labels.tolist() == [0, 0, 1, 1]
        with pytest.warns(UserWarning, match="no labels were taken from its folders"):
            assert len(data.open(tmp_path, split="all")) == 5

    def test_many_leave_all_without_labels_and_say_so(self, tmp_path):
        folder_of(tmp_path, ["cat/1.png", "dog/2.png", "3.png", "4.png"])
        with pytest.warns(UserWarning, match="no labels were taken from its folders, since 2 of 4 images lie beside"):
            found = data.open(tmp_path)
        assert (len(found), found.labels) == (4, None)


class TestPassedOver:
    def fill(self, folder, read, *endings):
        for number in range(read):
            save(folder / f"{number}.jpg", number)
        for number, ending in enumerate(endings):
            (folder / f"{number}{ending}").write_bytes(b"x")

    def test_formats_that_are_not_read(self, tmp_path):
        self.fill(tmp_path, 5, ".heic", ".HEIC", ".svg", ".psd")
        with pytest.warns(
            UserWarning, match=r"passed over 4 files \(2 \.heic, 1 \.svg, 1 \.psd\).*beside 5 that are read"
        ):
            assert len(data.open(tmp_path)) == 5

    def test_most_of_them_is_refused(self, tmp_path):
        self.fill(tmp_path, 5, *[".heic"] * 95)
        with pytest.raises(ValueError, match=r"95 files \(95 \.heic\) are in formats.*only 5 .*skip_broken=True"):
            data.open(tmp_path)
        with pytest.warns(UserWarning, match="passed over 95 files"):
            assert len(data.open(tmp_path, skip_broken=True)) == 5

    def test_other_files_are_warned_of_and_texts_are_told(self, tmp_path):
        self.fill(tmp_path, 2, ".npy", ".txt", ".json", ".json")
        (tmp_path / "README").write_bytes(b"x")
        with pytest.warns(UserWarning, match=r"passed over 1 file \(0\.npy\), whose names do not end"):
            found = data.open(tmp_path)
        assert found.decided == (
            f"{tmp_path}: 4 files (2 .json, 1 .txt, 1 without an ending) beside the images were not looked at",
        )


def test_held_out_images_of_classes_that_training_does_not_know_can_be_left_out(tmp_path):
    images = folder_of(tmp_path, ["test/ant/4.png", "test/dog/3.png", "train/cat/1.png", "train/dog/2.png"])
    train, test = data.open(tmp_path), data.open_test(tmp_path)
    known, labels = test.of_classes(train.labels)
    assert labels.tolist() == [1]
    np.testing.assert_array_equal(known[0], images[1])
    assert test.of_classes(np.array([5])) is None
