"""Archives of images: read as the folder that they would unpack to, and never trusted."""

import gzip
import io
import shutil
import struct
import tarfile
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from image_files import folder_of

from gan_np import data
from gan_np.data import BrokenImages, archives, tar_files
from gan_np.data.decode import Unreadable

KINDS = ["zip", "tar", "tar.gz", "tgz"]
NAMES = ["train/cat/10.png", "train/cat/2.png", "train/dog/3.png", "test/dog/4.png"]


def packed(folder, kind, target=None):
    """An archive of a folder's files, in an order of no meaning."""
    target = target or folder.with_name(f"{folder.name}.{kind}")
    files = sorted(folder.rglob("*"), key=lambda path: path.name[::-1])
    if kind == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.relative_to(folder).as_posix())
    else:
        with tarfile.open(target, "w" if kind == "tar" else "w:gz") as archive:
            for file in files:
                archive.add(file, file.relative_to(folder).as_posix(), recursive=False)
    return target


def tar_of(target, *members):
    """A .tar of (TarInfo, contents); a .tar.gz if the name says so."""
    with tarfile.open(target, "w:gz" if target.suffix == ".gz" else "w") as archive:
        for info, contents in members:
            archive.addfile(info, io.BytesIO(contents))
    return target


def member(name, contents=b"", **about):
    info = tarfile.TarInfo(name)
    info.size = len(contents)
    for key, value in about.items():
        setattr(info, key, value)
    return info, contents


@pytest.fixture
def png(tmp_path):
    folder_of(tmp_path / "one", ["a.png"])
    return (tmp_path / "one" / "a.png").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["train", "test", "all"])
def test_an_archive_is_what_its_folder_is(tmp_path, kind, part):
    folder_of(tmp_path / "set", NAMES)
    (tmp_path / "set" / "readme.txt").write_text("hello")
    folder, archive = (data.open(place, split=part) for place in (tmp_path / "set", packed(tmp_path / "set", kind)))
    np.testing.assert_array_equal(archive.images, folder.images)
    assert archive.labels.tolist() == folder.labels.tolist()
    assert archive.class_names == folder.class_names
    assert [text.partition(": ")[2] for text in archive.decided] == [text.partition(": ")[2] for text in folder.decided]
    assert archive.name == "set"
    assert isinstance(archive.images, np.memmap)


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_decoded_once_and_nothing_is_unpacked(tmp_path, cache, kind, monkeypatch):
    folder_of(tmp_path / "set", ["cat/1.png", "dog/2.png"])
    archive = packed(tmp_path / "set", kind)
    first = data.load(archive)
    listed = {path.name for path in tmp_path.rglob("*")} | {path.name for path in cache.rglob("*") if path.is_file()}
    assert not {name for name in listed if name.endswith(".partial")}
    assert [path.parent.name for path in cache.rglob("*.png")] == []
    monkeypatch.setattr("gan_np.data.folder.decode", None)
    if kind in ("tar.gz", "tgz"):
        monkeypatch.setattr(tar_files.TarFiles, "_unpacked", None)
    np.testing.assert_array_equal(data.load(archive), first)


def test_an_archive_that_changed_is_read_again(tmp_path):
    folder_of(tmp_path / "set", ["1.png"])
    assert len(data.load(packed(tmp_path / "set", "tar.gz"))) == 1
    folder_of(tmp_path / "set", ["1.png", "2.png"])
    assert len(data.load(packed(tmp_path / "set", "tar.gz"))) == 2


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_one_folder_in_an_archive_is_opened(tmp_path, kind):
    expected = folder_of(tmp_path / "set", ["faces/cat/1.png", "faces/dog/2.png"])
    (tmp_path / "set" / "faces" / ".hidden.png").write_bytes(b"x")
    (tmp_path / "set" / "__MACOSX").mkdir()
    (tmp_path / "set" / "__MACOSX" / "._1.png").write_bytes(b"x")
    found = data.open(packed(tmp_path / "set", kind))
    np.testing.assert_array_equal(found.images, expected)
    assert found.class_names == ("cat", "dog")
    assert any("faces, which was taken as if it were opened" in text for text in found.decided)


def test_the_one_folder_is_not_opened_where_it_is_a_part(tmp_path):
    folder_of(tmp_path / "set", ["train/cat/1.png", "train/dog/2.png"])
    found = data.open(packed(tmp_path / "set", "zip"))
    assert found.class_names == ("cat", "dog")
    with pytest.raises(ValueError, match="no images in 'test'"):
        data.open(packed(tmp_path / "set", "zip"), split="test")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_broken_images_are_named(tmp_path, kind):
    expected = folder_of(tmp_path / "set", ["cat/1.png", "dog/2.png"])
    (tmp_path / "set" / "cat" / "bad.png").write_bytes(b"no image")
    archive = packed(tmp_path / "set", kind)
    with pytest.raises(BrokenImages, match=r"cat/bad\.png \(not an image") as caught:
        data.open(archive)
    assert str(archive) in str(caught.value)
    assert list(caught.value.files) == ["cat/bad.png"]
    with pytest.warns(UserWarning, match="left out 1"):
        np.testing.assert_array_equal(data.load(archive, skip_broken=True), expected)


@pytest.mark.parametrize("name", ["../../out.png", "/etc/out.png", "a/../../out.png", "C:\\out.png", "..\\..\\out.png"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out_are_refused(tmp_path, png, name, kind):
    target = tmp_path / "inner" / f"bad.{kind}"
    target.parent.mkdir()
    if kind == "zip":
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("cat/good.png", png)
            archive.writestr(name, png)
    else:
        tar_of(target, member("cat/good.png", png), member(name, png))
    with pytest.raises(BrokenImages, match="its name leads out of the archive"):
        data.open(target)
    with pytest.warns(UserWarning, match="left out 1"):
        assert len(data.open(target, skip_broken=True)) == 1
    assert not list(tmp_path.rglob("out.png"))


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "is a link"),
        ({"type": tarfile.LNKTYPE, "linkname": "good.png"}, "is a link"),
        ({"type": tarfile.FIFOTYPE}, "is not a file"),
        ({"type": tarfile.CHRTYPE}, "is not a file"),
    ],
)
def test_what_is_no_file_in_a_tar_is_refused(tmp_path, png, ending, about, reason):
    archive = tar_of(tmp_path / f"a.{ending}", member("good.png", png), member("z.png", b"", **about))
    with pytest.raises(BrokenImages, match=rf"z\.png \({reason}"):
        data.open(archive)


def test_a_link_in_a_zip_is_refused(tmp_path, png):
    info = zipfile.ZipInfo("z.png")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", png)
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(BrokenImages, match=r"z\.png \(is a link"):
        data.open(tmp_path / "a.zip")


def entry_of(content, place):
    """Where the central directory of a .zip has field `place` of its last file."""
    return content.rindex(b"PK\x01\x02") + place


@pytest.mark.parametrize(
    ("place", "field", "value", "reason"),
    [
        (8, "<H", 1, r"\(is encrypted\)"),
        (10, "<H", 12, "compression method 12 is not read here"),
        (24, "<I", 4_000_000_000, "claims 4,000,000,000 bytes, more than an archive of this size"),
        (16, "<I", 12345, "BadZipFile: Bad CRC-32"),
    ],
)
def test_claims_of_a_zip_are_not_believed(tmp_path, png, place, field, value, reason):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("a.png", png)
        made.writestr("z.png", png)
    content = bytearray(archive.read_bytes())
    struct.pack_into(field, content, entry_of(bytes(content), place), value)
    archive.write_bytes(content)
    with pytest.raises(BrokenImages, match=reason) as caught:
        data.open(archive)
    assert list(caught.value.files) == ["z.png"]


def test_a_member_larger_than_any_image_is_not_read(tmp_path, png, monkeypatch):
    monkeypatch.setattr("gan_np.data.zip_files.LARGEST", len(png) - 1)
    monkeypatch.setattr("gan_np.data.tar_files.LARGEST", len(png) - 1)
    for kind in ("zip", "tar"):
        with pytest.raises(BrokenImages, match="more than the"):
            data.open(packed(tmp_path / "one", kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_archives(tmp_path, kind, share):
    folder_of(tmp_path / "set", [f"{k}.png" for k in range(9)])
    archive = packed(tmp_path / "set", kind)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content)) - 1])
    with pytest.raises(ValueError, match=r"not a readable|cut off") as caught:
        data.open(archive)
    assert str(archive) in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\0" * 2000, gzip.compress(b"\0" * 5000, mtime=0), b"PK\x05\x06" + b"\0" * 18],
    ids=["empty", "text", "zeros", "packed zeros", "an empty zip"],
)
def test_what_is_no_archive(tmp_path, kind, content):
    (tmp_path / f"a.{kind}").write_bytes(content)
    with pytest.raises(ValueError, match=r"not a readable|no images in it"):
        data.open(tmp_path / f"a.{kind}")


def test_a_tar_whose_sizes_lead_backwards_comes_to_an_end(tmp_path, png):
    archive = tar_of(tmp_path / "a.tar", member("a.png", png))
    content = bytearray(archive.read_bytes())
    content[124:136] = b"\xff" * 10 + b"\xf8\x00"  # −2048 in base 256
    header = bytes(content[:148]) + b" " * 8 + bytes(content[156:512])
    content[148:156] = b"%06o\0 " % sum(header)
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.tar: not a readable \.tar"):
        data.open(archive)


def test_a_long_header_of_a_tar_is_not_read_into_memory(tmp_path, png, monkeypatch):
    monkeypatch.setattr(tar_files, "_LONGEST_HEADER", 4096)
    good = tar_of(tmp_path / "good.tar", member("a" * 200 + ".png", png))
    assert len(data.open(good)) == 1
    long = tar_of(tmp_path / "a.tar", member("a/" * 5000 + "a.png", png))
    with pytest.raises(ValueError, match=r"not a readable .tar file: ValueError: a header of"):
        data.open(long)


def test_an_archive_that_is_cut_off_while_it_is_read(tmp_path):
    archive = tar_of(tmp_path / "a.tar", member("a.png", b"x" * 300_000))
    with tar_files.TarFiles(archive, lambda: tmp_path) as files:
        files.entries()
        archive.write_bytes(archive.read_bytes()[:600])
        with pytest.raises(Unreadable, match="the archive is cut off"):
            files.open("a.png")


def test_decompressing_stops_before_the_disk_is_full(tmp_path, monkeypatch):
    archive = tar_of(tmp_path / "a.tar.gz", member("a.png", b"\0" * 3_000_000))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        "gan_np.data.tar_files.shutil.disk_usage", lambda folder: usage._replace(free=(1 << 26) + 2_000_000)
    )
    with pytest.raises(OSError, match="too little room to decompress"):
        data.open(archive)


def test_more_files_than_anyone_has_are_refused(tmp_path, png, monkeypatch):
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    monkeypatch.setattr(tar_files, "MOST_FILES", 3)
    folder_of(tmp_path / "set", [f"{k}.png" for k in range(4)])
    for kind in ("zip", "tar"):
        with pytest.raises(ValueError, match="more than 3 files"):
            data.open(packed(tmp_path / "set", kind))


def test_a_list_that_was_kept_and_damaged_is_made_again(tmp_path, cache):
    expected = folder_of(tmp_path / "set", ["1.png"])
    archive = packed(tmp_path / "set", "tar.gz")
    data.load(archive)
    (kept,) = (cache / "listings").iterdir()
    for text in ("", "[]", '{"1.png": 3}', '{"1.png": [1, 2]}'):
        kept.write_text(text)
        np.testing.assert_array_equal(data.load(archive), expected)


def test_damaged_bytes_never_end_in_another_error(tmp_path, png):
    """One byte after another is another: the archive opens, or it is refused."""
    rng = np.random.default_rng(0)
    for kind in ("zip", "tar", "tar.gz"):
        archive = packed(tmp_path / "one", kind, tmp_path / f"d.{kind}")
        content = archive.read_bytes()
        for place in rng.integers(0, len(content), 60):
            changed = bytearray(content)
            changed[place] ^= 1 << int(rng.integers(8))
            archive.write_bytes(changed)
            with suppress(ValueError):
                data.open(archive)
