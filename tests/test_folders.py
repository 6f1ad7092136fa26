"""Which folders somebody else could put files into, and homes that are not known."""

import os
import stat
import sys
from pathlib import Path

import pytest

from gan_np import folders
from gan_np.data.cache import cache_folder
from gan_np.folders import distrust, make_private

posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs owners and modes")


@pytest.fixture
def place(tmp_path):
    """PARENT/PLACE, both private."""
    place = tmp_path / "parent" / "place"
    make_private(place)
    return place


@posix
class TestDistrust:
    def test_one_s_own_private_folder_is_trusted(self, place):
        assert stat.S_IMODE(place.stat().st_mode) == stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        assert distrust(place) is None

    @pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
    def test_a_folder_that_others_may_write_in(self, place, mode):
        place.chmod(mode)
        assert f"others may write in {place} (mode {mode:04o})" == distrust(place)

    @pytest.mark.parametrize(("mode", "trusted"), [(0o755, True), (0o1777, True), (0o777, False), (0o757, False)])
    def test_its_parents(self, place, mode, trusted):
        place.parent.chmod(mode)
        assert (distrust(place) is None) == trusted

    @pytest.mark.parametrize(("own", "trusted"), [(True, True), (False, False)])
    def test_a_group_on_the_way(self, place, monkeypatch, own, trusted):
        place.parent.chmod(0o770)
        monkeypatch.setattr(folders, "_users_own_group", lambda number: own)
        assert (distrust(place) is None) == trusted

    def test_a_group_with_somebody_else_in_it_is_not_the_users_own(self, monkeypatch):
        import grp
        import pwd

        user = pwd.getpwuid(os.getuid())
        for members, own in (([], True), ([user.pw_name], True), ([user.pw_name, "somebody"], False)):
            group = grp.struct_group((user.pw_name, "x", user.pw_gid, members))
            monkeypatch.setattr(grp, "getgrgid", lambda number, group=group: group)
            assert folders._users_own_group(user.pw_gid) == own

    def test_a_link_is_followed_and_what_it_goes_through_is_looked_at(self, place, tmp_path):
        (tmp_path / "link").symlink_to(place, target_is_directory=True)
        (tmp_path / "relative").symlink_to("parent/../parent", target_is_directory=True)
        assert distrust(tmp_path / "link") is None
        assert distrust(tmp_path / "relative" / "place") is None
        place.parent.chmod(0o777)
        assert str(place.parent) in str(distrust(tmp_path / "link"))
        assert str(place.parent) in str(distrust(tmp_path / "relative" / "place"))

    def test_a_link_in_an_open_folder(self, place, tmp_path):
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(0o777)
        (tmp_path / "open" / "link").symlink_to(place, target_is_directory=True)
        assert str(tmp_path / "open") in str(distrust(tmp_path / "open" / "link"))

    def test_links_in_a_circle(self, tmp_path):
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        assert "links" in str(distrust(tmp_path / "a"))

    @pytest.mark.skipif(hasattr(os, "getuid") and os.getuid() != 0, reason="only root may give files away")
    @pytest.mark.parametrize("which", ["folder", "parent", "link"])
    def test_another_owner(self, place, tmp_path, which):
        (tmp_path / "link").symlink_to(place, target_is_directory=True)
        given = {"folder": place, "parent": place.parent, "link": tmp_path / "link"}[which]
        os.chown(given, 4321, -1, follow_symlinks=False)
        asked = tmp_path / "link" if which == "link" else place
        assert distrust(asked) == f"{given} belongs to user 4321, not to user 0, as whom this runs"


def test_without_owners_and_modes_nothing_is_asked(place, monkeypatch):
    """Windows."""
    place.chmod(0o777)
    monkeypatch.delattr(os, "getuid", raising=False)
    assert distrust(place) is None


def test_a_home_that_is_not_known_names_the_variable(monkeypatch):
    monkeypatch.setenv("GAN_NP_CACHE", "~no-such-user/x")
    for ask in (folders.named_cache, cache_folder):
        with pytest.raises(
            FileNotFoundError, match=r"GAN_NP_CACHE: '~no-such-user/x': there is no home folder of ~no-such-user"
        ):
            ask()
    with pytest.raises(FileNotFoundError, match="cache_dir: '~no-such-user'"):
        cache_folder("~no-such-user")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_no_home_at_all(monkeypatch, platform):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home directory")))
    with pytest.raises(RuntimeError, match=r"HOME, or GAN_NP_CACHE"):
        folders.users_cache()
