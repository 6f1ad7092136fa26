"""Compiled kernels on disk are executed: who may have written them, whether they are whole, what they were compiled for."""

import os
import stat
import sys

import numpy as np
import pytest
from test_without_numba import ALONE, COMPILE, copied, run


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache that a process filled, to be copied, and how many functions it compiled."""
    cache = tmp_path_factory.mktemp("filled")
    count, said = compiled(cache)
    assert count > 0
    assert said == []
    return cache, count


@pytest.fixture
def long(request):
    """Called by a test that compiles everything once more only to vary a little: it is left to --campaign."""

    def skip():
        if not request.config.getoption("--campaign"):
            pytest.skip("left to --campaign: a variation that compiles all kernels once more")

    return skip


def code_files(cache):
    """Kept code."""
    return sorted(cache.glob("kernels/*/*.nbc"))


def compiled(cache, before="", **environment):
    """How many functions a process compiles that uses some kernels, and what it warns of; it checks their results."""
    count, *said = run(before + COMPILE, GAN_NP_CACHE=str(cache), **ALONE, **environment)
    return int(count), [line for line in said if line]


def test_reading_kernels_does_not_wake_the_compiler(filled):
    """Its registries and its runtime's helpers take a third of a second and 34 MiB."""
    after = "\nfrom numba.core.runtime import rtsys\nprint('runtime', rtsys._init)\n"
    count, *_, runtime = run(COMPILE + after, GAN_NP_CACHE=str(filled[0]), **ALONE)
    assert (int(count), runtime) == (0, "runtime False")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs owners and modes")
@pytest.mark.parametrize("which", ["folder", "parent"])
def test_a_folder_that_others_may_write_in_is_not_used(tmp_path, which, long, filled):
    if which == "parent":
        long()
    cache, first = copied(filled[0], tmp_path / "cache"), filled[1]
    folder = code_files(cache)[0].parent
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    opened = folder if which == "folder" else cache
    opened.chmod(0o777)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    count, said = compiled(cache)
    assert count == first, "read from there"
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert len(said) == 1
    assert f"others may write in {opened}" in said[0]
    assert "GAN_NP_CACHE names another folder" in said[0]


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


@pytest.mark.parametrize("digest", ["kept", "of the contents"])
def test_a_planted_pickle_is_not_executed(tmp_path, digest, long, filled):
    if digest == "kept":
        long()
    import hashlib
    import pickle

    cache, marker = copied(filled[0], tmp_path / "cache"), tmp_path / "marker"
    first = filled[1]
    for path in code_files(cache):
        evil = pickle.dumps(((), Planted(marker)))
        unkeyed = hashlib.blake2b(path.name.encode() + b"\0" + evil, digest_size=32).digest()
        path.write_bytes((path.read_bytes()[:32] if digest == "kept" else unkeyed) + evil)
    assert compiled(cache) == (first, [])
    assert not marker.exists()
    pickle.loads(evil)[1].close()
    assert marker.exists(), "the negative control: it works where it is unpickled"


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may give files away")
def test_another_users_files_are_not_read(tmp_path, filled):
    """The folder may have been open once."""
    copied(filled[0], tmp_path)
    first = filled[1]
    for path in code_files(tmp_path):
        os.chown(path, 4321, -1)
    assert compiled(tmp_path) == (first, [])
    assert {path.stat().st_uid for path in code_files(tmp_path)} == {0}


@pytest.mark.parametrize("seed", range(2))
def test_three_flipped_bits_in_each_file(tmp_path, seed, long, filled):
    if seed:
        long()
    rng = np.random.default_rng(seed)
    copied(filled[0], tmp_path)
    first = filled[1]
    for path in code_files(tmp_path):
        data = bytearray(path.read_bytes())
        for bit in rng.integers(0, 8 * len(data), 3):
            data[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(data)
    assert compiled(tmp_path) == (first, []), "noticed, and compiled anew"
    assert compiled(tmp_path) == (0, []), "and kept anew"


@pytest.mark.campaign
def test_one_files_code_under_anothers_name(tmp_path, filled):
    copied(filled[0], tmp_path)
    first = filled[1]
    files = code_files(tmp_path)
    contents = [path.read_bytes() for path in files]
    for path, data in zip(files, contents[1:] + contents[:1], strict=True):
        path.write_bytes(data)
    assert compiled(tmp_path) == (first, [])


HOST = """
from llvmlite import binding
features = binding.get_host_cpu_features()
features.update((name, features[name] and {wide}) for name in list(features) if name.startswith("avx512"))
features.update(("avx512" + part, {wide}) for part in ("f", "bw", "cd", "dq", "vl"))  # whichever this processor has
binding.get_host_cpu_features = lambda: type(features)(features)
"""
FOLDER = "from gan_np.kernels.cpu import cache, target; print(cache.folder(), target.ROWS)"


@pytest.mark.campaign
def test_hosts_with_and_without_wide_registers_share_a_folder_of_a_pinned_target(tmp_path):
    """The tile follows what the code is compiled for, not who runs it."""
    for pinned in ({"NUMBA_CPU_NAME": "generic"}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+sse2"}):
        first, _ = compiled(tmp_path, HOST.format(wide=True), **pinned)
        assert first > 0
        assert compiled(tmp_path, HOST.format(wide=False), **pinned) == (0, [])


def test_what_kernels_are_compiled_for_is_in_the_folders_name(tmp_path):
    def place(before="", **environment):
        return tuple(run(before + FOLDER, GAN_NP_CACHE=str(tmp_path), **environment)[0].split())

    wide, narrow = (place(HOST.format(wide=wide)) for wide in (True, False))
    assert [rows for _, rows in (wide, narrow)] == ["8", "6"]
    generic = place(NUMBA_CPU_NAME="generic")
    features = place(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="+sse3")
    tile = place("from gan_np.kernels.cpu import target; target.ROWS = 16\n", NUMBA_CPU_NAME="generic")
    versions = [
        place(f"import numba, llvmlite; {module}.__version__ = '0.1.2'\n", NUMBA_CPU_NAME="generic")
        for module in ("numba", "llvmlite")
    ]
    folders = [folder for folder, _ in (wide, narrow, generic, features, tile, *versions)]
    assert len(set(folders)) == len(folders)
    assert place(NUMBA_CPU_NAME="generic") == generic


NO_HOME = """
import pathlib
def home(cls):
    raise RuntimeError("no home directory")
pathlib.Path.home = classmethod(home)
"""


def test_no_home_and_none_named(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    count, *said = run(NO_HOME + COMPILE, GAN_NP_CACHE="", **ALONE)
    assert int(count) > 0
    assert len(said) == 1
    assert "no home folder is known: set HOME, or GAN_NP_CACHE" in said[0]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX homes")
def test_a_home_that_is_not_known():
    count, *said = run(COMPILE, GAN_NP_CACHE="~no-such-user/x")
    assert int(count) > 0
    assert len(said) == 1
    assert "GAN_NP_CACHE: '~no-such-user/x': there is no home folder of ~no-such-user" in said[0]
