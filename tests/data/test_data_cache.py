"""The cache folder."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from image_files import folder_of

from gan_np import data
from gan_np.data import cache as cache_module
from gan_np.data.cache import cache_folder, decoded


def chunks_of(count, size=4):
    return (count, size, size, 1), [np.full((1, size, size, 1), k, np.uint8) for k in range(count)]


@pytest.fixture
def no_variable(monkeypatch):
    monkeypatch.delenv("GAN_NP_CACHE")


class TestPlace:
    def test_the_argument_goes_first(self, tmp_path, cache):
        assert cache_folder(tmp_path / "mine") == tmp_path / "mine"
        assert cache_folder() == cache
        assert (tmp_path / "mine").is_dir()

    @pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other places there")
    @pytest.mark.usefixtures("no_variable")
    def test_the_users_folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        assert cache_folder() == tmp_path / ".cache" / "gan_np"
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which its specification says to ignore
        assert cache_folder() == tmp_path / ".cache" / "gan_np"
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        assert cache_folder() == tmp_path / "xdg" / "gan_np"

    def test_a_place_that_was_asked_for_must_work(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match=r"cache_dir: expected a folder that can be written to"):
            cache_folder(tmp_path / "file")
        monkeypatch.setenv("GAN_NP_CACHE", str(tmp_path / "file" / "deeper"))
        with pytest.raises(OSError, match=r"GAN_NP_CACHE: expected a folder that can be written to"):
            cache_folder()

    @pytest.mark.skipif(sys.platform == "win32", reason="POSIX homes")
    @pytest.mark.usefixtures("no_variable")
    @pytest.mark.parametrize("trouble", ["no home", "a file"])
    def test_without_one_it_is_temporary_and_said_so(self, tmp_path, monkeypatch, trouble):
        cache_module._temporary_folder.cache_clear()
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        if trouble == "no home":
            monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home directory")))
        else:
            (tmp_path / ".cache").write_text("")
            monkeypatch.setenv("HOME", str(tmp_path))
        expected = folder_of(tmp_path / "set", ["a.png"])
        with pytest.warns(UserWarning, match=r"cache folder cannot be used.*until this process ends.*GAN_NP_CACHE"):
            np.testing.assert_array_equal(data.load(tmp_path / "set"), expected)
        np.testing.assert_array_equal(data.load(tmp_path / "set"), expected)  # told once

    @pytest.mark.skipif(sys.platform == "win32", reason="POSIX homes")
    def test_the_temporary_one_goes_with_the_process(self, tmp_path):
        folder_of(tmp_path / "set", ["a.png"])
        (tmp_path / ".cache").write_text("")
        script = "import sys, warnings; warnings.simplefilter('ignore'); import gan_np; gan_np.data.load(sys.argv[1])"
        environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path / "temporary")}
        for name in ("GAN_NP_CACHE", "XDG_CACHE_HOME"):
            environment.pop(name, None)
        (tmp_path / "temporary").mkdir()
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "set")], check=True, env=environment)
        assert not list((tmp_path / "temporary").iterdir())


class TestEntries:
    def test_fewer_pictures_than_announced(self, cache):
        shape, chunks = chunks_of(5)
        found = decoded(cache, "s", "c", lambda: (shape, chunks[:3]), lambda: {"a": 1})
        assert found.images[:, 0, 0, 0].tolist() == [0, 1, 2]
        assert found.notes == {"a": 1}
        again = decoded(cache, "s", "c", lambda: pytest.fail("made again"))
        assert again.notes == {"a": 1}

    @pytest.mark.parametrize("when", ["before", "between", "after"])
    def test_a_failure_leaves_nothing_behind(self, cache, when):
        class StopHereError(Exception):
            pass

        def produce():
            if when == "before":
                raise StopHereError
            shape, chunks = chunks_of(3)
            return shape, failing(chunks)

        def failing(chunks):
            yield chunks[0]
            if when == "between":
                raise StopHereError
            yield chunks[1]

        def notes():
            raise StopHereError

        with pytest.raises(StopHereError):
            decoded(cache, "s", "c", produce, notes)
        assert not [path for path in cache.rglob("*") if path.is_file()]

    def test_no_pictures(self, cache):
        with pytest.raises(ValueError, match="no images"):
            decoded(cache, "s", "c", lambda: ((3, 4, 4, 1), []))

    def test_no_room(self, cache):
        with pytest.raises(OSError, match=r"GB free.*need 1000000\.0 GB.*GAN_NP_CACHE"):
            decoded(cache, "s", "c", lambda: ((10**6, 10**4, 10**5, 1), []))

    def test_old_entries_and_leftovers_go(self, cache):
        place = cache / "decoded"
        place.mkdir()
        (place / "killed.partial").write_bytes(b"x")
        (place / "running.partial").write_bytes(b"x")
        yesterday = time.time() - 90_000
        os.utime(place / "killed.partial", (yesterday, yesterday))
        for content in ("c1", "c2"):
            decoded(cache, "s", content, lambda: chunks_of(2))
        decoded(cache, "other", "c", lambda: chunks_of(2))
        names = sorted(path.name for path in place.iterdir())
        assert "killed.partial" not in names
        assert "running.partial" in names
        assert len(names) == 1 + 2 * 2

    def test_arrays_in_use_survive_a_new_entry(self, cache):
        first = decoded(cache, "s", "c1", lambda: chunks_of(3)).images
        try:
            decoded(cache, "s", "c2", lambda: chunks_of(4))
        except PermissionError:
            pytest.skip("files in use cannot be replaced on this system")
        assert first[:, 0, 0, 0].tolist() == [0, 1, 2]

    def test_at_once_from_many_threads(self, tmp_path):
        expected = folder_of(tmp_path, [f"{k}.png" for k in range(20)])
        found, start = [], threading.Barrier(6)

        def read():
            start.wait()
            found.append(
                decoded(tmp_path / "cache", "s", "c", lambda: (expected.shape, iter(expected[:, None]))).images
            )

        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6
        for images in found:
            np.testing.assert_array_equal(images, expected)

    def test_at_once_from_two_processes(self, tmp_path, cache):
        folder_of(tmp_path, [f"{k}.png" for k in range(200)])
        script = "import sys, gan_np; print(gan_np.data.open(sys.argv[1]).fingerprint())"
        command = [sys.executable, "-c", script, str(tmp_path)]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        printed = {process.communicate()[0] for process in both}
        assert [process.returncode for process in both] == [0, 0]
        assert printed == {data.open(tmp_path).fingerprint() + "\n"}
        assert len(list((cache / "decoded").iterdir())) == 2
