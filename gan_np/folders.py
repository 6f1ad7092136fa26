"""Where this library keeps what it can make again: decoded data sets and compiled kernels."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

VARIABLE = "GAN_NP_CACHE"
"""Names another folder."""

MOST_LINKS = 40
"""In one path, as on Linux."""


def users_cache() -> Path:
    """The user's cache folder ($XDG_CACHE_HOME or ~/.cache; ~/Library/Caches on macOS; %LOCALAPPDATA% on Windows).

    Raises:
        RuntimeError: the user has no home; the message names the variables that help.
    """
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else _home() / "AppData" / "Local") / "gan_np"
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches" / "gan_np"
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if os.path.isabs(named) else _home() / ".cache") / "gan_np"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise RuntimeError(f"no home folder is known: set HOME, or {VARIABLE} to a folder for the cache") from error


def named_cache() -> Path | None:
    """The folder that GAN_NP_CACHE names; None where it is not set.

    Raises:
        FileNotFoundError: it begins with ~, and that home is not known.
    """
    named = os.environ.get(VARIABLE)
    return expanded(named, VARIABLE) if named else None


def expanded(path: str | os.PathLike[str], name: str) -> Path:
    """A path with ~ or ~user as that user's home; `name` is the argument or variable that errors name.

    Raises:
        FileNotFoundError: there is no such user, or the home is not known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        user = Path(path).parts[0]
        raise FileNotFoundError(f"{name}: {os.fspath(path)!r}: there is no home folder of {user} ({error})") from error


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone (mode 0700)."""
    for place in [*reversed(folder.parents), folder]:
        if not place.is_dir():
            place.mkdir(0o700, exist_ok=True)


def distrust(folder: Path) -> str | None:
    """Why somebody else could put files into a folder; None if only this user and the administrator can.

    It must be the user's own and writable by nobody else. So must be every folder on the way to it, and every link, since
    who can write there can put another folder in its place; those may also be the administrator's (whoever owns the root
    folder), and may be writable by others where the sticky bit keeps what is the user's own (/tmp). A group counts as
    others, except on the way, where it is the user's own group with nobody else in it.

    Windows has neither these owners nor these modes: there the answer is always None.
    """
    if not hasattr(os, "getuid"):
        return None
    whole = Path.cwd() / folder  # not normalised: behind a link .. is another folder than it seems
    user, here = os.getuid(), Path(whole.anchor)
    waiting = list(reversed(whole.parts[1:]))
    administrators = (0, here.stat().st_uid)
    links = 0
    while True:
        state = here.lstat()
        if state.st_uid != user and (state.st_uid not in administrators or not waiting):
            return f"{here} belongs to user {state.st_uid}, not to user {user}, as whom this runs"
        if stat.S_ISLNK(state.st_mode):
            links += 1
            if links > MOST_LINKS:
                return f"{folder} goes through more than {MOST_LINKS} links"
            target = os.readlink(here)
            waiting += reversed([part for part in Path(target).parts if part != "/"])
            here = Path("/") if os.path.isabs(target) else here.parent
            continue
        on_the_way = bool(waiting)
        if _others_may_write(state, on_the_way):
            return f"others may write in {here} (mode {stat.S_IMODE(state.st_mode):04o})"
        if not waiting:
            return None
        name = waiting.pop()
        here = here.parent if name == ".." else here / name


def _others_may_write(state: os.stat_result, on_the_way: bool) -> bool:
    mode = state.st_mode
    if on_the_way and mode & stat.S_ISVTX:
        return False
    if mode & stat.S_IWOTH:
        return True
    return bool(mode & stat.S_IWGRP) and not (on_the_way and _users_own_group(state.st_gid))


def _users_own_group(number: int) -> bool:
    """Whether a group has the user in it and nobody else, as the one that many systems make for each user."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(number)
    except KeyError:
        return False
    return user.pw_gid == number and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
