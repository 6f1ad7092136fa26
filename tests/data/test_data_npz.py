"""Files of arrays: .npz."""

import io
import zipfile

import numpy as np
import pytest
from image_files import header_of, some_images

from gan_np import data
from gan_np.checks import ShapeError
from gan_np.data import npy, npz


@pytest.mark.parametrize("writer", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("key", ["images", "x", "X", "data", "pictures"])
@pytest.mark.parametrize("label_key", ["labels", "y", "targets", None])
def test_whole_sets(tmp_path, writer, key, label_key):
    arrays = {key: some_images()} | ({label_key: np.arange(6, dtype=np.uint8)} if label_key else {})
    writer(tmp_path / "set.npz", **arrays, other=np.zeros(3))
    found = data.open(tmp_path / "set.npz")
    np.testing.assert_array_equal(found.images, some_images())
    assert found.name == "set.npz"
    if label_key:
        assert found.labels.tolist() == list(range(6))
    else:
        assert found.labels is None


@pytest.mark.parametrize("form", ["x_{}", "X_{}", "{}_images", "images_{}"])
def test_parts(tmp_path, form):
    y = "y_{}" if form.startswith(("x", "X")) else "{}_labels"
    np.savez(
        tmp_path / "set.npz",
        **{
            form.format("train"): some_images(),
            y.format("train"): np.arange(6),
            form.format("test"): some_images()[:2, ..., 0],
            y.format("test"): np.array([[7], [8]]),
        },
    )
    train, test = (data.open(tmp_path / "set.npz", split=split) for split in ("train", "test"))
    np.testing.assert_array_equal(train.images, some_images())
    np.testing.assert_array_equal(test.images, some_images()[:2, ..., :1])
    assert train.labels.tolist() == list(range(6))
    assert test.labels.tolist() == [7, 8]


def test_a_single_array_may_have_any_name(tmp_path):
    np.savez(tmp_path / "set.npz", some_images())
    np.testing.assert_array_equal(data.load(tmp_path / "set.npz"), some_images())


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_orders_sizes_and_floats(tmp_path, order, dtype):
    images = some_images() if dtype == np.uint8 else (some_images() / 255).astype(np.float32)
    np.savez_compressed(tmp_path / "set.npz", images=np.asarray(images, order=order))
    got = data.load(tmp_path / "set.npz", image_size=4, channels=1)
    np.testing.assert_array_equal(got, data.load(some_images(), image_size=4, channels=1))


def test_many_chunks_and_the_cache(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (300, 16, 16, 3), np.uint8)
    np.savez_compressed(tmp_path / "set.npz", images=images)
    monkeypatch.setattr("gan_np.data.raw.CHUNK_BYTES", 5000)
    np.testing.assert_array_equal(data.load(tmp_path / "set.npz"), images)
    monkeypatch.setattr("gan_np.data.raw.IN_MEMORY", 1000)
    found = data.load(tmp_path / "set.npz")
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize(
    ("names", "split", "hint"),
    [
        (["a", "b"], "train", r"none is images.*arrays in the file: a, b"),
        (["images", "x"], "train", r"more than one.*images, x"),
        (["x_train", "X_train"], "train", r"more than one.*x_train, X_train"),
        (["x_train", "images"], "train", r"more than one"),
        (["x_train", "y_train"], "test", r"none is images of 'test'.*x_train"),
        (["x_test"], "train", r"none is images of 'train'"),
        (["images", "labels"], "test", r"split.*has no parts"),
        (["images", "labels", "y"], "train", r"labels \(labels, y\)"),
        ([], "train", r"arrays in the file: none"),
    ],
)
def test_unclear_names_are_listed(tmp_path, names, split, hint):
    arrays = {name: np.arange(6) if name[0] in "yl" else some_images() for name in names}
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(ValueError, match=hint) as caught:
        data.load(tmp_path / "set.npz", split=split)
    assert "set.npz" in str(caught.value)


def zip_of(path, content, *, name="images.npy", method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(name, content)
    return path


@pytest.mark.parametrize("shape", [(10**9, 1000, 1000, 3), (2**62, 2**62, 8, 3), (5, 8, 8, 3), (7, 8, 8, 3)])
def test_headers_that_do_not_fit_are_refused(tmp_path, shape):
    path = zip_of(tmp_path / "lies.npz", header_of(shape) + bytes(1152))
    with pytest.raises(ValueError, match=r"lies.npz, images: the header promises"):
        data.load(path)


def test_sizes_that_no_such_file_can_hold_are_refused(tmp_path):
    """A zip directory that claims 3 TB behind some hundred bytes, and a header that agrees."""
    shape = (10**6, 1000, 1000, 3)
    path = zip_of(tmp_path / "bomb.npz", header_of(shape) + bytes(1152))
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"bomb.npz, images: claims 4,294,967,280 bytes"):
        data.load(path)


def test_a_true_bomb_goes_to_the_cache_in_chunks(tmp_path, monkeypatch):
    """60 MB of zeros in 60 kB: legitimate, since black images are; not held in memory twice."""
    monkeypatch.setattr("gan_np.data.raw.IN_MEMORY", 1000)
    np.savez_compressed(tmp_path / "black.npz", images=np.zeros((20_000, 32, 32, 3), np.uint8))
    found = data.load(tmp_path / "black.npz")
    assert isinstance(found, np.memmap)
    assert found.shape == (20_000, 32, 32, 3)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, method):
    stream = io.BytesIO()
    np.save(stream, some_images())
    path = zip_of(tmp_path / "set.npz", stream.getvalue(), method=method)
    with pytest.raises(ValueError, match=r"set.npz, images: compression"):
        data.load(path)


def test_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "trap.npz", images=np.array([None] * 64, object).reshape(1, 8, 8, 1))
    with pytest.raises(ValueError, match=r"trap.npz.*never unpickled"):
        data.load(tmp_path / "trap.npz")
    np.savez(tmp_path / "trap.npz", images=some_images(), labels=np.array([None] * 6, object))
    with pytest.raises(ValueError, match=r"trap.npz.*never unpickled"):
        data.load(tmp_path / "trap.npz")


def test_a_wrong_checksum_is_seen(tmp_path):
    np.savez(tmp_path / "set.npz", images=some_images())
    content = bytearray((tmp_path / "set.npz").read_bytes())
    at = content.index(some_images().tobytes()[:64])
    content[at + 10] ^= 1
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"set.npz.*CRC"):
        data.load(tmp_path / "set.npz")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"nothing"])
def test_damaged_files(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.npz"):
        data.load(tmp_path / "bad.npz")


def test_wrong_numbers_are_refused_by_name(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, images=some_images().astype(np.complex64))
    with pytest.raises(ValueError, match=r"set.npz, images: expected uint8"):
        data.load(path)
    np.savez(path, images=some_images(), labels=np.eye(6, dtype=int))
    with pytest.raises(ShapeError, match=r"set.npz, labels.*argmax"):
        data.load(path)
    np.savez(path, images=some_images(), labels=np.eye(6))
    with pytest.raises(ShapeError, match=r"set.npz, labels.*argmax"):
        data.load(path)
    np.savez(path, images=some_images(), labels=np.zeros(6))
    with pytest.raises(ValueError, match=r"set.npz, labels: expected integers"):
        data.load(path)
    np.savez(path, images=np.zeros((0, 8, 8), np.uint8))
    with pytest.raises(ValueError, match=r"set.npz, images: no images"):
        data.load(path)


def test_fortran_order_is_unpacked_into_a_file_and_not_into_memory(tmp_path, cache):
    """330 MB in 330 kB: its first index runs fastest, so no image is whole before the end."""
    resource = pytest.importorskip("resource", reason="memory is measured as POSIX systems do")
    path, shape = tmp_path / "bomb.npz", (80_000, 64, 64)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("images.npy", "w") as member:
        member.write(header_of(shape, fortran_order=True))
        for _ in range(64):
            member.write(bytes(80_000 * 64))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = 0
    with zipfile.ZipFile(path) as archive, archive.open("images.npy") as member:
        header = npy.read_header(member, "bomb")
        for chunk in npz._transposed(member, header, (*shape, 1), lambda: cache):
            seen += len(chunk)
    assert seen == 80_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120e3  # kilobytes
    assert not list(cache.iterdir())


def test_fortran_order_by_way_of_a_file_is_what_it_is_by_way_of_memory(tmp_path, monkeypatch):
    images = np.asfortranarray(np.random.default_rng(0).integers(0, 256, (30, 8, 9, 3), np.uint8))
    np.savez_compressed(tmp_path / "set.npz", images=images)
    monkeypatch.setattr("gan_np.data.raw.IN_MEMORY", 1000)
    monkeypatch.setattr("gan_np.data.raw.CHUNK_BYTES", 2000)
    found = data.load(tmp_path / "set.npz")
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, images)


def test_a_mapped_file_in_fortran_order_is_laid_out_image_by_image(tmp_path):
    images = np.asfortranarray(some_images())
    np.save(tmp_path / "set.npy", images)
    found = data.load(tmp_path / "set.npy")
    np.testing.assert_array_equal(found, images)
    assert found.flags.c_contiguous


def test_a_header_that_claims_gigabytes_is_not_read(tmp_path):
    """NumPy would read all of it before it says that it is too long."""
    read = []

    class Counted(io.BytesIO):
        def read(self, count=-1):
            read.append(count)
            return super().read(count)

    with pytest.raises(ValueError, match=r"lies: not a readable \.npy file: .*a header of 2,147,483,648 bytes"):
        npy.read_header(Counted(b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little") + bytes(100)), "lies")
    assert max(read) < 100


def test_more_labels_than_memory_should_hold_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("gan_np.data.dataset.MOST_LABELS", 5)
    np.savez(tmp_path / "set.npz", images=some_images(), labels=np.zeros(6, np.uint8))
    with pytest.raises(ValueError, match=r"labels: expected at most 5 labels, which are held in memory, got 6"):
        data.load(tmp_path / "set.npz")
