"""Damaged files of every kind, by the hundred: they are read, or refused with an error that names the file.

Each mutant is a valid file with a few bytes changed, cut out, repeated or put in, mostly near its beginning, where headers
are. Whatever comes of it, reading stays within bounded memory, and nothing but ValueError and OSError is raised.
"""

import gzip
import io
import sys
import time

import numpy as np
import pytest
from image_files import idx_bytes, some_images
from PIL import Image

from gan_np import data

resource = pytest.importorskip("resource", reason="memory is measured as POSIX systems do")

MUTANTS = 60
HUGE = [
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\0" * 4,
    b"\xff" * 8,
    b"\x80" + b"\0" * 3,
    b"99999999",
    b"-1",
    b"\0\x10\0\0",
]


def mutate(content, rng):
    """One to four changes, mostly within the first 200 bytes."""
    mutant = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        size = len(mutant)
        if not size:
            break
        reach = min(size, 200) if rng.random() < 0.6 else size
        at = int(rng.integers(reach))
        if rng.random() < 0.15:
            at = max(0, size - 1 - at)  # the directory of a zip file is at the end
        kind = rng.integers(7)
        if kind == 0:
            mutant[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            mutant[at] = int(rng.integers(256))
        elif kind == 2:
            value = HUGE[rng.integers(len(HUGE))]
            mutant[at : at + len(value)] = value
        elif kind == 3:
            del mutant[at:]
        elif kind == 4:
            del mutant[at : at + int(rng.integers(1, 20))]
        elif kind == 5:
            mutant[at:at] = mutant[at : at + int(rng.integers(1, 60))]
        else:
            mutant[at:at] = rng.bytes(int(rng.integers(1, 20)))
    return bytes(mutant)


def image_of(ending, **options):
    stream = io.BytesIO()
    mode = options.pop("mode", "RGB")
    one_image = np.random.default_rng(0).integers(0, 256, (24, 20, 3), np.uint8)
    image = Image.fromarray(one_image[..., 0].astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(one_image)
    (image if mode == "I;16" else image.convert(mode)).save(stream, ending, **options)
    return stream.getvalue()


def exif():
    found = Image.Exif()
    found[0x0112] = 6
    return found


IMAGES = {
    "png": lambda: image_of("PNG", exif=exif()),
    "png-palette": lambda: image_of("PNG", mode="P", transparency=3),
    "png-16": lambda: image_of("PNG", mode="I;16"),
    "jpg": lambda: image_of("JPEG", exif=exif()),
    "jpg-cmyk": lambda: image_of("JPEG", mode="CMYK"),
    "gif": lambda: image_of("GIF"),
    "bmp": lambda: image_of("BMP"),
    "tif": lambda: image_of("TIFF", exif=exif()),
    "tif-lzw": lambda: image_of("TIFF", compression="tiff_lzw"),
    "webp": lambda: image_of("WEBP", exif=exif()),
    "ppm": lambda: image_of("PPM"),
    "jp2": lambda: image_of("JPEG2000"),
    "avif": lambda: image_of("AVIF"),
}


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def npz(writer, **arrays):
    stream = io.BytesIO()
    writer(stream, **arrays)
    return stream.getvalue()


ARRAYS = {
    "a.npy": lambda: npy(some_images()),
    "b.npy": lambda: npy(np.asfortranarray(some_images() / 255), version=(2, 0)),
    "a.npz": lambda: npz(np.savez, x_train=some_images(), y_train=np.arange(6)),
    "b.npz": lambda: npz(np.savez_compressed, images=(some_images() / 255).astype(np.float32), labels=np.arange(6)),
    "a-images-idx3-ubyte": lambda: idx_bytes(some_images()[..., 0]),
    "b-images-idx4-ubyte": lambda: idx_bytes((some_images() / 255).astype(np.float32)),
    "c-images-idx3-ubyte.gz": lambda: gzip.compress(idx_bytes(some_images()[..., 0]), mtime=0),
}


@pytest.fixture
def bounded():
    """The test may take 700 MB at most: Pillow lets an image have 89 million pixels, before its file proves too short."""

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    before, started = peak(), time.monotonic()
    yield
    assert peak() - before < 700e6
    assert time.monotonic() - started < 60


def outcome(source, path, **options):
    """Whether it could be read; refusals must be of the documented kinds and name the file."""
    try:
        found = data.open(source, **options)
    except (ValueError, OSError) as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert not isinstance(refusal, UnicodeError)
        assert path.name in str(refusal), repr(refusal)
        return False
    assert found.images.dtype == np.uint8
    assert found.images.ndim == 4
    return True


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("kind", IMAGES)
def test_pictures(tmp_path, rng, kind):
    ending = kind.partition("-")[0]
    try:
        content = IMAGES[kind]()
    except (KeyError, OSError) as error:
        pytest.skip(f"this Pillow cannot write {ending}: {error!r}")
    path = tmp_path / f"mutant.{ending}"
    path.write_bytes(content)
    assert outcome(tmp_path, path)
    read = 0
    for number in range(MUTANTS):
        path.write_bytes(mutate(content, rng))
        read += outcome(tmp_path, path, image_size=None if number % 2 else 12)
    assert read < MUTANTS


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(tmp_path, rng, name):
    content = ARRAYS[name]()
    path = tmp_path / name
    path.write_bytes(content)
    assert outcome(path, path)
    read = 0
    for number in range(2 * MUTANTS):
        path.unlink()  # what is memory-mapped stays as it was
        path.write_bytes(mutate(content, rng))
        read += outcome(path, path, image_size=None if number % 2 else 5)
    assert read < 2 * MUTANTS


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_labels(tmp_path, rng, ending):
    pack = gzip.compress if ending else bytes
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(some_images()[..., 0]))
    content = pack(idx_bytes(np.arange(6, dtype=np.uint8)))
    path = tmp_path / f"train-labels-idx1-ubyte{ending}"
    for _ in range(MUTANTS):
        path.write_bytes(mutate(content, rng))
        outcome(tmp_path, path)


@pytest.mark.usefixtures("bounded")
def test_a_whole_folder_of_mutants(tmp_path, rng):
    """All kinds at once: the broken are left out together, and the rest is what it is alone."""
    usual = [kind for kind in IMAGES if kind.partition("-")[0] in ("png", "jpg", "gif", "bmp", "tif", "ppm")]
    for number in range(100):
        kind = usual[number % len(usual)]
        name = f"{number:03}.{kind.partition('-')[0]}"
        (tmp_path / name).write_bytes(mutate(IMAGES[kind](), rng))
    with pytest.raises(data.BrokenImages) as caught:
        data.open(tmp_path, image_size=8)
    with pytest.warns(UserWarning, match=f"left out {len(caught.value.files)} of 100"):
        found = data.open(tmp_path, image_size=8, skip_broken=True)
    assert len(found) == 100 - len(caught.value.files)
    assert 10 < len(found) < 90
